// SPDX-License-Identifier: Apache-2.0
// Recognises TensorFlow's dynamic_rnn: a while loop (Enter, Merge, Switch, NextIteration, Exit) over a
// TensorArray whose body is a stack of GRUCell or LSTMCell. Nothing is taken from names; the operators and
// what flows between them decide. For the files of io/graph_def only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "deltahop/io/graph_def_constants.h"

namespace deltahop::graph_def {

struct LoopCell {
  bool is_lstm = false;
  // [inputs + hidden, gates * hidden]: GRU r u, LSTM i j f o; bias: [gates * hidden].
  Ref kernel, bias;
  Ref candidate_kernel, candidate_bias;  // GRU only: [inputs + hidden, hidden], over x and r * h
  float forget_bias = 0;                 // LSTM: added to the forget gate beside the bias
  std::optional<Ref> peephole_input, peephole_output, peephole_forget;  // [hidden]
  Ref initial_hidden, initial_cell;                                     // [batch, hidden]
};

struct Loop {
  std::string place;  // of its condition, for messages
  Ref sequence;       // [steps, batch, inputs]
  int64_t steps = 0;
  std::vector<LoopCell> cells;  // bottom first; each reads the hidden state of the one below

  struct Output {
    enum class Kind : uint8_t { last_hidden, last_cell, every_hidden } kind = Kind::last_hidden;
    size_t cell = 0;
  };
  std::map<Ref, Output> outputs;  // by Exit
};

class LoopReader {
 public:
  LoopReader(const File& file, Constants& constants);
  // The loop that this Exit leaves. Throws Error naming the node where it is none of the kind.
  const Loop& loop_of(Ref exit);

 private:
  const File& file_;
  Constants& constants_;
  std::map<Ref, std::vector<Ref>> switches_;  // by LoopCond
  std::multimap<Ref, Ref> exits_;             // by Switch:0
  std::map<Ref, Loop> loops_;                 // by LoopCond
};

}  // namespace deltahop::graph_def
