// SPDX-License-Identifier: Apache-2.0
// The controller: which request is served next, and when the timings allow its commands.
#include "deltahop/simulate/dram_channel.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

constexpr int kLongestQueue = 4096;
constexpr uint64_t kRowCommand = uint64_t{1} << 63;  // sorts behind every column command

void check_controller(const DramController& controller) {
  const auto in_range = [](std::string_view name, int value, int lowest, int highest) {
    if (value < lowest || value > highest)
      throw Error(name, fmt::format("{} must lie in {}..{}", value, lowest, highest));
  };
  in_range("read_queue", controller.read_queue, 1, kLongestQueue);
  in_range("write_queue", controller.write_queue, 1, kLongestQueue);
  in_range("drain_above", controller.drain_above, 1, controller.write_queue);
  in_range("drain_until", controller.drain_until, 0, controller.drain_above - 1);
  in_range("hit_limit", controller.hit_limit, 0, 1'000'000);
}

}  // namespace

std::string_view name_of(DramCommandKind kind) {
  static constexpr std::string_view kNames[] = {"ACT", "PRE", "PREA", "RD", "RDA", "WR", "WRA", "REF"};
  return kNames[static_cast<size_t>(kind)];
}

DramChannel::DramChannel(const DramPart& part, const DramController& controller)
    : part_(part),
      controller_(controller),
      mapping_(controller.mapping, part, controller.chips),
      t_(part.timings),
      burst_clocks_(part.burst_clocks()),
      refresh_interval_(part.refresh_interval_clocks()) {
  check_controller(controller);
  DELTAHOP_CHECK(part.bank_groups <= kMostGroups && part.banks() <= 32);
  banks_.resize(static_cast<size_t>(part.banks()));
  candidates_.resize(banks_.size());
  for (size_t bank = 0; bank < banks_.size(); ++bank)
    candidates_[bank].group = static_cast<uint8_t>(bank / static_cast<size_t>(part.banks_per_group));
  entries_.resize(static_cast<size_t>(controller.read_queue + controller.write_queue));
  for (size_t i = entries_.size(); i-- > 0;) free_.push_back(static_cast<int16_t>(i));
  room_ = {controller.read_queue, controller.write_queue};
  last_activates_.fill(-t_.tFAW);
  if (controller.refresh) refresh_due_ = refresh_interval_;
}

bool DramChannel::push(const DramRequest& request, uint64_t tag) {
  DELTAHOP_CHECK(request.arrival >= 0 && request.address < mapping_.bytes());
  advance(request.arrival);
  const auto kind = static_cast<size_t>(request.write);
  const uint64_t burst = request.address >> mapping_.burst_shift();
  const DramPlace place = mapping_.place(request.address);
  Bank& bank = banks_[static_cast<size_t>(place.bank)];
  if (!request.write && forward(bank, burst, request, tag)) return true;
  if (queued_[kind] == room_[kind]) return false;
  if (request.write && holds(bank.waiting[0], burst)) return false;  // an older read wants the old data
  const int16_t index = free_.back();
  free_.pop_back();
  Entry& entry = entries_[static_cast<size_t>(index)];
  entry.row = place.row;
  entry.column = static_cast<int32_t>(place.column);
  entry.burst = burst;
  entry.order = order_++;
  entry.tag = tag;
  entry.arrival = request.arrival;
  entry.activated = entry.precharged = false;
  List& list = bank.waiting[kind];
  entry.next = kNone;
  entry.previous = list.tail;
  (list.tail == kNone ? list.head : entries_[static_cast<size_t>(list.tail)].next) = index;
  list.tail = index;
  ++queued_[kind];
  set_direction();
  if (request.write == writing_) insert(place.bank, index);
  return true;
}

// A request joined the bank's list that is being served: most often nothing changes for the bank.
void DramChannel::insert(int index, int16_t entry) {
  const Bank& bank = banks_[static_cast<size_t>(index)];
  const Candidate& candidate = candidates_[static_cast<size_t>(index)];
  const bool had_work = (waiting_banks_ >> index & 1U) != 0;
  if (had_work &&
      !(candidate.action == kPrecharge && entries_[static_cast<size_t>(entry)].row == bank.open_row))
    return;
  judge(index);
  if (!choice_known_) return;
  if (choice_.bank == index || choice_.bank < 0) {
    choice_known_ = false;
    return;
  }
  const int64_t clock = std::max({candidate.ready, limits_[candidate.action][candidate.group], bus_free_});
  const Candidate& best = candidates_[static_cast<size_t>(choice_.bank)];
  if (clock < choice_.clock || (clock == choice_.clock && candidate.key < best.key)) choice_ = {clock, index};
}

