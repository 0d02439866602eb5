// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/eyeriss/account.h"

#include <cmath>

#include "deltahop/accelerators/eyeriss/dataflow.h"
#include "deltahop/network/mac_counts.h"
#include "deltahop/tensor/encodings/run_length.h"

namespace deltahop::eyeriss {
namespace {

RunLengthFormat format_of(int word_bits) { return {.level_bits = word_bits}; }

Bits bits_of(const EyerissConfig& chip, const Tensor& map) {
  return map_bits(chip.link.compression, chip.word_bits, map.size(),
                  run_length_pairs(map.values<int16_t>(), format_of(chip.word_bits)));
}

double density(const Tensor& codes) {
  return codes.size() == 0 ? 0
                           : static_cast<double>(count_nonzero(codes)) / static_cast<double>(codes.size());
}

// A map that nobody has: its zeros spread evenly.
Bits unknown_output(const EyerissConfig& chip, const LayerPlan& plan, const LayerTrace& trace) {
  using Unknown = EyerissConfig::UnknownOutput;
  const ConvolutionShape& shape = plan.shape;
  const int64_t values = shape.batch * shape.out_channels * shape.out_rows * shape.out_columns;
  const bool as_output = chip.unknown_output == Unknown::as_output && trace.output != nullptr;
  const double share = chip.unknown_output == Unknown::number ? chip.unknown_output_density
                       : as_output                            ? density(*trace.output)
                                                              : density(*trace.input);
  const auto stored = static_cast<int64_t>(std::llround(share * static_cast<double>(values)));
  const int64_t run = format_of(chip.word_bits).longest_run() + 1;
  const int64_t breaks = stored == 0 ? values / run : stored * ((values - stored) / stored / run);
  return map_bits(chip.link.compression, chip.word_bits, values, stored + breaks);
}

int64_t share_of(int64_t count, int64_t share) { return (count + share - 1) / share; }

int64_t link_cycles(const EyerissConfig& chip, Bits bits) {
  return static_cast<int64_t>(std::ceil(static_cast<double>(bits.number()) / chip.link_bits_per_cycle()));
}

void book_memories(const EyerissConfig& chip, const LayerPlan& plan, const ArrayCounts& counts,
                   const MapSizes& sizes, Stats& stats) {
  const LayerShape& layer = plan.layer;
  const auto bits = [&](int64_t words) { return Bits(share_of(words, plan.share) * chip.word_bits); };
  const int64_t outputs = layer.pictures * layer.groups * layer.filters * layer.out_rows * layer.out_columns;
  const int64_t fetches = input_fetches(layer, plan.mapping);
  const int64_t inputs =
      layer.pictures * plan.shape.in_channels * plan.shape.in_rows * plan.shape.in_columns * fetches;
  const int64_t filters = fetched_filter_words(layer, plan.mapping);
  stats.at(MemoryLevel::dram, DataKind::input).read = sizes.input * fetches;
  stats.at(MemoryLevel::dram, DataKind::weight).read = bits(filters);
  stats.at(MemoryLevel::dram, DataKind::output).written = sizes.output;
  stats.at(MemoryLevel::global_buffer, DataKind::input) = {bits(counts.inputs_sent), bits(inputs)};
  stats.at(MemoryLevel::global_buffer, DataKind::partial_sum) = {bits(counts.sums_read),
                                                                 bits(counts.sums_written)};
  stats.at(MemoryLevel::global_buffer, DataKind::output).read = bits(outputs);
  stats.at(MemoryLevel::weight_memory, DataKind::weight) = {bits(counts.filters_sent), bits(filters)};
  stats.at(MemoryLevel::array, DataKind::input).read = bits(counts.inputs_taken);
  stats.at(MemoryLevel::array, DataKind::weight).read = bits(counts.filters_taken);
  stats.at(MemoryLevel::array, DataKind::partial_sum).read = bits(counts.sums_taken);
  // A zero input is read and nothing else. A sum's first product is written without a read; the finished sum
  // of an element is read once for its neighbour above.
  const int64_t dense = counts.macs_done + counts.macs_zero + counts.macs_padding;
  stats.at(MemoryLevel::input_registers, DataKind::input) = {bits(dense), bits(counts.inputs_taken)};
  stats.at(MemoryLevel::kernel_memory, DataKind::weight) = {bits(counts.macs_done),
                                                            bits(counts.filters_taken)};
  stats.at(MemoryLevel::partial_sum_registers, DataKind::partial_sum) = {bits(counts.macs_done),
                                                                         bits(counts.macs_done)};
}

}  // namespace

Bits map_bits(Compression compression, int word_bits, int64_t values, int64_t stored_pairs) {
  const RunLengthFormat format = format_of(word_bits);
  const Bits plain(values * word_bits);
  const Bits coded((stored_pairs + format.pairs_per_word - 1) / format.pairs_per_word * format.word_bits());
  if (compression == Compression::never) return plain;
  return compression == Compression::always ? coded : std::min(plain, coded);
}

MapSizes map_sizes(const EyerissConfig& chip, const LayerPlan& plan, const LayerTrace& trace) {
  MapSizes sizes;
  sizes.input = bits_of(chip, *trace.input);
  if (trace.output != nullptr && !plan.host_pooling) {
    sizes.output = bits_of(chip, *trace.output);
  } else if (trace.weights != nullptr) {
    sizes.output = bits_of(chip, quick_map(chip, plan, trace));
  } else {
    sizes.output = unknown_output(chip, plan, trace);
  }
  return sizes;
}

void count_macs(const LayerPlan& plan, const Tensor& input, ArrayCounts& counts) {
  const MacCounts macs = MacCounter(plan.shape, nullptr).count(input);
  counts.macs_done = macs.nonzero_input * plan.share;
  counts.macs_zero = (macs.inside - macs.nonzero_input) * plan.share;
  counts.macs_padding = (macs.dense - macs.inside) * plan.share;
}

Stats book(const EyerissConfig& chip, const LayerPlan& plan, const ArrayCounts& counts,
           const MapSizes& sizes) {
  Stats stats;
  const auto phase = [&](Phase name, int64_t cycles) {
    stats.cycles_by_phase[static_cast<size_t>(name)] = Cycles(share_of(cycles, plan.share));
  };
  phase(Phase::compute, counts.compute_cycles);
  phase(Phase::kernel_load, counts.filter_cycles);
  phase(Phase::pipeline_fill, counts.window_cycles);
  phase(Phase::buffer_wait, counts.bus_cycles);
  const Bits maps = sizes.input * input_fetches(plan.layer, plan.mapping) + sizes.output;
  const int64_t exposed = chip.link.maps_hidden ? 0 : link_cycles(chip, maps);
  phase(Phase::dram_wait, counts.link_cycles + exposed * plan.share);
  stats.macs_done = counts.macs_done / plan.share;
  stats.macs_skipped_zero_input = counts.macs_zero / plan.share;
  stats.macs_skipped_padding = counts.macs_padding / plan.share;
  stats.mac_slots_idle = chip.array.elements() * stats.cycles(Phase::compute).number() - stats.macs_done;
  book_memories(chip, plan, counts, sizes, stats);
  return stats;
}

}  // namespace deltahop::eyeriss
