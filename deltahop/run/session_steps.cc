// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/session_steps.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "deltahop/kernels/gates.h"
#include "deltahop/network/broadcast.h"
#include "deltahop/run/value_store.h"

namespace deltahop {
namespace {

using Values = std::span<float>;
using ConstValues = std::span<const float>;

int64_t size_of(const Network& network, ValueId id) { return element_count(*network.value(id).shape); }

Values target_of(const Network& network, const ValuePlaces& places, ValueId id) {
  return {places.target(id), static_cast<size_t>(size_of(network, id))};
}
ConstValues source_of(const Network& network, const ValuePlaces& places, ValueId id) {
  return {places.source(id), static_cast<size_t>(size_of(network, id))};
}

// --- one operand
// --------------------------------------------------------------------------------------------

struct UnaryNumbers {
  float a = 0, b = 0;
};
using Unary = void (*)(ConstValues in, Values out, UnaryNumbers numbers);

template <class Function>
void map(ConstValues in, Values out, const Function& function) {
  for (size_t i = 0; i < in.size(); ++i) out[i] = function(in[i]);
}

struct UnaryKind {
  std::string_view name;
  Unary apply;
  float a = 0, b = 0;  // where the attributes alpha and beta are absent
};

constexpr UnaryKind kUnaryKinds[] = {
    {"Sigmoid", [](ConstValues in, Values out, UnaryNumbers) { sigmoid_all(in, out); }},
    {"Tanh", [](ConstValues in, Values out, UnaryNumbers) { tanh_all(in, out); }},
    {"Relu", [](ConstValues in, Values out,
                UnaryNumbers) { map(in, out, [](float x) { return x > 0 ? x : 0.0F; }); }},
    {"Neg", [](ConstValues in, Values out, UnaryNumbers) { map(in, out, [](float x) { return -x; }); }},
    {"Abs",
     [](ConstValues in, Values out, UnaryNumbers) { map(in, out, [](float x) { return std::fabs(x); }); }},
    {"Exp",
     [](ConstValues in, Values out, UnaryNumbers) { map(in, out, [](float x) { return std::exp(x); }); }},
    {"Log",
     [](ConstValues in, Values out, UnaryNumbers) { map(in, out, [](float x) { return std::log(x); }); }},
    {"Sqrt",
     [](ConstValues in, Values out, UnaryNumbers) { map(in, out, [](float x) { return std::sqrt(x); }); }},
    {"Reciprocal",
     [](ConstValues in, Values out, UnaryNumbers) { map(in, out, [](float x) { return 1 / x; }); }},
    {"Softsign", [](ConstValues in, Values out,
                    UnaryNumbers) { map(in, out, [](float x) { return x / (1 + std::fabs(x)); }); }},
    {"HardSigmoid",
     [](ConstValues in, Values out, UnaryNumbers n) {
       map(in, out, [n](float x) { return std::clamp(n.a * x + n.b, 0.0F, 1.0F); });
     },
     0.2F, 0.5F},
    {"LeakyRelu",
     [](ConstValues in, Values out, UnaryNumbers n) {
       map(in, out, [n](float x) { return x < 0 ? n.a * x : x; });
     },
     0.01F},
    {"HardSwish", [](ConstValues in, Values out, UnaryNumbers) {
       map(in, out, [](float x) { return x * std::clamp(x / 6 + 0.5F, 0.0F, 1.0F); });
     }}};

class UnaryStep final : public SessionStep {
 public:
  UnaryStep(Unary apply, ConstValues in, Values out, UnaryNumbers numbers)
      : apply_(apply), in_(in), out_(out), numbers_(numbers) {}
  void run() override { apply_(in_, out_, numbers_); }

 private:
  Unary apply_;
  ConstValues in_;
  Values out_;
  UnaryNumbers numbers_;
};

// --- two operands
// -------------------------------------------------------------------------------------------

template <class Function>
class BinaryStep final : public SessionStep {
 public:
  BinaryStep(const BroadcastLoops& loops, const float* a, const float* b, float* out)
      : count_(loops.run()), step_a_(loops.run_step(0)), step_b_(loops.run_step(1)) {
    for_each_run(loops, [&](int64_t position, const int64_t* offsets) {
      runs_.push_back({a + offsets[0], b + offsets[1], out + position});
    });
  }
  void run() override {
    const Function function;
    for (const Run& run : runs_) {
      if (step_a_ != 0 && step_b_ != 0) {
        for (int64_t i = 0; i < count_; ++i) run.out[i] = function(run.a[i], run.b[i]);
      } else if (step_a_ != 0) {
        const float value = *run.b;
        for (int64_t i = 0; i < count_; ++i) run.out[i] = function(run.a[i], value);
      } else {
        const float value = *run.a;
        for (int64_t i = 0; i < count_; ++i) run.out[i] = function(value, run.b[i * step_b_]);
      }
    }
  }

