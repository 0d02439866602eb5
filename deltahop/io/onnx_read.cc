// SPDX-License-Identifier: Apache-2.0
// ONNX to Network: initialisers straight from the file's bytes, all else through the protobuf classes. Shapes
// are our own inference's business (network/), not the file's.
#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

#include "deltahop/io/mapped_file.h"
#include "deltahop/io/onnx.h"
#include "deltahop/io/onnx_attribute.h"
#include "deltahop/io/onnx_tensor.h"
#include "deltahop/io/onnx_wire.h"
#include "deltahop/network/branch.h"

namespace deltahop {
namespace {

using protobuf_wire::check_text;

constexpr std::array<std::string_view, 2> kLaterOperators = {"Loop", "Scan"};

template <class Message>
void parse(Message& message, std::string_view bytes) {
  const google::protobuf::LogSilencer silence;
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    throw Error("", "more than 2 GiB beside its initialisers", "keep large constants as initialisers");
  }
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw Error("", "is cut off or no ONNX file", "compare its size with the original's");
  }
}

// A TensorProto whose raw_data, if any, stays where it is.
Tensor tensor_from_bytes(std::string_view bytes, ExternalData& external, std::string* name) {
  const protobuf_wire::Split split =
      protobuf_wire::split_message(bytes, onnx_wire::kTensorRawData, onnx_wire::kFormat);
  onnx::TensorProto proto;
  parse(proto, split.rest);
  if (name != nullptr) {
    *name = proto.name();
    check_text(*name, "the name of an initialiser");
  }
  const auto raw = split.parts.empty() ? std::nullopt : std::optional(split.parts.back());
  try {
    return tensor_of(proto, raw, external);
  } catch (const Error& error) {
    if (name == nullptr) throw;
    throw Error(fmt::format("initialiser '{}'", *name), error.what());
  }
}

// A graph, or a branch of an If within one: names that a branch does not know are looked up around it.
struct Scope {
  NetworkBuilder builder;
  Scope* around = nullptr;
  std::set<ValueId> given;  // inputs, initialisers and outputs of nodes: each has one maker
  // Of a branch: values that come from around it, here and there.
  std::vector<ValueId> captured, captured_around;

  ValueId find(const std::string& name) {
    const ValueId known = builder.find(name);
    if (known != kNoValue || around == nullptr) return known;
    const ValueId outer = around->find(name);
    if (outer == kNoValue) return kNoValue;
    captured_around.push_back(outer);
    captured.push_back(builder.declare(name));
    return captured.back();
  }
};

class GraphReader {
 public:
  GraphReader(onnx::ModelProto& model, const std::string& name, ExternalData& external)
      : model_(model),
        graph_(*model.mutable_graph()),
        external_(external),
        scope_{NetworkBuilder(graph_.name().empty() ? name : graph_.name()), nullptr, {}, {}, {}},
        builder_(scope_.builder) {}

  Network read(const std::vector<std::string_view>& initializers, const MappedFile* file) {
    check_model();
    for (const std::string_view bytes : initializers) {
      std::string name;
      Tensor tensor = tensor_from_bytes(bytes, external_, &name);
      if (name.empty()) throw Error("", "an initialiser has no name");
      scope_.given.insert(builder_.constant(name, std::move(tensor)));
      if (file != nullptr) file->give_back(bytes);
    }
    for (const auto& input : graph_.input()) add_input(input);
    add_nodes(graph_, scope_);
    for (const auto& output : graph_.output()) {
      const ValueId id = builder_.find(output.name());
      if (id == kNoValue)
        throw Error("", fmt::format("the output '{}' comes from nowhere", output.name()),
                    "the file may be cut off");
      builder_.output(id);
    }
    std::set<std::string> keys;
    for (const auto& entry : model_.metadata_props()) {
      check_text(entry.key(), "a metadata key");
      check_text(entry.value(), fmt::format("the metadata '{}'", entry.key()));
      if (!keys.insert(entry.key()).second)
        throw Error("", fmt::format("the metadata '{}' comes twice", entry.key()));
      builder_.metadata(entry.key(), entry.value());
    }
    return builder_.build();
  }

 private:
  void check_model() {
    check_text(graph_.name(), "the graph's name");
    if (model_.functions_size() != 0) {
      throw Error(
          "", fmt::format("holds the function '{}': functions are not supported", model_.functions(0).name()),
          "inline the functions before exporting");
    }
    if (graph_.sparse_initializer_size() != 0)
      throw Error("", "sparse initialisers are not supported", "export dense ones");
    if (graph_.output_size() == 0) throw Error("", "the graph has no output", "the file may be cut off");
    for (const auto& set : model_.opset_import()) {
      const std::string domain = set.domain() == "ai.onnx" ? "" : set.domain();
      if (!opsets_.emplace(domain, set.version()).second)
        throw Error("", fmt::format("two versions of the operator set '{}'", domain));
    }
    // Before IR version 3 there was no such line: such files were written against the first operator set.
    const int64_t version = opsets_.emplace("", 1).first->second;
    if (version < 1 || version > kNewestReadOpset) {
      throw Error("", fmt::format("operator set {} is not known", version),
                  fmt::format("export with {} or older", kNewestReadOpset));
    }
  }

