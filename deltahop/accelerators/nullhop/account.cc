// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/nullhop/account.h"

#include <cmath>
#include <numeric>

#include "deltahop/base/error.h"

namespace deltahop::nullhop {
namespace {

constexpr int64_t kBusValueBits = 16;  // registers, biases, sparsity-map words
constexpr int64_t kPixelsPerWord = 16;

int64_t words_for(int64_t pixels) { return (pixels + kPixelsPerWord - 1) / kPixelsPerWord; }
int64_t cycles_for(int64_t bits, int64_t bits_per_cycle) {
  return (bits + bits_per_cycle - 1) / bits_per_cycle;
}

}  // namespace

InputStream input_stream(const NullhopConfig& chip, const Sweep& sweep,
                         std::span<const int64_t> row_nonzeros) {
  const int64_t row_pixels = sweep.input.channels * sweep.input.columns;
  InputStream stream;
  for (const int64_t nonzeros : row_nonzeros)
    stream.held_bits.push_back(words_for(row_pixels) * kPixelsPerWord + nonzeros * chip.word_bits);
  const int64_t held = std::accumulate(stream.held_bits.begin(), stream.held_bits.end(), int64_t{0});
  const int64_t raw = sweep.input.pixels() * chip.word_bits;
  stream.fits = held <= chip.input_capacity.number();
  stream.compressed = chip.input_compression == Compression::always ||
                      (chip.input_compression == Compression::when_smaller && held <= raw);
  stream.port_bits = stream.held_bits;
  if (!stream.compressed) stream.port_bits.assign(row_nonzeros.size(), row_pixels * chip.word_bits);
  return stream;
}

OutputCounts count_output(const LayerPlan& plan, std::span<const int16_t> stored) {
  OutputCounts counts{plan.stored_rows(), plan.stored_columns(), {}};
  const int64_t plane = counts.rows * counts.columns;
  DELTAHOP_CHECK(static_cast<int64_t>(stored.size()) == plane * plan.mapping.out_channels);
  counts.nonzeros.assign(static_cast<size_t>(plane * plan.mapping.passes), 0);
  for (int64_t k = 0; k < plan.mapping.out_channels; ++k) {
    int32_t* into = counts.nonzeros.data() + k / plan.mapping.outputs_per_pass * plane;
    const int16_t* values = stored.data() + k * plane;
    for (int64_t i = 0; i < plane; ++i) into[i] += values[i] != 0 ? 1 : 0;
  }
  return counts;
}

OutputCounts spread_output(const LayerPlan& plan, double density) {
  OutputCounts counts{plan.stored_rows(), plan.stored_columns(), {}};
  for (int64_t pass = 0; pass < plan.mapping.passes; ++pass) {
    const double each = static_cast<double>(plan.mapping.outputs_in(pass)) * density;
    for (int64_t i = 0; i < counts.rows * counts.columns; ++i) {
      const double before = std::floor(static_cast<double>(i) * each);
      counts.nonzeros.push_back(static_cast<int32_t>(std::floor(static_cast<double>(i + 1) * each) - before));
    }
  }
  return counts;
}

int64_t output_bits(const NullhopConfig& chip, const LayerPlan& plan, int64_t outputs, int64_t column,
                    int64_t nonzeros) {
  if (!plan.relu) return outputs * chip.word_bits;
  const int64_t words = words_for((column + 1) * outputs) - words_for(column * outputs);
  return words * kPixelsPerWord + nonzeros * chip.word_bits;
}

Stats book_pass(const NullhopConfig& chip, const LayerPlan& plan, int64_t pass, const PassEvents& events) {
  const ChannelMapping& mapping = plan.mapping;
  const int64_t kernel_bits = mapping.kernel_words_in(pass) * chip.word_bits;
  const int64_t register_bits = chip.registers * kBusValueBits;
  const int64_t bias_bits = chip.macs * kBusValueBits;
  const int64_t sweep_cycles = events.compute_cycles + events.input_cycles + events.output_cycles;
  int64_t kernel_cycles = cycles_for(kernel_bits, chip.port_bits_per_cycle);
  if (chip.kernel_load == Loading::overlapped) {
    // Hidden behind a pass of this layer, in the time in which the port does not bring the image.
    kernel_cycles = std::max<int64_t>(0, kernel_cycles - (sweep_cycles - events.input_port_cycles));
  }
  Stats stats;
  const auto phase = [&](Phase name, int64_t cycles) {
    stats.cycles_by_phase[static_cast<size_t>(name)] = Cycles(cycles);
  };
  phase(Phase::compute, events.compute_cycles);
  phase(Phase::kernel_load, kernel_cycles);
  phase(Phase::input_load, events.input_cycles);
  phase(Phase::output_drain, events.output_cycles);
  phase(Phase::configuration,
        cycles_for(register_bits + bias_bits, chip.port_bits_per_cycle) + chip.cycles_per_pass);
  stats.macs_done = events.macs_done;
  stats.macs_skipped_zero_input = events.macs_zero_input;
  stats.macs_skipped_padding = events.macs_padding;
  stats.mac_slots_idle = chip.macs * events.compute_cycles - events.macs_done;
  stats.at(MemoryLevel::dram, DataKind::input).read = Bits(events.input_port_bits);
  stats.at(MemoryLevel::dram, DataKind::weight).read = Bits(kernel_bits);
  stats.at(MemoryLevel::dram, DataKind::bias).read = Bits(bias_bits);
  stats.at(MemoryLevel::dram, DataKind::control).read = Bits(register_bits);
  stats.at(MemoryLevel::dram, DataKind::output).written = Bits(events.output_port_bits);
  stats.at(MemoryLevel::input_buffer, DataKind::input) = {Bits(events.input_read_bits),
                                                          Bits(events.input_written_bits)};
  stats.at(MemoryLevel::kernel_memory, DataKind::weight) = {Bits(events.macs_done * chip.word_bits),
                                                            Bits(kernel_bits)};
  // Each operation reads and writes its sum; a finished sum is written once at its start (bias or zero) in
  // every MAC that shares the output, and read once at its end.
  const int64_t sums = events.macs_done + events.sums_finished * mapping.macs_per_channel;
  const Bits sum_bits(sums * chip.architecture.accumulator_bits);
  stats.at(MemoryLevel::partial_sum_registers, DataKind::partial_sum) = {sum_bits, sum_bits};
  return stats;
}

}  // namespace deltahop::nullhop
