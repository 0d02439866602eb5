// SPDX-License-Identifier: Apache-2.0
// One DRAM channel in time: banks and bank groups with their rows, every timing of the part, refresh, and a
// controller that serves row hits first, else the oldest (FR-FCFS). Event driven: it jumps from command to
// command. Times are clocks of the command bus, from 0; nothing is ever dropped, it runs until the work is
// done.
//   DramChannel channel(load_dram_part("ddr3l_1600_4gb_x16"), {});
//   const int64_t done = channel.read_burst(address, bytes, start);   // the last beat of a transfer
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "deltahop/hardware/dram_part.h"
#include "deltahop/simulate/dram_mapping.h"

namespace deltahop {

// Open: a row stays open until another is wanted. Closed: it is precharged with the last request that is
// known to want it.
enum class DramPage : uint8_t { open, closed };

struct DramController {
  std::string mapping = {};  // empty: the part's own
  DramPage page = DramPage::open;
  bool refresh = true;
  int chips = 1;  // of the part side by side, sharing commands: a channel that many times as wide
  int read_queue = 32, write_queue = 32;  // requests
  int drain_above = 24, drain_until = 8;  // writes wait until so many are queued (or nothing else is)
  int hit_limit = 16;                     // row hits that may pass an older request of the same bank
};

struct DramRequest {
  uint64_t address = 0;  // one burst: the lowest bits do not count
  bool write = false;
  int64_t arrival = 0;
};

struct DramCompletion {
  uint64_t tag = 0;
  int64_t clock = 0;  // the burst's last beat is over
  int64_t arrival = 0;
  bool write = false;
};

enum class DramCommandKind : uint8_t {
  activate,
  precharge,
  precharge_all,
  read,
  read_precharge,
  write,
  write_precharge,
  refresh
};
std::string_view name_of(DramCommandKind kind);  // "ACT", "PRE", "PREA", "RD", "RDA", "WR", "WRA", "REF"

struct DramCommand {
  int64_t clock = 0;
  DramCommandKind kind = DramCommandKind::activate;
  DramPlace place;
};

struct DramCounters {
  int64_t reads = 0, writes = 0;  // bursts moved
  int64_t forwarded = 0;          // reads answered from the write queue: no burst
  int64_t activates = 0, precharges = 0, refreshes = 0;
  int64_t row_hits = 0, row_misses = 0,
          row_conflicts = 0;   // bursts that found their row open, no row, another
  int64_t active_clocks = 0;   // any row open, or refreshing
  int64_t elapsed_clocks = 0;  // what the energy of the background runs over
};

class DramChannel {
 public:
  // Throws Error for a mapping that does not fit and for queues out of range.
  DramChannel(const DramPart& part, const DramController& controller);

  // Does all that happens before the request's arrival, then takes it; false where the queue has no room (or
  // the request must wait for one to the same burst): step() and try again. Arrivals may not go backwards.
  bool push(const DramRequest& request, uint64_t tag);
  // The next command; false where nothing waits.
  bool step();
  void advance(int64_t until);  // all commands before `until`, refreshes included
  int64_t finish();             // everything; the clock at which the last burst is over

  // In the order of their clocks; false where none is known yet.
  bool next_completion(DramCompletion& completion) {
    if (next_completion_ == completions_.size()) {
      completions_.clear();
      next_completion_ = 0;
      return false;
    }
    completion = completions_[next_completion_++];
    return true;
  }
  // A transfer of any length: arrives at `start`, gives the clock of its last beat. Bank state stays between
  // calls; a start in the past counts as now. Not to be mixed with push().
  int64_t read_burst(uint64_t address, int64_t bytes, int64_t start);
  int64_t write_burst(uint64_t address, int64_t bytes, int64_t start);

  int64_t now() const { return now_; }  // of the last command or arrival
  // Up to `clock` (which may not lie before the last command).
  DramCounters counters(int64_t clock) const;
  // Called with every command, in order; empty for none.
  void watch(std::function<void(const DramCommand&)> watcher) { watcher_ = std::move(watcher); }
  const DramPart& part() const { return part_; }
  const DramMapping& mapping() const { return mapping_; }
  const DramController& controller() const { return controller_; }
  int64_t burst_bytes() const { return part_.burst_bytes() * controller_.chips; }

