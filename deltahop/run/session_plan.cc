// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/session_plan.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "deltahop/run/value_store.h"

namespace deltahop {
namespace {

int64_t size_of(const Network& network, ValueId id) { return element_count(*network.value(id).shape); }

// Where a recurrent layer reads and writes; pointers are null for what is absent. All [streams][H] but x.
struct CellPlaces {
  const float* x = nullptr;
  const float* given_hidden = nullptr;  // a state that the graph brings in
  const float* given_cell = nullptr;
  bool only_at_start = false;
  std::vector<float*> hidden_outputs, cell_outputs;
  int64_t streams = 1, inputs = 0, hidden = 0;
};

class CellStep final : public SessionStep {
 public:
  CellStep(std::unique_ptr<CellEngine> engine, CellPlaces places, CellState& state)
      : engine_(std::move(engine)), places_(std::move(places)), state_(state) {}
  void run() override {
    const auto copy_in = [this](const float* from, std::vector<float>& to) {
      if (from != nullptr && !(places_.only_at_start && state_.has_started))
        std::copy_n(from, to.size(), to.begin());
    };
    copy_in(places_.given_hidden, state_.hidden);
    copy_in(places_.given_cell, state_.cell);
    state_.has_started = true;
    engine_->step({places_.x, static_cast<size_t>(places_.streams * places_.inputs)}, state_.hidden,
                  state_.cell);
    for (float* out : places_.hidden_outputs) std::copy(state_.hidden.begin(), state_.hidden.end(), out);
    for (float* out : places_.cell_outputs) std::copy(state_.cell.begin(), state_.cell.end(), out);
  }

 private:
  std::unique_ptr<CellEngine> engine_;
  CellPlaces places_;
  CellState& state_;
};

class ProductStep final : public SessionStep {
 public:
  ProductStep(std::unique_ptr<ProductEngine> engine, std::span<const float> in, std::span<float> out)
      : engine_(std::move(engine)), in_(in), out_(out) {}
  void run() override { engine_->multiply(in_, out_); }

 private:
  std::unique_ptr<ProductEngine> engine_;
  std::span<const float> in_;
  std::span<float> out_;
};

bool has(const Node& node, size_t index) {
  return index < node.inputs.size() && node.inputs[index] != kNoValue;
}

}  // namespace

SessionPlan::SessionPlan(OneStep one_step, std::vector<LoopIndices> loops, const SessionOptions& options)
    : network_(std::move(one_step.network)),
      loops_(std::move(loops)),
      carries_states_(one_step.is_sequence && loops_.empty()),
      options_(options),
      workers_(options.threads > 1 ? std::make_unique<RowWorkers>(options.threads) : nullptr),
      tensors_(network_.values().size()),
      places_(network_.values().size()),
      roles_(product_roles(network_, loops_)) {
  make_places();
  for (size_t n = 0; n < network_.nodes().size(); ++n) {
    if (!network_.is_constant(network_.nodes()[n])) make_step(n);
  }
  make_ports();
}

// Inputs and constants have their places from the start; what nodes make gets one in make_step().
void SessionPlan::make_places() {
  for (const NetworkInput& input : network_.inputs()) make_tensor(input.value);
  for (size_t id = 0; id < network_.values().size(); ++id) {
    const auto& constant = network_.values()[id].constant;
    if (constant != nullptr && constant->type() == DataType::float32)
      places_.set_constant(static_cast<ValueId>(id), constant->values<float>().data());
  }
}

void SessionPlan::make_tensor(ValueId id) {
  const Value& value = network_.value(id);
  auto& tensor = tensors_[static_cast<size_t>(id)];
  tensor = std::make_unique<Tensor>(value.type, *value.shape);
  if (value.type == DataType::float32) places_.set(id, tensor->values<float>().data());
}

void SessionPlan::make_step(size_t index) {
  const Node& node = network_.nodes()[index];
  for (const ValueId id : node.outputs) {
    if (id != kNoValue && !network_.value(id).shape) {
      throw Error(place_of(node), "the shape of its output depends on data", "a session needs fixed shapes");
    }
  }
  const auto movement = movement_of(network_, node);
  if (movement && movement->is_view && places_.target(node.inputs[0]) != nullptr) {
    places_.set(node.outputs[0], places_.target(node.inputs[0]));
    return;
  }
  for (const ValueId id : node.outputs) {
    if (id != kNoValue && network_.value(id).constant == nullptr) make_tensor(id);
  }
  if (make_cell(node) || make_product(index)) return;
  if (auto step = make_plain_step(network_, node, places_)) {
    steps_.push_back(std::move(step));
  } else {
    make_layer(node);
  }
}

EngineOptions SessionPlan::engine_options(const Node& node) const {
  EngineOptions options{.name = node.name, .kind = std::string(node.layer->operator_name())};
  options.precision = options_.precision;
  options.thresholds = options_.thresholds.of(node.name);
  options.delta = options_.delta;
  options.dense_where_faster = options_.dense_where_faster;
  options.record_ranges = options_.record_ranges;
  options.streams = options_.streams;
  options.ranges = options_.ranges;
  options.workers = workers_.get();
  return options;
}

bool SessionPlan::make_cell(const Node& node) {
  if (!cell_kind_of(*node.layer)) return false;
  if (network_.value(node.inputs[0]).type != DataType::float32)
    throw Error(place_of(node), "a session runs recurrent layers in float32 only", "convert the network");
  const RecurrentCell cell = recurrent_cells(network_, node).at(0);
  CellPlaces places;
  places.x = places_.source(node.inputs[0]);
  places.only_at_start = carries_states_;
  places.inputs = cell.inputs;
  places.hidden = cell.hidden;
  places.streams = size_of(network_, node.inputs[0]) / std::max<int64_t>(1, cell.inputs);
  const auto state_size = static_cast<size_t>(places.streams * cell.hidden);
  CellState& state = *cells_.emplace_back(std::make_unique<CellState>());
  // A constant state is the start of the stream; one that the graph computes comes in when it runs.
  const auto take_state = [&](size_t index, std::vector<float>& first, const float*& given) {
    first.assign(state_size, 0.0F);
    if (!has(node, index)) return;
    const float* const source = places_.source(node.inputs[index]);
    DELTAHOP_CHECK(source != nullptr);
    if (network_.value(node.inputs[index]).constant != nullptr)
      std::copy_n(source, state_size, first.begin());
    else
      given = source;
  };
  take_state(5, state.first_hidden, places.given_hidden);
  if (cell.kind == CellKind::lstm) take_state(6, state.first_cell, places.given_cell);
  state.hidden = state.first_hidden;
  state.cell = state.first_cell;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    float* const out = places_.target(node.outputs[i]);
    if (out != nullptr) (i == 2 ? places.cell_outputs : places.hidden_outputs).push_back(out);
  }
  EngineOptions options = engine_options(node);
  options.streams = places.streams;
  auto engine = make_cell_engine(cell, options);
  engines_.push_back(engine.get());
  steps_.push_back(std::make_unique<CellStep>(std::move(engine), std::move(places), state));
  return true;
}

