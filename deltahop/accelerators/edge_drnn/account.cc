// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/edge_drnn/account.h"

namespace deltahop::edge_drnn {

Stats book_layer(const EdgeDrnnConfig& chip, const LayerPlace& place, const IntegerDeltaGruLayer& layer,
                 const LayerEvents& events, bool is_first, bool is_last) {
  Stats stats;
  const auto phase = [&](Phase name, int64_t cycles) {
    stats.cycles_by_phase[static_cast<size_t>(name)] = Cycles(cycles);
  };
  phase(Phase::compute, events.compute_cycles);
  phase(Phase::delta_encoding, events.encoding_cycles);
  phase(Phase::dram_wait, events.dram_cycles);
  phase(Phase::activation, events.activation_cycles);
  phase(Phase::pipeline_fill, events.fill_cycles);
  // Rows of padded units and bias columns take slots, but are no operations of the network.
  stats.macs_done = events.columns() * layer.rows();
  stats.macs_skipped_zero_input = events.steps * layer.weights() - stats.macs_done;
  stats.mac_slots_idle = chip.elements * events.compute_cycles - stats.macs_done;

  const int64_t value = chip.formats.activation.total_bits, sum = chip.formats.accumulator_bits;
  stats.at(MemoryLevel::dram, DataKind::weight).read = Bits(events.columns() * place.column_bytes * 8);
  stats.at(MemoryLevel::dram, DataKind::bias).read = Bits(events.bias_columns * place.column_bytes * 8);
  if (is_first) stats.at(MemoryLevel::dram, DataKind::input).read = Bits(events.steps * place.inputs * value);
  if (is_last)
    stats.at(MemoryLevel::dram, DataKind::output).written = Bits(events.steps * place.units * value);
  // The encoder reads what was sent of every element and the units' outputs (inputs of later layers, too);
  // it writes what it sends. The activation phase reads the old output and writes the new one.
  const int64_t read = place.elements() + 2 * place.units + (is_first ? 0 : place.inputs);
  stats.at(MemoryLevel::state_memory, DataKind::input) = {
      Bits(events.steps * read * value), Bits((events.columns() + events.steps * place.units) * value)};
  // Every product reads and writes its sum; the activation phase reads all four of a unit.
  const int64_t products = (events.columns() + events.bias_columns) * 3 * place.units;
  stats.at(MemoryLevel::partial_sum_memory, DataKind::partial_sum) = {
      Bits((products + events.steps * 4 * place.units) * sum), Bits(products * sum)};
  return stats;
}

}  // namespace deltahop::edge_drnn
