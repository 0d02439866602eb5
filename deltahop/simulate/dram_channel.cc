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
// A bank's urgency is one number, so that the most urgent is found without a branch: clocks to wait, row or
// column command, age, bank. Waiting times stem from commands already given, so they are short.
constexpr int kWaitShift = 43, kAgeShift = 5;
constexpr uint64_t kIdle = ~uint64_t{0};  // as a rank: never the most urgent
constexpr uint64_t kMostRequests = uint64_t{1} << (kWaitShift - 1 - kAgeShift);
constexpr uint64_t kRowCommand = uint64_t{1} << (kWaitShift - 1);

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
      refresh_interval_(part.refresh_interval_clocks()),
      group_shift_(std::countr_zero(static_cast<unsigned>(part.banks_per_group))) {
  check_controller(controller);
  DELTAHOP_CHECK(part.bank_groups <= kMostGroups && part.banks() <= 32);
  banks_.resize(static_cast<size_t>(part.banks()));
  bank_count_ = banks_.size();
  candidates_.rank.fill(kIdle);
  entries_.resize(static_cast<size_t>(controller.read_queue) + static_cast<size_t>(controller.write_queue));
  for (size_t i = entries_.size(); i-- > 0;) free_.push_back(static_cast<int16_t>(i));
  room_ = {controller.read_queue, controller.write_queue};
  last_activates_.fill(-t_.tFAW);
  if (controller.refresh) refresh_due_ = refresh_interval_;
}

bool DramChannel::push(const DramRequest& request, uint64_t tag) {
  DELTAHOP_CHECK(request.arrival >= 0 && request.address < mapping_.bytes());
  if (request.arrival > now_) advance(request.arrival);
  const auto kind = static_cast<size_t>(request.write);
  const uint64_t burst = request.address >> mapping_.burst_shift();
  const DramPlace place = mapping_.place(request.address);
  Bank& bank = banks_[static_cast<size_t>(place.bank)];
  if (queued_[1 - kind] > 0 && holds(bank.waiting[1 - kind], place.row, burst)) {
    if (request.write) return false;  // an older read wants the old data
    ++counters_.forwarded;
    last_completion_ = std::max(last_completion_, now_ + 1);
    completions_.push_back({tag, last_completion_, request.arrival, false});
    return true;
  }
  if (queued_[kind] == room_[kind]) return false;
  DELTAHOP_CHECK(order_ < kMostRequests);
  const int16_t index = free_.back();
  free_.pop_back();
  List& list = bank.waiting[kind];
  entries_[static_cast<size_t>(index)] = {.row = place.row,
                                          .burst = burst,
                                          .order = order_++,
                                          .tag = tag,
                                          .arrival = request.arrival,
                                          .column = static_cast<int32_t>(place.column),
                                          .previous = list.tail};
  (list.tail == kNone ? list.head : entries_[static_cast<size_t>(list.tail)].next) = index;
  list.tail = index;
  ++list.rows[row_slot(place.row)];
  ++queued_[kind];
  set_direction();
  if (request.write == writing_) insert(place.bank, index);
  return true;
}

// A request joined the bank's list that is being served: most often nothing changes for the bank.
inline void DramChannel::insert(int index, int16_t entry) {
  const auto bank = static_cast<size_t>(index);
  const bool idle = candidates_.rank[bank] == kIdle;
  const bool hit = entries_[static_cast<size_t>(entry)].row == banks_[bank].open_row;
  if (!idle && !(candidates_.action[bank] == kPrecharge && hit)) return;
  judge(index);
  if (!choice_known_) return;
  if (choice_bank_ == index) {
    choice_known_ = false;
    return;
  }
  const uint64_t urgent = urgency(bank);
  if (urgent < choice_urgency_) choose(urgent);
}

inline bool DramChannel::holds(const List& list, int64_t row, uint64_t burst) const {
  if (list.rows[row_slot(row)] == 0) return false;
  for (int16_t i = list.head; i != kNone; i = entries_[static_cast<size_t>(i)].next) {
    if (entries_[static_cast<size_t>(i)].burst == burst) return true;
  }
  return false;
}

