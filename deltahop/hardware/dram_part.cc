// SPDX-License-Identifier: Apache-2.0
// Reads DRAM parts, strictly, and turns their currents into energies.
#include "deltahop/hardware/dram_part.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/base/config.h"
#include "deltahop/base/error.h"
#include "deltahop/hardware/shipped.h"

namespace deltahop {

namespace {

constexpr std::string_view kFolder = "dram";
constexpr int64_t kLongestTiming = 100'000;  // clocks; far above any part
constexpr int kMostBanks = 32;

int64_t read_power_of_two(const Config& config, std::string_view key, int64_t highest) {
  const int64_t value = config.integer(key);
  if (value < 1 || value > highest || !std::has_single_bit(static_cast<uint64_t>(value))) {
    config.fault(key, fmt::format("'{}' must be a power of two in 1..{}", key, highest));
    return 0;
  }
  return value;
}

DramTimings read_timings(const Config& config) {
  DramTimings t;
  const auto read = [&](std::string_view key, int64_t lowest) {
    const int64_t value = config.integer(key);
    if (value < lowest || value > kLongestTiming)
      config.fault(key, fmt::format("'{}' must lie in {}..{} clocks", key, lowest, kLongestTiming));
    return value;
  };
  t.CL = read("CL", 1);
  t.CWL = read("CWL", 1);
  t.tRCD = read("tRCD", 1);
  t.tRP = read("tRP", 1);
  t.tRAS = read("tRAS", 1);
  t.tRC = read("tRC", 1);
  t.tCCD_S = read("tCCD_S", 1);
  t.tCCD_L = read("tCCD_L", 1);
  t.tRRD_S = read("tRRD_S", 1);
  t.tRRD_L = read("tRRD_L", 1);
  t.tFAW = read("tFAW", 1);
  t.tWR = read("tWR", 1);
  t.tWTR_S = read("tWTR_S", 0);
  t.tWTR_L = read("tWTR_L", 0);
  t.tRTP = read("tRTP", 1);
  t.tRFC = read("tRFC", 1);
  t.turnaround = read("turnaround", 0);
  const auto at_least = [&](std::string_view key, int64_t value, std::string_view other, int64_t bound) {
    if (value < bound) config.fault(key, fmt::format("{} of {} is below {} of {}", key, value, other, bound));
  };
  at_least("tCCD_L", t.tCCD_L, "tCCD_S", t.tCCD_S);
  at_least("tRRD_L", t.tRRD_L, "tRRD_S", t.tRRD_S);
  at_least("tWTR_L", t.tWTR_L, "tWTR_S", t.tWTR_S);
  at_least("tRC", t.tRC, "tRAS", t.tRAS);
  at_least("tFAW", t.tFAW, "tRRD_S", t.tRRD_S);
  return t;
}

DramRail read_rail(const Config& config) {
  const auto read = [&](std::string_view key) {
    const double value = config.number(key);
    if (!(value >= 0) || value > 1e5) config.fault(key, fmt::format("'{}' must lie in 0..100000 mA", key));
    return value;
  };
  DramRail rail;
  rail.name = config.text("name");
  rail.supply_V = config.number("supply_V");
  if (!(rail.supply_V > 0 && rail.supply_V < 100)) config.fault("supply_V", "must lie in 0..100 V");
  rail.IDD0 = read("IDD0_mA");
  rail.IDD2P = read("IDD2P_mA");
  rail.IDD2N = read("IDD2N_mA");
  rail.IDD3P = read("IDD3P_mA");
  rail.IDD3N = read("IDD3N_mA");
  rail.IDD4R = read("IDD4R_mA");
  rail.IDD4W = read("IDD4W_mA");
  rail.IDD5 = read("IDD5_mA");
  rail.IDD6 = read("IDD6_mA");
  if (rail.IDD4R < rail.IDD3N || rail.IDD4W < rail.IDD3N || rail.IDD5 < rail.IDD3N)
    config.fault("IDD3N_mA", "is above a current that contains it (IDD4R, IDD4W or IDD5)");
  return rail;
}

// Every group of values names its source: "timings: {citation: Li2020, note: ...}".
void read_sources(const Config& config, DramPart& part) {
  for (const Config& entry : config.list("references"))
    part.references[entry.text("key")] = entry.text("text");
  std::vector<std::string> keys;
  for (const auto& [key, text] : part.references) keys.push_back(key);
  const Config sources = config.section("sources");
  for (const char* what : {"organisation", "timings", "write_latency", "refresh_interval", "currents"}) {
    const Config source = sources.section(what);
    const std::string citation = source.text("citation");
    if (!citation.empty() && part.references.count(citation) == 0)
      source.fault("citation", fmt::format("'{}' is not among the references", citation),
                   suggest(citation, keys));
    const std::string note = source.text("note", "");
    part.citations[what] = fmt::format("[{}]{}{}", citation, note.empty() ? "" : " ", note);
  }
}

void read_organisation(const Config& config, DramPart& part) {
  part.clock = config.quantity<Hertz>("clock");
  if (!(part.clock.number() >= 1e6 && part.clock.number() <= 1e11))
    config.fault("clock", "must lie in 1 MHz..100 GHz");
  part.width_bits = static_cast<int>(read_power_of_two(config, "width_bits", 1024));
  part.burst_beats = static_cast<int>(read_power_of_two(config, "burst_beats", 64));
  part.bank_groups = static_cast<int>(read_power_of_two(config, "bank_groups", 8));
  part.banks_per_group = static_cast<int>(read_power_of_two(config, "banks_per_group", kMostBanks));
  part.rows = read_power_of_two(config, "rows", int64_t{1} << 24);
  part.columns = read_power_of_two(config, "columns", int64_t{1} << 16);
  const Bits capacity = config.quantity<Bits>("capacity");
  if (part.bytes() == 0) return;  // a fault is noted already
  if (part.banks() > kMostBanks) config.fault("bank_groups", fmt::format("more than {} banks", kMostBanks));
  if (part.burst_beats < 2) config.fault("burst_beats", "must be at least 2");
  if (part.width_bits * part.burst_beats < 8) config.fault("width_bits", "a burst must hold at least a byte");
  if (part.columns < part.burst_beats) config.fault("columns", "a row must hold at least one burst");
  if (capacity.number() != part.bytes() * 8)
    config.fault("capacity", fmt::format("banks x rows x columns x width are {} bytes", part.bytes()));
}

// No request, with a refresh before it, takes more clocks; were refreshes closer, it might never be served.
int64_t longest_request(const DramPart& part) {
  const DramTimings& t = part.timings;
  return t.CL + t.CWL + part.burst_clocks() + t.turnaround + t.tRCD + t.tRP + t.tRAS + t.tRC + t.tCCD_L +
         t.tRRD_L + t.tFAW + t.tWR + t.tWTR_L + t.tRTP + t.tRFC;
}

DramPart read_part(Config& config, std::string name) {
  DramPart part;
  part.name = std::move(name);
  part.summary = config.text("summary");
  part.family = config.text("family");
  read_sources(config, part);
  read_organisation(config, part);
  part.mapping = config.text("mapping");
  part.timings = read_timings(config.section("timings_clocks"));
  part.refresh_interval = config.quantity<Seconds>("refresh_interval");
  const double interval = part.refresh_interval.number() * part.clock.number();
  if (!(interval > 2.0 * static_cast<double>(longest_request(part)) && interval < 1e9))
    config.fault("refresh_interval", "leaves no time between refreshes, or is absurdly long");
  for (const Config& rail : config.list("rails")) part.rails.push_back(read_rail(rail));
  if (part.rails.empty()) config.fault({}, "the list 'rails' is missing or empty");
  part.currents_are_weak = config.boolean("currents_are_weak", false);
  if (config.has("notes")) part.notes = config.texts("notes");
  config.finish();
  part.resolved = config.resolved();
  return part;
}

}  // namespace

int64_t DramPart::refresh_interval_clocks() const {
  return static_cast<int64_t>(std::floor(refresh_interval.number() * clock.number() + 1e-6));
}

DramCosts costs_of(const DramPart& part) {
  const DramTimings& t = part.timings;
  const auto clocks = [](int64_t count) { return static_cast<double>(count); };
  const double ns = part.clock_ns();
  DramCosts costs;
  for (const DramRail& rail : part.rails) {  // V x mA x ns = pJ
    const double V = rail.supply_V;
    costs.activate_pJ +=
        V * ns *
        (rail.IDD0 * clocks(t.tRC) - rail.IDD3N * clocks(t.tRAS) - rail.IDD2N * clocks(t.tRC - t.tRAS));
    costs.read_pJ += V * ns * (rail.IDD4R - rail.IDD3N) * clocks(part.burst_clocks());
    costs.write_pJ += V * ns * (rail.IDD4W - rail.IDD3N) * clocks(part.burst_clocks());
    costs.refresh_pJ += V * ns * (rail.IDD5 - rail.IDD3N) * clocks(t.tRFC);
    costs.active += Watts(V * rail.IDD3N * 1e-3);
    costs.precharged += Watts(V * rail.IDD2N * 1e-3);
    costs.power_down += Watts(V * rail.IDD2P * 1e-3);
    costs.self_refresh += Watts(V * rail.IDD6 * 1e-3);
  }
  return costs;
}

std::vector<std::string> dram_part_names() { return shipped_names(kFolder); }

DramPart load_dram_part(std::string_view name_or_path, const std::vector<std::string>& settings) {
  NamedConfig file = open_shipped(kFolder, name_or_path, "DRAM part", settings);
  return read_part(file.config, std::move(file.name));
}

}  // namespace deltahop