  void add_input(const onnx::ValueInfoProto& input) {
    check_text(input.name(), "the name of an input");
    const ValueId known = builder_.find(input.name());
    if (known != kNoValue && scope_.given.count(known) != 0 && inputs_.count(known) == 0)
      return;  // before IR 4, initialisers were inputs too
    const auto fail = [&](std::string_view what, std::string_view hint) {
      return Error(fmt::format("input '{}'", input.name()), what, hint);
    };
    if (input.name().empty()) throw fail("has no name", "");
    if (!input.type().has_tensor_type())
      throw fail("is no tensor", "sequences, maps and optional values are not supported");
    const auto& type = input.type().tensor_type();
    if (!type.has_shape()) throw fail("has no shape", "export with the number of dimensions");
    if (type.shape().dim_size() > 32)
      throw fail(fmt::format("has {} dimensions", type.shape().dim_size()), "at most 32 are supported");
    Shape shape;
    std::vector<std::string> names;
    for (const auto& dimension : type.shape().dim()) {
      check_text(dimension.dim_param(), "the name of a dimension");
      const bool open = !dimension.has_dim_value() || dimension.dim_value() < 0;
      shape.push_back(open ? kSymbolic : dimension.dim_value());
      names.push_back(open ? dimension.dim_param() : "");
    }
    DataType element_type;
    try {
      element_type = data_type_of_onnx(type.elem_type());
    } catch (const Error& error) {
      throw fail(error.what(), "");
    }
    const ValueId id = builder_.input(input.name(), element_type, std::move(shape), std::move(names));
    scope_.given.insert(id);
    inputs_.insert(id);
  }

  void add_nodes(onnx::GraphProto& graph, Scope& scope) {
    for (const auto& node : graph.node()) declare_outputs(node, scope);
    for (auto& node : *graph.mutable_node()) add_node(node, scope);
  }

  static void declare_outputs(const onnx::NodeProto& node, Scope& scope) {
    for (const std::string& name : node.output()) {
      if (name.empty()) continue;
      check_text(name, "the name of a value");
      if (!scope.given.insert(scope.builder.declare(name)).second) {
        throw Error(fmt::format("node '{}' ({})", node.name(), node.op_type()),
                    fmt::format("the value '{}' has two makers", name));
      }
    }
  }

  // Unnamed nodes are called after what they make; of two with one name the second gets a number.
  std::string unique_name(const onnx::NodeProto& node) {
    std::string name = node.name();
    for (int i = 0; name.empty() && i < node.output_size(); ++i) name = node.output(i);
    check_text(name, "the name of a node");
    std::string unique = name;
    for (int number = ++node_names_[name];
         number > 1 && !node_names_.emplace(unique = fmt::format("{}#{}", name, number), 1).second;
         ++number) {
    }
    return unique;
  }

  void add_node(onnx::NodeProto& node, Scope& scope) {
    const std::string name = unique_name(node);
    check_text(node.op_type(), "the name of an operator");
    check_text(node.domain(), "the name of a domain");
    const std::string place = fmt::format("node '{}' ({})", name, node.op_type());
    const std::string domain = node.domain() == "ai.onnx" ? "" : node.domain();
    if (domain.empty() &&
        std::find(kLaterOperators.begin(), kLaterOperators.end(), node.op_type()) != kLaterOperators.end()) {
      throw Error(place, "is not supported", "of control flow only If is");
    }
    std::vector<ValueId> inputs, outputs;
    for (const std::string& input : node.input()) {
      const ValueId id = input.empty() ? kNoValue : scope.find(input);
      if (id == kNoValue && !input.empty())
        throw Error(place, fmt::format("its input '{}' comes from nowhere", input),
                    "the file may be cut off");
      inputs.push_back(id);
    }
    for (const std::string& output : node.output())
      outputs.push_back(output.empty() ? kNoValue : scope.builder.find(output));
    while (!inputs.empty() && inputs.back() == kNoValue) inputs.pop_back();
    if (domain.empty() && node.op_type() == "If")
      return add_if(node, place, name, std::move(inputs), std::move(outputs), scope);
    Attributes attributes;
    try {
      attributes = attributes_of(node, external_);
    } catch (const Error& error) {
      throw Error(place, error.what());
    }
    node.clear_attribute();  // a constant may be large
    const auto opset = opsets_.find(domain);
    const int64_t version =
        opset == opsets_.end() ? 1 : std::clamp<int64_t>(opset->second, 1, std::numeric_limits<int>::max());
    scope.builder.node_into(node.op_type(), name, std::move(inputs), std::move(outputs),
                            std::move(attributes), static_cast<int>(version), domain);
  }

