// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/options.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/parallel.h"
#include "deltahop/io/load.h"
#include "deltahop/io/yaml_network.h"

namespace deltahop {

void NetworkOptions::add_source_to(CLI::App& command) {
  command
      .add_option("network", network,
                  "An ONNX file, a frozen TensorFlow graph (.pb), a YAML network, or a name from 'deltahop "
                  "list networks'")
      ->required();
  command.add_option(
      "--weights", weights,
      "Weights for a network that names them: safetensors, NPY folder, NPZ, Deep Compression .net");
  seed_option = command.add_option("--seed", seed, "Seed of everything random, such as missing weights")
                    ->capture_default_str();
}

void NetworkOptions::add_to(CLI::App& command) {
  add_source_to(command);
  command.add_option("--threads", threads, "At most this many threads; 0 takes all processors")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
}

bool NetworkOptions::seed_is_given() const { return seed_option != nullptr && seed_option->count() > 0; }

Network NetworkOptions::load(bool draws_more) const {
  Network loaded = load_network(network, {.seed = seed, .weights = weights});
  if (!draws_more && seed_is_given() && !has_random_weights(loaded, seed)) refuse_seed();
  return loaded;
}
int NetworkOptions::thread_count() const { return threads > 0 ? threads : processor_count(); }

void SizeOptions::add_to(CLI::App& command) {
  command.add_option("--size", sizes,
                     "How large a dimension is that the network leaves open: --size time=100");
}

Network SizeOptions::bound(const Network& network) const {
  std::vector<std::string> names;
  for (const NetworkInput& input : network.inputs()) {
    for (const std::string& name : input.dimension_names) {
      if (!name.empty()) names.push_back(name);
    }
  }
  std::map<std::string, int64_t> by_name;
  for (const std::string& size : sizes) {
    const size_t equals = size.find('=');
    const std::string place = fmt::format("--size {}", size), name = size.substr(0, equals);
    const std::string digits = equals == std::string::npos ? "" : size.substr(equals + 1);
    constexpr size_t kMostDigits = 9;
    if (digits.empty() || digits.size() > kMostDigits ||
        digits.find_first_not_of("0123456789") != std::string::npos)
      throw Error(place, "is no size", "write name=number");
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      throw Error(place, fmt::format("no input of the network has an open dimension '{}'", name),
                  names.empty() ? "all its dimensions are numbers" : suggest(name, names));
    }
    if (!by_name.emplace(name, std::stoll(digits)).second) throw Error(place, "comes twice");
  }
  return network.bound(input_shapes(network, by_name));
}

void InputOptions::add_to(CLI::App& command) {
  constexpr const char* kGroup = "Inputs";
  CLI::Option* const source =
      command
          .add_option("--input", input,
                      "Pictures or arrays: a PNG or JPEG, a folder of them, a list, IDX (MNIST), CIFAR "
                      "binary, .jpegs, NPY, NPZ")
          ->group(kGroup);
  const auto add = [&](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)->group(kGroup)->needs(source);
  };
  add("--labels", labels, "The right answers: CSV (file,class_index), IDX or NPY");
  add("--limit", limit, "At most this many inputs")->check(CLI::PositiveNumber);
  add_preparation_to(command);
}

void InputOptions::add_preparation_to(CLI::App& command) {
  CLI::Option* const source = command.get_option("--input");
  const auto add = [&](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)->group(source->get_group())->needs(source);
  };
  CLI::Option* const settings =
      add("--preprocess", preprocess,
          "How pixels become numbers, for example --preprocess channels=bgr 'mean=[104, 117, 123]' "
          "scale=[0.0039]; keys: resize_short_side, resize, crop, channels, layout, mean, scale");
  add("--preprocessing", preprocessing_file, "The same in a YAML file")->excludes(settings);
}

namespace {

std::string yaml_of(const std::vector<std::string>& settings) {
  std::string text;
  for (const std::string& setting : settings) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos)
      throw Error(fmt::format("--preprocess {}", setting), "is no setting", "write key=value");
    text += fmt::format("{}: {}\n", setting.substr(0, equals), setting.substr(equals + 1));
  }
  return text;
}

// Declared on the command line, in a file, or by the network itself, in this order; nothing is guessed.
std::optional<Preprocessing> declared_preprocessing(const InputOptions& options, const Network& network) {
  const auto read = [](const Config& config) {
    Preprocessing preprocessing = read_preprocessing(config);
    config.finish();
    return preprocessing;
  };
  if (!options.preprocess.empty())
    return read(Config::from_text(yaml_of(options.preprocess), "--preprocess"));
  if (!options.preprocessing_file.empty()) return read(Config::from_file(options.preprocessing_file));
  const auto found = network.metadata().find("preprocessing");
  if (found == network.metadata().end()) return std::nullopt;
  return read(Config::from_text(found->second, fmt::format("{}: metadata 'preprocessing'", network.name())));
}

}  // namespace

Inputs::Inputs(const InputOptions& options, const Network& network, Shape shape) : shape_(std::move(shape)) {
  if (network.inputs().size() != 1) {
    throw Error(network.name(), fmt::format("has {} inputs; one is supported here", network.inputs().size()));
  }
  source_ = open_samples(options.input, {.labels = options.labels, .limit = options.limit});
  if (source_->size() == 0)
    throw Error(options.input, "holds no inputs",
                "expected pictures or arrays; see 'deltahop simulate --help'");
  const auto declared = declared_preprocessing(options, network);
  const bool pictures = source_->load(0).is_picture;
  if (declared) {
    preprocessing_ = *declared;
    const bool by_user = !options.preprocess.empty() || !options.preprocessing_file.empty();
    const bool of_pictures =
        preprocessing_.channels != Preprocessing{}.channels || preprocessing_.center_crop;
    if (by_user && of_pictures && !pictures)
      throw Error(options.input, "is of arrays: 'channels' and 'crop' would do nothing",
                  "arrays are taken as stored; leave the two out");
  } else if (pictures) {
    throw Error(options.input, "how its pixels become numbers is not declared",
                "give for example --preprocess channels=rgb 'mean=[0, 0, 0]' 'scale=[0.00392157]'");
  }
}

Inputs::Loaded Inputs::load(int64_t index) const {
  Sample sample = source_->load(index);
  Loaded loaded;
  loaded.tensors.push_back(prepared(sample, preprocessing_, shape_));
  loaded.name = std::move(sample.name);
  loaded.label = sample.label;
  return loaded;
}

std::string Inputs::description() const { return source_->description(); }

void ReportOptions::add_to(CLI::App& command) {
  command.add_option("-o,--output", output, "A folder for report.html, report.json and layers.csv");
  add_forms_to(command);
}

void ReportOptions::add_forms_to(CLI::App& command) {
  command.add_flag("--json", json, "The report as JSON on standard output, in place of the table");
  command.add_option("--html", html, "The report as one self-contained HTML page");
  command.add_option("--csv", csv, "One row a layer");
  command.add_option("--json-file", json_file, "The report as JSON in a file");
}

void ReportOptions::add_svg_to(CLI::App& command) {
  command.add_option("--svg", svg, "The charts as one picture for documents");
}

void exclude(CLI::App& command, const std::string& option, const std::vector<std::string>& others) {
  for (const std::string& other : others) command.get_option(option)->excludes(command.get_option(other));
}

void refuse_seed() { throw Error("--seed", "does nothing: nothing here is random", "leave it out"); }

Network bound_to_one(const Network& network) { return network.bound(input_shapes(network)); }

}  // namespace deltahop