bool SessionPlan::make_product(size_t index) {
  const Node& node = network_.nodes()[index];
  auto product = constant_product_of(network_, node);
  if (!product) return false;
  const ProductRole role = roles_[index];
  const bool is_named = options_.thresholds.by_node.count(node.name) != 0;
  const bool goes_by_changes = is_named || options_.products == DeltaProducts::all ||
                               (options_.products == DeltaProducts::recurrent && role != ProductRole::none);
  EngineOptions options = engine_options(node);
  options.delta = options.delta && goes_by_changes;
  options.streams = product->samples;
  if (role == ProductRole::hidden) {
    product->weights.stream = "h";
    options.thresholds.input = options.thresholds.hidden;
  }
  auto engine = make_product_engine(product->weights, options);
  engines_.push_back(engine.get());
  const std::span in(places_.source(node.inputs[0]), static_cast<size_t>(size_of(network_, node.inputs[0])));
  const std::span out(places_.target(node.outputs[0]),
                      static_cast<size_t>(size_of(network_, node.outputs[0])));
  steps_.push_back(std::make_unique<ProductStep>(std::move(engine), in, out));
  return true;
}

const Tensor* SessionPlan::tensor_of(ValueId id) {
  if (id == kNoValue) return nullptr;
  const Value& value = network_.value(id);
  if (value.constant != nullptr) return value.constant.get();
  auto& tensor = tensors_[static_cast<size_t>(id)];
  if (tensor == nullptr) {  // it lies within another value: the layer's own code wants its shape
    tensor = std::make_unique<Tensor>(value.type, *value.shape);
    steps_.push_back(make_copy_step(places_.source(id), tensor->values<float>().data(), tensor->size()));
  }
  return tensor.get();
}

void SessionPlan::make_layer(const Node& node) {
  std::vector<const Tensor*> inputs;
  for (const ValueId id : node.inputs) inputs.push_back(tensor_of(id));
  std::vector<Tensor*> outputs;
  for (const ValueId id : node.outputs)
    outputs.push_back(id == kNoValue ? nullptr : tensors_[static_cast<size_t>(id)].get());
  steps_.push_back(make_layer_step(node, std::move(inputs), std::move(outputs), options_.threads));
  allocating_.push_back(fmt::format("{} ({})", node.name, node.layer->operator_name()));
}

