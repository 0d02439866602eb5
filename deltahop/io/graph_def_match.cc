// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/graph_def_match.h"

#include <algorithm>

namespace deltahop::graph_def {

using Pair = CellMatcher::Pair;

std::optional<Pair> CellMatcher::operands(Ref ref, std::initializer_list<std::string_view> ops) const {
  ref = constants_.source(ref);
  const NodeDef& node = file_.node(ref);
  if (std::ranges::find(ops, node.op) == ops.end() || node.inputs.size() != 2) return std::nullopt;
  return Pair{constants_.source(node.inputs[0]), constants_.source(node.inputs[1])};
}

std::optional<Pair> CellMatcher::sum(Ref ref) const { return operands(ref, {"Add", "AddV2", "BiasAdd"}); }
std::optional<Pair> CellMatcher::product(Ref ref) const { return operands(ref, {"Mul"}); }

std::optional<Ref> CellMatcher::argument(Ref ref, std::string_view op) const {
  ref = constants_.source(ref);
  if (!file_.is(ref, op) || file_.node(ref).inputs.size() != 1) return std::nullopt;
  return constants_.source(file_.node(ref).inputs[0]);
}

std::optional<Ref> CellMatcher::other_factor(Ref ref, Ref factor) const {
  const auto factors = product(ref);
  if (!factors) return std::nullopt;
  if (factors->first == factor) return factors->second;
  if (factors->second == factor) return factors->first;
  return std::nullopt;
}

std::optional<CellMatcher::Dense> CellMatcher::dense(Ref ref) const {
  const auto terms = sum(ref);
  if (!terms) return std::nullopt;
  const auto factors = operands(terms->first, {"MatMul"});
  if (!factors) return std::nullopt;
  const NodeDef& node = file_.node(terms->first);
  if (node.flag("transpose_a", false) || node.flag("transpose_b", false)) return std::nullopt;
  return Dense{factors->first, factors->second, terms->second};
}

std::optional<Pair> CellMatcher::joined(Ref ref) const {
  const NodeDef& node = file_.node(ref);
  if (node.op != "ConcatV2" || node.inputs.size() != 3) return std::nullopt;
  const int64_t axis = constants_.integer(ref, node.inputs[2], "the axis");
  if (axis != 1 && axis != -1) return std::nullopt;
  return Pair{constants_.source(node.inputs[0]), constants_.source(node.inputs[1])};
}

std::optional<Ref> CellMatcher::part(Ref ref, int32_t index, int64_t count) const {
  ref = constants_.source(ref);
  const NodeDef& node = file_.node(ref);
  if (node.op != "Split" || ref.output != index || node.inputs.size() != 2 ||
      node.integer("num_split", 0) != count) {
    return std::nullopt;
  }
  const int64_t axis = constants_.integer(ref, node.inputs[0], "the axis");
  if (axis != 1 && axis != -1) return std::nullopt;
  return constants_.source(node.inputs[1]);
}

std::optional<MatchedCell> CellMatcher::gru(Ref next, Ref now) {
  const auto terms = sum(next);
  if (!terms) return std::nullopt;
  for (const bool swapped : {false, true}) {
    const auto [kept, added] = ordered(*terms, swapped);
    const auto update = other_factor(kept, now);
    const auto factors = product(added);
    if (!update || !factors) continue;
    for (const bool other_order : {false, true}) {
      const auto [rest, candidate] = ordered(*factors, other_order);
      const auto difference = operands(rest, {"Sub"});
      const auto argument_of_tanh = argument(candidate, "Tanh");
      if (!difference || difference->second != *update || !constants_.all_equal(difference->first, 1) ||
          !argument_of_tanh) {
        continue;
      }
      const auto gates = part(*update, 1, 2);
      const auto argument_of_gates = gates ? argument(*gates, "Sigmoid") : std::nullopt;
      const auto gate_product = argument_of_gates ? dense(*argument_of_gates) : std::nullopt;
      const auto candidate_product = dense(*argument_of_tanh);
      if (!gate_product || !candidate_product) continue;
      const auto from = joined(gate_product->input), candidate_from = joined(candidate_product->input);
      if (!from || !candidate_from || from->first != candidate_from->first || from->second != now) continue;
      const auto reset = other_factor(candidate_from->second, now);
      if (!reset || part(*reset, 0, 2) != gates) continue;
      MatchedCell matched;
      matched.input = from->first;
      matched.cell.kernel = gate_product->kernel;
      matched.cell.bias = gate_product->bias;
      matched.cell.candidate_kernel = candidate_product->kernel;
      matched.cell.candidate_bias = candidate_product->bias;
      return matched;
    }
  }
  return std::nullopt;
}

std::optional<CellMatcher::Gate> CellMatcher::gate(Ref ref, int32_t index, Ref state) {
  Gate found;
  bool has_part = false;
  std::vector<Ref> terms = {ref};
  // One part, one constant, one peephole: three terms, so that at most two sums join them.
  for (size_t at = 0; at < terms.size(); ++at) {
    if (const auto split = part(terms[at], index, 4)) {
      if (has_part) return std::nullopt;
      found.split = *split;
      has_part = true;
    } else if (const auto weights = other_factor(terms[at], state); weights && !found.peephole) {
      found.peephole = *weights;
    } else if (const auto constant = constants_.find(terms[at]);
               constant && constant->size() == 1 && constant->type() == DataType::float32) {
      found.constant += constant->values<float>()[0];
    } else if (const auto more = sum(terms[at]); more && terms.size() < 5) {
      terms.push_back(more->first);
      terms.push_back(more->second);
    } else {
      return std::nullopt;
    }
  }
  return has_part ? std::optional(found) : std::nullopt;
}

std::optional<MatchedCell> CellMatcher::lstm(const LstmState& state) {
  const auto output = product(state.next_hidden);
  const auto terms = sum(state.next_cell);
  if (!output || !terms) return std::nullopt;
  for (int order = 0; order < 8; ++order) {
    const auto [opened, squashed] = ordered(*output, (order & 1) != 0);
    const auto [kept, added] = ordered(*terms, (order & 2) != 0);
    const auto squashed_cell = argument(squashed, "Tanh");
    const auto output_argument = argument(opened, "Sigmoid");
    const auto forget = other_factor(kept, state.cell);
    const auto new_factors = product(added);
    if (!squashed_cell || *squashed_cell != state.next_cell || !output_argument || !forget || !new_factors)
      continue;
    const auto [input, candidate] = ordered(*new_factors, (order & 4) != 0);
    const auto forget_argument = argument(*forget, "Sigmoid");
    const auto input_argument = argument(input, "Sigmoid");
    const auto candidate_argument = argument(candidate, "Tanh");
    if (!forget_argument || !input_argument || !candidate_argument) continue;
    const auto i = gate(*input_argument, 0, state.cell), f = gate(*forget_argument, 2, state.cell),
               o = gate(*output_argument, 3, state.next_cell);
    const auto j = part(*candidate_argument, 1, 4);
    if (!i || !f || !o || !j || i->split != *j || f->split != *j || o->split != *j || i->constant != 0 ||
        o->constant != 0) {
      continue;
    }
    const auto gates = dense(*j);
    const auto from = gates ? joined(gates->input) : std::nullopt;
    if (!from || from->second != state.hidden) continue;
    MatchedCell matched;
    matched.input = from->first;
    matched.cell.is_lstm = true;
    matched.cell.kernel = gates->kernel;
    matched.cell.bias = gates->bias;
    matched.cell.forget_bias = f->constant;
    matched.cell.peephole_input = i->peephole;
    matched.cell.peephole_output = o->peephole;
    matched.cell.peephole_forget = f->peephole;
    return matched;
  }
  return std::nullopt;
}

bool CellMatcher::is_projection(Ref next) {
  const auto factors = operands(next, {"MatMul"});
  const auto output = factors ? product(factors->first) : std::nullopt;
  return output && ((argument(output->first, "Sigmoid") && argument(output->second, "Tanh")) ||
                    (argument(output->second, "Sigmoid") && argument(output->first, "Tanh")));
}

}  // namespace deltahop::graph_def
