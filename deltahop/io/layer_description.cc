// SPDX-License-Identifier: Apache-2.0
#include "deltahop/io/layer_description.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {

const std::vector<std::string> kActivations = {"none", "relu", "relu6", "sigmoid", "tanh"};
const std::vector<std::string> kLayerTypes = {"conv",
                                              "depthwise_conv",
                                              "fc",
                                              "max_pool",
                                              "average_pool",
                                              "global_average_pool",
                                              "relu",
                                              "relu6",
                                              "sigmoid",
                                              "tanh",
                                              "softmax",
                                              "dropout",
                                              "lrn",
                                              "add",
                                              "concat",
                                              "batch_norm",
                                              "flatten",
                                              "scale_shift",
                                              "gather_channels",
                                              "subsample",
                                              "pad_channels",
                                              "gru"};

namespace {

constexpr size_t kMostLayers = 20000;
constexpr int64_t kMostRepeats = 1000;
constexpr int64_t kLargestNumber = int64_t{1} << 24;

using Arguments = std::map<std::string, std::string>;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// One layer's map with the block's arguments put in for $name or ${name}.
class View {
 public:
  View(const Config& config, const Arguments& arguments) : config_(config), arguments_(arguments) {}

  std::string filled(std::string_view key, const std::string& text) const {
    std::string result;
    for (size_t at = 0; at < text.size();) {
      if (text[at] != '$') {
        result.push_back(text[at++]);
        continue;
      }
      const bool braced = at + 1 < text.size() && text[at + 1] == '{';
      const size_t begin = at + (braced ? 2 : 1);
      size_t end = begin;
      while (end < text.size() && is_word(text[end])) ++end;
      const std::string name = text.substr(begin, end - begin);
      if (braced && (end == text.size() || text[end++] != '}'))
        config_.fault(key, fmt::format("'{}' lacks a '}}'", text));
      const auto found = arguments_.find(name);
      if (found == arguments_.end()) {
        std::vector<std::string> known;
        for (const auto& [argument, value] : arguments_) known.push_back(argument);
        config_.fault(key, fmt::format("'${}' stands for nothing here", name), suggest(name, known));
      } else {
        result += found->second;
      }
      at = end;
    }
    return result;
  }

  bool has(std::string_view key) const { return config_.has(key); }
  void fault(std::string_view key, std::string_view what, std::string_view hint = {}) const {
    config_.fault(key, what, hint);
  }
  std::string place() const { return config_.place(); }
  std::string text(std::string_view key) const { return filled(key, config_.text(key)); }
  std::string text(std::string_view key, std::string_view fallback) const {
    return has(key) ? text(key) : std::string(fallback);
  }

  std::vector<std::string> texts(std::string_view key) const {
    std::vector<std::string> values;
    for (const std::string& value :
         config_.is_list(key) ? config_.texts(key) : std::vector<std::string>{config_.text(key)}) {
      values.push_back(filled(key, value));
    }
    return values;
  }
  // One number or several.
  std::vector<int64_t> integers(std::string_view key, int64_t lowest) const {
    std::vector<int64_t> values;
    for (const std::string& word : texts(key)) values.push_back(whole(key, word, lowest));
    return values;
  }
  int64_t integer(std::string_view key, int64_t lowest) const { return whole(key, text(key), lowest); }
  int64_t integer(std::string_view key, int64_t lowest, int64_t fallback) const {
    return has(key) ? integer(key, lowest) : fallback;
  }
  double number(std::string_view key, double fallback) const { return config_.number(key, fallback); }
  bool boolean(std::string_view key, bool fallback) const { return config_.boolean(key, fallback); }
  std::string choice(std::string_view key, const std::vector<std::string>& words) const {
    const std::string word = text(key);
    if (std::find(words.begin(), words.end(), word) == words.end()) {
      fault(key, fmt::format("'{}' is not possible for '{}'", word, key), suggest(word, words));
    }
    return word;
  }

 private:
  int64_t whole(std::string_view key, const std::string& word, int64_t lowest) const {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || end != word.data() + word.size() || value < lowest ||
        value > kLargestNumber) {
      fault(key, fmt::format("'{}' is not a whole number from {} to {}", word, lowest, kLargestNumber));
      return std::max<int64_t>(lowest, 1);
    }
    return value;
  }

