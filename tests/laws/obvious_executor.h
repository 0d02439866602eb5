// SPDX-License-Identifier: Apache-2.0
// A network in integers by plain loops over codes, node by node: slow and obvious, and what the integer
// executor must equal.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "deltahop/network/integer_model.h"

namespace deltahop {

// A value as the obvious implementation sees it.
struct Codes {
  Shape shape;
  std::vector<int64_t> values;
  int64_t at(int64_t c, int64_t y, int64_t x) const {
    return values[static_cast<size_t>((c * shape[2] + y) * shape[3] + x)];
  }
};

// numerator / denominator by its rounding rule, told apart by the remainder.
inline int64_t rounded(__int128 numerator, __int128 denominator, Rounding rule) {
  __int128 down = numerator / denominator;
  if (numerator % denominator < 0) --down;
  const __int128 rest = numerator - down * denominator;
  const bool up_half = 2 * rest > denominator, tie = 2 * rest == denominator, exact = rest == 0;
  bool up = false;
  if (rule == Rounding::toward_zero) up = numerator < 0 && !exact;
  if (rule == Rounding::half_up) up = up_half || tie;
  if (rule == Rounding::half_away) up = up_half || (tie && numerator > 0);
  if (rule == Rounding::half_even) up = up_half || (tie && down % 2 != 0);
  return static_cast<int64_t>(down + (up ? 1 : 0));
}

class ObviousExecutor {
 public:
  explicit ObviousExecutor(const IntegerModel& model) : model_(model), network_(model.network) {}

  std::map<ValueId, Codes> run(const Tensor& input) {
    const ValueId x = network_.inputs()[0].value;
    values_[x] = nearest(input, x);
    for (const Node& node : network_.nodes()) {
      const int64_t before = outside_;
      values_[node.outputs[0]] = node_output(node);
      outside_by_node_.push_back(outside_ - before);
    }
    return std::move(values_);
  }
  int64_t outside() const { return outside_; }
  int64_t outside(const Stage& stage) const {
    int64_t sum = 0;
    for (const size_t node : stage.nodes) sum += outside_by_node_.at(node);
    return sum;
  }

 private:
  FixedFormat format(ValueId id) const { return model_.formats.at(id); }
  int fraction(ValueId id) const { return format(id).fraction_bits; }

  Codes nearest(const Tensor& floats, ValueId id) {
    Codes codes{floats.shape(), {}};
    for (const float value : floats.values<float>()) {
      const double code = std::nearbyint(std::ldexp(static_cast<double>(value), fraction(id)));
      const double bounded = std::clamp(code, static_cast<double>(format(id).lowest()),
                                        static_cast<double>(format(id).highest()));
      if (is_activation(id) && bounded != code) ++outside_;
      codes.values.push_back(static_cast<int64_t>(bounded));
    }
    return codes;
  }
  bool is_activation(ValueId id) const { return network_.value(id).constant == nullptr; }

  // sum / divisor * 2^-from as a code of the value `to`.
  int64_t stored(__int128 sum, int64_t divisor, int from, ValueId to) {
    __int128 numerator = sum, denominator = divisor;
    for (int i = from; i < fraction(to); ++i) numerator *= 2;
    for (int i = fraction(to); i < from; ++i) denominator *= 2;
    const int64_t code = rounded(numerator, denominator, model_.arithmetic.rounding);
    const FixedFormat f = format(to);
    if (code >= f.lowest() && code <= f.highest()) return code;
    ++outside_;
    if (model_.arithmetic.overflow == Overflow::saturate) return code < 0 ? f.lowest() : f.highest();
    const int64_t span = int64_t{1} << f.total_bits;
    int64_t wrapped = ((code % span) + span) % span;
    return wrapped > f.highest() ? wrapped - span : wrapped;
  }

  Codes node_output(const Node& node) {
    const std::string_view name = node.layer->operator_name();
    const ValueId in = node.inputs[0], out = node.outputs[0];
    const Codes& x = values_.at(in);
    if (name == "Conv") return convolution(node);
    if (name == "Gemm") return gemm(node);
    if (name == "Add") {
      const Codes& y = values_.at(node.inputs[1]);
      const int both = std::max(fraction(in), fraction(node.inputs[1]));
      Codes z{x.shape, {}};
      for (size_t i = 0; i < x.values.size(); ++i) {
        z.values.push_back(stored((__int128{x.values[i]} << (both - fraction(in))) +
                                      (__int128{y.values[i]} << (both - fraction(node.inputs[1]))),
                                  1, both, out));
      }
      return z;
    }
    if (name == "Concat") {
      Codes z{*network_.value(out).shape, {}};
      for (const ValueId id : node.inputs) {
        for (const int64_t code : moved(id, out).values) z.values.push_back(code);
      }
      return z;
    }
    if (name == "Flatten") {
      Codes z = moved(in, out);
      z.shape = *network_.value(out).shape;
      return z;
    }
    if (name == "Relu") {
      Codes z = moved(in, out);
      for (int64_t& code : z.values) code = std::max<int64_t>(code, 0);
      return z;
    }
    if (name == "Sigmoid") return on_host(node);
    return pool(node);
  }

  // Codes in the format of another value, as a layer that keeps codes sees them.
  Codes moved(ValueId from, ValueId to) {
    Codes codes = values_.at(from);
    if (format(from) == format(to)) return codes;
    for (int64_t& code : codes.values) code = stored(code, 1, fraction(from), to);
    return codes;
  }

