// SPDX-License-Identifier: Apache-2.0
// The layer behind GRU, LSTM and RNN: shapes, both layouts, both directions, sequence lengths and initial
// states. For the files of network/layers only; all others ask recurrent_cell.h.
#pragma once

#include "deltahop/network/layer.h"
#include "deltahop/network/recurrent_attributes.h"
#include "deltahop/network/recurrent_sequence.h"

namespace deltahop {

class RecurrentLayer final : public Layer {
 public:
  RecurrentLayer(CellKind kind, LayerArguments& arguments) : attributes_(kind, arguments.attributes) {}

  std::string_view operator_name() const override { return name_of(attributes_.kind()); }
  Attributes attributes() const override { return attributes_.as_attributes(); }
  std::vector<ValueInfo> infer(InferInputs inputs) const override;
  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions& options) const override;
  std::optional<Workload> workload(InferInputs inputs) const override;

 private:
  // Absent where X or a weight has no known shape. Throws Error where the shapes do not fit.
  std::optional<SequenceShape> shape_of(InferInputs inputs) const;
  void check_states(InferInputs inputs, const SequenceShape& shape) const;
  Shape state_shape(const SequenceShape& shape) const;
  template <class Real>
  std::vector<Tensor> compute(TensorInputs inputs, const SequenceShape& shape, int threads) const;
  template <class Real>
  void compute_direction(int64_t direction, SequenceTask<Real>& task, std::vector<Tensor>& outputs,
                         int threads) const;

  RecurrentAttributes attributes_;
};

template <CellKind kind>
std::unique_ptr<Layer> make_recurrent(LayerArguments& arguments) {
  return std::make_unique<RecurrentLayer>(kind, arguments);
}

}  // namespace deltahop
