// SPDX-License-Identifier: Apache-2.0
// From mapped layers to a report: energy of a MAC by place and by what is moved, beside the least that it
// could be; the charts are those of [Sze2017] figures 33 to 35 for any network.
#pragma once

#include <string>
#include <vector>

#include "deltahop/mapping/map_network.h"
#include "deltahop/report/findings.h"

namespace deltahop {

struct MapReportSources {
  std::string network;  // what the user typed
  int64_t batch = 1;
  Objective objective = Objective::energy;
  std::vector<LayerToMap> layers;
  std::vector<ArrayChip> chips;                   // at least one; costs in one unit
  std::vector<std::vector<MappedLayer>> results;  // by chip, then by layer
  std::vector<std::string> notes;                 // on where the zeros come from
  Provenance provenance;
};

Findings map_findings(const MapReportSources& sources);
// The nested loops of a layer on each chip, as text and as a table.
std::string nests_text(const MapReportSources& sources, size_t layer);
FindingsTable nests_table(const MapReportSources& sources, size_t layer);
// The page of an architecture for 'deltahop explain'.
std::string array_chip_page(const ArrayChip& chip);

}  // namespace deltahop
