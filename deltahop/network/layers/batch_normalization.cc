// SPDX-License-Identifier: Apache-2.0
// BatchNormalization: (X - mean) / sqrt(variance + epsilon) * scale + B, per channel of [N, C, ...]. In
// training mode mean and variance are those of the batch, and the running ones are returned beside Y.
#include <cmath>

#include <fmt/format.h>

#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

struct Channels {
  int64_t outer = 1, count = 1, inner = 1;

  static Channels of(const Shape& shape, bool per_element) {
    if (shape.empty()) throw Error("", "the input is a scalar", "wanted batch, channels, ...");
    Channels channels;
    channels.outer = shape[0];
    if (shape.size() > 1) channels.count = shape[1];
    for (size_t axis = 2; axis < shape.size(); ++axis)
      (per_element ? channels.count : channels.inner) *= shape[axis];
    return channels;
  }
};

struct Statistics {
  std::vector<double> mean, variance;
};

template <class T>
Statistics statistics_of(std::span<const T> values, const Channels& channels) {
  Statistics result{std::vector<double>(static_cast<size_t>(channels.count)),
                    std::vector<double>(static_cast<size_t>(channels.count))};
  const auto each = [&](int64_t channel, auto&& function) {
    for (int64_t n = 0; n < channels.outer; ++n) {
      const auto piece = values.subspan(static_cast<size_t>((n * channels.count + channel) * channels.inner),
                                        static_cast<size_t>(channels.inner));
      for (const T value : piece) function(static_cast<double>(value));
    }
  };
  const double count = static_cast<double>(channels.outer * channels.inner);
  for (int64_t channel = 0; channel < channels.count; ++channel) {
    double sum = 0, squares = 0;
    each(channel, [&](double value) { sum += value; });
    const double mean = sum / count;
    each(channel, [&](double value) { squares += (value - mean) * (value - mean); });
    result.mean[static_cast<size_t>(channel)] = mean;
    result.variance[static_cast<size_t>(channel)] = squares / count;
  }
  return result;
}

std::vector<double> doubles(const Tensor& tensor) {
  const Tensor wide = tensor.converted(DataType::float64);
  return {wide.values<double>().begin(), wide.values<double>().end()};
}

Tensor as_tensor(const std::vector<double>& values, const Tensor& like) {
  return Tensor::of<double>(like.shape(), values).converted(like.type());
}

class BatchNormalization final : public Layer {
 public:
  explicit BatchNormalization(LayerArguments& arguments) {
    const Attributes& attributes = arguments.attributes;
    epsilon_ = attributes.number("epsilon", 1e-5f);
    momentum_ = attributes.number("momentum", 0.9f);
    training_ = attributes.integer("training_mode", 0) != 0;
    per_element_ = attributes.integer("spatial", 1) == 0;  // to opset 8
    attributes.integer("is_test", 0);        // to opset 6: exporters leave it at 0 in networks for inference
    attributes.integers("consumed_inputs");  // opset 1: a hint for in-place work
    attributes.finish();
    if (arguments.opset < 14 && arguments.output_count > 1) {
      throw Error("", "the node has the further outputs of training", "export the network for inference");
    }
  }
  std::string_view operator_name() const override { return "BatchNormalization"; }
  Attributes attributes() const override {
    Attributes attributes{{"epsilon", epsilon_}, {"momentum", momentum_}};
    if (training_) attributes.set("training_mode", int64_t{1});
    if (per_element_) attributes.set("spatial", int64_t{0});
    return attributes;
  }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 5, 5);
    const ValueInfo& x = required(inputs, 0, "X");
    require_type(x, "X", kFloatingTypes);
    for (size_t i = 1; i < 5; ++i) {
      const std::string name = fmt::format("{}", i);
      const ValueInfo& parameter = required(inputs, i, name);
      require_type(parameter, name, kFloatingTypes);
      if (!x.shape || !parameter.shape) continue;
      const Channels channels = Channels::of(*x.shape, per_element_);
      if (element_count(*parameter.shape) != channels.count) {
        throw Error("", fmt::format("the input {} has the shape {}, wanted {} numbers", i,
                                    to_text(*parameter.shape), channels.count));
      }
    }
    std::vector<ValueInfo> outputs = {{x.type, x.shape, nullptr}};
    if (training_) {
      outputs.push_back({inputs[3]->type, inputs[3]->shape, nullptr});
      outputs.push_back({inputs[4]->type, inputs[4]->shape, nullptr});
    }
    return outputs;
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    infer(infos_of(inputs));
    const DataType type = inputs[0]->type();
    Tensor y = inputs[0]->converted(computing_type(type));
    const Channels channels = Channels::of(y.shape(), per_element_);
    Statistics used{doubles(*inputs[3]), doubles(*inputs[4])};
    std::vector<Tensor> outputs(1);
    if (training_) {
      const Statistics batch = y.type() == DataType::float64
                                   ? statistics_of<double>(y.values<double>(), channels)
                                   : statistics_of<float>(y.values<float>(), channels);
      outputs.push_back(as_tensor(mixed(used.mean, batch.mean), *inputs[3]));
      outputs.push_back(as_tensor(mixed(used.variance, batch.variance), *inputs[4]));
      used = batch;
    }
    if (y.type() == DataType::float64)
      normalize<double>(y.values<double>(), channels, used, *inputs[1], *inputs[2]);
    else
      normalize<float>(y.values<float>(), channels, used, *inputs[1], *inputs[2]);
    outputs[0] = as_type(std::move(y), type);
    return outputs;
  }

 private:
  template <class T>
  void normalize(std::span<T> values, const Channels& channels, const Statistics& statistics,
                 const Tensor& scale, const Tensor& bias) const {
    const std::vector<double> scales = doubles(scale), biases = doubles(bias);
    size_t at = 0;
    for (int64_t n = 0; n < channels.outer; ++n) {
      for (size_t c = 0; c < static_cast<size_t>(channels.count); ++c) {
        const T factor =
            static_cast<T>(scales[c] / std::sqrt(statistics.variance[c] + static_cast<double>(epsilon_)));
        const T mean = static_cast<T>(statistics.mean[c]), shift = static_cast<T>(biases[c]);
        for (int64_t i = 0; i < channels.inner; ++i, ++at) values[at] = (values[at] - mean) * factor + shift;
      }
    }
  }

  std::vector<double> mixed(const std::vector<double>& running, const std::vector<double>& batch) const {
    std::vector<double> result(running.size());
    const double momentum = static_cast<double>(momentum_);
    for (size_t i = 0; i < result.size(); ++i) result[i] = running[i] * momentum + batch[i] * (1 - momentum);
    return result;
  }

  float epsilon_ = 1e-5f, momentum_ = 0.9f;
  bool training_ = false, per_element_ = false;
};

}  // namespace

std::vector<LayerKind> describe_batch_normalization() {
  return {{"BatchNormalization", "normalisation per channel by given (or the batch's) mean and variance",
           make_kind<BatchNormalization>}};
}

}  // namespace deltahop
