// SPDX-License-Identifier: Apache-2.0
// AveragePool over one to three spatial axes and GlobalAveragePool. The divisor is the number of inputs in
// the window, or with count_include_pad also of the padding in it; what a window rounded up by ceil_mode
// reads beyond the padding never counts. In integers the sums are exact and the division is left to the one
// rounding at the end.
#include <numeric>

#include "deltahop/network/layers/pooling_layers.h"

namespace deltahop {
namespace {

// Beyond this the common divisor of windows cut off at the borders would eat up the range of the sums.
constexpr int64_t kLargestDivisor = int64_t{1} << 24;

class AveragePool final : public WindowPool {
 public:
  explicit AveragePool(const LayerArguments& arguments) : WindowPool(arguments, kFloatingTypes) {
    count_padding_ = arguments.attributes.integer("count_include_pad", 0) != 0;
    arguments.attributes.finish();
  }
  std::string_view operator_name() const override { return "AveragePool"; }
  Attributes attributes() const override {
    Attributes attributes;
    window().write(attributes);
    if (count_padding_) attributes.set("count_include_pad", int64_t{1});
    return attributes;
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions& options) const override {
    infer(infos_of(inputs));
    const DataType type = inputs[0]->type();
    const AsType x(*inputs[0], computing_type(type));
    const PoolingGeometry geometry(window(), x.get().shape());
    Tensor y(x.get().type(), geometry.output_shape());
    dispatch(y.type(), [&]<class T>() {
      if constexpr (std::is_floating_point_v<T>) {
        T* out = y.values<T>().data();
        for_each_sum<T, double>(geometry, x.get(), options.threads,
                                [&](int64_t at, double sum, int64_t count) {
                                  out[at] = static_cast<T>(sum / static_cast<double>(count));
                                });
      }
    });
    return one(as_type(std::move(y), type));
  }

  std::optional<Accumulators> accumulate(std::span<const IntegerValue> inputs,
                                         const ForwardOptions& options) const override {
    const Tensor& x = *inputs[0].codes;
    const PoolingGeometry geometry(window(), x.shape());
    int64_t divisor = 1;
    for (const int64_t count : geometry.distinct_counts(count_padding_)) {
      divisor = count > kLargestDivisor ? count : std::lcm(divisor, count);
      if (divisor > kLargestDivisor) return std::nullopt;
    }
    Accumulators result{Tensor(DataType::int64, geometry.output_shape()), inputs[0].fraction_bits, divisor};
    int64_t* out = result.sums.values<int64_t>().data();
    for_each_sum<int16_t, int64_t>(geometry, x, options.threads, [&](int64_t at, int64_t sum, int64_t count) {
      out[at] = sum * (divisor / count);
    });
    return result;
  }

 private:
  // Calls finish(output index, sum, divisor) for every window.
  template <class T, class Sum, class Finish>
  void for_each_sum(const PoolingGeometry& geometry, const Tensor& x, int threads,
                    const Finish& finish) const {
    const T* in = x.values<T>().data();
    geometry.for_each(threads, [&](int64_t plane, int64_t index, const PoolingGeometry::Place& place) {
      const T* values = in + plane * geometry.in_plane();
      Sum sum{};
      geometry.for_each_tap(place, [&](int64_t at) { sum += static_cast<Sum>(values[at]); });
      finish(plane * geometry.out_plane() + index, sum,
             count_padding_ ? geometry.padded_count(place) : geometry.inside_count(place));
    });
  }

  bool count_padding_ = false;
};

class GlobalAveragePool final : public GlobalPool {
 public:
  explicit GlobalAveragePool(const LayerArguments& arguments) : GlobalPool(arguments, kFloatingTypes) {}
  std::string_view operator_name() const override { return "GlobalAveragePool"; }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    const Shape shape = *infer(infos_of(inputs))[0].shape;
    const DataType type = inputs[0]->type();
    const AsType x(*inputs[0], computing_type(type));
    Tensor sums(DataType::float64, shape);
    dispatch(x.get().type(), [&]<class T>() {
      if constexpr (std::is_floating_point_v<T>) sum_planes(x.get().values<T>(), sums.values<double>());
    });
    const auto plane = sums.size() == 0 ? 1 : x.get().size() / sums.size();  // positions of one channel
    for (double& sum : sums.values<double>()) sum /= static_cast<double>(plane);
    return one(as_type(std::move(sums), type));
  }

  std::optional<Accumulators> accumulate(std::span<const IntegerValue> inputs,
                                         const ForwardOptions&) const override {
    const Tensor& x = *inputs[0].codes;
    Accumulators result{Tensor(DataType::int64, global_pooling_shape(x.shape())), inputs[0].fraction_bits};
    sum_planes(x.values<int16_t>(), result.sums.values<int64_t>());
    if (result.sums.size() != 0) result.divisor = x.size() / result.sums.size();
    return result;
  }

 private:
  template <class T, class Sum>
  static void sum_planes(std::span<const T> in, std::span<Sum> out) {
    for_each_plane(in, out, [](std::span<const T> plane) {
      return std::accumulate(plane.begin(), plane.end(), Sum{},
                             [](Sum sum, T value) { return sum + static_cast<Sum>(value); });
    });
  }
};

}  // namespace

std::vector<LayerKind> describe_average_pool() {
  return {{"AveragePool", "the mean of a window", make_kind<AveragePool>},
          {"GlobalAveragePool", "the mean of each channel", make_kind<GlobalAveragePool>}};
}

}  // namespace deltahop
