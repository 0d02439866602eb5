// SPDX-License-Identifier: Apache-2.0
// A network whose GRUs are computed as integer delta GRUs, step by step as a chip would; all other nodes run
// in float. What a GRU reads is rounded to its activation format, what it gives is exact in float, so layers
// that only move values in between change nothing.
//   const RecurrentModel model = recurrent_model(network, formats, thresholds);
//   const RecurrentRun run = run_recurrent(model, inputs, {});
#pragma once

#include <string>
#include <vector>

#include "deltahop/network/network.h"
#include "deltahop/network/quantized_gru.h"
#include "deltahop/run/executor.h"

namespace deltahop {

struct RecurrentNode {
  size_t node = 0;  // index into Network::nodes()
  QuantizedGru gru;
};

struct RecurrentModel {
  Network network;
  std::vector<RecurrentNode> layers;  // in topological order

  std::vector<std::shared_ptr<const IntegerDeltaGruLayer>> stack() const;
};

// Throws Error, the node as place, on recurrent layers that the integer cell does not do (LSTM, RNN, two
// directions, linear_before_reset = 0, ...); on a network without a GRU.
RecurrentModel recurrent_model(Network network, const DeltaGruFormats& formats,
                               const ThresholdTable& thresholds);

// Whether every GRU reads the one before it, with nothing but moved values in between: "" or why not.
std::string chain_fault(const RecurrentModel& model);

struct RecurrentRun {
  std::vector<RecurrentTrace> traces;  // one a layer
  int64_t clipped_inputs = 0;          // values of the layers' inputs beyond the activation format
  std::vector<Tensor> outputs;         // of the network, float
};
// One sequence. Throws Error on a batch above one, a state at the start that is not zero, a sequence that
// ends early.
RecurrentRun run_recurrent(const RecurrentModel& model, const std::vector<Tensor>& inputs,
                           const RunOptions& options);

}  // namespace deltahop
