// SPDX-License-Identifier: Apache-2.0
// What MaxPool and AveragePool, and GlobalMaxPool and GlobalAveragePool, have in common: one input, its
// types, the shape of the result.
#pragma once

#include "deltahop/network/layer_inputs.h"
#include "deltahop/network/pooling.h"

namespace deltahop {

using PooledTypes = std::initializer_list<DataType>;

class WindowPool : public Layer {
 public:
  std::vector<ValueInfo> infer(InferInputs inputs) const override {
    require_input_count(inputs, 1, 1);
    const ValueInfo& x = required(inputs, 0, "X");
    require_type(x, "X", types_);
    if (!x.shape) return {{x.type, std::nullopt, nullptr}};
    return {{x.type, PoolingGeometry(window_, *x.shape).output_shape(), nullptr}};
  }

 protected:
  WindowPool(const LayerArguments& arguments, PooledTypes types)
      : window_(SlidingWindow::read(arguments.attributes)), types_(types) {
    window_.ceil_mode = arguments.attributes.integer("ceil_mode", 0) != 0;
  }
  const SlidingWindow& window() const { return window_; }

 private:
  SlidingWindow window_;
  PooledTypes types_;
};

class GlobalPool : public Layer {
 public:
  Attributes attributes() const final { return {}; }

  std::vector<ValueInfo> infer(InferInputs inputs) const final {
    require_input_count(inputs, 1, 1);
    const ValueInfo& x = required(inputs, 0, "X");
    require_type(x, "X", types_);
    if (!x.shape) return {{x.type, std::nullopt, nullptr}};
    return {{x.type, global_pooling_shape(*x.shape), nullptr}};
  }

 protected:
  GlobalPool(const LayerArguments& arguments, PooledTypes types) : types_(types) {
    arguments.attributes.finish();
  }

  // out[i] = fold(the positions of channel i).
  template <class T, class Out, class Fold>
  static void for_each_plane(std::span<const T> in, std::span<Out> out, const Fold& fold) {
    const size_t plane = out.empty() ? 0 : in.size() / out.size();
    for (size_t i = 0; i < out.size(); ++i) out[i] = fold(in.subspan(i * plane, plane));
  }

 private:
  PooledTypes types_;
};

}  // namespace deltahop