// Reads come first. Writes are served where there is nothing else or their queue fills up, then for a while,
// because turning the bus round costs time.
inline void DramChannel::set_direction() {
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

inline int16_t DramChannel::oldest_hit(const Bank& bank) const {
  const List& list = bank.waiting[static_cast<size_t>(writing_)];
  if (list.rows[row_slot(bank.open_row)] == 0) return kNone;
  int16_t i = list.head;
  while (i != kNone && entries_[static_cast<size_t>(i)].row != bank.open_row)
    i = entries_[static_cast<size_t>(i)].next;
  return i;
}

inline void DramChannel::judge(int index) {
  const auto i = static_cast<size_t>(index);
  const Bank& bank = banks_[i];
  int16_t entry = bank.waiting[static_cast<size_t>(writing_)].head;
  if (entry == kNone) {
    candidates_.rank[i] = kIdle;
    return;
  }
  Action action = kActivate;
  int64_t ready = bank.next_activate;
  uint64_t rank = kRowCommand;
  if (bank.open_row != kNoRow) {
    const int16_t hit = oldest_hit(bank);
    if (hit == kNone || (hit != entry && bank.hits_passed >= controller_.hit_limit)) {
      action = kPrecharge;
      ready = bank.next_precharge;
    } else {
      entry = hit;
      action = writing_ ? kWrite : kRead;
      ready = bank.next_column;
      rank = 0;
    }
  }
  candidates_.entry[i] = entry;
  candidates_.action[i] = action;
  candidates_.ready[i] = ready;
  candidates_.rank[i] = rank | entries_[static_cast<size_t>(entry)].order << kAgeShift | i;
  candidates_.limit[i] = static_cast<uint8_t>(action * kMostGroups + group_of(index));
}

inline uint64_t DramChannel::urgency(size_t bank) const {
  const int64_t clock = std::max({candidates_.ready[bank], limits_[candidates_.limit[bank]], bus_free_});
  return static_cast<uint64_t>(clock - bus_free_) << kWaitShift | candidates_.rank[bank];
}

// The command that may go first; among those of the same clock row hits, then the oldest.
inline void DramChannel::choose() {
  if (choice_known_) return;
  uint64_t best = kIdle;
  for (size_t bank = 0; bank < bank_count_; ++bank) best = std::min(best, urgency(bank));
  choose(best);
  choice_known_ = true;
}

inline void DramChannel::choose(uint64_t urgent) {
  choice_urgency_ = urgent;
  choice_clock_ = urgent == kIdle ? kNever : bus_free_ + static_cast<int64_t>(urgent >> kWaitShift);
  choice_bank_ = static_cast<int>(urgent & (kMostBanks - 1));
}

bool DramChannel::step() {
  choose();
  if (choice_clock_ == kNever) return false;
  if (refresh_due_ <= choice_clock_) {
    refresh();
  } else {
    issue();
  }
  return true;
}

void DramChannel::advance(int64_t until) {
  if (until <= now_) return;
  for (;;) {
    choose();
    if (std::min(choice_clock_, refresh_due_) >= until) break;
    if (refresh_due_ <= choice_clock_) {
      skip_idle_refreshes(until);
      refresh();
    } else {
      issue();
    }
  }
  // A refresh, once begun, is finished, so the clock may already lie behind.
  now_ = std::max(now_, until);
  if (bus_free_ < until) {
    bus_free_ = until;
    choice_known_ = false;  // its urgency counts from there
  }
}

int64_t DramChannel::finish() {
  while (step()) {
  }
  return last_completion_;
}

inline void DramChannel::tell(int64_t clock, DramCommandKind kind, const DramPlace& place) {
  if (watcher_) watcher_({clock, kind, place});
}

inline void DramChannel::limit(Action action, int group, int64_t within, int64_t across) {
  int64_t* const limits = limits_.data() + static_cast<size_t>(action) * kMostGroups;
  for (int g = 0; g < part_.bank_groups; ++g) limits[g] = std::max(limits[g], g == group ? within : across);
}

inline void DramChannel::issue() {
  const int64_t clock = choice_clock_;
  const int bank = choice_bank_;
  now_ = clock;
  bus_free_ = clock + 1;
  choice_known_ = false;
  switch (candidates_.action[static_cast<size_t>(bank)]) {
    case kActivate:
      return activate(bank, clock);
    case kPrecharge:
      return precharge(bank, clock);
    default:
      return column(bank, clock);
  }
}

inline void DramChannel::activate(int index, int64_t clock) {
  Bank& bank = banks_[static_cast<size_t>(index)];
  Entry& entry = entries_[static_cast<size_t>(candidates_.entry[static_cast<size_t>(index)])];
  const int group = group_of(index);
  bank.open_row = entry.row;
  bank.hits_passed = 0;
  bank.next_column = clock + t_.tRCD;
  bank.next_precharge = clock + t_.tRAS;
  bank.next_activate = clock + t_.tRC;
  last_activates_[static_cast<size_t>(oldest_activate_)] = clock;
  oldest_activate_ = (oldest_activate_ + 1) % 4;
  const int64_t window = last_activates_[static_cast<size_t>(oldest_activate_)] + t_.tFAW;
  limit(kActivate, group, std::max(clock + t_.tRRD_L, window), std::max(clock + t_.tRRD_S, window));
  entry.activated = true;
  ++counters_.activates;
  if (open_banks_++ == 0 && clock > active_until_) {
    counters_.active_clocks += active_until_ - active_since_;
    active_since_ = clock;
  }
  tell(clock, DramCommandKind::activate, {index, entry.row, 0});
  judge(index);
}

inline void DramChannel::close_after(Bank& bank, int64_t clock, int64_t precharge_clock) {
  bank.open_row = kNoRow;
  bank.next_activate = std::max(bank.next_activate, precharge_clock + t_.tRP);
  --open_banks_;
  active_until_ = std::max({active_until_, clock, precharge_clock});
}

inline void DramChannel::precharge(int index, int64_t clock) {
  Bank& bank = banks_[static_cast<size_t>(index)];
  entries_[static_cast<size_t>(candidates_.entry[static_cast<size_t>(index)])].precharged = true;
  ++counters_.precharges;
  tell(clock, DramCommandKind::precharge, {index, bank.open_row, 0});
  close_after(bank, clock, clock);
  judge(index);
}

inline void DramChannel::remove(Bank& bank, int16_t index) {
  const auto kind = static_cast<size_t>(writing_);
  List& list = bank.waiting[kind];
  const Entry& entry = entries_[static_cast<size_t>(index)];
  (entry.previous == kNone ? list.head : entries_[static_cast<size_t>(entry.previous)].next) = entry.next;
  (entry.next == kNone ? list.tail : entries_[static_cast<size_t>(entry.next)].previous) = entry.previous;
  --list.rows[row_slot(entry.row)];
  free_.push_back(index);
  --queued_[kind];
}

inline void DramChannel::column(int index, int64_t clock) {
  Bank& bank = banks_[static_cast<size_t>(index)];
  const int16_t served = candidates_.entry[static_cast<size_t>(index)];
  const int group = group_of(index);
  const Entry& entry = entries_[static_cast<size_t>(served)];
  const int64_t within = clock + std::max(t_.tCCD_L, burst_clocks_);
  const int64_t across = clock + std::max(t_.tCCD_S, burst_clocks_);
  int64_t end = 0;
  if (writing_) {
    end = clock + t_.CWL + burst_clocks_;
    limit(kWrite, group, within, across);
    limit(kRead, group, end + t_.tWTR_L, end + t_.tWTR_S);
    bank.next_precharge = std::max(bank.next_precharge, end + t_.tWR);
    ++counters_.writes;
  } else {
    end = clock + t_.CL + burst_clocks_;
    const int64_t turned = std::max(end + t_.turnaround - t_.CWL, across);
    limit(kRead, group, within, across);
    limit(kWrite, group, turned, turned);
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

// Through a long idle time the refreshes are only counted, all but the last.
void DramChannel::skip_idle_refreshes(int64_t until) {
  if (choice_clock_ != kNever || open_banks_ > 0 || watcher_) return;
  const int64_t count = (until - 1 - refresh_due_) / refresh_interval_;
  counters_.refreshes += count;
  counters_.active_clocks += count * t_.tRFC;
  refresh_due_ += count * refresh_interval_;
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