  const Config& config_;
  const Arguments& arguments_;
};

// "3" means 3x3, "[1, 7]" one row and seven columns.
std::vector<int64_t> pair_of(const View& view, std::string_view key, const std::vector<int64_t>& fallback) {
  if (!view.has(key)) return fallback;
  std::vector<int64_t> values = view.integers(key, 1);
  if (values.size() == 1) values.push_back(values[0]);
  if (values.size() != 2)
    view.fault(key, fmt::format("'{}' has {} values", key, values.size()), "one, or [rows, columns]");
  values.resize(2, 1);
  return values;
}

std::vector<int64_t> pad_of(const View& view) {
  if (!view.has("pad")) return {0, 0, 0, 0};
  std::vector<int64_t> values = view.integers("pad", 0);
  if (values.size() == 1) values.assign(4, values[0]);
  if (values.size() == 2) values.insert(values.end(), {values[0], values[1]});
  if (values.size() != 4)
    view.fault("pad", fmt::format("'pad' has {} values", values.size()),
               "one, [rows, columns], or [top, left, bottom, right]");
  values.resize(4, 0);
  return values;
}

void read_sum_keys(const View& view, LayerDescription& layer) {
  layer.batch_norm = view.text("batch_norm", "");
  layer.bias = view.boolean("bias", layer.batch_norm.empty());
  if (!layer.batch_norm.empty()) layer.epsilon = view.number("epsilon", 1e-5);
  layer.activation = view.has("activation") ? view.choice("activation", kActivations) : "none";
}

void read_convolution(const View& view, LayerDescription& layer) {
  layer.kernel = pair_of(view, "kernel", {1, 1});
  layer.stride = pair_of(view, "stride", {1, 1});
  layer.dilation = pair_of(view, "dilation", {1, 1});
  layer.pad = pad_of(view);
  if (layer.type == "conv") {
    layer.out_channels = view.integer("out_channels", 1);
    layer.groups = view.integer("groups", 1, 1);
  }
  read_sum_keys(view, layer);
}

void read_pooling(const View& view, LayerDescription& layer) {
  layer.kernel = view.has("kernel") ? pair_of(view, "kernel", {1, 1}) : std::vector<int64_t>{1, 1};
  if (!view.has("kernel")) view.fault({}, "the key 'kernel' is missing");
  layer.stride = pair_of(view, "stride", layer.kernel);
  layer.pad = pad_of(view);
  layer.ceil = view.boolean("ceil", false);
  if (layer.type == "average_pool") layer.count_padding = view.boolean("count_padding", false);
}

void read_type_keys(const View& view, LayerDescription& layer) {
  const std::string& type = layer.type;
  if (type == "conv" || type == "depthwise_conv") read_convolution(view, layer);
  if (type == "max_pool" || type == "average_pool") read_pooling(view, layer);
  if (type == "fc") {
    layer.out_channels = view.integer("out_features", 1);
    read_sum_keys(view, layer);
  }
  if (type == "add")
    layer.activation = view.has("activation") ? view.choice("activation", kActivations) : "none";
  if (type == "batch_norm") layer.epsilon = view.number("epsilon", 1e-5);
  if (type == "softmax" || type == "concat") layer.axis = view.integer("axis", 0, 1);
  if (type == "dropout") layer.ratio = view.number("ratio", 0.5);
  if (type == "lrn") {
    layer.size = view.integer("size", 1, 5);
    layer.alpha = view.number("alpha", 1e-4);
    layer.beta = view.number("beta", 0.75);
    layer.offset = view.number("offset", 1);
  }
  if (type == "gather_channels") layer.channels = view.integers("channels", 0);
  if (type == "subsample") layer.stride = pair_of(view, "stride", {2, 2});
  if (type == "pad_channels") {
    layer.before = view.integer("before", 0, 0);
    layer.after = view.integer("after", 0, 0);
  }
  if (type == "gru") {
    layer.units = view.integer("units", 1);
    if (view.has("output")) layer.last = view.choice("output", {"all", "last"}) == "last";
  }
}

