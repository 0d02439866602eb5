// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/graph_def_lower.h"

#include <algorithm>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop::graph_def {
namespace {

const std::vector<int64_t> kToChannelsFirst = {0, 3, 1, 2}, kToChannelsLast = {0, 2, 3, 1};

// Ends of a graph that compute nothing.
bool is_no_result(std::string_view op) {
  return op == "NoOp" || op == "Assert" || op == "Const" || op == "Placeholder" || op == "SaveV2";
}

// The shape that a Reshape of `from` gives, with its -1 filled in; nothing where that does not come out.
std::optional<Shape> reshaped(const Shape& from, Shape to) {
  int64_t known = 1;
  for (const int64_t size : to) {
    if (size != -1 && (size <= 0 || __builtin_mul_overflow(known, size, &known))) return std::nullopt;
  }
  const int64_t count = element_count(from);
  for (int64_t& size : to) {
    if (size == -1) size = count / known;
  }
  return element_count(to) == count ? std::optional(to) : std::nullopt;
}

}  // namespace

Lowering::Lowering(const File& file, size_t file_bytes, const std::string& name)
    : file_(file), constants_(file, file_bytes), loops_(file, constants_), builder_(name) {
  for (size_t n = 0; n < file.nodes().size(); ++n) {
    for (const Ref input : file.nodes()[n].inputs) readers_[input].push_back({static_cast<int32_t>(n), 0});
  }
}

void Lowering::refuse(std::string_view what, std::string_view hint) const {
  throw Error(node().place(), what, hint);
}

Network Lowering::network() {
  const std::vector<Ref> results = ends();
  if (results.empty())
    throw Error("", "the graph computes nothing from an input", "freeze it with its output");
  for (const Ref end : results) lower(end);
  for (const Ref end : results) builder_.output(plain(end));
  return builder_.build();
}

// Nodes that nobody reads.
std::vector<Ref> Lowering::ends() const {
  std::vector<bool> is_read(file_.nodes().size(), false);
  for (const NodeDef& node : file_.nodes()) {
    for (const Ref input : node.inputs) is_read[static_cast<size_t>(input.node)] = true;
  }
  std::vector<Ref> ends;
  for (size_t n = 0; n < is_read.size(); ++n) {
    const Ref ref{static_cast<int32_t>(n), 0};
    if (!is_read[n] && !is_no_result(file_.node(ref).op)) ends.push_back(ref);
  }
  return ends;
}

// Depth first with an explicit stack: graphs may be thousands of nodes deep.
void Lowering::lower(Ref end) {
  struct Step {
    Ref ref;
    std::vector<Ref> needs;
    size_t next = 0;
  };
  std::vector<Step> stack;
  std::vector<bool> open(file_.nodes().size(), false);
  const auto visit = [&](Ref ref) {
    ref = constants_.source(ref);
    if (values_.count(ref) != 0 || constants_.find(ref) != nullptr) return;
    if (open[static_cast<size_t>(ref.node)])
      throw Error(file_.node(ref).place(), "the graph has a circle", "a value depends on itself");
    open[static_cast<size_t>(ref.node)] = true;
    stack.push_back({{ref.node, 0}, needs({ref.node, 0})});
  };
  visit(end);
  while (!stack.empty()) {
    Step& step = stack.back();
    if (step.next < step.needs.size()) {
      visit(step.needs[step.next++]);
      continue;
    }
    lower_node(step.ref);
    open[static_cast<size_t>(step.ref.node)] = false;
    stack.pop_back();
  }
}

std::vector<Ref> Lowering::needs(Ref ref) {
  const NodeDef& node = file_.node(ref);
  if (node.op == "Mfcc") return {};
  if (node.op != "Exit" && node.op != "TensorArrayGatherV3") return node.inputs;
  const Ref exit = node.op == "Exit" ? ref : constants_.source(file_.input(ref, 2));
  if (!file_.is(exit, "Exit")) throw Error(node.place(), "reads a TensorArray that no loop fills");
  const Loop& loop = loops_.loop_of(exit);
  std::vector<Ref> needed = {loop.sequence};
  for (const LoopCell& cell : loop.cells) {
    needed.push_back(cell.initial_hidden);
    if (cell.is_lstm) needed.push_back(cell.initial_cell);
  }
  return needed;
}

void Lowering::lower_node(Ref ref) {
  if (values_.count(ref) != 0) return;  // the sum that a product took its bias from
  ref_ = ref;
  try {
    lower_operator(*this);
  } catch (const Error& error) {
    const std::string place = node().place();
    if (std::string_view(error.what()).substr(0, 6) == "node '") throw;
    throw Error(place, error.what());
  }
}

const Lowering::Lowered& Lowering::lowered(Ref ref) {
  ref = constants_.source(ref);
  const auto known = values_.find(ref);
  if (known != values_.end()) return known->second;
  auto tensor = constants_.find(ref);
  if (tensor == nullptr)
    refuse(fmt::format("its input '{}' is not supported", file_.name_of(ref)), "only first outputs are");
  const ValueId id = builder_.constant(file_.name_of(ref), std::move(tensor));
  return values_[ref] = {id, false, std::nullopt, {}};
}

