// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/graph_def_constants.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop::graph_def {
namespace {

constexpr int kDeepest = 64;              // nodes between a constant and what is computed from it
constexpr size_t kLongestList = 1 << 20;  // of shape arithmetic

bool passes_on(std::string_view op) {
  return op == "Identity" || op == "StopGradient" || op == "Snapshot" || op == "Enter";
}

std::vector<int64_t> integers_in(const Tensor& tensor) {
  const Tensor numbers = tensor.converted(DataType::int64);
  const auto values = numbers.values<int64_t>();
  return {values.begin(), values.end()};
}

using List = std::vector<int64_t>;
using Lists = std::vector<List>;

std::optional<List> joined(const NodeDef& node, const Lists& inputs) {
  const size_t parts = inputs.size() - (node.op == "ConcatV2" && !inputs.empty() ? 1 : 0);  // less the axis
  List result;
  for (size_t i = 0; i < parts; ++i) result.insert(result.end(), inputs[i].begin(), inputs[i].end());
  return result;
}

bool are_scalars(const Lists& inputs, size_t first, size_t count) {
  return inputs.size() == first + count &&
         std::all_of(inputs.begin() + static_cast<std::ptrdiff_t>(first), inputs.end(),
                     [](const List& list) { return list.size() == 1; });
}

// begin, end, step
std::optional<List> range(const Lists& inputs) {
  if (!are_scalars(inputs, 0, 3)) return std::nullopt;
  const int64_t end = inputs[1][0], step = inputs[2][0];
  if (step == 0) return std::nullopt;
  List numbers;
  for (int64_t at = inputs[0][0]; (step > 0 ? at < end : at > end) && numbers.size() < kLongestList;) {
    numbers.push_back(at);
    if (__builtin_add_overflow(at, step, &at)) break;
  }
  return numbers.size() < kLongestList ? std::optional(numbers) : std::nullopt;
}

// list, begin, end, step: of one dimension, so that of the masks only bit 0 counts.
std::optional<List> slice(const NodeDef& node, const Lists& inputs) {
  if (!are_scalars(inputs, 1, 3) || inputs[3][0] != 1 || node.integer("ellipsis_mask", 0) != 0 ||
      node.integer("new_axis_mask", 0) != 0) {
    return std::nullopt;
  }
  const auto size = static_cast<int64_t>(inputs[0].size());
  const auto at = [size](int64_t position) {
    return std::clamp<int64_t>(position < 0 ? position + size : position, 0, size);
  };
  const int64_t begin = node.integer("begin_mask", 0) != 0 ? 0 : at(inputs[1][0]);
  const bool is_element = node.integer("shrink_axis_mask", 0) != 0;
  if (is_element && begin >= size) return std::nullopt;
  const int64_t end = is_element                         ? begin + 1
                      : node.integer("end_mask", 0) != 0 ? size
                                                         : std::max(begin, at(inputs[2][0]));
  return List(inputs[0].begin() + begin, inputs[0].begin() + end);
}

}  // namespace

Ref Constants::source(Ref ref) const {
  constexpr int kMostInARow = 256;  // more are a circle
  for (int steps = 0; steps < kMostInARow; ++steps) {
    if (!passes_on(file_.node(ref).op)) return ref;
    ref = file_.input(ref, 0);
  }
  throw Error(file_.node(ref).place(), "the graph has a circle", "a value depends on itself");
}

std::shared_ptr<const Tensor> Constants::find(Ref ref) { return find(ref, 0); }

std::shared_ptr<const Tensor> Constants::find(Ref ref, int depth) {
  if (depth > kDeepest) return nullptr;
  ref = source(ref);
  const auto known = known_.find(ref);
  if (known != known_.end()) return known->second;
  std::shared_ptr<const Tensor> tensor;
  try {
    if (auto value = computed(ref, depth)) tensor = std::make_shared<const Tensor>(std::move(*value));
  } catch (const Error& error) {
    throw Error(file_.node(ref).place(), error.what());
  }
  return known_.emplace(ref, std::move(tensor)).first->second;
}

