// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/yaml_network.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "deltahop/base/embedded.h"
#include "deltahop/io/parameter_source.h"
#include "deltahop/io/samples.h"

namespace deltahop {

std::vector<EmbeddedFile> embedded_network();  // generated: see cmake/catalog.cmake

namespace {

constexpr std::string_view kZooFolder = "zoo/";
constexpr std::string_view kZooSuffix = ".yaml";
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz_";
constexpr int64_t kMostParameters = int64_t{1} << 29;
constexpr const char* kWeightsKey = "weights";  // of the metadata: where the numbers come from

std::string drawn_with(uint64_t seed) { return fmt::format("random, seed {}", seed); }

struct Document {
  std::string name, input;
  Shape shape;
  std::string time_name;  // of an open first dimension
  std::vector<LayerDescription> layers;
  std::vector<std::string> outputs;
  WeightSection weights;
  std::map<std::string, std::string> metadata;
};

void read_metadata(const Config& config, std::map<std::string, std::string>& metadata) {
  for (const char* key : {"summary", "citation"}) {
    if (config.has(key)) metadata[key] = config.text(key);
  }
  if (config.has("preprocessing"))
    metadata["preprocessing"] = to_text(read_preprocessing(config.section("preprocessing")));
  if (config.has("classes"))
    metadata["classes"] = fmt::format("{}", fmt::join(config.texts("classes"), "\n"));
  const Config published = config.section("published");
  for (const char* key : {"weights", "macs", "source"}) {
    if (published.has(key)) metadata[fmt::format("published_{}", key)] = published.text(key);
  }
  if (published.has("weights") || published.has("macs")) published.text("source");
}

// Whole numbers; of [time, 1, features] the first may be a word, and is then open.
void read_shape(const Config& input, Document& document) {
  for (const std::string& word : input.texts("shape")) {
    int64_t value = 0;
    const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), value);
    const bool is_number = fault == std::errc{} && end == word.data() + word.size();
    if (!is_number && document.shape.empty() && word.find_first_not_of(kLetters) == std::string::npos) {
      document.time_name = word;
      value = kSymbolic;
    }
    document.shape.push_back(value);
  }
  const bool open = !document.time_name.empty();
  const bool possible = std::all_of(document.shape.begin() + (open ? 1 : 0), document.shape.end(),
                                    [](int64_t d) { return d > 0 && d <= 1 << 24; });
  if (document.shape.size() < 2 || !possible || (open && document.shape.size() != 3))
    input.fault("shape", fmt::format("[{}] is no shape of an input", fmt::join(input.texts("shape"), ", ")),
                "write [1, channels, rows, columns], or [time, 1, features]");
}

// All keys are read before anything is built, so that one reading finds every fault.
Document read_document(const Config& config) {
  Document document;
  document.name = config.text("name");
  const Config input = config.section("input");
  if (!config.has("input"))
    config.fault("input", "the key 'input' is missing", "write input: {name: data, shape: [1, 3, 224, 224]}");
  document.input = input.text("name", "input");
  if (config.has("input")) read_shape(input, document);
  document.layers = read_layers(config, document.input);
  if (config.has("outputs")) document.outputs = config.texts("outputs");
  document.weights = read_weight_section(config);
  const std::filesystem::path file = document.weights.file;
  if (file.is_absolute() || std::count(file.begin(), file.end(), "..") != 0) {
    config.section("weights").fault("file",
                                    fmt::format("'{}' lies outside the network's folder", file.string()),
                                    "give a file elsewhere as an option of the program");
  }
  read_metadata(config, document.metadata);
  config.finish();
  return document;
}

NetworkPlan plan_of(const Document& document) {
  return {document.name,      document.input,  document.shape,
          document.time_name, document.layers, document.outputs};
}

}  // namespace

NetworkPlan plan_yaml_network(const Config& config) { return plan_of(read_document(config)); }

Network read_yaml_network(const Config& config, const LoadOptions& options,
                          const std::filesystem::path& folder) {
  Document document = read_document(config);
  const NetworkPlan plan = plan_of(document);
  const std::vector<Parameter> parameters = plan.parameters();
  int64_t count = 0;
  for (const Parameter& parameter : parameters) {
    count += element_count(parameter.shape);
    if (count > kMostParameters)
      throw Error(config.place("layers"),
                  fmt::format("the network has more than {} weights", kMostParameters));
  }
  std::filesystem::path file = options.weights;
  if (file.empty() && !document.weights.file.empty()) file = folder / document.weights.file;
  // A file from elsewhere need not be of the declared format.
  if (!options.weights.empty() && options.weights != document.weights.file) document.weights.format.clear();
  const ParameterMaker maker = file.empty() ? seeded_parameters(options.seed)
                                            : parameters_from_file(document.weights, file, parameters);
  NetworkBuilder builder = plan.builder(maker);
  for (auto& [key, text] : document.metadata) builder.metadata(key, text);
  builder.metadata(kWeightsKey, file.empty() ? drawn_with(options.seed) : file.filename().string());
  return builder.build();
}

bool has_random_weights(const Network& network, uint64_t seed) {
  const auto weights = network.metadata().find(kWeightsKey);
  return weights != network.metadata().end() && weights->second == drawn_with(seed);
}

bool is_zoo_name(const std::string& name) {
  const std::vector<EmbeddedFile> files = embedded_network();
  const std::string path = fmt::format("{}{}{}", kZooFolder, name, kZooSuffix);
  return std::any_of(files.begin(), files.end(), [&](const EmbeddedFile& file) { return file.path == path; });
}

Network zoo_network(const std::string& name, const LoadOptions& options) {
  const std::string path = fmt::format("{}{}{}", kZooFolder, name, kZooSuffix);
  for (const EmbeddedFile& file : embedded_network()) {
    if (file.path == path)
      return read_yaml_network(Config::from_text(file.content, name + std::string(kZooSuffix)), options, "");
  }
  std::vector<std::string> names;
  for (const ZooEntry& entry : zoo_entries()) names.push_back(entry.name);
  throw Error(name, "is no network of the zoo", suggest(name, names));
}

std::vector<ZooEntry> zoo_entries() {
  std::vector<ZooEntry> entries;
  for (const EmbeddedFile& file : embedded_network()) {
    if (!file.path.starts_with(kZooFolder) || !file.path.ends_with(kZooSuffix)) continue;
    const std::string name(
        file.path.substr(kZooFolder.size(), file.path.size() - kZooFolder.size() - kZooSuffix.size()));
    const Config config = Config::from_text(file.content, name);
    entries.push_back({name, config.text("summary"), config.text("citation")});
  }
  return entries;
}

}  // namespace deltahop
