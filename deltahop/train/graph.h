// SPDX-License-Identifier: Apache-2.0
// A Network as something that can be trained: its floating constants become parameters, its nodes LibTorch
// calls. Everything a constraint wants to change on the way goes through ForwardHooks.
//   TrainableGraph graph(network, {.fresh_weights = true, .seed = 1});
//   ForwardHooks none;
//   graph.forward(inputs, lengths, none).backward(...);
//   save_onnx(graph.to_network(), "trained.onnx");
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "deltahop/network/network.h"
#include "deltahop/network/recurrent_cell.h"
#include "deltahop/train/torch.h"

namespace deltahop {

// One direction of a GRU, LSTM or RNN on its way through a sequence. Gates are stacked as in ONNX (GRU: z, r,
// h; LSTM: i, o, f, c).
struct RecurrentCall {
  std::string node;
  CellRules rules;
  bool reverse = false;   // goes through the sequence from its end
  torch::Tensor inputs;   // [time, batch, features]; reversed already where the cell is
  torch::Tensor lengths;  // [batch] frames (int64, CPU), or undefined: all are whole
  torch::Tensor input_weights, recurrent_weights;  // W [gates*hidden, features], R [gates*hidden, hidden]
  torch::Tensor input_bias, recurrent_bias;        // Wb, Rb [gates*hidden]
  torch::Tensor peepholes;                         // LSTM: [3*hidden], or undefined
  torch::Tensor initial_hidden, initial_cell;      // [batch, hidden]
};
struct RecurrentResult {
  torch::Tensor outputs;  // [time, batch, hidden]: h after every step, also beyond a sequence's end
  torch::Tensor cells;    // LSTM: [time, batch, hidden], c after every step; else undefined
};

// What a constraint may change. The defaults change nothing. Hooks must not keep tensors beyond one
// forward().
class ForwardHooks {
 public:
  virtual ~ForwardHooks() = default;
  // A parameter before a node uses it. `name` is the constant's, `node` its first reader's; `role` tells what
  // it is.
  enum class Role { weight, recurrent_weight, bias, normalisation };
  virtual torch::Tensor weight(const std::string& name, const std::string& node, Role role,
                               const torch::Tensor& value) {
    (void)name, (void)node, (void)role;
    return value;
  }
  // A network input or what a node has made, before others read it. `name` is the value's, `node` its maker's
  // ("" for inputs).
  virtual torch::Tensor value(const std::string& name, const std::string& node, const torch::Tensor& value) {
    (void)name, (void)node;
    return value;
  }
  // Sample-and-hold of a recurrent layer's streams. The whole input sequence at once; undefined: not held.
  virtual torch::Tensor held_inputs(const RecurrentCall&) { return {}; }
  // What the products see of h at this step: what was last sent. `sent`: what it was at the step before,
  // zeros at first.
  virtual bool holds_hidden(const std::string& node) {
    (void)node;
    return false;
  }
  virtual torch::Tensor held_hidden(const RecurrentCall&, const torch::Tensor& hidden,
                                    const torch::Tensor& sent) {
    (void)sent;
    return hidden;
  }
  // The whole layer: true where `result` has been filled and the graph need not compute it.
  virtual bool recurrent(const RecurrentCall& call, RecurrentResult& result) {
    (void)call, (void)result;
    return false;
  }
};

struct GraphOptions {
  bool fresh_weights =
      false;  // He (before ReLU), Glorot, orthogonal (recurrent) by the seed, in place of the network's
  uint64_t seed = 1;
  torch::Dtype type = torch::kFloat32;
  // The first output before a Softmax or LogSoftmax that makes it: the loss has its own.
  bool before_last_softmax = true;
};

class TrainableGraph {
 public:
  struct Parameter {
    std::string name, node;  // of the constant; of its first reader
    ForwardHooks::Role role = ForwardHooks::Role::weight;
    torch::Tensor value;  // a leaf that asks for gradients
  };
  struct Buffer {  // of batch normalisation: running mean and variance
    std::string name;
    torch::Tensor value;
  };

  // Throws Error naming the node whose operator cannot be trained, and what to do.
  explicit TrainableGraph(const Network& network, const GraphOptions& options = {});
  ~TrainableGraph();
  TrainableGraph(TrainableGraph&&) noexcept;

  // Batch normalisation by the batch and dropout on (true), or by what was learnt (false, as built).
  void set_training(bool training);
  bool training() const;

  // The network's first output for a batch, batch first: inputs [batch, ...]; a network over time takes
  // [batch, time, features] whatever its own order is. lengths [batch] (int64) or undefined.
  torch::Tensor forward(const torch::Tensor& inputs, const torch::Tensor& lengths, ForwardHooks& hooks);

  std::vector<Parameter>& parameters();
  std::vector<Buffer>& buffers();
  const Network& network() const;  // as given
  bool is_sequence() const;        // its input has a time axis
  bool output_has_time() const;    // [batch, time, classes] rather than [batch, classes]

  // The same network with the weights as they are now.
  Network to_network() const;

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

// The network with these values in place of the constants of these names.
Network with_constants(const Network& network, const std::map<std::string, torch::Tensor>& learnt);

}  // namespace deltahop