std::optional<Tensor> Constants::computed(Ref ref, int depth) {
  const NodeDef& node = file_.node(ref);
  if (ref.output != 0) return std::nullopt;
  if (node.op == "Const")
    return node.type("dtype", 0) == kStringType ? std::nullopt
                                                : std::optional(node.tensor("value", allowance_));
  if (node.op == "Fill") return fill(ref, depth);
  return list(ref, depth);
}

std::optional<std::vector<int64_t>> Constants::known_integers(Ref ref, size_t input, int depth) {
  const auto tensor = find(file_.input(ref, input), depth + 1);
  if (tensor == nullptr || tensor->rank() > 1 || is_floating(tensor->type()) ||
      tensor->size() > static_cast<int64_t>(kLongestList)) {
    return std::nullopt;
  }
  return integers_in(*tensor);
}

std::optional<Tensor> Constants::fill(Ref ref, int depth) {
  const auto shape = known_integers(ref, 0, depth);
  const auto value = find(file_.input(ref, 1), depth + 1);
  if (!shape || value == nullptr || value->size() != 1) return std::nullopt;
  if (std::any_of(shape->begin(), shape->end(), [](int64_t size) { return size < 0; }))
    throw Error("", "wants a negative size", "the file may be damaged");
  allowance_.take(value->type(), *shape);
  Tensor tensor = Tensor::zeros(value->type(), *shape);
  dispatch(value->type(), [&]<class T>() { std::ranges::fill(tensor.values<T>(), value->values<T>()[0]); });
  return tensor;
}

// Shape arithmetic: lists of whole numbers.
std::optional<Tensor> Constants::list(Ref ref, int depth) {
  const NodeDef& node = file_.node(ref);
  const bool joins = node.op == "ConcatV2" || node.op == "Pack";
  if (!joins && node.op != "Range" && node.op != "StridedSlice") return std::nullopt;
  Lists inputs;
  size_t total = 0;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const auto numbers = known_integers(ref, i, depth);
    if (!numbers) return std::nullopt;
    total += numbers->size();
    if (total > kLongestList) return std::nullopt;
    inputs.push_back(*numbers);
  }
  const auto result = joins ? joined(node, inputs) : node.op == "Range" ? range(inputs) : slice(node, inputs);
  if (!result) return std::nullopt;
  const auto size = static_cast<int64_t>(result->size());
  allowance_.take(DataType::int64, {size});
  const bool is_scalar = node.op == "StridedSlice" && node.integer("shrink_axis_mask", 0) != 0;
  return Tensor::of<int64_t>(is_scalar ? Shape{} : Shape{size}, *result);
}

std::shared_ptr<const Tensor> Constants::want(Ref reader, Ref ref, std::string_view what) {
  auto tensor = find(ref);
  if (tensor == nullptr) {
    throw Error(file_.node(reader).place(),
                fmt::format("{} is no constant: it comes from '{}'", what, file_.name_of(source(ref))),
                "freeze the graph with fixed sizes");
  }
  return tensor;
}

std::vector<int64_t> Constants::integers(Ref reader, Ref ref, std::string_view what) {
  const auto tensor = want(reader, ref, what);
  if (tensor->rank() > 1 || is_floating(tensor->type()) ||
      tensor->size() > static_cast<int64_t>(kLongestList)) {
    throw Error(file_.node(reader).place(), fmt::format("{} is no list of whole numbers", what),
                "the file may be damaged");
  }
  return integers_in(*tensor);
}

int64_t Constants::integer(Ref reader, Ref ref, std::string_view what) {
  const std::vector<int64_t> numbers = integers(reader, ref, what);
  if (numbers.size() != 1)
    throw Error(file_.node(reader).place(), fmt::format("{} is no single number", what),
                "the file may be damaged");
  return numbers[0];
}

bool Constants::all_equal(Ref ref, double value) {
  const auto tensor = find(ref);
  if (tensor == nullptr) return false;
  spend(DataType::float64, tensor->shape());
  const Tensor numbers = tensor->converted(DataType::float64);
  return std::ranges::all_of(numbers.values<double>(), [value](double element) { return element == value; });
}

}  // namespace deltahop::graph_def