 private:
  struct Run {
    const float* a;
    const float* b;
    float* out;
  };
  std::vector<Run> runs_;
  int64_t count_, step_a_, step_b_;
};

std::unique_ptr<SessionStep> make_binary(std::string_view name, const Network& network, const Node& node,
                                         const ValuePlaces& places) {
  const ValueId a = node.inputs[0], b = node.inputs[1], out = node.outputs[0];
  // Old opsets align B at an axis of A; then the shapes say something else than numpy's rule.
  if (!node.layer->attributes().entries().empty()) return nullptr;
  const BroadcastLoops loops = BroadcastLoops::of({*network.value(a).shape, *network.value(b).shape});
  const auto made = [&]<class Function>() -> std::unique_ptr<SessionStep> {
    return std::make_unique<BinaryStep<Function>>(loops, places.source(a), places.source(b),
                                                  places.target(out));
  };
  if (name == "Add") return made.template operator()<std::plus<float>>();
  if (name == "Sub") return made.template operator()<std::minus<float>>();
  if (name == "Mul") return made.template operator()<std::multiplies<float>>();
  if (name == "Div") return made.template operator()<std::divides<float>>();
  return nullptr;
}

// --- copies
// -------------------------------------------------------------------------------------------------

class CopyStep final : public SessionStep {
 public:
  void add(const float* from, float* to, int64_t count) {
    if (count > 0) copies_.push_back({from, to, static_cast<size_t>(count)});
  }
  void run() override {
    for (const Copy& copy : copies_) {
      if (copy.count == 1)
        *copy.to = *copy.from;
      else
        std::memcpy(copy.to, copy.from, copy.count * sizeof(float));
    }
  }

 private:
  struct Copy {
    const float* from;
    float* to;
    size_t count;
  };
  std::vector<Copy> copies_;
};

// --- sums along the last dimensions
// -------------------------------------------------------------------------

enum class Reduction : uint8_t { mean, sum, largest };

class ReduceStep final : public SessionStep {
 public:
  ReduceStep(Reduction kind, ConstValues in, Values out)
      : kind_(kind), in_(in), out_(out), slice_(in.size() / out.size()) {}
  void run() override {
    for (size_t i = 0; i < out_.size(); ++i) {
      const ConstValues own = in_.subspan(i * slice_, slice_);
      if (kind_ == Reduction::largest) {
        out_[i] = *std::max_element(own.begin(), own.end());
        continue;
      }
      double sum = 0;
      for (const float value : own) sum += static_cast<double>(value);
      out_[i] = static_cast<float>(kind_ == Reduction::mean ? sum / static_cast<double>(slice_) : sum);
    }
  }

 private:
  Reduction kind_;
  ConstValues in_;
  Values out_;
  size_t slice_;
};

class SoftmaxStep final : public SessionStep {
 public:
  SoftmaxStep(bool logarithm, ConstValues in, Values out, size_t slice)
      : logarithm_(logarithm), in_(in), out_(out), slice_(slice) {}
  void run() override {
    for (size_t first = 0; first < in_.size(); first += slice_) {
      const ConstValues own = in_.subspan(first, slice_);
      const float largest = *std::max_element(own.begin(), own.end());
      double sum = 0;
      for (size_t i = 0; i < slice_; ++i) {
        out_[first + i] = std::exp(own[i] - largest);
        sum += static_cast<double>(out_[first + i]);
      }
      const float factor = static_cast<float>(1 / sum), shift = largest + static_cast<float>(std::log(sum));
      for (size_t i = 0; i < slice_; ++i)
        out_[first + i] = logarithm_ ? own[i] - shift : out_[first + i] * factor;
    }
  }

 private:
  bool logarithm_;
  ConstValues in_;
  Values out_;
  size_t slice_;
};

// True where `axes` are the last ones of the rank, so that every slice lies in one piece.
bool are_last(std::vector<int64_t> axes, int64_t rank) {
  for (int64_t& axis : axes) axis = axis < 0 ? axis + rank : axis;
  std::sort(axes.begin(), axes.end());
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] != rank - static_cast<int64_t>(axes.size() - i)) return false;
  }
  return true;
}

std::unique_ptr<SessionStep> make_reduction(std::string_view name, const Network& network, const Node& node,
                                            const ValuePlaces& places) {
  const int64_t rank = static_cast<int64_t>(network.value(node.inputs[0]).shape->size());
  std::vector<int64_t> axes = node.layer->attributes().integers("axes");
  if (node.inputs.size() > 1 && node.inputs[1] != kNoValue) {
    const Tensor& constant = *network.value(node.inputs[1]).constant;
    for (const int64_t axis : constant.converted(DataType::int64).values<int64_t>()) axes.push_back(axis);
  }
  const ConstValues in = source_of(network, places, node.inputs[0]);
  const Values out = target_of(network, places, node.outputs[0]);
  if (in.empty() || out.empty() || (axes.empty() && out.size() != 1) || !are_last(axes, rank)) return nullptr;
  const Reduction kind = name == "ReduceMean"  ? Reduction::mean
                         : name == "ReduceSum" ? Reduction::sum
                                               : Reduction::largest;
  return std::make_unique<ReduceStep>(kind, in, out);
}

