// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/quantized_gru.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

// Rows of ONNX's z r h in the order r u c.
constexpr std::array<int64_t, 3> kOnnxGate = {1, 0, 2};

void require_integer_cell(const RecurrentCell& cell) {
  if (cell.kind != CellKind::gru)
    throw Error("", fmt::format("is an {}; the integer delta cell is a GRU", name_of(cell.kind)));
  if (!cell.linear_before_reset)
    throw Error("",
                "has linear_before_reset = 0: the reset gate comes before the product R*(r*h), which needs a "
                "third stream of deltas that this arithmetic does not have",
                "export it with linear_before_reset = 1 (PyTorch does)");
  const std::vector<CellActivation> usual = default_activations(CellKind::gru);
  const auto same_kind = [](const CellActivation& a, const CellActivation& b) { return a.kind == b.kind; };
  if (!std::equal(usual.begin(), usual.end(), cell.activations.begin(), cell.activations.end(), same_kind))
    throw Error("", "has other activations than sigmoid and tanh, of which there are tables");
  if (cell.clip > 0) throw Error("", "clips the inputs of its activations, which this arithmetic does not");
  if (cell.reverse) throw Error("", "reads its sequence backwards, which a chip that streams cannot");
}

class Rounder {
 public:
  Rounder(FixedFormat format, QuantizedGru& into) : format_(format), into_(into) {}
  int16_t operator()(double value) {
    if (!std::isfinite(value)) throw Error("", "has a weight that is not a number");
    into_.largest_weight = std::max(into_.largest_weight, std::abs(value));
    // Symmetric, as the authors' newest quantiser: the lowest code stays unused.
    const double scaled = std::ldexp(value, format_.fraction_bits);
    const auto highest = static_cast<double>(format_.highest());
    const double rounded = std::nearbyint(scaled);
    if (std::abs(rounded) > highest) ++into_.clipped;
    return static_cast<int16_t>(std::clamp(rounded, -highest, highest));
  }

 private:
  FixedFormat format_;
  QuantizedGru& into_;
};

int integer_of(std::string_view word) {
  int value = 0;
  const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (fault != std::errc{} || end != word.data() + word.size())
    throw Error("", fmt::format("'{}' is no number of bits", word));
  return value;
}

constexpr const char* kGruFormatsLike = "write 'activation Q8.8 weight Q1.7 accumulator 24 gates 4'";

}  // namespace

std::string text_of(const DeltaGruFormats& formats) {
  return fmt::format("activation {} weight {} accumulator {} gates {}", to_text(formats.activation),
                     to_text(formats.weight), formats.accumulator_bits, formats.gate_fraction_bits);
}

DeltaGruFormats parse_gru_formats(std::string_view text, std::string_view place) {
  std::vector<std::string_view> words;
  for (size_t at = 0; (at = text.find_first_not_of(" \t\r\n", at)) != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(" \t\r\n", at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  try {
    if (words.size() != 8 || words[0] != "activation" || words[2] != "weight" || words[4] != "accumulator" ||
        words[6] != "gates")
      throw Error("", "are no formats of a delta GRU", kGruFormatsLike);
    const DeltaGruFormats formats{parse_fixed_format(words[1]), parse_fixed_format(words[3]),
                                  integer_of(words[5]), integer_of(words[7])};
    check_formats(formats);
    return formats;
  } catch (const Error& error) {
    throw Error(place, error.what());
  }
}

DeltaGruFormats gru_formats_in(const Network& network) {
  const auto found = network.metadata().find(kGruFormatsKey);
  if (found == network.metadata().end()) return {};
  return parse_gru_formats(found->second, fmt::format("{}: metadata '{}'", network.name(), kGruFormatsKey));
}

int32_t threshold_code(double theta, FixedFormat format) {
  if (!(theta >= 0)) throw Error("", fmt::format("the threshold {} is negative", theta));
  const double code = std::ceil(std::ldexp(theta, format.fraction_bits));
  if (code > static_cast<double>(format.highest()))
    throw Error("", fmt::format("the threshold {} is beyond {}", theta, to_text(format)));
  return static_cast<int32_t>(code);
}

QuantizedGru quantized_gru(const RecurrentCell& cell, const DeltaGruFormats& formats,
                           const DeltaThresholds& thresholds) {
  require_integer_cell(cell);
  check_formats(formats);
  QuantizedGru result;
  auto layer = std::make_shared<IntegerDeltaGruLayer>();
  layer->formats = formats;
  layer->inputs = cell.inputs;
  layer->hidden = cell.hidden;
  layer->theta_x = threshold_code(thresholds.input, formats.activation);
  layer->theta_h = threshold_code(thresholds.hidden, formats.activation);
  Rounder rounded(formats.weight, result);
  const auto onnx_row = [&](int64_t gate, int64_t unit) {
    return kOnnxGate[static_cast<size_t>(gate)] * cell.hidden + unit;
  };
  const auto columns = [&](const std::vector<float>& rows, int64_t width) {
    std::vector<int16_t> result_columns;
    result_columns.reserve(rows.size());
    for (int64_t column = 0; column < width; ++column)
      for (int64_t gate = 0; gate < 3; ++gate)
        for (int64_t unit = 0; unit < cell.hidden; ++unit)
          result_columns.push_back(rounded(rows[static_cast<size_t>(onnx_row(gate, unit) * width + column)]));
    return result_columns;
  };
  layer->input_columns = columns(cell.input_weights, cell.inputs);
  layer->recurrent_columns = columns(cell.recurrent_weights, cell.hidden);
  for (int64_t gate = 0; gate < 3; ++gate) {
    for (int64_t unit = 0; unit < cell.hidden; ++unit) {
      const auto row = static_cast<size_t>(onnx_row(gate, unit));
      const double own = cell.input_bias[row], recurrent = cell.recurrent_bias[row];
      layer->bias.push_back(rounded(gate == 2 ? own : own + recurrent));
      if (gate < 2) continue;
      layer->candidate_recurrent_bias.push_back(rounded(recurrent));
      result.largest_candidate_bias = std::max(result.largest_candidate_bias, std::abs(recurrent));
    }
  }
  if (result.largest_candidate_bias == 0) layer->candidate_recurrent_bias.clear();
  result.layer = std::move(layer);
  return result;
}

}  // namespace deltahop
