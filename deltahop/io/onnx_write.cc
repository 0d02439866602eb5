// SPDX-License-Identifier: Apache-2.0
// Network to ONNX: opset 17, IR 8. The protobuf classes write everything but the initialisers, whose bytes
// follow straight from their tensors, so that a large model is not copied. The same network gives the same
// bytes.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <set>

#include <fmt/format.h>
#include <onnx/onnx_pb.h>
#include <unistd.h>

#include "deltahop/io/onnx.h"
#include "deltahop/io/onnx_attribute.h"
#include "deltahop/io/onnx_lower.h"
#include "deltahop/io/onnx_output_shapes.h"
#include "deltahop/io/onnx_wire.h"

namespace deltahop {
namespace {

constexpr int kIrVersion = 8;
constexpr uint64_t kExternalAlignment = 4096;  // lets readers map a tensor
constexpr uint64_t kSmallestExternal = 1024;   // bytes; smaller tensors stay in the model

// A file that is written beside its place and renamed at the end; removed if that never comes.
class PartFile {
 public:
  explicit PartFile(std::filesystem::path path)
      : path_(std::move(path)),
        temporary_(fmt::format("{}.{}.part", path_.string(), ::getpid())),
        file_(std::fopen(temporary_.c_str(), "wb")) {
    if (file_ == nullptr) fail();
  }
  ~PartFile() {
    if (file_ != nullptr) std::fclose(file_);
    if (!temporary_.empty()) std::remove(temporary_.c_str());
  }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  void write(const void* bytes, size_t count) {
    if (count != 0 && std::fwrite(bytes, 1, count, file_) != count) fail();
    position_ += count;
  }
  void write(std::string_view text) { write(text.data(), text.size()); }
  void pad_to(uint64_t alignment) {
    while (position_ % alignment != 0) write(std::string(alignment - position_ % alignment, '\0'));
  }
  uint64_t position() const { return position_; }
  void finish() {
    const bool closed = std::fclose(std::exchange(file_, nullptr)) == 0;
    if (!closed || std::rename(temporary_.c_str(), path_.c_str()) != 0) fail();
    temporary_.clear();
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(path_.string(), fmt::format("cannot be written: {}", std::strerror(errno)),
                "check the folder, its permissions and free space");
  }
  std::filesystem::path path_;
  std::string temporary_;
  std::FILE* file_;
  uint64_t position_ = 0;
};

std::string serialized(const google::protobuf::MessageLite& message) {
  std::string text;
  DELTAHOP_CHECK(message.SerializeToString(&text));
  return text;
}

struct Initializer {
  const Tensor* tensor = nullptr;
  std::string header;  // the TensorProto but for its raw_data
  bool external = false;
};

class ModelWriter {
 public:
  ModelWriter(const Network& network, const std::filesystem::path& path, const OnnxWriteOptions& options)
      : network_(network), path_(path), options_(options) {}

  void write() {
    onnx::ModelProto head, tail;
    head.set_ir_version(kIrVersion);
    head.set_producer_name("deltahop");
    for (const auto& [key, text] : network_.metadata()) {
      auto* entry = tail.add_metadata_props();
      entry->set_key(key);
      entry->set_value(text);
    }
    onnx::GraphProto graph;
    graph.set_name(network_.name());
    for (const NetworkInput& input : network_.inputs()) add_input(input, *graph.add_input());
    std::set<std::string> domains = {""};
    for (const Node& node : network_.nodes()) add_node(node, graph, domains);
    const std::map<ValueId, std::vector<WrittenDimension>> shapes = written_output_shapes(network_);
    for (const ValueId id : network_.outputs()) {
      const auto found = shapes.find(id);
      add_output(id, found == shapes.end() ? nullptr : &found->second, *graph.add_output());
    }
    for (const std::string& domain : domains) {
      auto* set = tail.add_opset_import();
      set->set_domain(domain);
      set->set_version(domain.empty() ? kWrittenOpset : 1);
    }
    const std::string graph_text = serialized(graph);
    const std::vector<Initializer> initializers = placed_initializers(graph_text.size());
    uint64_t graph_size = graph_text.size();
    for (const Initializer& one : initializers) graph_size += encoded_size(one);
    PartFile file(path_);
    file.write(serialized(head));
    file.write(protobuf_wire::length_prefix(onnx_wire::kModelGraph, graph_size));
    file.write(graph_text);
    for (const Initializer& one : initializers) write_initializer(one, file);
    file.write(serialized(tail));
    if (data_) data_->finish();
    file.finish();
  }

 private:
  void set_type(const Value& value, onnx::ValueInfoProto& proto) const {
    proto.set_name(value.name);
    proto.mutable_type()->mutable_tensor_type()->set_elem_type(onnx_number_of(value.type));
  }

  void add_input(const NetworkInput& input, onnx::ValueInfoProto& proto) const {
    set_type(network_.value(input.value), proto);
    auto* shape = proto.mutable_type()->mutable_tensor_type()->mutable_shape();
    for (size_t axis = 0; axis < input.declared.size(); ++axis) {
      auto* dimension = shape->add_dim();
      if (input.declared[axis] != kSymbolic)
        dimension->set_dim_value(input.declared[axis]);
      else if (axis < input.dimension_names.size() && !input.dimension_names[axis].empty())
        dimension->set_dim_param(input.dimension_names[axis]);
    }
  }

