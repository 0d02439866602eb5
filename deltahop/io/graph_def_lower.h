// SPDX-License-Identifier: Apache-2.0
// Turns the nodes of a GraphDef into layers, demand-driven from the graph's ends. Pictures are [N, H, W, C]
// in TensorFlow and [N, C, H, W] here: values stay in the layout of the last layer that cared, and are
// transposed only where a node depends on the other one. For the files of io/graph_def only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "deltahop/io/graph_def_constants.h"
#include "deltahop/io/graph_def_loop.h"
#include "deltahop/network/network.h"

namespace deltahop::graph_def {

class Lowering {
 public:
  Lowering(const File& file, size_t file_bytes, const std::string& name);
  // Throws Error naming the node that cannot be read.
  Network network();

  // For the rules of single operators (graph_def_operators.cc). A rule asks for its inputs by their number,
  // adds nodes, and says what its outputs are.
  const File& file() const { return file_; }
  const NodeDef& node() const { return file_.node(ref_); }
  Ref ref() const { return ref_; }
  Constants& constants() { return constants_; }
  NetworkBuilder& builder() { return builder_; }
  [[noreturn]] void refuse(std::string_view what, std::string_view hint = {}) const;

  // The input as TensorFlow lays it out, or (of four dimensions) with channels first.
  ValueId input(size_t index);
  ValueId input_channels_first(size_t index);
  // True where the input is a picture that lies channels first already.
  bool lies_channels_first(size_t index) const;
  std::shared_ptr<const Tensor> constant_input(size_t index, std::string_view what);
  std::vector<int64_t> integer_input(size_t index, std::string_view what);

  // Adds a node called after the TensorFlow node, with `suffix` where it makes several.
  ValueId add(const std::string& operator_name, std::vector<ValueId> inputs, Attributes attributes = {},
              const std::string& suffix = "");
  ValueId add_constant(const std::string& suffix, Tensor tensor);
  void give(ValueId value, bool channels_first = false);
  // A vector that the only reader of this node adds to the last dimension of its output: that sum is then
  // this node's output too.
  std::optional<ValueId> take_bias(int64_t channels);

  void lower_input();
  void lower_front_end();
  void lower_reshape();
  void lower_loop_output();
  void lower_gathered_output();

 private:
  struct Lowered {
    ValueId value = kNoValue;
    bool channels_first = false;
    std::optional<Shape> shape;  // where it is known without inference: inputs, and reshapes of them
    Ref reshaped;                // what a Reshape took it from
  };
  struct LoopValues {
    std::vector<ValueId> sequences, hidden, cells;  // a cell each
  };

  std::vector<Ref> ends() const;
  void lower(Ref end);
  std::vector<Ref> needs(Ref ref);
  void lower_node(Ref ref);
  const Lowered& lowered(Ref ref);
  ValueId plain(Ref ref);
  ValueId transposed(Ref ref, bool channels_first);
  const LoopValues& loop_values(Ref exit);
  ValueId recurrent_node(const Loop& loop, size_t number, ValueId sequence, LoopValues& values);
  std::string unique_cell_name(const LoopCell& cell);
  int64_t add_weights(const LoopCell& cell, const std::string& name, std::vector<ValueId>& inputs);
  ValueId peepholes(const LoopCell& cell, const std::string& name, int64_t hidden);
  ValueId initial_state(Ref state, const std::string& name);

  const File& file_;
  Constants constants_;
  LoopReader loops_;
  NetworkBuilder builder_;
  std::map<Ref, std::vector<Ref>> readers_;  // nodes, by what they read directly
  std::map<Ref, Lowered> values_;
  std::map<std::pair<Ref, bool>, ValueId> transposed_;
  std::map<const Loop*, LoopValues> loop_values_;
  std::map<std::string, int> cell_names_;
  Ref ref_;                         // being lowered
  std::optional<Ref> bias_reader_;  // the sum whose work it does as well
  bool has_front_end_ = false;
};

// Calls the rule of the node being lowered. Throws Error where there is none.
void lower_operator(Lowering& lowering);

}  // namespace deltahop::graph_def
