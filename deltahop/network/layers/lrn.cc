// SPDX-License-Identifier: Apache-2.0
// LRN: local response normalisation over neighbouring channels of [N, C, ...]:
// y = x / (bias + alpha / size * sum of squares of `size` channels around)^beta.
#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "deltahop/base/parallel.h"
#include "deltahop/network/layer_inputs.h"

namespace deltahop {
namespace {

constexpr int64_t kSmallestWork = 1 << 12;  // outputs worth a thread of their own

class Lrn final : public Layer {
 public:
  explicit Lrn(LayerArguments& arguments) {
    const Attributes& attributes = arguments.attributes;
    size_ = attributes.integer("size", 0);
    alpha_ = attributes.number("alpha", 1e-4f);
    beta_ = attributes.number("beta", 0.75f);
    bias_ = attributes.number("bias", 1.0f);
    attributes.finish();
    constexpr int64_t kLargest = int64_t{1} << 24;
    if (size_ < 1 || size_ > kLargest)
      throw Error("", fmt::format("the attribute 'size' is {}", size_), "it is required, and at least 1");
  }
  std::string_view operator_name() const override { return "LRN"; }
  Attributes attributes() const override {
    return {{"size", size_}, {"alpha", alpha_}, {"beta", beta_}, {"bias", bias_}};
  }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, 1);
    const ValueInfo& x = required(inputs, 0, "X");
    require_type(x, "X", kFloatingTypes);
    if (x.shape && x.shape->size() < 2)
      throw Error("", fmt::format("the input {} has no channels", to_text(*x.shape)));
    return {{x.type, x.shape, nullptr}};
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions& options) const override {
    infer(infos_of(inputs));
    const DataType type = inputs[0]->type();
    const AsType x(*inputs[0], computing_type(type));
    Tensor y(x.get().type(), x.get().shape());
    if (y.size() == 0) return one(as_type(std::move(y), type));
    dispatch(y.type(), [&]<class T>() {
      if constexpr (std::is_floating_point_v<T>) normalize<T>(x.get(), y, options.threads);
    });
    return one(as_type(std::move(y), type));
  }

 private:
  template <class T>
  void normalize(const Tensor& x, Tensor& y, int threads) const {
    const int64_t channels = x.dim(1), positions = x.size() / (x.dim(0) * channels);
    const std::span<const T> in = x.values<T>();
    const std::span<T> out = y.values<T>();
    const double factor = static_cast<double>(alpha_) / static_cast<double>(size_);
    parallel_for(
        threads, x.dim(0) * channels,
        [&](int64_t begin, int64_t end) {
          std::vector<double> squares(static_cast<size_t>(positions));
          for (int64_t map = begin; map < end; ++map) {
            const int64_t channel = map % channels, first_map = map - channel;
            const int64_t low = std::max<int64_t>(channel - (size_ - 1) / 2, 0),
                          high = std::min(channel + size_ / 2, channels - 1);
            std::fill(squares.begin(), squares.end(), 0.0);
            for (int64_t c = low; c <= high; ++c) {
              const auto plane = in.subspan(static_cast<size_t>((first_map + c) * positions),
                                            static_cast<size_t>(positions));
              for (size_t i = 0; i < plane.size(); ++i)
                squares[i] += static_cast<double>(plane[i]) * static_cast<double>(plane[i]);
            }
            const size_t start = static_cast<size_t>(map * positions);
            for (size_t i = 0; i < squares.size(); ++i) {
              const T base = static_cast<T>(static_cast<double>(bias_) + factor * squares[i]);
              out[start + i] = in[start + i] * std::pow(base, static_cast<T>(-beta_));
            }
          }
        },
        std::max<int64_t>(1, kSmallestWork / positions));
  }

  int64_t size_ = 1;
  float alpha_ = 1e-4f, beta_ = 0.75f, bias_ = 1.0f;
};

}  // namespace

std::vector<LayerKind> describe_lrn() {
  return {{"LRN", "local response normalisation over neighbouring channels", make_kind<Lrn>}};
}

}  // namespace deltahop