std::unique_ptr<SessionStep> make_softmax(std::string_view name, const Network& network, const Node& node,
                                          const ValuePlaces& places) {
  const Shape& shape = *network.value(node.inputs[0]).shape;
  const Attributes attributes = node.layer->attributes();
  const int64_t axis = attributes.integer("axis", -1);
  if (shape.empty() || attributes.integer("flatten", 0) != 0 ||
      !are_last({axis}, static_cast<int64_t>(shape.size())))
    return nullptr;
  const ConstValues in = source_of(network, places, node.inputs[0]);
  if (in.empty()) return nullptr;
  return std::make_unique<SoftmaxStep>(name == "LogSoftmax", in, target_of(network, places, node.outputs[0]),
                                       static_cast<size_t>(shape.back()));
}

class LayerStep final : public SessionStep {
 public:
  LayerStep(const Node& node, std::vector<const Tensor*> inputs, std::vector<Tensor*> outputs, int threads)
      : node_(node), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {
    options_.threads = threads;
  }
  void run() override {
    try {
      std::vector<Tensor> results = node_.layer->forward(inputs_, options_);
      for (size_t i = 0; i < outputs_.size(); ++i) {
        if (outputs_[i] == nullptr) continue;
        DELTAHOP_CHECK(results.at(i).bytes().size() == outputs_[i]->bytes().size());
        std::copy(results[i].bytes().begin(), results[i].bytes().end(), outputs_[i]->bytes().begin());
      }
    } catch (const Error& error) {
      throw Error(place_of(node_), error.what());
    }
  }

 private:
  const Node& node_;
  std::vector<const Tensor*> inputs_;
  std::vector<Tensor*> outputs_;
  ForwardOptions options_;
};

bool is_constant(const Network& network, ValueId id) {
  return id == kNoValue || network.value(id).constant != nullptr;
}

}  // namespace

std::unique_ptr<SessionStep> make_plain_step(const Network& network, const Node& node,
                                             const ValuePlaces& places) {
  const std::string_view name = node.layer->operator_name();
  if (!node.layer->domain().empty() || node.inputs.empty()) return nullptr;
  if (places.source(node.inputs[0]) == nullptr) return nullptr;
  for (const ValueId id : node.outputs)
    if (id != kNoValue && places.target(id) == nullptr) return nullptr;
  if (const auto movement = movement_of(network, node)) {
    auto step = std::make_unique<CopyStep>();
    for (const auto& piece : movement->pieces) {
      const float* const from = places.source(node.inputs[piece.input]);
      if (from == nullptr) return nullptr;
      step->add(from + piece.from, places.target(node.outputs[piece.output]) + piece.to, piece.count);
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      const Values out = target_of(network, places, node.outputs[i]);
      std::fill(out.begin(), out.end(), movement->fill[i]);
    }
    return step;
  }
  if (node.inputs.size() == 1) {
    for (const UnaryKind& kind : kUnaryKinds) {
      if (kind.name != name) continue;
      const Attributes attributes = node.layer->attributes();
      const UnaryNumbers numbers{attributes.number("alpha", kind.a), attributes.number("beta", kind.b)};
      return std::make_unique<UnaryStep>(kind.apply, source_of(network, places, node.inputs[0]),
                                         target_of(network, places, node.outputs[0]), numbers);
    }
  }
  if (node.inputs.size() == 2 && places.source(node.inputs[1]) != nullptr) {
    if (auto step = make_binary(name, network, node, places)) return step;
  }
  const bool steered_by_constants = std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                                                [&](ValueId id) { return is_constant(network, id); });
  if (!steered_by_constants) return nullptr;
  if (name == "ReduceMean" || name == "ReduceSum" || name == "ReduceMax")
    return make_reduction(name, network, node, places);
  if (name == "Softmax" || name == "LogSoftmax") return make_softmax(name, network, node, places);
  return nullptr;
}

std::unique_ptr<SessionStep> make_copy_step(const float* from, float* to, int64_t count) {
  auto step = std::make_unique<CopyStep>();
  step->add(from, to, count);
  return step;
}

std::unique_ptr<SessionStep> make_layer_step(const Node& node, std::vector<const Tensor*> inputs,
                                             std::vector<Tensor*> outputs, int threads) {
  return std::make_unique<LayerStep>(node, std::move(inputs), std::move(outputs), threads);
}

}  // namespace deltahop