  Codes on_host(const Node& node) {
    const Codes& x = values_.at(node.inputs[0]);
    Tensor floats(DataType::float32, x.shape);
    for (size_t i = 0; i < x.values.size(); ++i) {
      floats.values<float>()[i] =
          static_cast<float>(std::ldexp(static_cast<double>(x.values[i]), -fraction(node.inputs[0])));
    }
    const Tensor* inputs[] = {&floats};
    return nearest(node.layer->forward(inputs, {})[0], node.outputs[0]);
  }

  Codes convolution(const Node& node) {
    const Codes& x = values_.at(node.inputs[0]);
    const Codes w = nearest(*network_.value(node.inputs[1]).constant, node.inputs[1]);
    const Attributes attributes = node.layer->attributes();
    const int64_t stride = attributes.integers("strides", {1, 1})[0],
                  pad = attributes.integers("pads", {0, 0, 0, 0})[0];
    const int64_t groups = attributes.integer("group", 1);
    const int sum_fraction = fraction(node.inputs[0]) + fraction(node.inputs[1]);
    Codes z{*network_.value(node.outputs[0]).shape, {}};
    for (int64_t k = 0; k < z.shape[1]; ++k) {
      for (int64_t p = 0; p < z.shape[2]; ++p) {
        for (int64_t q = 0; q < z.shape[3]; ++q) {
          __int128 sum = bias(node, k, sum_fraction);
          for (int64_t c = 0; c < w.shape[1]; ++c) {
            for (int64_t r = 0; r < w.shape[2]; ++r) {
              for (int64_t s = 0; s < w.shape[3]; ++s) {
                const int64_t row = p * stride + r - pad, column = q * stride + s - pad;
                if (row < 0 || row >= x.shape[2] || column < 0 || column >= x.shape[3]) continue;
                const int64_t channel = k / (z.shape[1] / groups) * w.shape[1] + c;
                sum += __int128{w.values[static_cast<size_t>(
                           ((k * w.shape[1] + c) * w.shape[2] + r) * w.shape[3] + s)]} *
                       x.at(channel, row, column);
              }
            }
          }
          z.values.push_back(stored(sum, 1, sum_fraction, node.outputs[0]));
        }
      }
    }
    return z;
  }

  int64_t bias(const Node& node, int64_t k, int sum_fraction) const {
    if (node.inputs.size() < 3) return 0;
    const float value = network_.value(node.inputs[2]).constant->values<float>()[static_cast<size_t>(k)];
    return static_cast<int64_t>(std::nearbyint(std::ldexp(static_cast<double>(value), sum_fraction)));
  }

  Codes gemm(const Node& node) {
    const Codes& x = values_.at(node.inputs[0]);
    const Codes w = nearest(*network_.value(node.inputs[1]).constant, node.inputs[1]);
    const bool transposed = node.layer->attributes().integer("transB", 0) != 0;
    const int sum_fraction = fraction(node.inputs[0]) + fraction(node.inputs[1]);
    Codes z{*network_.value(node.outputs[0]).shape, {}};
    const int64_t inner = x.shape[1];
    for (int64_t k = 0; k < z.shape[1]; ++k) {
      __int128 sum = bias(node, k, sum_fraction);
      for (int64_t c = 0; c < inner; ++c) {
        sum += __int128{x.values[static_cast<size_t>(c)]} *
               w.values[static_cast<size_t>(transposed ? k * inner + c : c * z.shape[1] + k)];
      }
      z.values.push_back(stored(sum, 1, sum_fraction, node.outputs[0]));
    }
    return z;
  }

  Codes pool(const Node& node) {
    const std::string_view name = node.layer->operator_name();
    const bool is_max = name == "MaxPool";
    const ValueId out = node.outputs[0];
    const Codes x = is_max ? moved(node.inputs[0], out) : values_.at(node.inputs[0]);
    const Attributes attributes = node.layer->attributes();
    const bool global = name == "GlobalAveragePool";
    const int64_t rows = global ? x.shape[2] : attributes.integers("kernel_shape")[0];
    const int64_t columns = global ? x.shape[3] : attributes.integers("kernel_shape")[1];
    const int64_t stride = global ? 1 : attributes.integers("strides", {1, 1})[0];
    const int64_t pad = global ? 0 : attributes.integers("pads", {0, 0, 0, 0})[0];
    Codes z{*network_.value(out).shape, {}};
    for (int64_t c = 0; c < z.shape[1]; ++c) {
      for (int64_t p = 0; p < z.shape[2]; ++p) {
        for (int64_t q = 0; q < z.shape[3]; ++q) {
          int64_t best = -40000, sum = 0;
          for (int64_t r = 0; r < rows; ++r) {
            for (int64_t s = 0; s < columns; ++s) {
              const int64_t row = p * stride + r - pad, column = q * stride + s - pad;
              if (row < 0 || row >= x.shape[2] || column < 0 || column >= x.shape[3]) continue;
              best = std::max(best, x.at(c, row, column));
              sum += x.at(c, row, column);
            }
          }
          z.values.push_back(is_max ? best : stored(sum, rows * columns, fraction(node.inputs[0]), out));
        }
      }
    }
    return z;
  }

  const IntegerModel& model_;
  const Network& network_;
  std::map<ValueId, Codes> values_;
  int64_t outside_ = 0;  // inputs and all nodes
  std::vector<int64_t> outside_by_node_;
};

}  // namespace deltahop
