// SPDX-License-Identifier: Apache-2.0
// The ledger of change-based inference as tables, and its verdict.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/cli/bench_findings.h"

namespace deltahop {
namespace {

constexpr int64_t kSmallMemory = int64_t{32} << 13, kLargeMemory = int64_t{1} << 23;  // bits: 32 KiB, 1 MiB

double share(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string name_of(const VideoRun& run) {
  if (run.options.rule == ChangeRule::accumulate) return "differences added (sigma-delta)";
  return fmt::format("pixels computed again, threshold {:g}{}", run.options.threshold,
                     run.options.feedback ? "" : ", open loop");
}

// Energy of state kept against energy of products saved.
struct Costs {
  double mac_pJ = 0;
  double small_pJ = 0, large_pJ = 0;  // a byte of SRAM of 32 KiB and of 1 MiB
  double dram_pJ = 0;                 // a byte
};

Costs costs_of(const Technology& technology) {
  Costs costs;
  const auto whole = technology.multiply_accumulate(8);
  costs.mac_pJ = whole ? whole->energy_pJ : technology.multiply(8).energy_pJ + technology.add(32).energy_pJ;
  costs.small_pJ = 8 * technology.memory_bit(Bits(kSmallMemory)).energy_pJ;
  costs.large_pJ = 8 * technology.memory_bit(Bits(kLargeMemory)).energy_pJ;
  if (!technology.dram.empty()) costs.dram_pJ = 8 * technology.dram.front().energy_pJ_per_bit;
  return costs;
}

// Products saved for a byte moved; where a byte costs less than so many products, keeping state pays.
double worth(int64_t macs_saved, int64_t bytes) {
  return bytes <= 0 ? INFINITY : static_cast<double>(macs_saved) / static_cast<double>(bytes);
}
FindingsCell worth_cell(int64_t macs_saved, int64_t bytes) {
  const double value = worth(macs_saved, bytes);
  if (std::isfinite(value)) return value;
  return std::string("free");
}

std::vector<FindingsColumn> columns(const char* key, const char* header) {
  return {{key, header, NumberStyle::plain, true},
          {"changed_pixels_fraction", "pixels changed", NumberStyle::percent},
          {"affected_outputs_fraction", "outputs reached", NumberStyle::percent},
          {"dense_macs", "MACs in full", NumberStyle::count},
          {"nonzero_macs", "zeros skipped", NumberStyle::count},
          {"done_macs", "by changes", NumberStyle::count},
          {"done_nonzero_macs", "changes and zeros", NumberStyle::count},
          {"state_bytes", "state held", NumberStyle::bytes},
          {"state_read_bytes", "read", NumberStyle::bytes},
          {"state_written_bytes", "written", NumberStyle::bytes},
          {"unwritten_bytes", "not written", NumberStyle::bytes},
          {"macs_per_byte", "MACs saved a byte", NumberStyle::rounded},
          {"macs_per_byte_beyond_zeros", "beyond zeros", NumberStyle::rounded}};
}

std::vector<FindingsCell> row_of(const std::string& name, const ChangeLedger& entry) {
  const double frames = static_cast<double>(std::max<int64_t>(1, entry.frames));
  const auto each = [&](int64_t sum) { return static_cast<double>(sum) / frames; };
  return {name,
          share(entry.changed_pixels, entry.pixels),
          share(entry.affected_outputs, entry.outputs),
          each(entry.dense_macs),
          each(entry.nonzero_macs),
          each(entry.done_macs),
          each(entry.done_nonzero_macs),
          static_cast<double>(entry.state_bytes),
          each(entry.state_read_bytes),
          each(entry.state_written_bytes),
          each(entry.plain_written_bytes),
          worth_cell(entry.dense_macs - entry.done_macs, entry.extra_bytes()),
          worth_cell(entry.nonzero_macs - entry.done_nonzero_macs, entry.extra_bytes())};
}

FindingsTable runs_table(const std::vector<VideoRun>& runs, double engine_median_s) {
  FindingsTable table{
      "changes",
      "By changes, a frame",
      "Means over the frames after the first. MACs saved a byte: products saved for each byte of "
      "traffic that only exists because state is kept; beyond zeros: against an engine that skips zeros "
      "and keeps nothing.",
      columns("rule", "rule"),
      {}};
  table.columns.push_back({"agreement_fraction", "same answer", NumberStyle::percent});
  table.columns.push_back({"difference_additions_ratio", "fewer additions", NumberStyle::ratio});
  table.columns.push_back({"median_s", "median", NumberStyle::seconds});
  table.columns.push_back({"full_median_s", "same code in full", NumberStyle::seconds});
  table.columns.push_back({"engine_median_s", "engine by zeros", NumberStyle::seconds});
  for (const VideoRun& run : runs) {
    std::vector<FindingsCell> row = row_of(name_of(run), run.total);
    row.emplace_back(share(run.agreeing, run.frames));
    row.emplace_back();
    if (run.total.difference_additions > 0)
      row.back() = share(run.total.rounding_additions, run.total.difference_additions);
    row.emplace_back(run.median_s);
    row.emplace_back(run.full_median_s);
    row.emplace_back(engine_median_s);
    table.rows.push_back(std::move(row));
  }
  return table;
}

// Nanojoules a frame: what is saved in products less what state costs in each memory.
FindingsTable energy_table(const std::vector<VideoRun>& runs, const Costs& costs,
                           const Technology& technology) {
  FindingsTable table{
      "change_energy",
      "Energy saved, a frame",
      fmt::format("{}: a product of 8 bits {:.3g} pJ with its addition; a byte of SRAM of 32 KiB "
                  "{:.3g} pJ, of 1 MiB {:.3g} pJ, of DRAM {:.4g} pJ. In nJ; below zero, computing "
                  "everything again is cheaper.",
                  technology.name, costs.mac_pJ, costs.small_pJ, costs.large_pJ, costs.dram_pJ),
      {{"rule", "rule", NumberStyle::plain, true},
       {"against", "against", NumberStyle::plain, true},
       {"products_nJ", "products saved", NumberStyle::rounded},
       {"small_sram_nJ", "state in 32 KiB", NumberStyle::rounded},
       {"large_sram_nJ", "state in 1 MiB", NumberStyle::rounded},
       {"dram_nJ", "state in DRAM", NumberStyle::rounded}},
      {}};
  for (const VideoRun& run : runs) {
    const double frames = static_cast<double>(std::max<int64_t>(1, run.total.frames));
    const double bytes = static_cast<double>(run.total.extra_bytes()) / frames;
    const auto add = [&](const char* against, int64_t saved) {
      const double products = 1e-3 * costs.mac_pJ * static_cast<double>(saved) / frames;
      std::vector<FindingsCell> row = {name_of(run), std::string(against), products,
                                       products - 1e-3 * costs.small_pJ * bytes,
                                       products - 1e-3 * costs.large_pJ * bytes};
      row.emplace_back();
      if (costs.dram_pJ > 0) row.back() = products - 1e-3 * costs.dram_pJ * bytes;
      table.rows.push_back(std::move(row));
    };
    add("all products", run.total.dense_macs - run.total.done_macs);
    add("skipped zeros", run.total.nonzero_macs - run.total.done_nonzero_macs);
  }
  return table;
}

std::string verdict(const VideoRun& run, const Costs& costs, double engine_median_s) {
  const ChangeLedger& total = run.total;
  const int64_t saved = total.nonzero_macs - total.done_nonzero_macs;
  const double macs = worth(saved, total.extra_bytes());
  const auto pays = [&](double byte_pJ) {
    return saved > 0 && (total.extra_bytes() <= 0 || macs * costs.mac_pJ > byte_pJ);
  };
  std::string text = fmt::format("{}: ", name_of(run));
  if (saved <= 0)
    text += "an engine that skips zeros does no more products, so keeping state saves nothing";
  else if (total.extra_bytes() <= 0)
    text += "fewer bytes are moved than in full, so keeping state pays in energy in any memory";
  else
    text += fmt::format(
        "beyond skipped zeros {:.3g} products are saved for each byte of state moved; in energy that {} in "
        "32 KiB of SRAM, "
        "{} in 1 MiB and {} in DRAM",
        macs, pays(costs.small_pJ) ? "pays" : "does not pay", pays(costs.large_pJ) ? "pays" : "does not",
        pays(costs.dram_pJ) ? "pays" : "does not");
  text += fmt::format(
      ". On this machine a frame by changes takes {}, the engine that skips zeros {}: {} is cheaper.",
      styled(run.median_s, NumberStyle::seconds), styled(engine_median_s, NumberStyle::seconds),
      run.median_s < engine_median_s ? "changing what changed" : "recomputing");
  return text;
}

}  // namespace

void add_video(const std::vector<VideoRun>& runs, const Technology& technology, double engine_median_s,
               Findings& findings) {
  const Costs costs = costs_of(technology);
  findings.tables.push_back(runs_table(runs, engine_median_s));
  FindingsTable layers{"change_layers",
                       fmt::format("Layers: {}", name_of(runs.front())),
                       "Means a frame.",
                       columns("layer", "layer"),
                       {}};
  for (const ChangeLedger& entry : runs.front().layers) layers.rows.push_back(row_of(entry.name, entry));
  findings.tables.push_back(std::move(layers));
  findings.tables.push_back(energy_table(runs, costs, technology));
  for (const VideoRun& run : runs) findings.notes.push_back(verdict(run, costs, engine_median_s));
}

}  // namespace deltahop