bool DramChannel::holds(const List& list, uint64_t burst) const {
  for (int16_t i = list.head; i != kNone; i = entries_[static_cast<size_t>(i)].next) {
    if (entries_[static_cast<size_t>(i)].burst == burst) return true;
  }
  return false;
}

bool DramChannel::forward(const Bank& bank, uint64_t burst, const DramRequest& request, uint64_t tag) {
  if (queued_[1] == 0 || !holds(bank.waiting[1], burst)) return false;
  ++counters_.forwarded;
  last_completion_ = std::max(last_completion_, now_ + 1);
  completions_.push_back({tag, last_completion_, request.arrival, false});
  return true;
}

// Reads come first. Writes are served where there is nothing else or their queue fills up, then for a while,
// because turning the bus round costs time.
void DramChannel::set_direction() {
  const bool before = writing_;
  if (writing_) {
    if (queued_[1] == 0 || (queued_[1] <= controller_.drain_until && queued_[0] > 0)) writing_ = false;
  } else if (queued_[1] >= controller_.drain_above || (queued_[0] == 0 && queued_[1] > 0)) {
    writing_ = true;
  }
  if (writing_ == before) return;
  for (int bank = 0; bank < static_cast<int>(banks_.size()); ++bank) judge(bank);
  choice_known_ = false;
}

int16_t DramChannel::oldest_hit(const Bank& bank) const {
  int16_t i = bank.waiting[static_cast<size_t>(writing_)].head;
  while (i != kNone && entries_[static_cast<size_t>(i)].row != bank.open_row)
    i = entries_[static_cast<size_t>(i)].next;
  return i;
}

void DramChannel::judge(int index) {
  const Bank& bank = banks_[static_cast<size_t>(index)];
  Candidate& candidate = candidates_[static_cast<size_t>(index)];
  const int16_t head = bank.waiting[static_cast<size_t>(writing_)].head;
  if (head == kNone) {
    waiting_banks_ &= ~(1U << index);
    return;
  }
  waiting_banks_ |= 1U << index;
  candidate.entry = head;
  if (bank.open_row == kNoRow) {
    candidate.action = kActivate;
    candidate.ready = bank.next_activate;
  } else {
    const int16_t hit = oldest_hit(bank);
    if (hit == kNone || (hit != head && bank.hits_passed >= controller_.hit_limit)) {
      candidate.action = kPrecharge;
      candidate.ready = bank.next_precharge;
    } else {
      candidate.entry = hit;
      candidate.action = writing_ ? kWrite : kRead;
      candidate.ready = bank.next_column;
      candidate.key = entries_[static_cast<size_t>(hit)].order;
      return;
    }
  }
  candidate.key = kRowCommand | entries_[static_cast<size_t>(head)].order;
}

// The command that may go first; among those of the same clock row hits, then the oldest.
const DramChannel::Choice& DramChannel::choice() {
  if (choice_known_) return choice_;
  Choice best;
  uint64_t best_key = ~uint64_t{0};
  for (uint32_t banks = waiting_banks_; banks != 0; banks &= banks - 1) {
    const int bank = std::countr_zero(banks);
    const Candidate& candidate = candidates_[static_cast<size_t>(bank)];
    const int64_t clock = std::max({candidate.ready, limits_[candidate.action][candidate.group], bus_free_});
    if (clock < best.clock || (clock == best.clock && candidate.key < best_key)) {
      best = {clock, bank};
      best_key = candidate.key;
    }
  }
  choice_ = best;
  choice_known_ = true;
  return choice_;
}

bool DramChannel::step() {
  const Choice chosen = choice();
  if (chosen.bank < 0) return false;
  if (refresh_due_ <= chosen.clock) {
    refresh();
  } else {
    issue(chosen);
  }
  return true;
}

