// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/graph_def_loop.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/io/graph_def_match.h"

namespace deltahop::graph_def {
namespace {

constexpr size_t kMostVariables = 256;

// What is carried from one step to the next.
struct Variable {
  Ref exit_source;  // Switch:0
  Ref initial;      // source of Enter
  Ref now;          // Switch:1
  Ref next;         // source of NextIteration
  Ref merge;
};

class LoopMatcher {
 public:
  LoopMatcher(const File& file, Constants& constants, const std::multimap<Ref, Ref>& exits, Ref condition)
      : file_(file), match_(file, constants), constants_(constants), exits_(exits), condition_(condition) {
    loop_.place = file.node(condition).place();
  }

  Loop read(const std::vector<Ref>& switches) {
    if (switches.size() > kMostVariables) refuse(fmt::format("it carries {} values", switches.size()));
    for (const Ref node : switches) add_variable(node);
    find_counter();
    find_states();
    order_cells();
    find_sequence();
    return std::move(loop_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(loop_.place, "the loop is no dynamic_rnn of GRUCell or LSTMCell: " + what,
                "other loops are not supported");
  }

  void add_variable(Ref switch_node) {
    Variable variable;
    variable.exit_source = {switch_node.node, 0};
    variable.now = {switch_node.node, 1};
    variable.merge = file_.input(switch_node, 0);
    if (!file_.is(variable.merge, "Merge")) refuse("a Switch without its Merge");
    bool has_enter = false, has_next = false;
    for (const size_t i : {0, 1}) {
      const Ref input = file_.input(variable.merge, i);
      if (file_.is(input, "Enter")) {
        variable.initial = constants_.source(input);
        has_enter = true;
      } else if (file_.is(input, "NextIteration")) {
        variable.next = constants_.source(file_.input(input, 0));
        has_next = true;
      }
    }
    if (!has_enter || !has_next) refuse("a Merge that joins something else than Enter and NextIteration");
    variables_.push_back(variable);
  }

  // time: from 0 in steps of 1, as long as it is less than the number of steps.
  void find_counter() {
    const Ref test = constants_.source(file_.input(condition_, 0));
    std::vector<Ref> tests = {test};
    if (file_.is(test, "LogicalAnd"))
      tests = {constants_.source(file_.input(test, 0)), constants_.source(file_.input(test, 1))};
    for (const Ref less : tests) {
      if (!file_.is(less, "Less")) refuse(fmt::format("its condition is '{}'", file_.node(less).op));
      const int64_t limit = constants_.integer(condition_, file_.input(less, 1), "the number of steps");
      if (loop_.steps != 0 && limit != loop_.steps) refuse("two numbers of steps");
      loop_.steps = limit;
      const Ref merge = file_.input(less, 0);
      const auto found = std::ranges::find(variables_, merge, &Variable::merge);
      if (found == variables_.end() || !counts(*found)) refuse("its condition does not count steps");
      times_.push_back(found->now);
    }
    if (loop_.steps < 1) refuse(fmt::format("it takes {} steps", loop_.steps));
  }

  bool counts(const Variable& variable) {
    const auto zero = constants_.find(variable.initial);
    if (zero == nullptr || zero->size() != 1 || count_nonzero(*zero) != 0) return false;
    const auto sum = match_.sum(variable.next);
    if (!sum) return false;
    for (const bool swapped : {false, true}) {
      const auto [a, b] = match_.ordered(*sum, swapped);
      const auto one = constants_.find(b);
      if (a == variable.now && one != nullptr && one->size() == 1 && !is_floating(one->type()) &&
          one->converted(DataType::int64).values<int64_t>()[0] == 1) {
        return true;
      }
    }
    return false;
  }

  void find_states() {
    std::vector<bool> used(variables_.size(), false);
    for (size_t v = 0; v < variables_.size(); ++v) {
      used[v] = used[v] || counts(variables_[v]) || is_output(variables_[v]);
    }
    for (size_t v = 0; v < variables_.size(); ++v) {
      if (used[v]) continue;
      const Variable& hidden = variables_[v];
      if (auto gru = match_.gru(hidden.next, hidden.now)) {
        gru->cell.initial_hidden = hidden.initial;
        add_cell(*gru, hidden, nullptr);
        used[v] = true;
        continue;
      }
      for (size_t c = 0; c < variables_.size() && !used[v]; ++c) {
        const Variable& state = variables_[c];
        if (c == v || used[c]) continue;
        auto lstm = match_.lstm({hidden.next, hidden.now, state.next, state.now});
        if (!lstm) continue;
        lstm->cell.initial_hidden = hidden.initial;
        lstm->cell.initial_cell = state.initial;
        add_cell(*lstm, hidden, &state);
        used[v] = used[c] = true;
      }
    }
    for (const Variable& variable : variables_) {
      if (match_.is_projection(variable.next)) {
        throw Error(file_.node(variable.next).place(), "an LSTMCell with a projection is not supported",
                    "ONNX's LSTM has no projection of its output");
      }
    }
    for (size_t v = 0; v < variables_.size(); ++v) {
      if (used[v]) continue;
      refuse(
          fmt::format("'{}' is the next state of no cell that is known", file_.name_of(variables_[v].next)));
    }
    if (found_.empty()) refuse("it has no state");
  }

  // A TensorArray that takes one hidden state a step.
  bool is_output(const Variable& variable) {
    if (!file_.is(variable.next, "TensorArrayWriteV3")) return false;
    if (!is_time(file_.input(variable.next, 1)) ||
        constants_.source(file_.input(variable.next, 3)) != variable.now) {
      refuse("it writes its output out of order");
    }
    written_.emplace_back(variable.exit_source, constants_.source(file_.input(variable.next, 2)));
    return true;
  }

  bool is_time(Ref ref) const { return std::ranges::find(times_, constants_.source(ref)) != times_.end(); }

  struct Found {
    MatchedCell matched;
    Variable hidden;
    std::optional<Variable> state;
  };

  void add_cell(const MatchedCell& matched, const Variable& hidden, const Variable* state) {
    found_.push_back({matched, hidden, state == nullptr ? std::nullopt : std::optional(*state)});
  }

  // From the one that reads the sequence up.
  void order_cells() {
    Ref below;
    std::vector<Found> left = std::move(found_);
    while (!left.empty()) {
      const auto next = std::ranges::find_if(left, [&](const Found& found) {
        return loop_.cells.empty() ? file_.is(found.matched.input, "TensorArrayReadV3")
                                   : found.matched.input == below;
      });
      if (next == left.end()) refuse("a cell reads neither the sequence nor the cell below it");
      const size_t cell = loop_.cells.size();
      using Kind = Loop::Output::Kind;
      outputs_[next->hidden.exit_source] = {Kind::last_hidden, cell};
      if (next->state) outputs_[next->state->exit_source] = {Kind::last_cell, cell};
      for (const auto& [exit, value] : written_) {
        if (value == next->hidden.next) outputs_[exit] = {Kind::every_hidden, cell};
      }
      if (loop_.cells.empty()) read_ = next->matched.input;
      loop_.cells.push_back(next->matched.cell);
      below = next->hidden.next;
      left.erase(next);
    }
    for (const auto& [source, output] : outputs_) {
      const auto [first, last] = exits_.equal_range(source);
      for (auto exit = first; exit != last; ++exit) loop_.outputs[exit->second] = output;
    }
  }

  // TensorArrayReadV3(array, time, flow), the flow from TensorArrayScatterV3(array, 0..steps-1, sequence,
  // ...).
  void find_sequence() {
    if (!is_time(file_.input(read_, 1))) refuse("it reads its input out of order");
    const Ref scatter = constants_.source(file_.input(read_, 2));
    if (!file_.is(scatter, "TensorArrayScatterV3") ||
        constants_.source(file_.input(scatter, 0)) != constants_.source(file_.input(read_, 0))) {
      refuse("its input does not come from a TensorArray filled once");
    }
    const auto order = constants_.integers(scatter, file_.input(scatter, 1), "the order of the steps");
    for (size_t i = 0; i < order.size(); ++i) {
      if (order[i] != static_cast<int64_t>(i)) refuse("its input is not in order");
    }
    if (static_cast<int64_t>(order.size()) != loop_.steps)
      refuse(fmt::format("it takes {} steps over {}", loop_.steps, order.size()));
    loop_.sequence = constants_.source(file_.input(scatter, 2));
  }

  const File& file_;
  CellMatcher match_;
  Constants& constants_;
  const std::multimap<Ref, Ref>& exits_;
  Ref condition_;
  Loop loop_;
  std::vector<Variable> variables_;
  std::vector<Ref> times_;                    // Switch:1 of the counters
  std::vector<std::pair<Ref, Ref>> written_;  // Switch:0 of an output array, what is written
  std::vector<Found> found_;
  std::map<Ref, Loop::Output> outputs_;  // by Switch:0
  Ref read_;                             // TensorArrayReadV3
};

}  // namespace

LoopReader::LoopReader(const File& file, Constants& constants) : file_(file), constants_(constants) {
  for (size_t n = 0; n < file.nodes().size(); ++n) {
    const Ref ref{static_cast<int32_t>(n), 0};
    if (file.is(ref, "Switch") && file.nodes()[n].inputs.size() == 2)
      switches_[constants.source(file.nodes()[n].inputs[1])].push_back(ref);
    if (file.is(ref, "Exit") && !file.nodes()[n].inputs.empty())
      exits_.emplace(file.nodes()[n].inputs[0], ref);
  }
}

const Loop& LoopReader::loop_of(Ref exit) {
  const Ref source = file_.input(exit, 0);
  if (!file_.is(source, "Switch") || source.output != 0)
    throw Error(file_.node(exit).place(), "leaves no loop", "the file may be damaged");
  const Ref condition = constants_.source(file_.input(source, 1));
  if (!file_.is(condition, "LoopCond"))
    throw Error(file_.node(exit).place(), "leaves a branch", "conditions are not supported");
  const auto known = loops_.find(condition);
  if (known != loops_.end()) return known->second;
  LoopMatcher matcher(file_, constants_, exits_, condition);
  return loops_.emplace(condition, matcher.read(switches_.at(condition))).first->second;
}

}  // namespace deltahop::graph_def
