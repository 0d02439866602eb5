// SPDX-License-Identifier: Apache-2.0
// What kind of network a path or name is, and which reader has it.
#include "deltahop/io/load.h"

#include <fstream>

#include <fmt/format.h>

#include "deltahop/io/graph_def.h"
#include "deltahop/io/onnx.h"
#include "deltahop/io/yaml_network.h"

namespace deltahop {
namespace {

namespace fs = std::filesystem;

enum class Kind { onnx, graph_def, yaml };

// By its ending; where that says nothing, a protobuf message begins with a byte that no text begins with, and
// ".pb" is either of two.
Kind kind_of(const std::filesystem::path& path) {
  const std::string ending = path.extension().string();
  if (ending == ".onnx") return Kind::onnx;
  if (ending == ".yaml" || ending == ".yml") return Kind::yaml;
  std::ifstream file(path, std::ios::binary);
  const int first = file.get();
  if (ending == ".pb") {
    const char byte = static_cast<char>(first);
    return first >= 0 && looks_like_graph_def({&byte, 1}) ? Kind::graph_def : Kind::onnx;
  }
  return first >= 0 && first < 0x20 && first != '\t' && first != '\n' && first != '\r' ? Kind::onnx
                                                                                       : Kind::yaml;
}

// A word that is no path and no file.
bool looks_like_name(const std::string& word) {
  std::error_code fault;
  return word.find_first_of("/.") == std::string::npos && !fs::exists(word, fault);
}

}  // namespace

Network load_network(const std::string& path_or_name, const LoadOptions& options) {
  // A file that bears the name of a zoo entry is reached as "./vgg16".
  if (is_zoo_name(path_or_name) || looks_like_name(path_or_name)) return zoo_network(path_or_name, options);
  const Kind kind = kind_of(path_or_name);
  if (kind == Kind::yaml) {
    return read_yaml_network(Config::from_file(path_or_name), options, fs::path(path_or_name).parent_path());
  }
  if (!options.weights.empty()) {
    throw Error(path_or_name,
                fmt::format("{} brings its own weights",
                            kind == Kind::onnx ? "an ONNX file" : "a TensorFlow GraphDef"),
                "weights can be given with YAML networks only");
  }
  if (kind == Kind::graph_def) return read_graph_def(path_or_name);
  return read_onnx(path_or_name);
}

std::vector<Shape> input_shapes(const Network& network, const std::map<std::string, int64_t>& sizes) {
  const auto name_of = [](const NetworkInput& input, size_t axis) {
    return axis < input.dimension_names.size() ? input.dimension_names[axis] : std::string();
  };
  std::map<std::string, int64_t> known = sizes;
  for (const NetworkInput& input : network.inputs()) {
    // What is a batch in one input is one in all.
    if (!input.declared.empty() && input.declared[0] == kSymbolic && !name_of(input, 0).empty())
      known.emplace(name_of(input, 0), 1);
  }
  std::vector<Shape> shapes;
  for (const NetworkInput& input : network.inputs()) {
    Shape shape = input.declared;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (shape[axis] != kSymbolic) continue;
      const std::string name = name_of(input, axis);
      const auto size = known.find(name);
      if (size != known.end())
        shape[axis] = size->second;
      else if (axis == 0)
        shape[axis] = 1;
      else {
        throw Error(fmt::format("input '{}'", network.value(input.value).name),
                    fmt::format("the network leaves dimension {}{} open", axis,
                                name.empty() ? "" : fmt::format(" ('{}')", name)),
                    "say how large the input is");
      }
    }
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

void save_onnx(const Network& network, const std::filesystem::path& path) { write_onnx(network, path); }

}  // namespace deltahop
