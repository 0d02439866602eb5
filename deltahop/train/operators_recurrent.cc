// SPDX-License-Identifier: Apache-2.0
// GRU, LSTM and RNN over whole sequences: one product for all inputs, then step by step. Padding behind the
// end of a sequence computes on; who reads outputs knows the lengths.
#include "deltahop/network/recurrent_attributes.h"
#include "deltahop/train/operators.h"

namespace deltahop {
namespace {

torch::Tensor activated(const CellActivation& activation, double clip, torch::Tensor x) {
  if (clip != 0.0) x = at::clamp(x, -clip, clip);
  const double alpha = static_cast<double>(activation.alpha), beta = static_cast<double>(activation.beta);
  switch (activation.kind) {
    case Activation::sigmoid:
      return at::sigmoid(x);
    case Activation::tanh:
      return at::tanh(x);
    case Activation::relu:
      return at::relu(x);
    case Activation::affine:
      return x * alpha + beta;
    case Activation::leaky_relu:
      return at::leaky_relu(x, alpha);
    case Activation::thresholded_relu:
      return at::where(x >= alpha, x, at::zeros_like(x));
    case Activation::scaled_tanh:
      return alpha * at::tanh(beta * x);
    case Activation::hard_sigmoid:
      return at::clamp(x * alpha + beta, 0.0, 1.0);
    case Activation::elu:
      return at::elu(x, alpha);
    case Activation::softsign:
      return x / (1 + at::abs(x));
    case Activation::softplus:
      return at::softplus(x);
  }
  return x;
}

// One step after another; `hidden` and `cell` hold the state.
class Steps {
 public:
  Steps(const RecurrentCall& call, ForwardHooks& hooks)
      : call_(call),
        hooks_(hooks),
        holds_(hooks.holds_hidden(call.node)),
        clip_(static_cast<double>(call.rules.clip)) {
    const torch::Tensor held = hooks.held_inputs(call);
    const torch::Tensor& inputs = held.defined() ? held : call.inputs;
    from_inputs_ = (at::matmul(inputs, call.input_weights.t()) + call.input_bias).unbind(0);
    recurrent_ = call.recurrent_weights.t();
    hidden_ = call.initial_hidden;
    cell_ = call.initial_cell;
    if (holds_) sent_ = at::zeros_like(hidden_);
  }

  RecurrentResult run() {
    RecurrentResult result;
    std::vector<torch::Tensor> outputs, cells;
    for (const torch::Tensor& from_input : from_inputs_) {
      if (holds_) sent_ = hooks_.held_hidden(call_, hidden_, sent_);
      const torch::Tensor& seen = holds_ ? sent_ : hidden_;
      if (call_.rules.kind == CellKind::gru)
        hidden_ = gru_step(from_input, seen);
      else if (call_.rules.kind == CellKind::lstm)
        hidden_ = lstm_step(from_input, seen);
      else
        hidden_ = activated(call_.rules.activations[0], clip_,
                            from_input + at::addmm(call_.recurrent_bias, seen, recurrent_));
      outputs.push_back(hidden_);
      if (call_.rules.kind == CellKind::lstm) cells.push_back(cell_);
    }
    result.outputs = at::stack(outputs);
    if (!cells.empty()) result.cells = at::stack(cells);
    return result;
  }

 private:
  torch::Tensor gru_step(const torch::Tensor& from_input, const torch::Tensor& seen) {
    const int64_t size = hidden_.size(1);
    const auto& rules = call_.rules;
    if (rules.linear_before_reset) {
      const auto x = from_input.split_with_sizes({2 * size, size}, 1);
      const auto h = at::addmm(call_.recurrent_bias, seen, recurrent_).split_with_sizes({2 * size, size}, 1);
      const auto gates = activated(rules.activations[0], clip_, x[0] + h[0]).chunk(2, 1);
      const torch::Tensor candidate = activated(rules.activations[1], clip_, x[1] + gates[1] * h[1]);
      return candidate + gates[0] * (hidden_ - candidate);
    }
    const auto weights = recurrent_.split_with_sizes({2 * size, size}, 1);
    const auto bias = call_.recurrent_bias.split_with_sizes({2 * size, size}, 0);
    const auto x = from_input.split_with_sizes({2 * size, size}, 1);
    const auto gates =
        activated(rules.activations[0], clip_, x[0] + at::addmm(bias[0], seen, weights[0])).chunk(2, 1);
    const torch::Tensor candidate =
        activated(rules.activations[1], clip_, x[1] + at::addmm(bias[1], gates[1] * seen, weights[1]));
    return candidate + gates[0] * (hidden_ - candidate);
  }

  torch::Tensor lstm_step(const torch::Tensor& from_input, const torch::Tensor& seen) {
    const auto& rules = call_.rules;
    auto gates = (from_input + at::addmm(call_.recurrent_bias, seen, recurrent_)).chunk(4, 1);  // i o f c
    std::vector<torch::Tensor> peepholes;
    if (call_.peepholes.defined()) peepholes = call_.peepholes.chunk(3, 0);  // i o f
    const auto peep = [&](size_t gate) {
      return peepholes.empty() ? gates[gate] : gates[gate] + peepholes[gate] * cell_;
    };
    const torch::Tensor input = activated(rules.activations[0], clip_, peep(0));
    const torch::Tensor forget =
        rules.input_forget ? 1 - input : activated(rules.activations[0], clip_, peep(2));
    cell_ = forget * cell_ + input * activated(rules.activations[1], clip_, gates[3]);
    return activated(rules.activations[0], clip_, peep(1)) * activated(rules.activations[2], 0.0, cell_);
  }

