// SPDX-License-Identifier: Apache-2.0
#include "deltahop/report/metrics.h"

#include <cmath>

namespace deltahop {
namespace {

using Number = std::optional<double>;

Number mean(const std::optional<int64_t>& sum, const Report& report) {
  return sum ? Number(per_input(static_cast<double>(*sum), report)) : std::nullopt;
}

template <class T>
Number plain(const std::optional<T>& value) {
  return value ? Number(static_cast<double>(*value)) : std::nullopt;
}

template <class Unit>
Number plain(const std::optional<Quantity<Unit>>& value) {
  return value ? Number(static_cast<double>(value->number())) : std::nullopt;
}

Number nonnegative(bool known, int64_t value) {
  return known ? Number(static_cast<double>(value)) : std::nullopt;
}

Cell cell(const Number& number) { return number ? Cell(*number) : Cell(); }
Cell cell(const std::string& text) { return text.empty() ? Cell() : Cell(text); }

bool has_placement(const Report& report) { return report.chip.has_value(); }

template <Number (*Part)(const Stats&)>
Number of_stats(const std::optional<Stats>& stats, const Report& report) {
  return stats ? Number(per_input(*Part(*stats), report)) : std::nullopt;
}

template <Phase kPhase>
Number phase(const Stats& stats) {
  return static_cast<double>(stats.cycles(kPhase).number());
}
template <MemoryLevel kLevel>
Number read(const Stats& stats) {
  return static_cast<double>(stats.at(kLevel).read.number());
}
template <MemoryLevel kLevel>
Number written(const Stats& stats) {
  return static_cast<double>(stats.at(kLevel).written.number());
}
template <int64_t Stats::*kMember>
Number count(const Stats& stats) {
  return static_cast<double>(stats.*kMember);
}
Number cycles(const Stats& stats) { return static_cast<double>(stats.cycles().number()); }

Number energy(const std::optional<EnergyBreakdown>& breakdown, const Report& report,
              double (EnergyBreakdown::*part)() const) {
  const bool known = breakdown && (breakdown->has_core || part == &EnergyBreakdown::dram_pJ);
  return known ? Number(per_input(((*breakdown).*part)(), report)) : std::nullopt;
}

Number slot_fraction(const LayerRow& layer, const Report& report, int64_t macs) {
  if (!layer.stats || !report.chip) return std::nullopt;
  const double slots =
      static_cast<double>(report.chip->multipliers) * static_cast<double>(layer.stats->cycles().number());
  return slots > 0 ? Number(static_cast<double>(macs) / slots) : std::nullopt;
}

#define DELTAHOP_TOTAL(expression)                           \
  [](const Report& report, const Totals& totals) -> Number { \
    (void)report, (void)totals;                              \
    return expression;                                       \
  }
#define DELTAHOP_CELL(expression)                           \
  [](const LayerRow& layer, const Report& report) -> Cell { \
    (void)report;                                           \
    return cell(expression);                                \
  }

void add_work(std::vector<TotalMetric>& list) {
  list.push_back({"macs", "", "dense MACs", "1", true, DELTAHOP_TOTAL(static_cast<double>(totals.macs))});
  list.push_back(
      {"nonzero_macs", "", "non-zero MACs", "1", true, DELTAHOP_TOTAL(mean(totals.nonzero_macs, report))});
  list.push_back({"macs_on_chip", "", "MACs on the chip", "1", false,
                  DELTAHOP_TOTAL(nonnegative(has_placement(report), totals.macs_on_chip))});
  list.push_back({"macs_on_extension", "", "MACs on declared extensions", "1", true,
                  DELTAHOP_TOTAL(nonnegative(has_placement(report), totals.macs_on_extension))});
  list.push_back({"macs_on_host", "", "MACs on the host", "1", true,
                  DELTAHOP_TOTAL(nonnegative(has_placement(report), totals.macs_on_host))});
  list.push_back({"macs_done", "", "MACs done", "1", true,
                  DELTAHOP_TOTAL((of_stats<count<&Stats::macs_done>>(totals.stats, report)))});
  list.push_back({"weights", "", "weights", "1", true, DELTAHOP_TOTAL(static_cast<double>(totals.weights))});
  list.push_back(
      {"nonzero_weights", "", "non-zero weights", "1", true, DELTAHOP_TOTAL(plain(totals.nonzero_weights))});
}

void add_time(std::vector<TotalMetric>& list) {
  list.push_back({"latency_cycles", "latency", "latency", "cycles", true,
                  DELTAHOP_TOTAL(of_stats<cycles>(totals.stats, report))});
  list.push_back({"latency_s", "", "latency", "s", true, DELTAHOP_TOTAL(plain(totals.latency))});
  list.push_back(
      {"inputs_per_second", "", "inputs per second", "1/s", false, DELTAHOP_TOTAL(totals.inputs_per_second)});
  list.push_back({"effective_ops_per_second", "throughput",
                  "effective throughput (skipped operations count as done)", "Op/s", false,
                  DELTAHOP_TOTAL(totals.effective_ops_per_second)});
  list.push_back({"utilisation_fraction", "utilisation", "MAC utilisation", "1", false,
                  DELTAHOP_TOTAL(totals.utilisation_fraction)});
  list.push_back({"efficiency_fraction", "efficiency", "efficiency (dense MACs per MAC slot)", "1", false,
                  DELTAHOP_TOTAL(totals.efficiency_fraction)});
}

void add_memory_and_energy(std::vector<TotalMetric>& list) {
  list.push_back({"dram_read_bits", "", "DRAM read", "bit", true,
                  DELTAHOP_TOTAL((of_stats<read<MemoryLevel::dram>>(totals.stats, report)))});
  list.push_back({"dram_written_bits", "", "DRAM written", "bit", true,
                  DELTAHOP_TOTAL((of_stats<written<MemoryLevel::dram>>(totals.stats, report)))});
  list.push_back({"dram_bits", "dram", "DRAM traffic", "bit", true,
                  [](const Report& report, const Totals& totals) -> Number {
                    if (!totals.stats) return std::nullopt;
                    const Traffic moved = totals.stats->at(MemoryLevel::dram);
                    return per_input(static_cast<double>((moved.read + moved.written).number()), report);
                  }});
  list.push_back({"energy_pJ", "energy", "energy with DRAM", "pJ", true,
                  DELTAHOP_TOTAL(energy(totals.energy, report, &EnergyBreakdown::total_pJ))});
  list.push_back({"core_energy_pJ", "core_energy", "energy of the core", "pJ", true,
                  DELTAHOP_TOTAL(energy(totals.energy, report, &EnergyBreakdown::core_pJ))});
  list.push_back({"dram_energy_pJ", "dram_energy", "energy of DRAM", "pJ", true,
                  DELTAHOP_TOTAL(energy(totals.energy, report, &EnergyBreakdown::dram_pJ))});
  list.push_back(
      {"core_power_W", "", "power of the core", "W", true, DELTAHOP_TOTAL(plain(totals.core_power))});
  list.push_back(
      {"power_with_dram_W", "", "power with DRAM", "W", true, DELTAHOP_TOTAL(plain(totals.power_with_dram))});
  list.push_back({"core_ops_per_joule", "", "core efficiency", "Op/s/W", false,
                  DELTAHOP_TOTAL(totals.core_ops_per_joule)});
  list.push_back({"ops_per_joule_with_dram", "", "efficiency with DRAM", "Op/s/W", false,
                  DELTAHOP_TOTAL(totals.ops_per_joule_with_dram)});
}

void add_answers(std::vector<TotalMetric>& list) {
  list.push_back(
      {"saturated", "", "saturated results, all inputs", "1", true, DELTAHOP_TOTAL(plain(totals.saturated))});
  list.push_back(
      {"compared", "", "values compared, all inputs", "1", false, DELTAHOP_TOTAL(plain(totals.compared))});
  list.push_back(
      {"mismatches", "", "mismatches, all inputs", "1", true, DELTAHOP_TOTAL(plain(totals.mismatches))});
#define DELTAHOP_ACCURACY(member) DELTAHOP_TOTAL(report.accuracy ? report.accuracy->member : std::nullopt)
  list.push_back(
      {"float_top1_fraction", "", "top-1, float", "1", false, DELTAHOP_ACCURACY(float_top1_fraction)});
  list.push_back(
      {"float_top5_fraction", "", "top-5, float", "1", false, DELTAHOP_ACCURACY(float_top5_fraction)});
  list.push_back({"integer_top1_fraction", "top1", "top-1, integer", "1", false,
                  DELTAHOP_ACCURACY(integer_top1_fraction)});
  list.push_back({"integer_top5_fraction", "top5", "top-5, integer", "1", false,
                  DELTAHOP_ACCURACY(integer_top5_fraction)});
  list.push_back({"agreement_fraction", "agreement", "same class in float and integer", "1", false,
                  DELTAHOP_ACCURACY(agreement_fraction)});
#undef DELTAHOP_ACCURACY
}

void add_texts(std::vector<LayerColumn>& list) {
  list.push_back({"name", DELTAHOP_CELL(layer.name)});
  list.push_back({"kind", DELTAHOP_CELL(layer.kind)});
  list.push_back({"placement", DELTAHOP_CELL(layer.placement)});
  list.push_back({"reason", DELTAHOP_CELL(layer.reason)});
  list.push_back({"mapping", DELTAHOP_CELL(layer.mapping)});
  list.push_back({"input_shape", DELTAHOP_CELL(layer.input_shape)});
  list.push_back({"output_shape", DELTAHOP_CELL(layer.output_shape)});
  list.push_back({"input_format", DELTAHOP_CELL(layer.input_format)});
  list.push_back({"weight_format", DELTAHOP_CELL(layer.weight_format)});
  list.push_back({"output_format", DELTAHOP_CELL(layer.output_format)});
}

void add_sparsity(std::vector<LayerColumn>& list) {
  list.push_back({"macs", DELTAHOP_CELL(Number(static_cast<double>(layer.macs)))});
  list.push_back({"nonzero_macs", DELTAHOP_CELL(mean(layer.nonzero_macs, report))});
  list.push_back({"weights", DELTAHOP_CELL(Number(static_cast<double>(layer.weights)))});
  list.push_back({"nonzero_weights", DELTAHOP_CELL(plain(layer.nonzero_weights))});
#define DELTAHOP_PART(optional, member) \
  DELTAHOP_CELL(layer.optional ? Number(layer.optional->member) : std::nullopt)
#define DELTAHOP_DENSITY(which)                                                                \
  list.push_back({#which "_density_mean_fraction", DELTAHOP_PART(which##_density, mean)});     \
  list.push_back({#which "_density_spread_fraction", DELTAHOP_PART(which##_density, spread)}); \
  list.push_back({#which "_density_lowest_fraction", DELTAHOP_PART(which##_density, lowest)}); \
  list.push_back({#which "_density_highest_fraction", DELTAHOP_PART(which##_density, highest)})
  DELTAHOP_DENSITY(input);
  DELTAHOP_DENSITY(output);
#define DELTAHOP_SIZE(which)                                                                     \
  list.push_back({#which "_dense_bits", DELTAHOP_PART(which##_size, dense_bits)});               \
  list.push_back({#which "_sparsity_map_bits", DELTAHOP_PART(which##_size, sparsity_map_bits)}); \
  list.push_back({#which "_run_length_bits", DELTAHOP_PART(which##_size, run_length_bits)});     \
  list.push_back({#which "_csc_bits", DELTAHOP_PART(which##_size, csc_bits)});                   \
  list.push_back({#which "_entropy_bits", DELTAHOP_PART(which##_size, entropy_bits)})
  DELTAHOP_SIZE(input);
  DELTAHOP_SIZE(output);
  DELTAHOP_SIZE(weight);
}

void add_simulation(std::vector<LayerColumn>& list) {
#define DELTAHOP_STAT(...) DELTAHOP_CELL((of_stats<__VA_ARGS__>(layer.stats, report)))
  list.push_back({"latency_cycles", DELTAHOP_STAT(cycles)});
  list.push_back({"compute_cycles", DELTAHOP_STAT(phase<Phase::compute>)});
  list.push_back({"kernel_load_cycles", DELTAHOP_STAT(phase<Phase::kernel_load>)});
  list.push_back({"input_load_cycles", DELTAHOP_STAT(phase<Phase::input_load>)});
  list.push_back({"output_drain_cycles", DELTAHOP_STAT(phase<Phase::output_drain>)});
  list.push_back({"configuration_cycles", DELTAHOP_STAT(phase<Phase::configuration>)});
  list.push_back({"delta_encoding_cycles", DELTAHOP_STAT(phase<Phase::delta_encoding>)});
  list.push_back({"dram_wait_cycles", DELTAHOP_STAT(phase<Phase::dram_wait>)});
  list.push_back({"activation_cycles", DELTAHOP_STAT(phase<Phase::activation>)});
  list.push_back({"pipeline_fill_cycles", DELTAHOP_STAT(phase<Phase::pipeline_fill>)});
  list.push_back({"buffer_wait_cycles", DELTAHOP_STAT(phase<Phase::buffer_wait>)});
  list.push_back({"macs_done", DELTAHOP_STAT(count<&Stats::macs_done>)});
  list.push_back({"macs_skipped_zero_input", DELTAHOP_STAT(count<&Stats::macs_skipped_zero_input>)});
  list.push_back({"macs_skipped_padding", DELTAHOP_STAT(count<&Stats::macs_skipped_padding>)});
  list.push_back({"mac_slots_idle", DELTAHOP_STAT(count<&Stats::mac_slots_idle>)});
  list.push_back(
      {"utilisation_fraction",
       DELTAHOP_CELL(layer.stats ? slot_fraction(layer, report, layer.stats->macs_done) : std::nullopt)});
  list.push_back(
      {"efficiency_fraction",
       DELTAHOP_CELL(layer.stats ? slot_fraction(layer, report, layer.stats->dense_macs()) : std::nullopt)});
#define DELTAHOP_LEVEL(level)                                                     \
  list.push_back({#level "_read_bits", DELTAHOP_STAT(read<MemoryLevel::level>)}); \
  list.push_back({#level "_written_bits", DELTAHOP_STAT(written<MemoryLevel::level>)})
  DELTAHOP_LEVEL(dram);
  DELTAHOP_LEVEL(input_buffer);
  DELTAHOP_LEVEL(kernel_memory);
  DELTAHOP_LEVEL(partial_sum_registers);
  DELTAHOP_LEVEL(weight_memory);
  DELTAHOP_LEVEL(partial_sum_memory);
  DELTAHOP_LEVEL(state_memory);
  DELTAHOP_LEVEL(global_buffer);
  DELTAHOP_LEVEL(input_registers);
  DELTAHOP_LEVEL(array);
  list.push_back({"energy_pJ", DELTAHOP_CELL(energy(layer.energy, report, &EnergyBreakdown::total_pJ))});
  list.push_back({"core_energy_pJ", DELTAHOP_CELL(energy(layer.energy, report, &EnergyBreakdown::core_pJ))});
  list.push_back({"dram_energy_pJ", DELTAHOP_CELL(energy(layer.energy, report, &EnergyBreakdown::dram_pJ))});
  list.push_back({"largest_error", DELTAHOP_PART(error, largest)});
  list.push_back({"root_mean_square_error", DELTAHOP_PART(error, root_mean_square)});
  list.push_back({"signal_to_noise_dB", DELTAHOP_PART(error, signal_to_noise_dB)});
  list.push_back({"saturated", DELTAHOP_CELL(plain(layer.saturated))});
  list.push_back({"compared", DELTAHOP_CELL(plain(layer.compared))});
  list.push_back({"mismatches", DELTAHOP_CELL(plain(layer.mismatches))});
}

}  // namespace

double per_input(double sum, const Report& report) {
  return report.inputs > 0 ? sum / static_cast<double>(report.inputs) : sum;
}

std::vector<TotalMetric> total_metrics() {
  std::vector<TotalMetric> list;
  add_work(list);
  add_time(list);
  add_memory_and_energy(list);
  add_answers(list);
  return list;
}

std::vector<LayerColumn> layer_columns() {
  std::vector<LayerColumn> list;
  add_texts(list);
  add_sparsity(list);
  add_simulation(list);
  return list;
}

}  // namespace deltahop
