// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/nullhop/stored_map.h"

#include <cstdlib>
#include <limits>

#include "deltahop/accelerators/host_pooling.h"
#include "deltahop/base/error.h"

namespace deltahop::nullhop {
namespace {

struct Entry {
  int32_t channel;
  int16_t value;
};

// The non-zero pixels of one group's image, channel fastest: what the managers read.
struct NonzeroPixels {
  std::vector<Entry> entries;
  std::vector<size_t> starts;  // [row, column], and the end
  int64_t columns = 0;

  explicit NonzeroPixels(std::span<const int16_t> image, const MapShape& shape) : columns(shape.columns) {
    const std::vector<int16_t> pixels = channels_last(image, shape);
    const int64_t positions = shape.rows * shape.columns;
    starts.reserve(static_cast<size_t>(positions) + 1);
    for (int64_t position = 0; position < positions; ++position) {
      starts.push_back(entries.size());
      const int16_t* values = pixels.data() + position * shape.channels;
      for (int64_t c = 0; c < shape.channels; ++c) {
        if (values[c] != 0) entries.push_back({static_cast<int32_t>(c), values[c]});
      }
    }
    starts.push_back(entries.size());
  }
  std::span<const Entry> at(int64_t row, int64_t column) const {
    const size_t position = static_cast<size_t>(row * columns + column);
    return {entries.data() + starts[position], starts[position + 1] - starts[position]};
  }
};

// True where no sum of this group can leave 32 bits: largest |pixel| times the L1 norm of the output's
// kernel.
bool sums_fit_32_bits(const LayerPlan& plan, const GroupView& view) {
  int64_t pixel = 0, norm = 0;
  for (const int16_t value : view.input) pixel = std::max<int64_t>(pixel, std::abs(int32_t{value}));
  const int64_t taps = plan.mapping.in_channels * plan.mapping.kernel_words;
  for (int64_t k = 0; k < plan.mapping.out_channels; ++k) {
    int64_t sum = 0;
    const int16_t* kernel = view.weights.data() + k * taps;
    for (int64_t tap = 0; tap < taps; ++tap) sum += std::abs(int32_t{kernel[tap]});
    norm = std::max(norm, sum);
  }
  return norm == 0 || pixel <= std::numeric_limits<int32_t>::max() / norm;
}

// One stripe after the other; a MAC keeps the sums of a stripe's columns until they are finished.
template <class Sum>
class PassComputation {
 public:
  PassComputation(const LayerPlan& plan, int64_t pass, const NonzeroPixels& pixels, const GroupView& view,
                  const Finish& finish, std::span<int16_t> output)
      : plan_(plan),
        sweep_(plan.sweep),
        first_output_(pass * plan.mapping.outputs_per_pass),
        outputs_(plan.mapping.outputs_in(pass)),
        pixels_(pixels),
        kernels_(pass_kernels(plan, pass, view.weights)),
        bias_(view.bias),
        finish_(finish),
        output_(output),
        sums_(static_cast<size_t>(sweep_.out_columns * sweep_.stripe_rows * outputs_)),
        words_(static_cast<size_t>(sweep_.stripe_rows * sweep_.out_columns * outputs_)) {}

  void run() {
    for (int64_t stripe = 0; stripe < sweep_.stripes(); ++stripe) {
      std::fill(sums_.begin(), sums_.end(), Sum{0});
      const Range rows = sweep_.in_rows_of(stripe);
      for (int64_t column = 0; column < sweep_.input.columns; ++column) {
        for (int64_t row = rows.first; row < rows.last; ++row) apply_pixels(stripe, row, column);
      }
      finish_stripe(stripe);
    }
  }

 private:
  Sum* sums(int64_t row_in_stripe, int64_t column) {
    return sums_.data() + (column * sweep_.stripe_rows + row_in_stripe) * outputs_;
  }

  void apply_pixels(int64_t stripe, int64_t row, int64_t column) {
    const Range rows = sweep_.rows_reached(row, stripe);
    const Range columns = sweep_.columns_reached(column);
    if (rows.size() == 0 || columns.size() == 0) return;
    const int64_t top = sweep_.out_rows_of(stripe).first;
    for (const Entry& pixel : pixels_.at(row, column)) {
      for (int64_t p = rows.first; p < rows.last; ++p) {
        const int64_t kernel_row = row + sweep_.pad_top - p * sweep_.stride_rows;
        for (int64_t q = columns.first; q < columns.last; ++q) {
          const int64_t kernel_column = column + sweep_.pad_left - q * sweep_.stride_columns;
          const int64_t tap =
              (pixel.channel * sweep_.kernel_rows + kernel_row) * sweep_.kernel_columns + kernel_column;
          add(pixel.value, kernels_.data() + tap * outputs_, sums(p - top, q));
        }
      }
    }
  }