ValueId Lowering::transposed(Ref ref, bool channels_first) {
  ref = constants_.source(ref);
  const Lowered& value = lowered(ref);
  if (value.channels_first == channels_first) return value.value;
  const auto [entry, is_new] = transposed_.emplace(std::pair(ref, channels_first), kNoValue);
  if (is_new) {
    const std::string name = file_.name_of(ref) + (channels_first ? "/channels_first" : "/channels_last");
    entry->second = builder_.node("Transpose", name, {value.value},
                                  {{"perm", channels_first ? kToChannelsFirst : kToChannelsLast}})[0];
  }
  return entry->second;
}

ValueId Lowering::plain(Ref ref) { return transposed(ref, false); }

ValueId Lowering::input(size_t index) { return plain(file_.input(ref_, index)); }
ValueId Lowering::input_channels_first(size_t index) { return transposed(file_.input(ref_, index), true); }
bool Lowering::lies_channels_first(size_t index) const {
  const auto known = values_.find(constants_.source(file_.input(ref_, index)));
  return known != values_.end() && known->second.channels_first;
}

std::shared_ptr<const Tensor> Lowering::constant_input(size_t index, std::string_view what) {
  return constants_.want(ref_, file_.input(ref_, index), what);
}
std::vector<int64_t> Lowering::integer_input(size_t index, std::string_view what) {
  return constants_.integers(ref_, file_.input(ref_, index), what);
}

ValueId Lowering::add(const std::string& operator_name, std::vector<ValueId> inputs, Attributes attributes,
                      const std::string& suffix) {
  const std::string name = std::string(node().name) + suffix;
  const bool is_taken = builder_.find(name) != kNoValue;
  if (is_taken) return builder_.node(operator_name, name, std::move(inputs), std::move(attributes))[0];
  const ValueId output = builder_.declare(name);
  builder_.node_into(operator_name, name, std::move(inputs), {output}, std::move(attributes));
  return output;
}

ValueId Lowering::add_constant(const std::string& suffix, Tensor tensor) {
  std::string name = std::string(node().name) + suffix;
  for (int number = 2; builder_.find(name) != kNoValue; ++number)
    name = fmt::format("{}{}#{}", node().name, suffix, number);
  return builder_.constant(name, std::move(tensor));
}

void Lowering::give(ValueId value, bool channels_first) {
  values_[ref_] = {value, channels_first, std::nullopt, {}};
  if (bias_reader_) values_[*bias_reader_] = values_[ref_];
  bias_reader_.reset();
}

std::optional<ValueId> Lowering::take_bias(int64_t channels) {
  const auto readers = readers_.find(ref_);
  if (readers == readers_.end() || readers->second.size() != 1) return std::nullopt;
  const Ref sum = readers->second[0];
  const NodeDef& reader = file_.node(sum);
  if ((reader.op != "Add" && reader.op != "AddV2" && reader.op != "BiasAdd") || reader.inputs.size() != 2 ||
      reader.text("data_format", "NHWC") != "NHWC") {
    return std::nullopt;
  }
  const Ref bias = reader.inputs[reader.inputs[0] == ref_ ? 1 : 0];
  const auto tensor = constants_.find(bias);
  if (tensor == nullptr || tensor->shape() != Shape{channels}) return std::nullopt;
  bias_reader_ = sum;
  return lowered(bias).value;
}

void Lowering::lower_input() {
  const int64_t type = node().type("dtype", 0);
  if (type == kStringType) {
    refuse("takes text or a file's bytes",
           "only DecodeWav, AudioSpectrogram and Mfcc in a row are understood there");
  }
  const auto shape = node().shape("shape");
  if (!shape) refuse("has no shape", "freeze the graph with the input's number of dimensions");
  const bool is_known =
      std::none_of(shape->begin(), shape->end(), [](int64_t size) { return size == kSymbolic; });
  const ValueId value = builder_.input(std::string(node().name), data_type_of_tensorflow(type), *shape,
                                       std::vector<std::string>(shape->size()));
  values_[ref_] = {value, false, is_known ? shape : std::nullopt, {}};
}

void Lowering::lower_reshape() {
  const Shape wanted = integer_input(1, "the shape");
  if (std::any_of(wanted.begin(), wanted.end(), [](int64_t size) { return size < -1 || size == 0; }))
    refuse(fmt::format("the shape {} is not supported", to_text(wanted)));
  Ref from = constants_.source(file_.input(ref_, 0));
  // A Reshape of a Reshape depends on the first value alone.
  if (const Lowered& value = lowered(from); value.reshaped.node != -1) from = value.reshaped;
  const std::optional<Shape> known = lowered(from).shape;
  const std::optional<Shape> result = known ? reshaped(*known, wanted) : std::nullopt;
  if (result && *result == *known) {
    values_[ref_] = lowered(from);
    return;
  }
  const ValueId shape =
      add_constant("/shape", Tensor::of<int64_t>({static_cast<int64_t>(wanted.size())}, wanted));
  values_[ref_] = {add("Reshape", {plain(from), shape}), false, result, from};
}

}  // namespace deltahop::graph_def
