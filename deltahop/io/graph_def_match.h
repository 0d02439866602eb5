// SPDX-License-Identifier: Apache-2.0
// The bodies of TensorFlow's GRUCell and LSTMCell, found by their arithmetic: sums and products in either
// order of their operands. For graph_def_loop only.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "deltahop/io/graph_def_loop.h"

namespace deltahop::graph_def {

struct MatchedCell {
  LoopCell cell;  // all but the initial states
  Ref input;      // x of this step
};

struct LstmState {
  Ref next_hidden, hidden, next_cell, cell;
};

class CellMatcher {
 public:
  using Pair = std::pair<Ref, Ref>;
  CellMatcher(const File& file, Constants& constants) : file_(file), constants_(constants) {}

  // h' = u * h + (1 - u) * tanh(K_c [x, r * h] + b_c), (r, u) = sigmoid(K [x, h] + b)
  std::optional<MatchedCell> gru(Ref next, Ref now);
  // c' = sigmoid(f + forget) * c + sigmoid(i) * tanh(j), h' = sigmoid(o) * tanh(c'), (i, j, f, o) = K [x, h]
  // + b, with or without peepholes w * c (of o: w * c') inside the sigmoids
  std::optional<MatchedCell> lstm(const LstmState& state);
  // True for a matrix product of an LSTM's output.
  bool is_projection(Ref next);

  // The operands where `ref` is a sum or product of two.
  std::optional<Pair> sum(Ref ref) const;
  std::optional<Pair> product(Ref ref) const;
  static Pair ordered(const Pair& pair, bool swapped) {
    return swapped ? Pair{pair.second, pair.first} : pair;
  }

 private:
  struct Dense {
    Ref input, kernel, bias;
  };
  std::optional<Pair> operands(Ref ref, std::initializer_list<std::string_view> ops) const;
  std::optional<Ref> argument(Ref ref, std::string_view op) const;  // of a function of one value
  std::optional<Ref> other_factor(Ref ref, Ref factor) const;       // b of a * b where a is `factor`
  std::optional<Dense> dense(Ref ref) const;                        // K input + b
  std::optional<Pair> joined(Ref ref) const;                        // [a, b] side by side
  // Part `index` of `count` equal ones: what is split.
  std::optional<Ref> part(Ref ref, int32_t index, int64_t count) const;
  struct Gate {
    Ref split;                    // of which it is a part
    std::optional<Ref> peephole;  // weights of the product with `state`
    float constant = 0;
  };
  // The argument of a gate's sigmoid: part + constant + w * state, in any order.
  std::optional<Gate> gate(Ref ref, int32_t index, Ref state);

  const File& file_;
  Constants& constants_;
};

}  // namespace deltahop::graph_def