 private:
  enum Action : uint8_t { kActivate, kPrecharge, kRead, kWrite, kActions };
  static constexpr int kMostGroups = 8;
  static constexpr size_t kMostBanks = 32;
  static constexpr int64_t kNever = INT64_MAX;
  static constexpr int64_t kNoRow = -1;
  static constexpr int16_t kNone = -1;

  struct Entry {
    int64_t row = 0;
    uint64_t burst = 0;  // address without the place inside the burst
    uint64_t order = 0, tag = 0;
    int64_t arrival = 0;
    int32_t column = 0;
    int16_t next = kNone, previous = kNone;
    bool activated = false, precharged = false;  // for it
  };
  // Requests of one bank in the order of their age, and how many fall on each slot of rows: where none does,
  // a search is spared.
  static constexpr size_t kRowSlots = 64;
  static size_t row_slot(int64_t row) { return static_cast<size_t>(row) % kRowSlots; }
  struct List {
    int16_t head = kNone, tail = kNone;
    std::array<int16_t, kRowSlots> rows{};
  };
  // What a bank would do next, when the bank itself allows it, and its rank among equals in time: column
  // commands first, then age.
  struct Candidates {
    std::array<int64_t, kMostBanks> ready{};
    std::array<uint64_t, kMostBanks> rank{};
    std::array<uint8_t, kMostBanks> limit{};  // index into limits_
    std::array<int16_t, kMostBanks> entry{};
    std::array<Action, kMostBanks> action{};
  };
  struct Bank {
    int64_t open_row = kNoRow;
    int64_t next_activate = 0, next_precharge = 0, next_column = 0;
    int hits_passed = 0;          // that overtook an older request since the row was opened
    std::array<List, 2> waiting;  // reads, writes
  };
  int64_t transfer(uint64_t address, int64_t bytes, int64_t start, bool write);
  void choose();
  void choose(uint64_t urgent);
  int group_of(int bank) const { return bank >> group_shift_; }
  uint64_t urgency(size_t bank) const;
  void judge(int bank);  // sets the bank's candidate
  int16_t oldest_hit(const Bank& bank) const;
  void set_direction();
  bool holds(const List& list, int64_t row, uint64_t burst) const;
  void insert(int bank, int16_t entry);
  void issue();
  void activate(int bank, int64_t clock);
  void precharge(int bank, int64_t clock);
  void column(int bank, int64_t clock);
  void close_after(Bank& bank, int64_t clock, int64_t precharge_clock);
  void refresh();
  void skip_idle_refreshes(int64_t until);
  void remove(Bank& bank, int16_t entry);
  void tell(int64_t clock, DramCommandKind kind, const DramPlace& place);
  void limit(Action action, int group, int64_t within, int64_t across);

  DramPart part_;
  DramController controller_;
  DramMapping mapping_;
  DramTimings t_;
  int64_t burst_clocks_ = 0, refresh_interval_ = 0;
  int group_shift_ = 0;
  size_t bank_count_ = 0;

  std::vector<Bank> banks_;
  Candidates candidates_;
  std::vector<Entry> entries_;
  std::vector<int16_t> free_;
  std::array<int, 2> queued_ = {0, 0}, room_ = {0, 0};
  bool writing_ = false;  // which of the two kinds is being served
  uint64_t order_ = 0;
  // The next command, where it is known: of the most urgent bank.
  bool choice_known_ = false;
  int choice_bank_ = 0;
  int64_t choice_clock_ = kNever;
  uint64_t choice_urgency_ = 0;

  std::array<int64_t, size_t{kActions} * kMostGroups> limits_{};  // by action and group, over all banks
  std::array<int64_t, 4> last_activates_{};                       // a ring, for tFAW
  int oldest_activate_ = 0;
  int64_t bus_free_ = 0;  // the command bus
  int64_t refresh_due_ = kNever;
  int64_t now_ = 0, last_completion_ = 0;

  int open_banks_ = 0;
  int64_t active_since_ = 0, active_until_ = 0;  // the current or last stretch with a row open
  DramCounters counters_;
  std::vector<DramCompletion> completions_;
  size_t next_completion_ = 0;
  std::function<void(const DramCommand&)> watcher_;
};

}  // namespace deltahop
