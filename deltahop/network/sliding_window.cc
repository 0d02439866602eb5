// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/sliding_window.h"

#include <algorithm>

#include <fmt/format.h>

namespace deltahop {
namespace {

// Attributes come from files: bounded, no product or sum of two of them and a dimension (at most 2^40) can
// overflow.
constexpr int64_t kLargestAttribute = int64_t{1} << 24;

std::vector<int64_t> read_list(const Attributes& attributes, std::string_view name, int64_t least) {
  std::vector<int64_t> values = attributes.integers(name);
  for (const int64_t value : values) {
    if (value < least || value > kLargestAttribute) {
      throw Error("", fmt::format("the attribute '{}' holds {}", name, value),
                  fmt::format("wanted {} to {}", least, kLargestAttribute));
    }
  }
  return values;
}

void require_length(const std::vector<int64_t>& values, std::string_view name, size_t wanted) {
  if (values.empty() || values.size() == wanted) return;
  throw Error("", fmt::format("the attribute '{}' has {} numbers, the input's shape asks for {}", name,
                              values.size(), wanted));
}

int64_t divide_up(int64_t numerator, int64_t denominator) {
  return (numerator + denominator - 1) / denominator;
}

void pad_same(WindowAxis& axis, bool upper) {
  axis.out = divide_up(axis.in, axis.stride);
  const int64_t total = std::max<int64_t>((axis.out - 1) * axis.stride + axis.extent() - axis.in, 0);
  axis.pad_begin = upper ? total / 2 : total - total / 2;
  axis.pad_end = total - axis.pad_begin;
}

}  // namespace

WindowAxis::Taps WindowAxis::taps(int64_t i) const {
  const int64_t first = start(i);
  Taps taps;
  taps.begin = first < 0 ? divide_up(-first, dilation) : 0;
  taps.end = first >= in ? 0 : std::min(kernel, (in - 1 - first) / dilation + 1);
  taps.begin = std::min(taps.begin, kernel);
  taps.end = std::max(taps.end, taps.begin);
  return taps;
}

int64_t WindowAxis::padded_count(int64_t i) const {
  const int64_t room = in + pad_end - 1 - start(i);
  return room < 0 ? 0 : std::min(kernel, room / dilation + 1);
}

SlidingWindow SlidingWindow::read(const Attributes& attributes) {
  SlidingWindow window;
  window.kernel_shape = read_list(attributes, "kernel_shape", 1);
  window.strides = read_list(attributes, "strides", 1);
  window.dilations = read_list(attributes, "dilations", 1);
  window.pads = read_list(attributes, "pads", 0);
  window.auto_pad = attributes.text("auto_pad", "NOTSET");
  const std::vector<std::string> known = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};
  if (std::find(known.begin(), known.end(), window.auto_pad) == known.end()) {
    throw Error("", fmt::format("auto_pad is '{}'", window.auto_pad), suggest(window.auto_pad, known));
  }
  if (window.auto_pad != "NOTSET") {
    // Some exporters write zeros beside auto_pad; anything else would be two answers to one question.
    if (std::any_of(window.pads.begin(), window.pads.end(), [](int64_t pad) { return pad != 0; })) {
      throw Error("", fmt::format("both auto_pad {} and pads are given", window.auto_pad), "use one of them");
    }
    window.pads.clear();
  }
  return window;
}

void SlidingWindow::write(Attributes& attributes) const {
  const auto set = [&](const char* name, const std::vector<int64_t>& values) {
    if (!values.empty()) attributes.set(name, values);
  };
  set("kernel_shape", kernel_shape);
  set("strides", strides);
  set("dilations", dilations);
  set("pads", pads);
  if (auto_pad != "NOTSET") attributes.set("auto_pad", auto_pad);
  if (ceil_mode) attributes.set("ceil_mode", int64_t{1});
}

std::vector<WindowAxis> SlidingWindow::axes(std::span<const int64_t> in,
                                            std::span<const int64_t> kernel) const {
  const size_t rank = in.size();
  require_length(kernel_shape, "kernel_shape", rank);
  require_length(strides, "strides", rank);
  require_length(dilations, "dilations", rank);
  require_length(pads, "pads", 2 * rank);
  DELTAHOP_CHECK(kernel.size() == rank);
  std::vector<WindowAxis> axes(rank);
  for (size_t a = 0; a < rank; ++a) {
    WindowAxis& axis = axes[a];
    axis.in = in[a];
    axis.kernel = kernel[a];
    if (axis.kernel < 1 || axis.kernel > kLargestAttribute)
      throw Error("", fmt::format("the kernel's size is {}", axis.kernel));
    if (!strides.empty()) axis.stride = strides[a];
    if (!dilations.empty()) axis.dilation = dilations[a];
    if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
      pad_same(axis, auto_pad == "SAME_UPPER");
      continue;
    }
    if (!pads.empty()) {
      axis.pad_begin = pads[a];
      axis.pad_end = pads[rank + a];
    }
    const int64_t room = axis.in + axis.pad_begin + axis.pad_end - axis.extent();
    if (room < 0) {
      throw Error("",
                  fmt::format("the kernel reaches over {} positions, the padded input has {} (dimension {})",
                              axis.extent(), axis.in + axis.pad_begin + axis.pad_end, a + 2),
                  "check the size of the input");
    }
    axis.out = (ceil_mode ? divide_up(room, axis.stride) : room / axis.stride) + 1;
    // A window that would start behind the input and its leading padding sees nothing.
    if (ceil_mode && axis.out > 1 && (axis.out - 1) * axis.stride >= axis.in + axis.pad_begin) --axis.out;
  }
  return axes;
}

std::vector<int64_t> out_sizes(const std::vector<WindowAxis>& axes) {
  std::vector<int64_t> sizes;
  for (const WindowAxis& axis : axes) sizes.push_back(axis.out);
  return sizes;
}

std::span<const int64_t> spatial(const std::vector<int64_t>& shape) {
  DELTAHOP_CHECK(shape.size() >= 2);
  return std::span(shape).subspan(2);
}

}  // namespace deltahop