void DramChannel::advance(int64_t until) {
  if (until <= now_) return;
  for (;;) {
    const Choice chosen = choice();
    if (std::min(chosen.clock, refresh_due_) >= until) break;
    if (refresh_due_ <= chosen.clock) {
      refresh();
    } else {
      issue(chosen);
    }
  }
  // A refresh, once begun, is finished, so the clock may already lie behind.
  now_ = std::max(now_, until);
  bus_free_ = std::max(bus_free_, until);
}

int64_t DramChannel::finish() {
  while (step()) {
  }
  return last_completion_;
}

bool DramChannel::next_completion(DramCompletion& completion) {
  if (next_completion_ == completions_.size()) {
    completions_.clear();
    next_completion_ = 0;
    return false;
  }
  completion = completions_[next_completion_++];
  return true;
}

int64_t DramChannel::read_burst(uint64_t address, int64_t bytes, int64_t start) {
  return transfer(address, bytes, start, false);
}

int64_t DramChannel::write_burst(uint64_t address, int64_t bytes, int64_t start) {
  return transfer(address, bytes, start, true);
}

int64_t DramChannel::transfer(uint64_t address, int64_t bytes, int64_t start, bool write) {
  start = std::max(start, now_);
  if (bytes <= 0) return start;
  const int shift = mapping_.burst_shift();
  const uint64_t last = (address + static_cast<uint64_t>(bytes) - 1) >> shift;
  for (uint64_t burst = address >> shift; burst <= last; ++burst) {
    while (!push({burst << shift, write, start}, 0)) step();
  }
  finish();
  completions_.clear();
  next_completion_ = 0;
  return last_completion_;
}

void DramChannel::tell(int64_t clock, DramCommandKind kind, const DramPlace& place) {
  if (watcher_) watcher_({clock, kind, place});
}

void DramChannel::limit(Action action, int group, int64_t within, int64_t across) {
  auto& limits = limits_[action];
  for (int g = 0; g < part_.bank_groups; ++g) {
    const auto i = static_cast<size_t>(g);
    limits[i] = std::max(limits[i], g == group ? within : across);
  }
}

void DramChannel::issue(Choice chosen) {
  now_ = chosen.clock;
  bus_free_ = chosen.clock + 1;
  choice_known_ = false;
  switch (candidates_[static_cast<size_t>(chosen.bank)].action) {
    case kActivate:
      return activate(chosen.bank, chosen.clock);
    case kPrecharge:
      return precharge(chosen.bank, chosen.clock);
    default:
      return column(chosen.bank, chosen.clock);
  }
}

void DramChannel::activate(int index, int64_t clock) {
  Bank& bank = banks_[static_cast<size_t>(index)];
  const Candidate& candidate = candidates_[static_cast<size_t>(index)];
  Entry& entry = entries_[static_cast<size_t>(candidate.entry)];
  bank.open_row = entry.row;
  bank.hits_passed = 0;
  bank.next_column = clock + t_.tRCD;
  bank.next_precharge = clock + t_.tRAS;
  bank.next_activate = clock + t_.tRC;
  last_activates_[static_cast<size_t>(oldest_activate_)] = clock;
  oldest_activate_ = (oldest_activate_ + 1) % 4;
  const int64_t window = last_activates_[static_cast<size_t>(oldest_activate_)] + t_.tFAW;
  limit(kActivate, candidate.group, std::max(clock + t_.tRRD_L, window), std::max(clock + t_.tRRD_S, window));
  entry.activated = true;
  ++counters_.activates;
  if (open_banks_++ == 0 && clock > active_until_) {
    counters_.active_clocks += active_until_ - active_since_;
    active_since_ = clock;
  }
  tell(clock, DramCommandKind::activate, {index, entry.row, 0});
  judge(index);
}

void DramChannel::close_after(Bank& bank, int64_t clock, int64_t precharge_clock) {
  bank.open_row = kNoRow;
  bank.next_activate = std::max(bank.next_activate, precharge_clock + t_.tRP);
  --open_banks_;
  active_until_ = std::max({active_until_, clock, precharge_clock});
}

void DramChannel::precharge(int index, int64_t clock) {
  Bank& bank = banks_[static_cast<size_t>(index)];
  entries_[static_cast<size_t>(candidates_[static_cast<size_t>(index)].entry)].precharged = true;
  ++counters_.precharges;
  tell(clock, DramCommandKind::precharge, {index, bank.open_row, 0});
  close_after(bank, clock, clock);
  judge(index);
}

