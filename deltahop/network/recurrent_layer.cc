// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/recurrent_layer.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

enum Input : size_t { kX, kW, kR, kB, kLengths, kInitialHidden, kInitialCell, kPeepholes };

void require_rank(const ValueInfo& info, std::string_view name) {
  if (info.shape && info.shape->size() != 3)
    throw Error("", fmt::format("the input {} has the shape {}, wanted three dimensions", name,
                                to_text(*info.shape)));
}

// Steps of each sample; all of them where the input is absent.
std::vector<int64_t> lengths_of(const Tensor* tensor, const SequenceShape& shape) {
  if (tensor == nullptr) return std::vector<int64_t>(static_cast<size_t>(shape.batch), shape.steps);
  std::vector<int64_t> lengths;
  for (const int32_t length : tensor->values<int32_t>()) {
    if (length < 0 || length > shape.steps)
      throw Error("", fmt::format("sequence_lens says {} of {} steps", length, shape.steps));
    lengths.push_back(length);
  }
  return lengths;
}

template <class Real>
std::span<const Real> part(const Tensor* tensor, int64_t index, int64_t parts) {
  if (tensor == nullptr) return {};
  const auto size = static_cast<size_t>(tensor->size() / parts);
  return tensor->values<Real>().subspan(static_cast<size_t>(index) * size, size);
}

// [batch, hidden] of one direction into, or out of, a tensor of all directions.
template <class Real, class Values, class Copy>
void each_state(Values values, int64_t direction, int64_t directions, bool batch_first,
                std::vector<Real>& state, int64_t hidden, Copy copy) {
  const int64_t batch = hidden == 0 ? 0 : static_cast<int64_t>(state.size()) / hidden;
  for (int64_t sample = 0; sample < batch; ++sample) {
    const int64_t row = batch_first ? sample * directions + direction : direction * batch + sample;
    copy(values.data() + row * hidden, state.data() + sample * hidden);
  }
}

}  // namespace

std::optional<SequenceShape> RecurrentLayer::shape_of(InferInputs inputs) const {
  const bool is_lstm = attributes_.kind() == CellKind::lstm;
  require_input_count(inputs, 3, is_lstm ? 8 : 6);
  const ValueInfo& x = required(inputs, kX, "X");
  require_type(x, "X", kFloatingTypes);
  require_rank(x, "X");
  const auto like_x = [&](size_t index, std::string_view name) -> const ValueInfo* {
    const ValueInfo* const info = optional_info(inputs, index);
    if (info != nullptr) require_type(*info, name, {x.type});
    return info;
  };
  const ValueInfo& w = required(inputs, kW, "W");
  const ValueInfo& r = required(inputs, kR, "R");
  like_x(kW, "W");
  like_x(kR, "R");
  like_x(kInitialHidden, "initial_h");
  require_rank(w, "W");
  require_rank(r, "R");
  const ValueInfo* const bias = like_x(kB, "B");
  const ValueInfo* const peepholes = is_lstm ? like_x(kPeepholes, "P") : nullptr;
  if (is_lstm) like_x(kInitialCell, "initial_c");
  if (const ValueInfo* const lengths = optional_info(inputs, kLengths))
    require_type(*lengths, "sequence_lens", {DataType::int32});
  if (!x.shape || !w.shape || !r.shape) return std::nullopt;
  SequenceShape shape{(*x.shape)[0], (*x.shape)[1], (*x.shape)[2], (*r.shape)[2]};
  if (attributes_.batch_first()) std::swap(shape.steps, shape.batch);
  if (shape.hidden < 1 || attributes_.hidden_size().value_or(shape.hidden) != shape.hidden) {
    throw Error("", fmt::format("R {} and hidden_size {} do not fit", to_text(*r.shape),
                                attributes_.hidden_size().value_or(shape.hidden)));
  }
  const int64_t directions = attributes_.directions(), rows = gates_of(attributes_.kind()) * shape.hidden;
  require_shape(&w, "W", {directions, rows, shape.inputs});
  require_shape(&r, "R", {directions, rows, shape.hidden});
  require_shape(bias, "B", {directions, 2 * rows});
  require_shape(peepholes, "P", {directions, 3 * shape.hidden});
  check_states(inputs, shape);
  return shape;
}

void RecurrentLayer::check_states(InferInputs inputs, const SequenceShape& shape) const {
  require_shape(optional_info(inputs, kLengths), "sequence_lens", {shape.batch});
  require_shape(optional_info(inputs, kInitialHidden), "initial_h", state_shape(shape));
  if (attributes_.kind() == CellKind::lstm)
    require_shape(optional_info(inputs, kInitialCell), "initial_c", state_shape(shape));
  const int64_t directions = attributes_.directions();
  const int64_t gates =
      element_count({shape.steps, shape.batch, directions * gates_of(attributes_.kind()), shape.hidden});
  require_countable_work(gates, shape.inputs + shape.hidden);
}

Shape RecurrentLayer::state_shape(const SequenceShape& shape) const {
  return attributes_.batch_first() ? Shape{shape.batch, attributes_.directions(), shape.hidden}
                                   : Shape{attributes_.directions(), shape.batch, shape.hidden};
}