  void add_if(onnx::NodeProto& node, const std::string& place, const std::string& name,
              std::vector<ValueId> inputs, std::vector<ValueId> outputs, Scope& scope) {
    if (inputs.size() != 1)
      throw Error(place, fmt::format("has {} inputs, the operator takes 1", inputs.size()));
    std::optional<Branch> then_branch, else_branch;
    std::vector<ValueId> captured_by_else;
    for (auto& attribute : *node.mutable_attribute()) {
      const bool is_then = attribute.name() == "then_branch";
      if (!is_then && attribute.name() != "else_branch")
        throw Error(place, fmt::format("the attribute '{}' is not supported", attribute.name()));
      auto& branch = is_then ? then_branch : else_branch;
      if (!attribute.has_g() || branch)
        throw Error(place, fmt::format("{} is no graph, or comes twice", attribute.name()));
      std::vector<ValueId>& captured = is_then ? inputs : captured_by_else;
      branch = read_branch(*attribute.mutable_g(), place, scope, captured);
    }
    if (!then_branch || !else_branch)
      throw Error(place, "a branch is missing", "it needs then_branch and else_branch");
    inputs.insert(inputs.end(), captured_by_else.begin(), captured_by_else.end());
    scope.builder.layer_into(std::make_shared<IfLayer>(std::move(*then_branch), std::move(*else_branch)),
                             name, std::move(inputs), std::move(outputs));
  }

  // Appends what the branch takes from `around` to `captured`.
  Branch read_branch(onnx::GraphProto& graph, const std::string& place, Scope& around,
                     std::vector<ValueId>& captured) {
    if (graph.input_size() != 0)
      throw Error(place, "a branch declares inputs", "the branches of an If take none");
    if (graph.sparse_initializer_size() != 0)
      throw Error(place, "sparse initialisers are not supported", "export dense ones");
    Scope scope{NetworkBuilder(graph.name()), &around, {}, {}, {}};
    for (const auto& initializer : graph.initializer()) {
      check_text(initializer.name(), "the name of an initialiser");
      scope.given.insert(
          scope.builder.constant(initializer.name(), tensor_of(initializer, std::nullopt, external_)));
    }
    graph.clear_initializer();
    add_nodes(graph, scope);
    for (const auto& output : graph.output()) {
      const ValueId id = scope.find(output.name());
      if (id == kNoValue)
        throw Error(place, fmt::format("the output '{}' of a branch comes from nowhere", output.name()),
                    "the file may be cut off");
      scope.builder.output(id);
    }
    captured.insert(captured.end(), scope.captured_around.begin(), scope.captured_around.end());
    return {scope.builder.unbuilt(), std::move(scope.captured)};
  }

  onnx::ModelProto& model_;
  onnx::GraphProto& graph_;
  ExternalData& external_;
  Scope scope_;
  NetworkBuilder& builder_;  // of the scope
  std::map<std::string, int64_t> opsets_;
  std::set<ValueId> inputs_;
  std::map<std::string, int> node_names_;
};

Network parse_model(std::string_view bytes, const std::string& name, const std::filesystem::path& folder,
                    const MappedFile* file) {
  try {
    onnx::ModelProto model;
    std::vector<std::string_view> initializers;
    {
      protobuf_wire::Split split = onnx_wire::split_model(bytes);
      parse(model, split.rest);
      initializers = std::move(split.parts);
    }
    if (!model.has_graph()) throw Error("", "is cut off or no ONNX file", "it holds no graph");
    ExternalData external(folder);
    return GraphReader(model, std::filesystem::path(name).stem().string(), external).read(initializers, file);
  } catch (const Error& error) {
    throw Error(name, error.what());
  }
}

}  // namespace

Network parse_onnx(std::string_view bytes, const std::string& name, const std::filesystem::path& folder) {
  return parse_model(bytes, name, folder, nullptr);
}

Network read_onnx(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse_model(file.bytes(), path.string(), path.has_parent_path() ? path.parent_path() : ".", &file);
}

Tensor parse_tensor_proto(std::string_view bytes, const std::string& name) {
  try {
    ExternalData external({});
    return tensor_from_bytes(bytes, external, nullptr);
  } catch (const Error& error) {
    throw Error(name, error.what());
  }
}

}  // namespace deltahop
