// SPDX-License-Identifier: Apache-2.0
// ReduceSum, ReduceMean, ReduceMax, ReduceSumSquare over any axes. Floats are summed in double. Opset 17
// wants the axes of ReduceSum as an input and those of the others as an attribute; newer files have an input
// everywhere.
#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "deltahop/network/broadcast.h"
#include "deltahop/network/constant_inputs.h"
#include "deltahop/network/integer_sums.h"
#include "deltahop/network/layers/elementwise.h"

namespace deltahop {
namespace {

// floats sum in double, integers modulo 2^64 (cut to their width at the end)
template <class T>
using SumOf = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;

struct ReduceSum {
  static constexpr std::string_view kName = "ReduceSum";
  template <class T>
  using Total = SumOf<T>;
  template <class T>
  static Total<T> start() {
    return 0;
  }
  template <class T>
  static Total<T> join(Total<T> total, T value) {
    return total + static_cast<Total<T>>(value);
  }
  template <class T>
  static Total<T> merge(Total<T> a, Total<T> b) {
    return a + b;
  }
  template <class T>
  static T finish(Total<T> total, int64_t) {
    return static_cast<T>(total);
  }
};

struct ReduceMean : ReduceSum {
  static constexpr std::string_view kName = "ReduceMean";
  template <class T>
  static T finish(Total<T> total, int64_t count) {
    if constexpr (std::is_floating_point_v<T>)
      return static_cast<T>(total / static_cast<double>(count));
    else if (count == 0)
      throw Error("", "the mean of no integers does not exist");
    else if constexpr (std::is_signed_v<T>)
      return static_cast<T>(static_cast<int64_t>(total) / count);
    else
      return static_cast<T>(total / static_cast<uint64_t>(count));
  }
};

struct ReduceSumSquare : ReduceSum {
  static constexpr std::string_view kName = "ReduceSumSquare";
  template <class T>
  static Total<T> join(Total<T> total, T value) {
    return total + static_cast<Total<T>>(value) * static_cast<Total<T>>(value);
  }
};

struct ReduceMax {
  static constexpr std::string_view kName = "ReduceMax";
  template <class T>
  using Total = T;
  template <class T>
  static T start() {
    using Limits = std::numeric_limits<T>;
    return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  }
  template <class T>
  static T join(T total, T value) {
    return total < value || value != value ? value : total;  // NaN wins, as in numpy
  }
  template <class T>
  static T merge(T a, T b) {
    return join<T>(a, b);
  }
  template <class T>
  static T finish(T total, int64_t) {
    return total;
  }
};

template <class Function>
constexpr bool kAxesAreInput = std::is_same_v<Function, ReduceSum>;

template <class Function>
class Reduce final : public Layer {
 public:
  explicit Reduce(LayerArguments& arguments) {
    const Attributes& attributes = arguments.attributes;
    keep_dimensions_ = attributes.integer("keepdims", 1) != 0;
    empty_means_none_ = attributes.integer("noop_with_empty_axes", 0) != 0;
    if (kAxesAreInput<Function>) {
      attribute_to_input(arguments, "axes", 1);
    } else if (attributes.has("axes")) {
      axes_ = attributes.integers("axes");
    } else if (arguments.inputs.size() == 2 && arguments.inputs[1].constant != nullptr) {
      axes_ = integers_of(*arguments.inputs[1].constant, "axes");
      arguments.inputs.resize(1);
    }
    attributes.finish();
  }
  std::string_view operator_name() const override { return Function::kName; }
  Attributes attributes() const override {
    Attributes attributes = {{"keepdims", int64_t{keep_dimensions_}}};
    if (axes_ && !axes_->empty()) attributes.set("axes", *axes_);
    // Opset 17 has this for ReduceSum only; the others need it only where it changes the result.
    if (empty_means_none_ && !(axes_ && !axes_->empty())) attributes.set("noop_with_empty_axes", int64_t{1});
    return attributes;
  }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, axes_ ? 1 : 2);
    const ValueInfo& data = required(inputs, 0, "data");
    if (!data.shape) return {{data.type, std::nullopt, nullptr}};
    const auto axes = axes_ ? axes_ : known_integers(inputs, 1, "axes");
    if (!axes) return {{data.type, std::nullopt, nullptr}};
    return {{data.type, reduced_shape(*data.shape, reduced_axes(*axes, data.shape->size()), keep_dimensions_),
             nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    const Shape shape = *infer(infos_of(inputs))[0].shape;
    const std::vector<bool> reduced = reduced_axes(axes_of(optional_input(inputs, 1)), inputs[0]->rank());
    const DataType type = inputs[0]->type();
    if (type == DataType::boolean && std::is_same_v<Function, ReduceMax>) {
      // The largest of booleans is their "or".
      const Tensor bytes = inputs[0]->converted(DataType::uint8);
      return one(reduce(bytes, reduced, shape).converted(DataType::boolean));
    }
    const AsType data(*inputs[0], computing_type(type));
    return one(as_type(reduce(data.get(), reduced, shape), type));
  }

  std::optional<Accumulators> accumulate(std::span<const IntegerValue> inputs,
                                         const ForwardOptions&) const override {
    constexpr bool mean = std::is_same_v<Function, ReduceMean>;
    if (!mean && !std::is_same_v<Function, ReduceSum>) return std::nullopt;
    const Tensor* axes = inputs.size() > 1 ? inputs[1].codes : nullptr;
    if (axes != nullptr && axes->type() != DataType::int64) return std::nullopt;
    auto codes = wide_codes(inputs[0], inputs[0].fraction_bits);
    // 2^46 codes of 16 bits add up without wrapping; wider ones are left to the host.
    if (!codes || inputs[0].codes->type() != DataType::int16) return std::nullopt;
    const std::vector<bool> reduced = reduced_axes(axes_of(axes), codes->rank());
    const Shape shape = reduced_shape(codes->shape(), reduced, keep_dimensions_);
    const int64_t outputs = element_count(shape);
    const int64_t terms = outputs == 0 ? 0 : codes->size() / outputs;
    if (mean && terms == 0) return std::nullopt;
    Accumulators result{Tensor(DataType::int64, shape), inputs[0].fraction_bits, mean ? terms : 1};
    reduce_into<ReduceSum, int64_t>(*codes, reduced, result.sums);
    return result;
  }

 private:
  std::vector<int64_t> axes_of(const Tensor* input) const {
    if (axes_) return *axes_;
    return input == nullptr ? std::vector<int64_t>() : integers_of(*input, "axes");
  }

  std::vector<bool> reduced_axes(const std::vector<int64_t>& axes, size_t rank) const {
    return axes.empty() ? std::vector<bool>(rank, !empty_means_none_) : marked_axes(axes, rank);
  }

  static Shape reduced_shape(const Shape& shape, const std::vector<bool>& reduced, bool keep) {
    Shape result;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (!reduced[axis])
        result.push_back(shape[axis]);
      else if (keep)
        result.push_back(1);
    }
    return result;
  }

