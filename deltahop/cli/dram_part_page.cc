// SPDX-License-Identifier: Apache-2.0
// A DRAM part for people: what it is, its timings, its energies and where they come from.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "deltahop/cli/dram_findings.h"

namespace deltahop {

std::string dram_part_page(const DramPart& part) {
  const DramTimings& t = part.timings;
  std::string text = fmt::format("{}: {}\n\n", part.name, part.summary);
  text += fmt::format("{} {}, {} bit wide, bursts of {} beats ({} bytes), {:.4g} MB/s peak, {} MiB\n",
                      part.family, to_text(part.clock), part.width_bits, part.burst_beats, part.burst_bytes(),
                      part.peak_bytes_per_second() * 1e-6, part.bytes() >> 20);
  text += fmt::format("{} bank group{} of {} banks, {} rows of {} columns; addresses {}\n", part.bank_groups,
                      part.bank_groups == 1 ? "" : "s", part.banks_per_group, part.rows, part.columns,
                      part.mapping);
  text += "\nTimings, clocks (ns)\n";
  const std::array<std::pair<const char*, int64_t>, 17> timings = {{{"CL", t.CL},
                                                                    {"CWL", t.CWL},
                                                                    {"tRCD", t.tRCD},
                                                                    {"tRP", t.tRP},
                                                                    {"tRAS", t.tRAS},
                                                                    {"tRC", t.tRC},
                                                                    {"tCCD_S", t.tCCD_S},
                                                                    {"tCCD_L", t.tCCD_L},
                                                                    {"tRRD_S", t.tRRD_S},
                                                                    {"tRRD_L", t.tRRD_L},
                                                                    {"tFAW", t.tFAW},
                                                                    {"tWR", t.tWR},
                                                                    {"tWTR_S", t.tWTR_S},
                                                                    {"tWTR_L", t.tWTR_L},
                                                                    {"tRTP", t.tRTP},
                                                                    {"tRFC", t.tRFC},
                                                                    {"turnaround", t.turnaround}}};
  for (const auto& [name, clocks] : timings)
    text +=
        fmt::format("  {:<11}{:>4}  ({:.4g})\n", name, clocks, static_cast<double>(clocks) * part.clock_ns());
  text += fmt::format("  refresh every {} clocks ({})\n", part.refresh_interval_clocks(),
                      to_text(part.refresh_interval));
  for (const DramRail& rail : part.rails) {
    text += fmt::format(
        "\n{} {} V, mA: IDD0 {}, IDD2P {}, IDD2N {}, IDD3P {}, IDD3N {}, IDD4R {}, IDD4W {}, IDD5 {}, IDD6 "
        "{}\n",
        rail.name, rail.supply_V, rail.IDD0, rail.IDD2P, rail.IDD2N, rail.IDD3P, rail.IDD3N, rail.IDD4R,
        rail.IDD4W, rail.IDD5, rail.IDD6);
  }
  const DramCosts costs = costs_of(part);
  const double bits = static_cast<double>(part.burst_bytes()) * 8;
  text += fmt::format("\nEnergies{}\n",
                      part.currents_are_weak ? " (an orientation, not from this part's data sheet)" : "");
  text += fmt::format("  activation with precharge {:.0f} pJ\n", costs.activate_pJ);
  text += fmt::format("  read {:.0f} pJ a burst, {:.3g} pJ/bit; write {:.0f} pJ, {:.3g} pJ/bit\n",
                      costs.read_pJ, costs.read_pJ / bits, costs.write_pJ, costs.write_pJ / bits);
  text += fmt::format("  refresh {:.3g} nJ\n", costs.refresh_pJ * 1e-3);
  text += fmt::format(
      "  standby {:.3g} mW with a row open, {:.3g} mW with none; power-down {:.3g} mW; self refresh {:.3g} "
      "mW\n",
      costs.active.number() * 1e3, costs.precharged.number() * 1e3, costs.power_down.number() * 1e3,
      costs.self_refresh.number() * 1e3);
  text += "\nSources\n";
  for (const auto& [what, citation] : part.citations) {
    std::string name = what;
    std::replace(name.begin(), name.end(), '_', ' ');
    text += fmt::format("  {}: {}\n", name, citation);
  }
  for (const auto& [key, reference] : part.references) text += fmt::format("  [{}] {}\n", key, reference);
  for (const std::string& note : part.notes) text += fmt::format("\n{}\n", note);
  return text;
}

}  // namespace deltahop
