// SPDX-License-Identifier: Apache-2.0
// Recognised loops as GRU and LSTM nodes: TensorFlow keeps one matrix over [x, h] with a column a gate unit,
// ONNX two with a row a gate unit and the gates in another order.
#include <algorithm>

#include <fmt/format.h>

#include "deltahop/base/error.h"

#include "deltahop/io/graph_def_lower.h"
#include "deltahop/network/strided_copy.h"

namespace deltahop::graph_def {
namespace {

// Gates in TensorFlow's columns, in the order in which ONNX stacks them.
constexpr int64_t kForgetColumn = 2;
constexpr int64_t kLstmColumns[4] = {0, 3, kForgetColumn, 1};  // i o f c from i j f o

// Rows [first, first + rows) of the columns of one gate, transposed: [hidden, rows].
Tensor gate_block(const Tensor& kernel, int64_t first, int64_t rows, int64_t gate, int64_t hidden) {
  const int64_t columns = kernel.dim(1);
  return gather_strided(kernel, first * columns + gate * hidden, {hidden, rows}, {1, columns});
}

struct Weights {
  Tensor input, recurrent, bias;  // [1, gates * H, I], [1, gates * H, H], [1, 2 * gates * H]
};

class WeightWriter {
 public:
  WeightWriter(int64_t gates, int64_t inputs, int64_t hidden)
      : inputs_(inputs),
        hidden_(hidden),
        weights_{Tensor::zeros(DataType::float32, {1, gates * hidden, inputs}),
                 Tensor::zeros(DataType::float32, {1, gates * hidden, hidden}),
                 Tensor::zeros(DataType::float32, {1, 2 * gates * hidden})} {}

  // The next gate, from columns `gate` of a kernel and its bias, to which `more` is added.
  void append(const Tensor& kernel, const Tensor& bias, int64_t gate, float more = 0) {
    copy(gate_block(kernel, 0, inputs_, gate, hidden_), weights_.input, next_ * hidden_ * inputs_);
    copy(gate_block(kernel, inputs_, hidden_, gate, hidden_), weights_.recurrent, next_ * hidden_ * hidden_);
    const auto from = bias.values<float>();
    const auto to = weights_.bias.values<float>();
    for (int64_t i = 0; i < hidden_; ++i)
      to[static_cast<size_t>(next_ * hidden_ + i)] = from[static_cast<size_t>(gate * hidden_ + i)] + more;
    ++next_;
  }
  Weights take() { return std::move(weights_); }

