// SPDX-License-Identifier: Apache-2.0
// Holds a stream of DRAM commands against the part's timings and against the states in which a command is
// legal. Apart from the controller and built the other way round: it keeps when each kind of command last
// happened and asks a table of minimum distances, so that one mistake cannot hide in both.
//   DramChecker checker(part);
//   channel.watch([&](const DramCommand& command) { checker.check(command); });
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/hardware/dram_part.h"
#include "deltahop/simulate/dram_channel.h"

namespace deltahop {

class DramChecker {
 public:
  explicit DramChecker(const DramPart& part);

  void check(const DramCommand& command);
  // Refresh over the whole run: at most eight may be owed at any time.
  void finish(int64_t end);

  int64_t commands() const { return commands_; }
  int64_t violations() const { return violations_; }
  const std::vector<std::string>& messages() const { return messages_; }  // of the first violations

 private:
  enum Event : uint8_t { kActivate, kPrecharge, kRead, kWrite, kRefresh, kEvents };
  enum class Scope : uint8_t { bank, group, other_groups, device };
  struct Rule {
    std::string_view name;
    Event before, after;
    Scope scope;
    int64_t clocks;
  };
  static constexpr int64_t kLongAgo = INT64_MIN / 2;

  int64_t last(const Rule& rule, int bank) const;
  void check_rules(const DramCommand& command, Event event, int bank);
  void check_bus(const DramCommand& command, bool write);
  void check_window(const DramCommand& command);
  void activate(const DramCommand& command);
  void precharge(const DramCommand& command, int bank);
  void column(const DramCommand& command, bool write, bool closes);
  void refresh(const DramCommand& command);
  void note(Event event, int bank, int64_t clock);
  void violate(const DramCommand& command, std::string_view what);

  DramPart part_;
  std::vector<Rule> rules_;
  std::array<std::vector<int64_t>, kEvents> by_bank_, by_group_;
  std::vector<int64_t> open_row_;    // -1 where closed
  std::deque<int64_t> activations_;  // the last four
  int64_t last_command_ = kLongAgo;
  int64_t bus_until_ = kLongAgo;
  bool bus_read_ = false;
  int64_t last_refresh_ = 0, refreshes_ = 0;
  int64_t commands_ = 0, violations_ = 0;
  std::vector<std::string> messages_;
};

}  // namespace deltahop
