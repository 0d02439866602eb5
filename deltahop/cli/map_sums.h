// SPDX-License-Identifier: Apache-2.0
// Sums over mapped layers, as tables, charts and notes of 'deltahop map' show them.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "deltahop/cli/map_findings.h"

namespace deltahop {

// Of some layers on one chip.
struct MapSum {
  double macs = 0;                        // dense
  double done_macs = 0;                   // less what zeros save
  double cycles = 0, waiting_cycles = 0;  // of the array, with skipping: balanced, and waiting for each other
  double delay_cycles = 0;                // with waiting, for DRAM too where its bandwidth is known
  double dram_bytes = 0;
  double dram_words = 0;  // as they are moved
  double dense_dram_words = 0, once_words = 0;
  EnergyShares energy;
  double bound = 0;
  double per_mac(double energy_sum) const { return energy_sum / macs; }
};
void add_layer(const LayerToMap& layer, const MappedLayer& mapped, const ArrayChip& chip, MapSum& sum);
MapSum sum_of_layer(const MapReportSources& sources, size_t chip, size_t layer);

enum class Part { convolutions, products, all };
inline constexpr std::array<std::pair<Part, std::string_view>, 3> kParts = {
    {{Part::convolutions, "CONV"}, {Part::products, "FC"}, {Part::all, "all"}}};
// Absent where no layer is of that part.
std::optional<MapSum> sum_of(const MapReportSources& sources, size_t chip, Part part);

std::string unit_of(const MapReportSources& sources);    // "MACs", "pJ"
std::string unit_text(const MapReportSources& sources);  // for people
bool any_skips(const MapReportSources& sources);
bool any_zeros(const MapReportSources& sources);  // known

std::vector<std::string> map_notes(const MapReportSources& sources);
// Figures 33 to 35 of [Sze2017].
std::vector<Chart> map_charts(const MapReportSources& sources);
FindingsTable map_roofline_table(const MapReportSources& sources);
ScatterChart map_roofline_chart(const MapReportSources& sources);

}  // namespace deltahop