  const RecurrentCall& call_;
  ForwardHooks& hooks_;
  bool holds_;
  double clip_;
  std::vector<torch::Tensor> from_inputs_;
  torch::Tensor recurrent_, hidden_, cell_, sent_;
};

// Every sequence back to front within its length; padding stays where it is. x [time, batch, ...].
torch::Tensor reversed(const torch::Tensor& x, const torch::Tensor& lengths) {
  if (!lengths.defined()) return x.flip(0);
  const torch::Tensor steps = torch::arange(x.size(0)).unsqueeze(1);
  const torch::Tensor mirrored = at::where(steps < lengths, lengths - 1 - steps, steps);
  return x.gather(0, mirrored.unsqueeze(-1).expand_as(x));
}

// The state after the last frame of every sequence.
torch::Tensor last_of(const torch::Tensor& x, const torch::Tensor& lengths) {
  if (!lengths.defined()) return x[-1];
  const torch::Tensor places = (lengths - 1).reshape({1, -1, 1}).expand({1, x.size(1), x.size(2)});
  return x.gather(0, places).squeeze(0);
}

struct Recurrent {
  std::string node;
  CellKind kind;
  RecurrentAttributes attributes;

  torch::Tensor state(const Tensors& in, size_t index, int64_t direction, int64_t batch,
                      int64_t hidden) const {
    if (in.size() <= index || !in[index].defined()) return torch::zeros({batch, hidden}, in[0].options());
    const torch::Tensor given = attributes.batch_first() ? in[index].transpose(0, 1) : in[index];
    return given[direction].expand({batch, hidden});
  }

  RecurrentCall call_of(const Tensors& in, const ForwardCall& call, const torch::Tensor& x,
                        int64_t direction) const {
    RecurrentCall one;
    one.node = node;
    one.rules = attributes.rules(direction);
    one.reverse = attributes.is_reverse(direction);
    one.lengths = call.lengths;
    one.inputs = one.reverse ? reversed(x, call.lengths) : x;
    one.input_weights = in[1][direction];
    one.recurrent_weights = in[2][direction];
    const int64_t rows = one.input_weights.size(0), hidden = one.recurrent_weights.size(1);
    const bool has_bias = in.size() > 3 && in[3].defined();
    const torch::Tensor bias = has_bias ? in[3][direction] : torch::zeros({2 * rows}, x.options());
    one.input_bias = bias.narrow(0, 0, rows);
    one.recurrent_bias = bias.narrow(0, rows, rows);
    if (in.size() > 7 && in[7].defined()) one.peepholes = in[7][direction];
    one.initial_hidden = state(in, 5, direction, x.size(1), hidden);
    if (kind == CellKind::lstm) one.initial_cell = state(in, 6, direction, x.size(1), hidden);
    return one;
  }

  Tensors operator()(const Tensors& in, const ForwardCall& call) const {
    const torch::Tensor x = attributes.batch_first() ? in[0].transpose(0, 1) : in[0];
    Tensors all, last_hidden, last_cell;
    for (int64_t direction = 0; direction < attributes.directions(); ++direction) {
      const RecurrentCall one = call_of(in, call, x, direction);
      RecurrentResult result;
      if (!call.hooks.recurrent(one, result)) result = Steps(one, call.hooks).run();
      last_hidden.push_back(last_of(result.outputs, call.lengths));
      if (kind == CellKind::lstm) last_cell.push_back(last_of(result.cells, call.lengths));
      all.push_back(one.reverse ? reversed(result.outputs, call.lengths) : result.outputs);
    }
    const bool swap = attributes.batch_first();
    Tensors out = {swap ? at::stack(all, 2).transpose(0, 1) : at::stack(all, 1),
                   at::stack(last_hidden, swap ? 1 : 0)};
    if (kind == CellKind::lstm) out.push_back(at::stack(last_cell, swap ? 1 : 0));
    return out;
  }
};

NodeFunction make_recurrent(const NodeSource& source) {
  const CellKind kind = cell_kind_of(*source.node().layer).value();
  if (source.has(4))
    source.refuse("gets its sequence lengths from the graph",
                  "the data bring the lengths; leave the input out");
  for (const size_t input : {size_t{1}, size_t{2}, size_t{5}, size_t{6}})
    if (source.has(input) && source.constant(input) == nullptr)
      source.refuse("its weights and the states at its start must be constants of the network");
  return Recurrent{source.node().name, kind, RecurrentAttributes(kind, source.attributes())};
}

}  // namespace

NodeMaker find_recurrent_maker(std::string_view name) {
  return name == "GRU" || name == "LSTM" || name == "RNN" ? make_recurrent : nullptr;
}

}  // namespace deltahop
