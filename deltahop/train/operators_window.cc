// SPDX-License-Identifier: Apache-2.0
// Convolution, pooling and normalisation over channels.
#include <algorithm>
#include <limits>
#include <map>

#include "deltahop/network/convolution.h"
#include "deltahop/network/sliding_window.h"
#include "deltahop/train/operators.h"

namespace deltahop {
namespace {

using Integers = std::vector<int64_t>;

// What a window needs in front and behind, axis by axis; a last window that would start beyond its end is not
// there.
struct WindowPlan {
  Integers kernel, strides, dilations, begin, end;

  static WindowPlan of(const std::vector<WindowAxis>& axes) {
    WindowPlan plan;
    for (const WindowAxis& axis : axes) {
      plan.kernel.push_back(axis.kernel);
      plan.strides.push_back(axis.stride);
      plan.dilations.push_back(axis.dilation);
      plan.begin.push_back(axis.pad_begin);
      plan.end.push_back(
          std::max<int64_t>(0, (axis.out - 1) * axis.stride + axis.extent() - axis.in - axis.pad_begin));
    }
    return plan;
  }
  bool is_even() const { return begin == end; }
  bool has_padding() const {
    for (size_t i = 0; i < begin.size(); ++i)
      if (begin[i] != 0 || end[i] != 0) return true;
    return false;
  }
  torch::Tensor padded(const torch::Tensor& x, double value) const {
    if (!has_padding()) return x;
    Integers pads;
    for (size_t i = begin.size(); i-- > 0;) {
      pads.push_back(begin[i]);
      pads.push_back(end[i]);
    }
    return at::constant_pad_nd(x, pads, value);
  }
};

std::vector<WindowAxis> axes_of(const SlidingWindow& window, const torch::Tensor& x, const Integers& kernel) {
  const Integers shape = x.sizes().vec();
  return window.axes(spatial(shape), kernel);
}

NodeFunction make_conv(const NodeSource& source) {
  const ConvolutionAttributes conv = ConvolutionAttributes::read(source.attributes());
  return [conv](const Tensors& in, const ForwardCall&) -> Tensors {
    const Integers weights = in[1].sizes().vec();
    const WindowPlan plan = WindowPlan::of(axes_of(conv.window, in[0], {weights.begin() + 2, weights.end()}));
    const Integers none(plan.kernel.size(), 0);
    const c10::optional<torch::Tensor> bias =
        in.size() > 2 && in[2].defined() ? c10::optional<torch::Tensor>(in[2]) : c10::nullopt;
    const torch::Tensor x = plan.is_even() ? in[0] : plan.padded(in[0], 0.0);
    return {at::convolution(x, in[1], bias, plan.strides, plan.is_even() ? plan.begin : none, plan.dilations,
                            false, none, conv.groups)};
  };
}

// One spatial axis as two, so that the planar kernels take it.
torch::Tensor planar(const torch::Tensor& x) { return x.dim() == 3 ? x.unsqueeze(2) : x; }
Integers planar(const Integers& values, int64_t fill) {
  return values.size() == 1 ? Integers{fill, values[0]} : values;
}

void require_planar(const NodeSource& source) {
  const size_t rank = source.shape(0).size();
  if (rank != 3 && rank != 4) source.refuse("is trained over one or two spatial axes only");
}

NodeFunction make_max_pool(const NodeSource& source) {
  require_planar(source);
  SlidingWindow window = SlidingWindow::read(source.attributes());
  window.ceil_mode = source.attributes().integer("ceil_mode", 0) != 0;
  if (source.node().outputs.size() > 1) source.refuse("the places of the largest values cannot be trained");
  return [window](const Tensors& in, const ForwardCall&) -> Tensors {
    const WindowPlan plan = WindowPlan::of(axes_of(window, in[0], window.kernel_shape));
    const torch::Tensor x = planar(plan.padded(in[0], -std::numeric_limits<double>::infinity()));
    const torch::Tensor y = at::max_pool2d(x, planar(plan.kernel, 1), planar(plan.strides, 1), {0, 0},
                                           planar(plan.dilations, 1), false);
    return {in[0].dim() == 3 ? y.squeeze(2) : y};
  };
}

// 1 / the number of taps that count, for every window.
torch::Tensor inverse_counts(const std::vector<WindowAxis>& axes, bool with_padding, torch::Dtype type) {
  torch::Tensor counts = torch::ones({1}, torch::kFloat64);
  for (const WindowAxis& axis : axes) {
    torch::Tensor along = torch::empty({axis.out}, torch::kFloat64);
    for (int64_t i = 0; i < axis.out; ++i)
      along[i] = static_cast<double>(with_padding ? axis.padded_count(i) : axis.taps(i).count());
    counts = counts.unsqueeze(-1) * along;
  }
  return counts.squeeze(0).reciprocal().to(type);
}

NodeFunction make_average_pool(const NodeSource& source) {
  require_planar(source);
  SlidingWindow window = SlidingWindow::read(source.attributes());
  window.ceil_mode = source.attributes().integer("ceil_mode", 0) != 0;
  const bool with_padding = source.attributes().integer("count_include_pad", 0) != 0;
  return [window, with_padding](const Tensors& in, const ForwardCall&) -> Tensors {
    const std::vector<WindowAxis> axes = axes_of(window, in[0], window.kernel_shape);
    const WindowPlan plan = WindowPlan::of(axes);
    for (const int64_t dilation : plan.dilations)
      if (dilation != 1) throw Error("AveragePool", "taps that lie apart (dilations) cannot be trained");
    const torch::Tensor x = planar(plan.padded(in[0], 0.0));
    torch::Tensor y =
        at::avg_pool2d(x, planar(plan.kernel, 1), planar(plan.strides, 1), {0, 0}, false, true, 1);
    y = in[0].dim() == 3 ? y.squeeze(2) : y;
    return {y * inverse_counts(axes, with_padding, y.scalar_type())};
  };
}

Integers spatial_axes(const torch::Tensor& x) {
  Integers axes;
  for (int64_t axis = 2; axis < x.dim(); ++axis) axes.push_back(axis);
  return axes;
}

NodeFunction make_global_average_pool(const NodeSource&) {
  return [](const Tensors& in, const ForwardCall&) -> Tensors {
    return {at::mean(in[0], spatial_axes(in[0]), true)};
  };
}

NodeFunction make_global_max_pool(const NodeSource&) {
  return [](const Tensors& in, const ForwardCall&) -> Tensors {
    return {at::amax(in[0], spatial_axes(in[0]), true)};
  };
}

NodeFunction make_batch_normalization(const NodeSource& source) {
  if (source.attributes().integer("spatial", 1) == 0)
    source.refuse("is trained over channels only (spatial 1)");
  const double epsilon = static_cast<double>(source.attributes().number("epsilon", 1e-5f));
  const double kept = static_cast<double>(source.attributes().number("momentum", 0.9f));
  return [epsilon, kept](const Tensors& in, const ForwardCall& call) -> Tensors {
    return {at::batch_norm(in[0], in[1], in[2], in[3], in[4], call.training, 1.0 - kept, epsilon, false)};
  };
}

NodeFunction make_lrn(const NodeSource& source) {
  const int64_t size = source.attributes().integer("size", 5);
  const double alpha = static_cast<double>(source.attributes().number("alpha", 1e-4f));
  const double beta = static_cast<double>(source.attributes().number("beta", 0.75f));
  const double bias = static_cast<double>(source.attributes().number("bias", 1.0f));
  return [=](const Tensors& in, const ForwardCall&) -> Tensors {
    const torch::Tensor squares = in[0] * in[0];
    Integers pads(static_cast<size_t>(2 * (in[0].dim() - 2)),
                  0);  // the last axes first, the channels' come last
    pads.push_back((size - 1) / 2);
    pads.push_back(size - 1 - (size - 1) / 2);
    const torch::Tensor padded = at::constant_pad_nd(squares, pads, 0.0);
    torch::Tensor sum = padded.narrow(1, 0, in[0].size(1));
    for (int64_t i = 1; i < size; ++i) sum = sum + padded.narrow(1, i, in[0].size(1));
    return {in[0] * (bias + alpha / static_cast<double>(size) * sum).pow(-beta)};
  };
}

}  // namespace

NodeMaker find_window_maker(std::string_view name) {
  static const std::map<std::string_view, NodeMaker> kMakers = {
      {"Conv", make_conv},
      {"MaxPool", make_max_pool},
      {"AveragePool", make_average_pool},
      {"GlobalAveragePool", make_global_average_pool},
      {"GlobalMaxPool", make_global_max_pool},
      {"BatchNormalization", make_batch_normalization},
      {"LRN", make_lrn}};
  const auto found = kMakers.find(name);
  return found == kMakers.end() ? nullptr : found->second;
}

}  // namespace deltahop