class LayerReader {
 public:
  LayerReader(const Config& config, const std::string& input)
      : config_(config), input_(input), previous_(input) {
    names_.insert(input);
  }

  std::vector<LayerDescription> read() {
    const Config blocks = config_.section("blocks");
    for (const std::string& name : blocks.keys()) blocks_.emplace(name, blocks.section(name));
    const std::vector<Config> items = config_.list("layers");
    if (items.empty()) config_.fault("layers", "the network has no 'layers'");
    for (const Config& item : items) read_item(item, {{"input", input_}}, false);
    // A block that nobody uses would leave its keys unread, which would hide what is wrong.
    for (const auto& [name, block] : blocks_) {
      if (used_.count(name) == 0) blocks.fault(name, fmt::format("the block '{}' is not used", name));
    }
    return std::move(layers_);
  }

 private:
  void read_item(const Config& item, const Arguments& arguments, bool in_block) {
    if (layers_.size() >= kMostLayers)
      throw Error(item.place(), fmt::format("is beyond the {} layers that a network may have", kMostLayers));
    if (item.is_scalar()) {
      item.scalar();
      item.fault({}, "a layer is a map of keys", "write {name: conv1, type: conv, ...}");
    } else if (item.has("block")) {
      if (in_block)
        item.fault("block", "a block cannot use blocks");
      else
        read_block(item, arguments);
    } else {
      read_layer(View(item, arguments));
    }
  }

  void read_block(const Config& item, const Arguments& outer) {
    const std::string name = item.text("block");
    const auto found = blocks_.find(name);
    std::vector<std::string> known;
    for (const auto& [block, config] : blocks_) known.push_back(block);
    if (found == blocks_.end())
      item.fault("block", fmt::format("there is no block '{}'", name), suggest(name, known));
    const View view(item, outer);
    const int64_t repeat = view.integer("repeat", 1, 1), first = view.integer("from", 0, 0);
    const Config with = item.section("with");
    for (int64_t i = 0; i < std::min(repeat, kMostRepeats); ++i) {
      Arguments arguments = {{"input", previous_}, {"i", fmt::format("{}", first + i)}};
      const Arguments counters = arguments;
      for (const std::string& key : with.keys()) arguments[key] = View(with, counters).text(key);
      if (found == blocks_.end()) return;
      used_.insert(name);
      const std::vector<Config> items = found->second.list("layers");
      if (items.empty()) found->second.fault({}, "a block needs 'layers'");
      for (const Config& layer : items) read_item(layer, arguments, true);
    }
    if (repeat > kMostRepeats) item.fault("repeat", fmt::format("at most {} times", kMostRepeats));
  }

  void read_layer(const View& view) {
    LayerDescription layer;
    layer.place = view.place();
    layer.name = view.text("name");
    layer.type = view.choice("type", kLayerTypes);
    layer.activation = "none";
    layer.inputs = view.has("inputs") ? view.texts("inputs") : std::vector<std::string>{previous_};
    for (const std::string& input : layer.inputs) {
      if (names_.count(input) == 0) {
        view.fault("inputs", fmt::format("'{}' is no layer above this one", input),
                   suggest(input, {names_.begin(), names_.end()}));
      }
    }
    const bool joins = layer.type == "add" || layer.type == "concat";
    if (joins != (layer.inputs.size() > 1)) {
      view.fault("inputs", fmt::format("'{}' has {} inputs", layer.type, layer.inputs.size()),
                 joins ? "it joins two or more" : "it takes one");
    }
    read_type_keys(view, layer);
    if (!layer.name.empty() && !names_.insert(layer.name).second)
      view.fault("name", fmt::format("two layers are called '{}'", layer.name));
    previous_ = layer.name;
    layers_.push_back(std::move(layer));
  }

  const Config& config_;
  std::string input_;
  std::string previous_;
  std::set<std::string> names_;
  std::set<std::string> used_;
  std::map<std::string, Config> blocks_;
  std::vector<LayerDescription> layers_;
};

}  // namespace

std::vector<LayerDescription> read_layers(const Config& config, const std::string& input) {
  return LayerReader(config, input).read();
}

}  // namespace deltahop