 private:
  static void copy(const Tensor& from, Tensor& to, int64_t first) {
    const auto source = from.values<float>();
    std::copy(source.begin(), source.end(), to.values<float>().begin() + first);
  }
  int64_t inputs_, hidden_, next_ = 0;
  Weights weights_;
};

void check_kernel(const Tensor& kernel, const Tensor& bias, int64_t rows, int64_t columns,
                  const std::string& name) {
  if (kernel.type() == DataType::float32 && bias.type() == DataType::float32 &&
      kernel.shape() == Shape{rows, columns} && bias.shape() == Shape{columns}) {
    return;
  }
  throw Error(fmt::format("the cell '{}'", name),
              fmt::format("has weights of {} and a bias of {}, want {}x{} and {} in float32",
                          to_text(kernel.shape()), to_text(bias.shape()), rows, columns, columns),
              "the file may be damaged");
}

// "lstm/lstm_cell" from "lstm/lstm_cell/kernel": what a weight belongs to.
std::string cell_name(std::string name, std::initializer_list<std::string_view> endings) {
  for (const std::string_view ending : endings) {
    if (name.size() > ending.size() && name.ends_with(ending)) {
      name.resize(name.size() - ending.size());
      break;
    }
  }
  return name;
}

}  // namespace

void Lowering::lower_loop_output() {
  const Loop& loop = loops_.loop_of(ref_);
  const auto output = loop.outputs.find(ref_);
  if (output == loop.outputs.end() || output->second.kind == Loop::Output::Kind::every_hidden)
    refuse("what leaves the loop here is no state of a cell");
  const LoopValues& values = loop_values(ref_);
  const bool is_cell = output->second.kind == Loop::Output::Kind::last_cell;
  give((is_cell ? values.cells : values.hidden)[output->second.cell]);
}

// TensorArrayGatherV3(array, 0..steps-1, flow): all hidden states, [steps, batch, hidden].
void Lowering::lower_gathered_output() {
  const Ref exit = constants_.source(file_.input(ref_, 2));
  const Loop& loop = loops_.loop_of(exit);
  const auto output = loop.outputs.find(exit);
  const Ref order = constants_.source(file_.input(ref_, 1));
  const bool whole = file_.is(order, "Range") && constants_.all_equal(file_.input(order, 0), 0) &&
                     file_.is(constants_.source(file_.input(order, 1)), "TensorArraySizeV3") &&
                     constants_.integer(ref_, file_.input(order, 2), "the step between states") == 1;
  if (output == loop.outputs.end() || output->second.kind != Loop::Output::Kind::every_hidden || !whole)
    refuse("reads something else than all hidden states in order");
  give(loop_values(exit).sequences[output->second.cell]);
}

// [batch, hidden] as [1, batch, hidden]; none where it is zero.
ValueId Lowering::initial_state(Ref state, const std::string& name) {
  if (constants_.all_equal(state, 0)) return kNoValue;
  const ValueId axes = builder_.constant(name + "/axes", Tensor::of<int64_t>({1}, {0}));
  return builder_.node("Unsqueeze", name, {plain(state), axes})[0];
}

const Lowering::LoopValues& Lowering::loop_values(Ref exit) {
  const Loop& loop = loops_.loop_of(exit);
  const auto known = loop_values_.find(&loop);
  if (known != loop_values_.end()) return known->second;
  if (const auto& shape = lowered(loop.sequence).shape;
      shape && (shape->size() != 3 || (*shape)[0] != loop.steps)) {
    throw Error(loop.place, fmt::format("takes {} steps over a sequence of {}", loop.steps, to_text(*shape)));
  }
  LoopValues values;
  ValueId sequence = plain(loop.sequence);
  for (size_t c = 0; c < loop.cells.size(); ++c) sequence = recurrent_node(loop, c, sequence, values);
  return loop_values_[&loop] = std::move(values);
}

// Adds the node of one cell and what brings its outputs into TensorFlow's form. Returns its hidden states for
// the cell above, [steps, batch, hidden].
ValueId Lowering::recurrent_node(const Loop& loop, size_t number, ValueId sequence, LoopValues& values) {
  const LoopCell& cell = loop.cells[number];
  const std::string name = unique_cell_name(cell);
  const auto is_read = [&](Loop::Output::Kind kind) {
    return std::any_of(loop.outputs.begin(), loop.outputs.end(), [&](const auto& entry) {
      return entry.second.kind == kind && entry.second.cell == number;
    });
  };
  using Kind = Loop::Output::Kind;
  const bool wants_all = number + 1 < loop.cells.size() || is_read(Kind::every_hidden);
  std::vector<ValueId> outputs = {wants_all ? builder_.declare(name + "/all") : kNoValue,
                                  is_read(Kind::last_hidden) ? builder_.declare(name + "/hidden") : kNoValue};
  if (cell.is_lstm) outputs.push_back(is_read(Kind::last_cell) ? builder_.declare(name + "/cell") : kNoValue);
  while (outputs.back() == kNoValue && outputs.size() > 1) outputs.pop_back();
  if (outputs == std::vector<ValueId>{kNoValue}) outputs[0] = builder_.declare(name + "/all");
  std::vector<ValueId> inputs = {sequence};
  const int64_t hidden = add_weights(cell, name, inputs);
  inputs.push_back(kNoValue);  // sequence lengths: all of them
  inputs.push_back(initial_state(cell.initial_hidden, name + "/initial_hidden"));
  if (cell.is_lstm) {
    inputs.push_back(initial_state(cell.initial_cell, name + "/initial_cell"));
    inputs.push_back(peepholes(cell, name, hidden));
  }
  while (inputs.back() == kNoValue) inputs.pop_back();
  builder_.node_into(cell.is_lstm ? "LSTM" : "GRU", name, std::move(inputs), outputs,
                     {{"hidden_size", hidden}});

  // Y: [steps, 1, batch, hidden], Y_h and Y_c: [1, batch, hidden].
  const auto without = [&](size_t output, int64_t axis, const std::string& what) {
    if (output >= outputs.size() || outputs[output] == kNoValue) return kNoValue;
    const ValueId axes = builder_.constant(name + what + "/axes", Tensor::of<int64_t>({1}, {axis}));
    return builder_.node("Squeeze", name + what, {outputs[output], axes})[0];
  };
  values.sequences.push_back(without(0, 1, "/squeezed_all"));
  values.hidden.push_back(without(1, 0, "/squeezed_hidden"));
  values.cells.push_back(without(2, 0, "/squeezed_cell"));
  return values.sequences.back();
}

// Called after what its weights belong to.
std::string Lowering::unique_cell_name(const LoopCell& cell) {
  const std::string kernel = file_.name_of(cell.kernel);
  const std::string name =
      cell.is_lstm ? cell_name(kernel, {"/kernel"}) : cell_name(kernel, {"/gates/kernel", "/kernel"});
  const int uses = ++cell_names_[name];
  return uses == 1 ? name : fmt::format("{}#{}", name, uses);
}

// Appends W, R and B. Returns the number of hidden units.
int64_t Lowering::add_weights(const LoopCell& cell, const std::string& name, std::vector<ValueId>& inputs) {
  const auto kernel = constants_.want(ref_, cell.kernel, "the kernel");
  const auto bias = constants_.want(ref_, cell.bias, "the bias");
  const auto candidate =
      cell.is_lstm ? nullptr : constants_.want(ref_, cell.candidate_kernel, "the candidate's kernel");
  const auto candidate_bias =
      cell.is_lstm ? nullptr : constants_.want(ref_, cell.candidate_bias, "the candidate's bias");
  const int64_t gates = cell.is_lstm ? 4 : 3, stacked = cell.is_lstm ? 4 : 2;
  const int64_t hidden = kernel->rank() == 2 ? kernel->dim(1) / stacked : 0;
  const int64_t size = kernel->rank() == 2 ? kernel->dim(0) - hidden : 0;
  if (hidden < 1 || size < 1) {
    throw Error(fmt::format("the cell '{}'", name),
                fmt::format("has weights of {}", to_text(kernel->shape())), "the file may be damaged");
  }
  check_kernel(*kernel, *bias, size + hidden, stacked * hidden, name);
  if (candidate != nullptr) check_kernel(*candidate, *candidate_bias, size + hidden, hidden, name);
  constants_.spend(DataType::float32, {size + hidden, gates * hidden});
  WeightWriter writer(gates, size, hidden);
  if (cell.is_lstm) {
    for (const int64_t gate : kLstmColumns)
      writer.append(*kernel, *bias, gate, gate == kForgetColumn ? cell.forget_bias : 0);
  } else {
    writer.append(*kernel, *bias, 1);  // z, which TensorFlow calls u
    writer.append(*kernel, *bias, 0);  // r
    writer.append(*candidate, *candidate_bias, 0);
  }
  Weights weights = writer.take();
  inputs.push_back(builder_.constant(name + "/W", std::move(weights.input)));
  inputs.push_back(builder_.constant(name + "/R", std::move(weights.recurrent)));
  inputs.push_back(builder_.constant(name + "/B", std::move(weights.bias)));
  return hidden;
}

// [1, 3 * hidden]: i o f; none where the cell has none.
ValueId Lowering::peepholes(const LoopCell& cell, const std::string& name, int64_t hidden) {
  if (!cell.peephole_input && !cell.peephole_output && !cell.peephole_forget) return kNoValue;
  Tensor weights = Tensor::zeros(DataType::float32, {1, 3 * hidden});
  int64_t first = 0;
  for (const auto& peephole : {cell.peephole_input, cell.peephole_output, cell.peephole_forget}) {
    if (peephole) {
      const auto values = constants_.want(ref_, *peephole, "a peephole");
      if (values->type() != DataType::float32 || values->shape() != Shape{hidden})
        refuse(fmt::format("a peephole is {}, want {} numbers", to_text(values->shape()), hidden));
      std::ranges::copy(values->values<float>(), weights.values<float>().begin() + first);
    }
    first += hidden;
  }
  return builder_.constant(name + "/P", std::move(weights));
}

}  // namespace deltahop::graph_def