std::vector<ValueInfo> RecurrentLayer::infer(InferInputs inputs) const {
  const auto shape = shape_of(inputs);
  const DataType type = required(inputs, kX, "X").type;
  const size_t states = attributes_.kind() == CellKind::lstm ? 2 : 1;
  if (!shape) return std::vector<ValueInfo>(1 + states, {type, std::nullopt, nullptr});
  const int64_t directions = attributes_.directions();
  const Shape y = attributes_.batch_first() ? Shape{shape->batch, shape->steps, directions, shape->hidden}
                                            : Shape{shape->steps, directions, shape->batch, shape->hidden};
  std::vector<ValueInfo> outputs = {{type, y, nullptr}};
  outputs.resize(1 + states, {type, state_shape(*shape), nullptr});
  return outputs;
}

std::optional<Workload> RecurrentLayer::workload(InferInputs inputs) const {
  const auto shape = shape_of(inputs);
  if (!shape || inputs[kW]->constant == nullptr || inputs[kR]->constant == nullptr) return std::nullopt;
  Workload workload;
  workload.kind = WorkloadKind::recurrent;
  workload.time_steps = shape->steps;
  workload.shape.batch = shape->batch;
  workload.shape.in_channels = shape->inputs + shape->hidden;
  workload.shape.out_channels = attributes_.directions() * gates_of(attributes_.kind()) * shape->hidden;
  return workload;
}

std::vector<Tensor> RecurrentLayer::forward(TensorInputs inputs, const ForwardOptions& options) const {
  const SequenceShape shape = *shape_of(infos_of(inputs));
  const DataType type = inputs[kX]->type(), computed = computing_type(type);
  std::vector<std::optional<AsType>> kept(inputs.size());
  std::vector<const Tensor*> operands;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool converts = inputs[i] != nullptr && i != kLengths;
    operands.push_back(converts ? &kept[i].emplace(*inputs[i], computed).get() : inputs[i]);
  }
  operands.resize(kPeepholes + 1, nullptr);
  std::vector<Tensor> outputs = computed == DataType::float64
                                    ? compute<double>(operands, shape, options.threads)
                                    : compute<float>(operands, shape, options.threads);
  for (Tensor& output : outputs) output = as_type(std::move(output), type);
  return outputs;
}

template <class Real>
std::vector<Tensor> RecurrentLayer::compute(TensorInputs inputs, const SequenceShape& shape,
                                            int threads) const {
  std::vector<Tensor> outputs;
  for (const ValueInfo& info : infer(infos_of(
           inputs.first(attributes_.kind() == CellKind::lstm ? kPeepholes + 1 : size_t{kInitialHidden} + 1))))
    outputs.emplace_back(info.type, *info.shape);
  const int64_t directions = attributes_.directions();
  for (int64_t d = 0; d < directions; ++d) {
    SequenceTask<Real> task;
    task.rules = attributes_.rules(d);
    task.reverse = attributes_.is_reverse(d);
    task.shape = shape;
    task.weights = {part<Real>(inputs[kW], d, directions), part<Real>(inputs[kR], d, directions),
                    part<Real>(inputs[kB], d, directions), part<Real>(inputs[kPeepholes], d, directions)};
    task.lengths = lengths_of(inputs[kLengths], shape);
    task.x = inputs[kX]->values<Real>().data();
    task.hidden.assign(static_cast<size_t>(shape.batch * shape.hidden), Real{0});
    if (attributes_.kind() == CellKind::lstm) task.cell = task.hidden;
    const auto take = [&](const Tensor* tensor, std::vector<Real>& state) {
      if (tensor == nullptr) return;
      each_state<Real>(tensor->values<Real>(), d, directions, attributes_.batch_first(), state, shape.hidden,
                       [&](const Real* from, Real* to) { std::copy_n(from, shape.hidden, to); });
    };
    take(inputs[kInitialHidden], task.hidden);
    take(inputs[kInitialCell], task.cell);
    compute_direction(d, task, outputs, threads);
  }
  return outputs;
}

template <class Real>
void RecurrentLayer::compute_direction(int64_t direction, SequenceTask<Real>& task,
                                       std::vector<Tensor>& outputs, int threads) const {
  const SequenceShape& shape = task.shape;
  const int64_t directions = attributes_.directions(), frame = directions * shape.hidden;
  const bool batch_first = attributes_.batch_first();
  task.y = outputs[0].values<Real>().data() + direction * shape.hidden * (batch_first ? 1 : shape.batch);
  task.x_strides = batch_first ? SequenceStrides{shape.inputs, shape.steps * shape.inputs}
                               : SequenceStrides{shape.batch * shape.inputs, shape.inputs};
  task.y_strides = batch_first ? SequenceStrides{frame, shape.steps * frame}
                               : SequenceStrides{shape.batch * frame, shape.hidden};
  run_sequence(task, threads);
  const auto give = [&](std::vector<Real>& state, Tensor& tensor) {
    each_state<Real>(tensor.values<Real>(), direction, directions, batch_first, state, shape.hidden,
                     [&](Real* to, const Real* from) { std::copy_n(from, shape.hidden, to); });
  };
  give(task.hidden, outputs[1]);
  if (!task.cell.empty()) give(task.cell, outputs[2]);
}

}  // namespace deltahop
