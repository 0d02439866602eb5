// SPDX-License-Identifier: Apache-2.0
// MaxPool over one to three spatial axes, with the places of the maxima as second output, and GlobalMaxPool.
// Padding never wins. A maximum is one of its inputs, so integer codes pass through unchanged.
#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "deltahop/network/layers/pooling_layers.h"

namespace deltahop {
namespace {

constexpr std::initializer_list<DataType> kTypes = {DataType::float32,  DataType::float64, DataType::float16,
                                                    DataType::bfloat16, DataType::int8,    DataType::uint8,
                                                    DataType::int16};

// NaN wins over every number, and stays.
template <class T>
bool beats(T value, T best) {
  return value > best || value != value;
}

// The winner, in a form that compilers turn into many at once.
template <class T>
T larger(T value, T best) {
  const T winner = value > best ? value : best;
  return value != value ? value : winner;
}

// The place within the plane, counted with the last axis fastest, counted with the first one fastest instead.
int64_t column_major(int64_t place, const std::array<WindowAxis, 3>& axes) {
  const int64_t column = place % axes[2].in, row = place / axes[2].in % axes[1].in,
                depth = place / axes[2].in / axes[1].in;
  return depth + axes[0].in * (row + axes[1].in * column);
}

// The largest over the window's rows (and planes of depth), for every column of the input.
template <class T>
void gather_rows(const PoolingGeometry& geometry, const T* plane, const PoolingGeometry::Step& depth,
                 const PoolingGeometry::Step& row, T* best) {
  const auto& axes = geometry.axes();
  const int64_t width = axes[2].in;
  for (int64_t line = 0; line < depth.inside_count * row.inside_count; ++line) {
    const int64_t in_depth = depth.first + line / row.inside_count * axes[0].dilation;
    const int64_t in_row = row.first + line % row.inside_count * axes[1].dilation;
    const T* values = plane + (in_depth * axes[1].in + in_row) * axes[2].in;
    if (line == 0) {
      std::copy(values, values + width, best);
    } else {
      for (int64_t i = 0; i < width; ++i) best[i] = larger(values[i], best[i]);
    }
  }
}

// Line by line: first the largest over the window's rows, many columns at once, then over its columns.
template <class T>
void pool_lines(const PoolingGeometry& geometry, std::span<const T> in, std::span<T> out, int threads) {
  const auto depth_steps = geometry.steps(0), row_steps = geometry.steps(1), column_steps = geometry.steps(2);
  const WindowAxis& columns = geometry.axes()[2];
  parallel_for(
      threads, geometry.planes(),
      [&](int64_t begin, int64_t end) {
        std::vector<T> best(static_cast<size_t>(columns.in));
        T* next = out.data() + begin * geometry.out_plane();
        for (int64_t plane = begin; plane < end; ++plane) {
          for (const auto& depth : depth_steps) {
            for (const auto& row : row_steps) {
              gather_rows(geometry, in.data() + plane * geometry.in_plane(), depth, row, best.data());
              for (const auto& step : column_steps) {
                const T* at = best.data() + step.first;
                T largest = *at;
                for (int64_t s = 1; s < step.inside_count; ++s)
                  largest = larger(at[s * columns.dilation], largest);
                *next++ = largest;
              }
            }
          }
        }
      },
      geometry.smallest_piece());
}

class MaxPool final : public WindowPool {
 public:
  explicit MaxPool(const LayerArguments& arguments) : WindowPool(arguments, kTypes) {
    storage_order_ = arguments.attributes.integer("storage_order", 0);
    arguments.attributes.finish();
    wants_places_ = arguments.output_count > 1;
    if (storage_order_ != 0 && storage_order_ != 1)
      throw Error("", fmt::format("storage_order is {}", storage_order_), "known: 0, 1");
  }
  std::string_view operator_name() const override { return "MaxPool"; }
  Attributes attributes() const override {
    Attributes attributes;
    window().write(attributes);
    if (storage_order_ != 0) attributes.set("storage_order", storage_order_);
    return attributes;
  }
  bool keeps_codes() const override { return !wants_places_; }

  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    std::vector<ValueInfo> outputs = WindowPool::infer(inputs);
    if (wants_places_) outputs.push_back({DataType::int64, outputs[0].shape, nullptr});
    return outputs;
  }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions& options) const override {
    infer(infos_of(inputs));
    const DataType type = inputs[0]->type();
    const AsType x(*inputs[0], computing_type(type));
    const PoolingGeometry geometry(window(), x.get().shape());
    Tensor y(x.get().type(), geometry.output_shape());
    Tensor places(DataType::int64, wants_places_ ? geometry.output_shape() : Shape{0});
    dispatch(y.type(), [&]<class T>() {
      if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
        pool_lines<T>(geometry, x.get().values<T>(), y.values<T>(), options.threads);
        if (wants_places_)
          find_places<T>(geometry, x.get().values<T>(), places.values<int64_t>(), options.threads);
      }
    });
    std::vector<Tensor> outputs = one(as_type(std::move(y), type));
    if (wants_places_) outputs.push_back(std::move(places));
    return outputs;
  }

 private:
  template <class T>
  void find_places(const PoolingGeometry& geometry, std::span<const T> in, std::span<int64_t> places,
                   int threads) const {
    const int64_t in_plane = geometry.in_plane(), out_plane = geometry.out_plane();
    geometry.for_each(threads, [&](int64_t plane, int64_t index, const PoolingGeometry::Place& place) {
      const T* values = in.data() + plane * in_plane;
      int64_t best = -1;
      geometry.for_each_tap(place, [&](int64_t at) {
        if (best < 0 || beats(values[at], values[best])) best = at;
      });
      places[static_cast<size_t>(plane * out_plane + index)] =
          plane * in_plane + (storage_order_ == 0 ? best : column_major(best, geometry.axes()));
    });
  }

  int64_t storage_order_ = 0;
  bool wants_places_ = false;
};

class GlobalMaxPool final : public GlobalPool {
 public:
  explicit GlobalMaxPool(const LayerArguments& arguments) : GlobalPool(arguments, kTypes) {}
  std::string_view operator_name() const override { return "GlobalMaxPool"; }
  bool keeps_codes() const override { return true; }

  std::vector<Tensor> forward(TensorInputs inputs, const ForwardOptions&) const override {
    const Shape shape = *infer(infos_of(inputs))[0].shape;
    const DataType type = inputs[0]->type();
    const AsType x(*inputs[0], computing_type(type));
    Tensor y(x.get().type(), shape);
    dispatch(y.type(), [&]<class T>() {
      if constexpr (std::is_arithmetic_v<T>) {
        for_each_plane(x.get().values<T>(), y.values<T>(), [](std::span<const T> plane) {
          return std::accumulate(plane.begin() + 1, plane.end(), plane[0],
                                 [](T best, T value) { return larger(value, best); });
        });
      }
    });
    return one(as_type(std::move(y), type));
  }
};

}  // namespace

std::vector<LayerKind> describe_max_pool() {
  return {{"MaxPool", "the largest value in a window", make_kind<MaxPool>},
          {"GlobalMaxPool", "the largest value of each channel", make_kind<GlobalMaxPool>}};
}

}  // namespace deltahop
