// SPDX-License-Identifier: Apache-2.0
#include "deltahop/simulate/dram_checker.h"

#include <algorithm>

#include <fmt/format.h>

namespace deltahop {
namespace {

constexpr size_t kMostMessages = 20;
constexpr int64_t kMostOwedRefreshes = 8;  // [JESD79-3F] 4.13: so many may be put off

}  // namespace

DramChecker::DramChecker(const DramPart& part) : part_(part) {
  const DramTimings& t = part.timings;
  const int64_t burst = part.burst_clocks();
  const int64_t write_done = t.CWL + burst;  // from the command to the last beat
  rules_ = {
      {"tRC", kActivate, kActivate, Scope::bank, t.tRC},
      {"tRRD_L", kActivate, kActivate, Scope::group, t.tRRD_L},
      {"tRRD_S", kActivate, kActivate, Scope::other_groups, t.tRRD_S},
      {"tRP", kPrecharge, kActivate, Scope::bank, t.tRP},
      {"tRFC", kRefresh, kActivate, Scope::device, t.tRFC},
      {"tRAS", kActivate, kPrecharge, Scope::bank, t.tRAS},
      {"tRTP", kRead, kPrecharge, Scope::bank, t.tRTP},
      {"tWR", kWrite, kPrecharge, Scope::bank, write_done + t.tWR},
      {"tRCD", kActivate, kRead, Scope::bank, t.tRCD},
      {"tCCD_L", kRead, kRead, Scope::group, t.tCCD_L},
      {"tCCD_S", kRead, kRead, Scope::other_groups, t.tCCD_S},
      {"tWTR_L", kWrite, kRead, Scope::group, write_done + t.tWTR_L},
      {"tWTR_S", kWrite, kRead, Scope::other_groups, write_done + t.tWTR_S},
      {"tRCD", kActivate, kWrite, Scope::bank, t.tRCD},
      {"tCCD_L", kWrite, kWrite, Scope::group, t.tCCD_L},
      {"tCCD_S", kWrite, kWrite, Scope::other_groups, t.tCCD_S},
      {"tRP", kPrecharge, kRefresh, Scope::device, t.tRP},
      {"tRC", kActivate, kRefresh, Scope::device, t.tRC},
      {"tRFC", kRefresh, kRefresh, Scope::device, t.tRFC},
  };
  for (auto& clocks : by_bank_) clocks.assign(static_cast<size_t>(part.banks()), kLongAgo);
  for (auto& clocks : by_group_) clocks.assign(static_cast<size_t>(part.bank_groups), kLongAgo);
  open_row_.assign(static_cast<size_t>(part.banks()), -1);
}

void DramChecker::violate(const DramCommand& command, std::string_view what) {
  ++violations_;
  if (messages_.size() < kMostMessages) {
    messages_.push_back(fmt::format("clock {}: {} bank {} row {}: {}", command.clock, name_of(command.kind),
                                    command.place.bank, command.place.row, what));
  }
}

void DramChecker::note(Event event, int bank, int64_t clock) {
  const auto group = static_cast<size_t>(bank / part_.banks_per_group);
  auto& of_bank = by_bank_[event][static_cast<size_t>(bank)];
  auto& of_group = by_group_[event][group];
  of_bank = std::max(of_bank, clock);
  of_group = std::max(of_group, clock);
}

// When the rule's earlier event last happened in its scope.
int64_t DramChecker::last(const Rule& rule, int bank) const {
  const auto& groups = by_group_[rule.before];
  const int own = bank / part_.banks_per_group;
  if (rule.scope == Scope::bank) return by_bank_[rule.before][static_cast<size_t>(bank)];
  if (rule.scope == Scope::group) return groups[static_cast<size_t>(own)];
  int64_t latest = kLongAgo;
  for (int group = 0; group < part_.bank_groups; ++group) {
    if (group != own || rule.scope == Scope::device)
      latest = std::max(latest, groups[static_cast<size_t>(group)]);
  }
  return latest;
}

void DramChecker::check_rules(const DramCommand& command, Event event, int bank) {
  for (const Rule& rule : rules_) {
    if (rule.after != event) continue;
    const int64_t before = last(rule, bank);
    if (command.clock - before < rule.clocks) {
      violate(command,
              fmt::format("{} wants {} clocks, here {}", rule.name, rule.clocks, command.clock - before));
    }
  }
}

// Beats of two bursts may not overlap, and the bus needs its idle clocks where reads give way to writes.
void DramChecker::check_bus(const DramCommand& command, bool write) {
  const int64_t begin = command.clock + (write ? part_.timings.CWL : part_.timings.CL);
  const bool turns = write && bus_read_;
  const int64_t earliest = bus_until_ + (turns ? part_.timings.turnaround : 0);
  if (begin < earliest)
    violate(command, fmt::format("the data bus is taken until {}, the burst begins at {}", earliest, begin));
  bus_until_ = std::max(bus_until_, begin + part_.burst_clocks());
  bus_read_ = !write;
}

void DramChecker::check_window(const DramCommand& command) {
  if (activations_.size() == 4) {
    if (command.clock - activations_.front() < part_.timings.tFAW) {
      violate(command, fmt::format("tFAW wants {} clocks for five activations, here {}", part_.timings.tFAW,
                                   command.clock - activations_.front()));
    }
    activations_.pop_front();
  }
  activations_.push_back(command.clock);
}

void DramChecker::activate(const DramCommand& command) {
  int64_t& row = open_row_[static_cast<size_t>(command.place.bank)];
  if (row >= 0) violate(command, fmt::format("row {} is still open", row));
  if (command.place.row < 0 || command.place.row >= part_.rows) violate(command, "no such row");
  check_rules(command, kActivate, command.place.bank);
  check_window(command);
  row = command.place.row;
  note(kActivate, command.place.bank, command.clock);
}

void DramChecker::precharge(const DramCommand& command, int bank) {
  int64_t& row = open_row_[static_cast<size_t>(bank)];
  if (row < 0) return;  // legal, and does nothing
  check_rules(command, kPrecharge, bank);
  row = -1;
  note(kPrecharge, bank, command.clock);
}

void DramChecker::column(const DramCommand& command, bool write, bool closes) {
  const auto bank = static_cast<size_t>(command.place.bank);
  if (open_row_[bank] != command.place.row)
    violate(command, fmt::format("the open row is {}", open_row_[bank]));
  if (command.place.column < 0 || command.place.column >= part_.bursts_per_row())
    violate(command, "no such column");
  const Event event = write ? kWrite : kRead;
  check_rules(command, event, command.place.bank);
  check_bus(command, write);
  note(event, command.place.bank, command.clock);
  if (!closes) return;
  // The device closes the row itself, as soon as its own rules allow.
  int64_t clock = command.clock;
  for (const Rule& rule : rules_) {
    if (rule.after == kPrecharge) clock = std::max(clock, last(rule, command.place.bank) + rule.clocks);
  }
  open_row_[bank] = -1;
  note(kPrecharge, command.place.bank, clock);
}

void DramChecker::refresh(const DramCommand& command) {
  for (const int64_t row : open_row_) {
    if (row >= 0) {
      violate(command, fmt::format("row {} is open", row));
      break;
    }
  }
  check_rules(command, kRefresh, 0);
  ++refreshes_;
  const int64_t interval = part_.refresh_interval_clocks();
  if (command.clock - last_refresh_ > (kMostOwedRefreshes + 1) * interval)
    violate(command, fmt::format("{} clocks without a refresh", command.clock - last_refresh_));
  last_refresh_ = command.clock;
  for (int bank = 0; bank < part_.banks(); ++bank) note(kRefresh, bank, command.clock);
}

void DramChecker::check(const DramCommand& command) {
  ++commands_;
  if (command.clock <= last_command_) violate(command, "the command bus is taken");
  last_command_ = std::max(last_command_, command.clock);
  if (command.place.bank < 0 || command.place.bank >= part_.banks()) return violate(command, "no such bank");
  switch (command.kind) {
    case DramCommandKind::activate:
      return activate(command);
    case DramCommandKind::precharge:
      return precharge(command, command.place.bank);
    case DramCommandKind::precharge_all:
      for (int bank = 0; bank < part_.banks(); ++bank) precharge(command, bank);
      return;
    case DramCommandKind::read:
    case DramCommandKind::read_precharge:
      return column(command, false, command.kind == DramCommandKind::read_precharge);
    case DramCommandKind::write:
    case DramCommandKind::write_precharge:
      return column(command, true, command.kind == DramCommandKind::write_precharge);
    case DramCommandKind::refresh:
      return refresh(command);
  }
}

void DramChecker::finish(int64_t end) {
  const int64_t due = end / part_.refresh_interval_clocks();
  if (refreshes_ + kMostOwedRefreshes < due)
    violate({end, DramCommandKind::refresh, {}},
            fmt::format("{} refreshes of {} that were due", refreshes_, due));
}

}  // namespace deltahop