  void add_output(ValueId id, const std::vector<WrittenDimension>* dimensions,
                  onnx::ValueInfoProto& proto) const {
    set_type(network_.value(id), proto);
    if (dimensions == nullptr) return;
    auto* shape = proto.mutable_type()->mutable_tensor_type()->mutable_shape();
    for (const WrittenDimension& dimension : *dimensions) {
      auto* written = shape->add_dim();
      if (!dimension.name.empty())
        written->set_dim_param(dimension.name);
      else if (dimension.size != kSymbolic)
        written->set_dim_value(dimension.size);
    }
  }

  // A Constant node becomes an initialiser; any other node stays a node, even where its result is known: what
  // a file computes from little is not stored as much.
  bool is_constant_node(const Node& node) const {
    return node.inputs.empty() && node.layer->operator_name() == "Constant" && network_.is_constant(node);
  }

  void add_node(const Node& node, onnx::GraphProto& graph, std::set<std::string>& domains) {
    if (is_constant_node(node)) return;
    LoweredNode lowered = lower_to_written_opset(network_, node);
    for (auto& [name, tensor] : lowered.constants) made_constants_.emplace_back(name, std::move(tensor));
    for (const PlainNode& plain : lowered.nodes) {
      auto* proto = graph.add_node();
      proto->set_name(plain.name);
      proto->set_op_type(plain.operator_name);
      if (!plain.domain.empty()) proto->set_domain(plain.domain);
      domains.insert(plain.domain);
      for (const std::string& name : plain.inputs) proto->add_input(name);
      for (const std::string& name : plain.outputs) proto->add_output(name);
      for (const auto& [name, value] : plain.attributes.entries())
        write_attribute(name, value, *proto->add_attribute());
      read_.insert(read_.end(), plain.inputs.begin(), plain.inputs.end());
      made_.insert(plain.outputs.begin(), plain.outputs.end());
    }
  }

  // Constants that a written node or the network's outputs read and that no written node makes, in the order
  // of their first use: the order does not depend on the file that the network came from.
  std::vector<std::pair<std::string, const Tensor*>> constants() const {
    std::map<std::string, const Tensor*> known;
    for (const Value& value : network_.values()) {
      if (value.constant != nullptr && made_.count(value.name) == 0)
        known.emplace(value.name, value.constant.get());
    }
    for (const auto& [name, tensor] : made_constants_) known.emplace(name, &tensor);
    std::vector<std::pair<std::string, const Tensor*>> result;
    const auto take = [&](const std::string& name) {
      const auto found = known.find(name);
      if (found == known.end()) return;
      result.emplace_back(*found);
      known.erase(found);
    };
    for (const std::string& name : read_) take(name);
    for (const ValueId id : network_.outputs()) take(network_.value(id).name);
    return result;
  }

  std::vector<Initializer> placed_initializers(uint64_t graph_size) {
    uint64_t total = graph_size;
    const auto all = constants();
    for (const auto& [name, tensor] : all) total += tensor->bytes().size() + name.size() + 64;
    std::vector<Initializer> initializers;
    for (const auto& [name, tensor] : all) {
      onnx::TensorProto proto;
      write_tensor_header(*tensor, name, proto);
      Initializer one{tensor, "", false};
      one.external = total > options_.largest_file && tensor->bytes().size() >= kSmallestExternal;
      if (one.external) place_outside(*tensor, proto);
      one.header = serialized(proto);
      initializers.push_back(std::move(one));
    }
    return initializers;
  }

  void place_outside(const Tensor& tensor, onnx::TensorProto& proto) {
    std::filesystem::path data_path = path_;
    data_path += ".data";
    if (!data_) data_ = std::make_unique<PartFile>(data_path);
    data_->pad_to(kExternalAlignment);
    proto.set_data_location(onnx::TensorProto::EXTERNAL);
    const auto add = [&](const char* key, const std::string& text) {
      auto* entry = proto.add_external_data();
      entry->set_key(key);
      entry->set_value(text);
    };
    add("location", data_path.filename().string());
    add("offset", std::to_string(data_->position()));
    add("length", std::to_string(tensor.bytes().size()));
    data_->write(tensor.bytes().data(), tensor.bytes().size());
  }

  static uint64_t content_size(const Initializer& one) {
    if (one.external) return one.header.size();
    const uint64_t raw = one.tensor->bytes().size();
    return one.header.size() + protobuf_wire::length_prefix(onnx_wire::kTensorRawData, raw).size() + raw;
  }
  static uint64_t encoded_size(const Initializer& one) {
    return protobuf_wire::length_prefix(onnx_wire::kGraphInitializer, content_size(one)).size() +
           content_size(one);
  }
  static void write_initializer(const Initializer& one, PartFile& file) {
    file.write(protobuf_wire::length_prefix(onnx_wire::kGraphInitializer, content_size(one)));
    file.write(one.header);
    if (one.external) return;
    const auto bytes = one.tensor->bytes();
    file.write(protobuf_wire::length_prefix(onnx_wire::kTensorRawData, bytes.size()));
    file.write(bytes.data(), bytes.size());
  }

  const Network& network_;
  const std::filesystem::path path_;
  const OnnxWriteOptions options_;
  std::vector<std::string> read_;  // names of values, by the nodes written so far
  std::set<std::string> made_;
  std::vector<std::pair<std::string, Tensor>> made_constants_;
  std::unique_ptr<PartFile> data_;
};

}  // namespace

void write_onnx(const Network& network, const std::filesystem::path& path, const OnnxWriteOptions& options) {
  std::error_code fault;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), fault);
  ModelWriter(network, path, options).write();
}

}  // namespace deltahop