  void add(int16_t pixel, const int16_t* __restrict kernels, Sum* __restrict into) const {
    const int64_t count = outputs_;
    for (int64_t k = 0; k < count; ++k) into[k] += static_cast<Sum>(int32_t{pixel} * int32_t{kernels[k]});
  }

  // Shift, rectify, saturate, pool, and write with the channel slowest.
  void finish_stripe(int64_t stripe) {
    const Range rows = sweep_.out_rows_of(stripe);
    for (int64_t row = 0; row < rows.size(); ++row) {
      for (int64_t q = 0; q < sweep_.out_columns; ++q) {
        const Sum* from = sums(row, q);
        for (int64_t k = 0; k < outputs_; ++k) {
          const int64_t bias = bias_.empty() ? 0 : bias_[static_cast<size_t>(first_output_ + k)];
          word(k, row, q) = finish_.word(static_cast<int64_t>(from[k]) + bias);
        }
      }
    }
    for (int64_t k = 0; k < outputs_; ++k) plan_.chip_pooling ? store_pooled(rows, k) : store_plain(rows, k);
  }

  int16_t& word(int64_t k, int64_t row_in_stripe, int64_t column) {
    return words_[static_cast<size_t>((k * sweep_.stripe_rows + row_in_stripe) * sweep_.out_columns +
                                      column)];
  }
  int16_t* stored_row(int64_t k, int64_t row) {
    return output_.data() + ((first_output_ + k) * plan_.stored_rows() + row) * plan_.stored_columns();
  }
  void store_plain(Range rows, int64_t k) {
    for (int64_t p = rows.first; p < rows.last; ++p) {
      std::copy_n(&word(k, p - rows.first, 0), sweep_.out_columns, stored_row(k, p));
    }
  }
  void store_pooled(Range rows, int64_t k) {
    for (int64_t p = rows.first; p + 1 < rows.last; p += 2) {
      const int64_t row = p - rows.first;
      int16_t* out = stored_row(k, p / 2);
      for (int64_t q = 0; q + 1 < sweep_.out_columns; q += 2) {
        out[q / 2] = finish_.pooled(word(k, row, q), word(k, row + 1, q), word(k, row, q + 1),
                                    word(k, row + 1, q + 1));
      }
    }
  }

  const LayerPlan& plan_;
  const Sweep& sweep_;
  int64_t first_output_, outputs_;
  const NonzeroPixels& pixels_;
  std::vector<int16_t> kernels_;
  std::span<const int64_t> bias_;
  Finish finish_;
  std::span<int16_t> output_;
  std::vector<Sum> sums_;       // [column][row in stripe][output]
  std::vector<int16_t> words_;  // [output][row in stripe][column]
};

}  // namespace

Tensor compute_stored(const NullhopConfig& chip, const LayerPlan& plan, const LayerTrace& trace) {
  if (trace.weights == nullptr)
    throw Error(trace.name, "the trace has no weights, so no output can be computed");
  const int64_t map_size = plan.mapping.out_channels * plan.stored_rows() * plan.stored_columns();
  Tensor stored(DataType::int16,
                {1, plan.mapping.out_channels * plan.groups, plan.stored_rows(), plan.stored_columns()});
  const Finish finish = Finish::of(chip, plan, trace);
  for (int64_t group = 0; group < plan.groups; ++group) {
    const GroupView view = group_view(plan, trace, group);
    const NonzeroPixels pixels(view.input, plan.sweep.input);
    const auto output = stored.values<int16_t>().subspan(static_cast<size_t>(group * map_size),
                                                         static_cast<size_t>(map_size));
    const bool narrow = sums_fit_32_bits(plan, view);
    for (int64_t pass = 0; pass < plan.mapping.passes; ++pass) {
      if (narrow)
        PassComputation<int32_t>(plan, pass, pixels, view, finish, output).run();
      else
        PassComputation<int64_t>(plan, pass, pixels, view, finish, output).run();
    }
  }
  return stored;
}

Tensor host_pooled(const LayerPlan& plan, Tensor stored, const NullhopConfig& chip) {
  return plan.host_pooling ? deltahop::host_pooled(stored, *plan.host_pooling, chip.rounding) : stored;
}

OutputCounts known_output(const NullhopConfig& chip, const LayerPlan& plan, const LayerTrace& trace,
                          int64_t group) {
  const auto part = [&](const Tensor& stored) {
    const auto values = stored.values<int16_t>();
    const size_t size = values.size() / static_cast<size_t>(plan.groups);
    return count_output(plan, values.subspan(static_cast<size_t>(group) * size, size));
  };
  if (trace.output != nullptr && !plan.host_pooling) return part(*trace.output);
  if (plan.host_pooling && trace.weights != nullptr) return part(compute_stored(chip, plan, trace));
  const double density = chip.unknown_output_density >= 0
                             ? chip.unknown_output_density
                             : static_cast<double>(count_nonzero(*trace.input)) /
                                   static_cast<double>(std::max<int64_t>(1, trace.input->size()));
  return spread_output(plan, density);
}

}  // namespace deltahop::nullhop
