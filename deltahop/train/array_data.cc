// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/array_data.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "deltahop/io/labels.h"
#include "deltahop/io/npz.h"

namespace deltahop {
namespace {

namespace fs = std::filesystem;

torch::Tensor copied(const Tensor& tensor) {
  const Tensor wide = tensor.converted(DataType::float32);
  torch::Tensor copy = torch::empty(wide.shape(), torch::kFloat);
  if (wide.size() > 0) std::memcpy(copy.data_ptr<float>(), wide.values<float>().data(), wide.bytes().size());
  return copy;
}

torch::Tensor numbers(const std::vector<int64_t>& values) {
  return torch::tensor(values, torch::TensorOptions(torch::kLong));
}

void require_finite(const torch::Tensor& inputs, const std::string& place) {
  const float* const values = inputs.data_ptr<float>();
  const bool finite = std::all_of(values, values + inputs.numel(), [](float v) { return std::isfinite(v); });
  if (!finite) throw Error(place, "has values that are no numbers, or infinite");
}

void require_classes(const std::vector<int64_t>& labels, const DataSection& section,
                     const std::string& place) {
  const auto classes = static_cast<int64_t>(section.classes.size());
  if (classes == 0) return;
  for (const int64_t label : labels) {
    if (label >= classes)
      throw Error(place, fmt::format("has the label {}, and there are {} classes", label, classes));
  }
}

// The dimensions of one example, without the batch.
Shape example_shape(const DataRequest& request) {
  const Shape& whole = request.input_shape;
  return whole.empty() ? Shape{} : Shape(whole.begin() + 1, whole.end());
}

// Arrays that are stored in another arrangement of the same size take the network's; sequences keep theirs.
torch::Tensor shaped(const torch::Tensor& inputs, const DataRequest& request, const std::string& place) {
  if (request.input_shape.empty()) return inputs;
  Shape wanted = example_shape(request);
  if (inputs[0].numel() != element_count(wanted)) {
    throw Error(place, fmt::format("has examples of {} values, the network takes {}", inputs[0].numel(),
                                   to_text(wanted)));
  }
  wanted.insert(wanted.begin(), inputs.size(0));
  return inputs.reshape(wanted);
}

torch::Tensor read_lengths(const Tensor& stored, const torch::Tensor& inputs, const std::string& place) {
  if (inputs.dim() != 3)
    throw Error(place, fmt::format("has lengths, but inputs of {} dimensions", inputs.dim()),
                "sequences are [examples, frames, features]");
  const Tensor wide = stored.converted(DataType::int64);
  std::vector<int64_t> lengths(wide.values<int64_t>().begin(), wide.values<int64_t>().end());
  if (static_cast<int64_t>(lengths.size()) != inputs.size(0))
    throw Error(place, fmt::format("has {} lengths for {} sequences", lengths.size(), inputs.size(0)));
  for (const int64_t length : lengths) {
    if (length < 1 || length > inputs.size(1))
      throw Error(place, fmt::format("has a sequence of {} frames in {}", length, inputs.size(1)));
  }
  return numbers(lengths);
}

Examples load_npz(const fs::path& path, DataRole role, const DataRequest& request,
                  const DataSection& section) {
  const auto arrays = read_npz(path);
  const std::string place = path.string(), suffix = role == DataRole::train ? "train" : "test";
  for (const auto& [inputs, labels] :
       {std::pair("x_" + suffix, "y_" + suffix), std::pair(std::string("inputs"), std::string("labels"))}) {
    if (arrays.count(inputs) == 0 || arrays.count(labels) == 0) continue;
    Examples examples;
    examples.inputs = copied(arrays.at(inputs));
    const std::vector<int64_t> values = labels_of(arrays.at(labels), place);
    if (examples.inputs.dim() < 2 || examples.inputs.numel() == 0 ||
        examples.inputs.size(0) != static_cast<int64_t>(values.size())) {
      throw Error(place, fmt::format("its '{}' of shape {} and {} labels do not belong together", inputs,
                                     to_text(arrays.at(inputs).shape()), values.size()));
    }
    require_classes(values, section, place);
    require_finite(examples.inputs, place);
    examples.labels = numbers(values);
    if (arrays.count("lengths") != 0) {
      examples.lengths = read_lengths(arrays.at("lengths"), examples.inputs, place);
    } else {
      examples.inputs = shaped(examples.inputs, request, place);
    }
    return examples;
  }
  throw Error(place, fmt::format("has neither 'x_{0}' and 'y_{0}' nor 'inputs' and 'labels'", suffix));
}

Examples load_samples(const fs::path& path, const std::string& labels, const DataRequest& request,
                      const DataSection& section) {
  const auto samples = open_samples(path, {.labels = labels});
  if (samples->size() == 0) throw Error(path.string(), "holds no examples");
  Shape shape = request.input_shape;
  if (shape.empty()) {
    const Shape stored = samples->load(0).values.shape();
    shape.assign(1, 1);
    shape.insert(shape.end(), stored.begin(), stored.end());
  }
  Shape all = shape;
  all[0] = samples->size();
  Examples examples;
  examples.inputs = torch::empty(all, torch::kFloat);
  std::vector<int64_t> values;
  float* out = examples.inputs.data_ptr<float>();
  for (int64_t i = 0; i < samples->size(); ++i) {
    const Sample sample = samples->load(i);
    if (!sample.label)
      throw Error(path.string(), "has no labels", "name a file of them: {inputs: ..., labels: ...}");
    const Tensor input = prepared(sample, request.preprocessing, shape);
    std::copy_n(input.values<float>().data(), input.size(), out);
    out += input.size();
    values.push_back(*sample.label);
  }
  require_classes(values, section, path.string());
  require_finite(examples.inputs, path.string());
  examples.labels = numbers(values);
  return examples;
}

bool is_npz(const fs::path& path) { return path.extension() == ".npz"; }

Examples joined(const std::vector<Examples>& parts, const std::string& place) {
  if (parts.size() == 1) return parts[0];
  std::vector<torch::Tensor> inputs, labels;
  for (const Examples& part : parts) {
    if (part.lengths.defined())
      throw Error(place, "sequences come in more than one file", "put them into one NPZ file");
    if (part.inputs[0].sizes() != parts[0].inputs[0].sizes())
      throw Error(place, "files hold examples of different shapes");
    inputs.push_back(part.inputs);
    labels.push_back(part.labels);
  }
  return {torch::cat(inputs), torch::cat(labels), {}};
}

}  // namespace

Examples load_arrays(const DataSection& section, DataRole role, const DataRequest& request,
                     std::string& provenance) {
  const std::vector<DataFiles>& files = role == DataRole::train ? section.train : section.test;
  std::vector<Examples> parts;
  for (const DataFiles& file : files) {
    const fs::path path = data_file(section, file.inputs);
    const std::string labels = file.labels.empty() ? "" : data_file(section, file.labels).string();
    parts.push_back(is_npz(path) && labels.empty() ? load_npz(path, role, request, section)
                                                   : load_samples(path, labels, request, section));
    provenance += fmt::format("{}{} ({})", provenance.empty() ? "" : ", ", file.inputs, parts.back().size());
  }
  return parts.empty() ? Examples{} : joined(parts, section.place);
}

std::vector<float> black_of(const Preprocessing& preprocessing, int64_t channels) {
  std::vector<float> black;
  const auto value = [](const std::vector<double>& values, int64_t channel, double fallback) {
    if (values.empty()) return fallback;
    return values[values.size() == 1 ? 0 : static_cast<size_t>(channel) % values.size()];
  };
  for (int64_t channel = 0; channel < channels; ++channel) {
    black.push_back(static_cast<float>((0 - value(preprocessing.mean, channel, 0)) *
                                       value(preprocessing.scale, channel, 1)));
  }
  return black;
}

}  // namespace deltahop