void DramChannel::remove(Bank& bank, int16_t index) {
  const auto kind = static_cast<size_t>(writing_);
  List& list = bank.waiting[kind];
  const Entry& entry = entries_[static_cast<size_t>(index)];
  (entry.previous == kNone ? list.head : entries_[static_cast<size_t>(entry.previous)].next) = entry.next;
  (entry.next == kNone ? list.tail : entries_[static_cast<size_t>(entry.next)].previous) = entry.previous;
  free_.push_back(index);
  --queued_[kind];
}

void DramChannel::column(int index, int64_t clock) {
  Bank& bank = banks_[static_cast<size_t>(index)];
  const Candidate& candidate = candidates_[static_cast<size_t>(index)];
  const int16_t served = candidate.entry;
  const Entry& entry = entries_[static_cast<size_t>(served)];
  const int64_t within = clock + std::max(t_.tCCD_L, burst_clocks_);
  const int64_t across = clock + std::max(t_.tCCD_S, burst_clocks_);
  int64_t end = 0;
  if (writing_) {
    end = clock + t_.CWL + burst_clocks_;
    limit(kWrite, candidate.group, within, across);
    limit(kRead, candidate.group, end + t_.tWTR_L, end + t_.tWTR_S);
    bank.next_precharge = std::max(bank.next_precharge, end + t_.tWR);
    ++counters_.writes;
  } else {
    end = clock + t_.CL + burst_clocks_;
    const int64_t turned = std::max(end + t_.turnaround - t_.CWL, across);
    limit(kRead, candidate.group, within, across);
    limit(kWrite, candidate.group, turned, turned);
    bank.next_precharge = std::max(bank.next_precharge, clock + t_.tRTP);
    ++counters_.reads;
  }
  ++(entry.precharged ? counters_.row_conflicts
                      : (entry.activated ? counters_.row_misses : counters_.row_hits));
  if (served != bank.waiting[static_cast<size_t>(writing_)].head) ++bank.hits_passed;
  last_completion_ = std::max(last_completion_, end);
  completions_.push_back({entry.tag, last_completion_, entry.arrival, writing_});
  remove(bank, served);
  const bool close = controller_.page == DramPage::closed && oldest_hit(bank) == kNone;
  if (watcher_) {
    const auto kind = static_cast<int>(writing_ ? DramCommandKind::write : DramCommandKind::read);
    tell(clock, static_cast<DramCommandKind>(kind + (close ? 1 : 0)), {index, entry.row, entry.column});
  }
  if (close) close_after(bank, clock, bank.next_precharge);
  judge(index);
  set_direction();
}

// All banks are closed, then the whole device is busy for tRFC. Nothing else starts meanwhile.
void DramChannel::refresh() {
  int64_t clock = std::max(refresh_due_, bus_free_);
  if (open_banks_ > 0) {
    for (const Bank& bank : banks_) {
      if (bank.open_row != kNoRow) clock = std::max(clock, bank.next_precharge);
    }
    tell(clock, DramCommandKind::precharge_all, {});
    for (Bank& bank : banks_) {
      if (bank.open_row != kNoRow) close_after(bank, clock, clock);
    }
    ++counters_.precharges;
    ++clock;
  }
  for (const Bank& bank : banks_) clock = std::max(clock, bank.next_activate);
  tell(clock, DramCommandKind::refresh, {});
  for (Bank& bank : banks_) bank.next_activate = clock + t_.tRFC;
  ++counters_.refreshes;
  counters_.active_clocks += t_.tRFC;  // its own current is what exceeds this
  refresh_due_ += refresh_interval_;
  now_ = clock;
  bus_free_ = clock + 1;
  for (int bank = 0; bank < static_cast<int>(banks_.size()); ++bank) judge(bank);
  choice_known_ = false;
}

DramCounters DramChannel::counters(int64_t clock) const {
  DELTAHOP_CHECK(clock >= now_);
  DramCounters counters = counters_;
  counters.elapsed_clocks = clock;
  counters.active_clocks += (open_banks_ > 0 ? clock : std::min(clock, active_until_)) - active_since_;
  return counters;
}

}  // namespace deltahop