void SessionPlan::make_ports() {
  const auto fill = [](Port& port, Tensor* tensor) {
    port.tensor = tensor;
    if (tensor->type() == DataType::float32) {
      port.values = tensor->values<float>();
    } else {
      port.copy.assign(static_cast<size_t>(tensor->size()), 0.0F);
      port.values = port.copy;
    }
  };
  inputs_.resize(network_.inputs().size());
  for (size_t i = 0; i < inputs_.size(); ++i)
    fill(inputs_[i], tensors_[static_cast<size_t>(network_.inputs()[i].value)].get());
  outputs_.resize(network_.outputs().size());
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const ValueId id = network_.outputs()[i];
    const Value& value = network_.value(id);
    auto& own = output_copies_.emplace_back(std::make_unique<Tensor>(value.type, *value.shape));
    if (value.constant != nullptr) *own = *value.constant;
    // Outputs that lie within an input would change with it.
    if (value.constant == nullptr && value.type == DataType::float32)
      steps_.push_back(make_copy_step(places_.source(id), own->values<float>().data(), own->size()));
    fill(outputs_[i], value.constant == nullptr && value.type != DataType::float32
                          ? tensors_[static_cast<size_t>(id)].get()
                          : own.get());
  }
}

void SessionPlan::run() {
  for (Port& port : inputs_) {
    if (port.copy.empty()) continue;
    dispatch(port.tensor->type(), [&]<class T>() {
      const auto to = port.tensor->values<T>();
      for (size_t i = 0; i < to.size(); ++i) to[i] = static_cast<T>(port.copy[i]);
    });
  }
  for (const auto& step : steps_) step->run();
  for (Port& port : outputs_) {
    if (port.copy.empty()) continue;
    dispatch(port.tensor->type(), [&]<class T>() {
      const auto from = port.tensor->values<T>();
      for (size_t i = 0; i < from.size(); ++i) port.copy[i] = static_cast<float>(from[i]);
    });
  }
  for (const LoopIndices& loop : loops_) {
    const std::span<const float> from = outputs_[loop.output].values;
    std::copy(from.begin(), from.end(), inputs_[loop.input].values.begin());
  }
}

void SessionPlan::reset() {
  for (DeltaEngine* engine : engines_) engine->reset();
  for (const auto& cell : cells_) {
    cell->hidden = cell->first_hidden;
    cell->cell = cell->first_cell;
    cell->has_started = false;
  }
  for (Port& port : inputs_) std::fill(port.values.begin(), port.values.end(), 0.0F);
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (network_.value(network_.outputs()[i]).constant != nullptr) continue;
    std::fill(outputs_[i].values.begin(), outputs_[i].values.end(), 0.0F);
  }
}

void SessionPlan::save(StateWriter& writer) const {
  for (const auto& cell : cells_) {
    writer.add(std::span<const float>(cell->hidden));
    writer.add(std::span<const float>(cell->cell));
    writer.add(std::span<const bool>(&cell->has_started, 1));
  }
  for (const Port& port : inputs_) writer.add(std::span<const float>(port.values));
  for (const DeltaEngine* engine : engines_) engine->save(writer);
}

void SessionPlan::restore(StateReader& reader) {
  for (const auto& cell : cells_) {
    reader.fill(std::span<float>(cell->hidden));
    reader.fill(std::span<float>(cell->cell));
    uint8_t started = 0;  // hostile bytes may be no bool
    reader.fill(std::span<uint8_t>(&started, 1));
    cell->has_started = started != 0;
  }
  for (Port& port : inputs_) reader.fill(port.values);
  for (DeltaEngine* engine : engines_) engine->restore(reader);
}

std::string SessionPlan::layout_text() const {
  std::string text =
      fmt::format("{} {} {}\n", network_.name(), name_of(options_.precision), options_.streams);
  for (const LoopIndices& loop : loops_) text += fmt::format("loop {} {}\n", loop.output, loop.input);
  for (const Port& port : inputs_) text += fmt::format("input {}\n", port.values.size());
  for (const auto& cell : cells_) text += fmt::format("cell {} {}\n", cell->hidden.size(), cell->cell.size());
  std::vector<StreamStatistics> streams;
  for (const DeltaEngine* engine : engines_) {
    engine->add_statistics(streams);
    text += fmt::format("engine {}\n", engine->state_bytes());
  }
  for (const StreamStatistics& each : streams) {
    text += fmt::format("{} {} {} {} {} {}\n", each.layer, each.stream, each.rows, each.columns,
                        each.threshold, each.is_delta);
  }
  return text;
}

}  // namespace deltahop