  static Tensor reduce(const Tensor& data, const std::vector<bool>& reduced, const Shape& shape) {
    Tensor output(data.type(), shape);
    if (std::is_same_v<Function, ReduceMax> && output.size() > 0 && data.size() == 0 &&
        !is_floating(data.type())) {
      throw Error("", "the largest of no integers does not exist");
    }
    dispatch_number(data.type(), [&]<class T>() { reduce_into<Function, T>(data, reduced, output); });
    return output;
  }

  // Some totals side by side, so that no element waits for the one before it.
  template <class Rule, class T>
  static typename Rule::template Total<T> total_of_run(const T* values, int64_t count) {
    constexpr int64_t kLanes = 8;
    std::array<typename Rule::template Total<T>, kLanes> lanes;
    lanes.fill(Rule::template start<T>());
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        lanes[static_cast<size_t>(lane)] = Rule::join(lanes[static_cast<size_t>(lane)], values[i + lane]);
      }
    }
    for (; i < count; ++i) lanes[0] = Rule::join(lanes[0], values[i]);
    for (size_t lane = 1; lane < kLanes; ++lane) lanes[0] = Rule::template merge<T>(lanes[0], lanes[lane]);
    return lanes[0];
  }

  // Goes over the data in memory's order; each run either falls into one total or is added to a row of them.
  template <class Rule, class T>
  static void reduce_into(const Tensor& data, const std::vector<bool>& reduced, Tensor& output) {
    using Total = typename Rule::template Total<T>;
    std::vector<Total> totals(static_cast<size_t>(output.size()), Rule::template start<T>());
    if (data.size() > 0) {
      const BroadcastLoops loops =
          BroadcastLoops::of({data.shape(), reduced_shape(data.shape(), reduced, true)});
      const int64_t run = loops.run();
      const bool into_one = loops.run_step(1) == 0;
      const T* values = data.values<T>().data();
      for_each_run(loops, [&](int64_t position, const int64_t* offsets) {
        const T* value = values + position;
        Total* total = totals.data() + offsets[1];
        if (into_one) {
          *total = Rule::template merge<T>(*total, total_of_run<Rule, T>(value, run));
        } else {
          for (int64_t i = 0; i < run; ++i) total[i] = Rule::join(total[i], value[i]);
        }
      });
    }
    const int64_t count = output.size() == 0 ? 0 : data.size() / output.size();
    const auto results = output.values<T>();
    for (size_t i = 0; i < totals.size(); ++i) results[i] = Rule::template finish<T>(totals[i], count);
  }

  std::optional<std::vector<int64_t>> axes_;  // absent: given as an input, or none at all
  bool keep_dimensions_ = true;
  bool empty_means_none_ = false;
};

template <class Function>
LayerKind reduce_kind(std::string summary) {
  return {std::string(Function::kName), std::move(summary), make_kind<Reduce<Function>>};
}

}  // namespace

std::vector<LayerKind> describe_reduce() {
  return {reduce_kind<ReduceSum>("the sum over some axes"),
          reduce_kind<ReduceMean>("the mean over some axes"),
          reduce_kind<ReduceMax>("the largest over some axes"),
          reduce_kind<ReduceSumSquare>("the sum of squares over some axes")};
}

}  // namespace deltahop
