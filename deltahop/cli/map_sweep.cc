// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/map_sweep.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "deltahop/base/error.h"
#include "deltahop/cli/map_sums.h"
#include "deltahop/cli/reporting.h"
#include "deltahop/cli/sweep_axis.h"

namespace deltahop {
namespace {

constexpr size_t kMostDesigns = 1024;
constexpr double kRegisterArea = 1.6;  // a byte of an element against one of the buffer: docs/decisions/0015

// One row of the sweep.
struct Design {
  std::string architecture;
  std::vector<const SweepValue*> values;  // by axis
  double energy = 0, energy_per_mac = 0;  // of an input; of a MAC
  double cycles = 0, seconds = 0;         // of an input; seconds: 0 where there is no clock
  double storage_kib = 0, elements = 0, utilisation = 0;
  bool on_front = false, on_wide_front = false;

  std::string name() const {
    std::vector<std::string> words;
    for (const SweepValue* value : values) words.push_back(value->text);
    return fmt::format("{} {}", architecture, fmt::join(words, " "));
  }
};

std::vector<SweepAxis> axes_of(const MapJob& job) {
  std::vector<SweepAxis> axes;
  size_t designs = 1;
  for (const std::string& text : job.sweep) {
    axes.push_back(parse_sweep(text));
    designs *= axes.back().values.size();
    if (designs > kMostDesigns)
      throw Error("--sweep", fmt::format("more than {} designs", kMostDesigns), "name fewer values");
    for (size_t i = 0; i + 1 < axes.size(); ++i) {
      if (axes[i].name == axes.back().name)
        throw Error("--sweep", fmt::format("'{}' stands twice", axes[i].name), "list its values in one");
    }
  }
  return axes;
}

// Every combination: an index into each axis.
std::vector<std::vector<size_t>> combinations(const std::vector<SweepAxis>& axes) {
  std::vector<std::vector<size_t>> all{{}};
  for (const SweepAxis& axis : axes) {
    std::vector<std::vector<size_t>> longer;
    for (const std::vector<size_t>& before : all) {
      for (size_t i = 0; i < axis.values.size(); ++i) {
        longer.push_back(before);
        longer.back().push_back(i);
      }
    }
    all = std::move(longer);
  }
  return all;
}

double storage_kib(const ArrayChip& chip) {
  double area = 0;
  for (size_t level = 1; level < chip.hierarchy.levels.size(); ++level) {
    const StorageLevel& storage = chip.hierarchy.levels[level];
    double words = static_cast<double>(std::max<int64_t>(storage.capacity, 0));
    if (storage.capacity < 0) {
      for (const int64_t own : storage.operand_capacity)
        words += static_cast<double>(std::max<int64_t>(own, 0));
    }
    const bool in_array = level >= chip.hierarchy.array_level;
    area += words * (in_array ? kRegisterArea * static_cast<double>(chip.hierarchy.elements()) : 1.0);
  }
  return area * static_cast<double>(chip.word_bits) / 8 / 1024;
}

// No other is as good in everything and better in something.
void mark_front(std::vector<Design>& designs, bool Design::*mark, bool with_storage) {
  const auto no_worse = [&](const Design& a, const Design& b) {
    return a.energy_per_mac <= b.energy_per_mac && a.cycles <= b.cycles &&
           (!with_storage || (a.storage_kib <= b.storage_kib && a.elements <= b.elements));
  };
  for (Design& design : designs) {
    design.*mark = std::none_of(designs.begin(), designs.end(), [&](const Design& other) {
      return no_worse(other, design) && !no_worse(design, other);
    });
  }
}

// Chips at every combination of the axes that change them; one mapping for all bandwidths.
class Sweep {
 public:
  Sweep(const MapJob& job, const Surroundings& surroundings)
      : job_(job), axes_(axes_of(job)), combinations_(combinations(axes_)), network_(network_of(job)) {
    threads_ = job.network.thread_count();
    make_chips();
    require_zeros(job, sources_.chips);
    layers_ = layers_of(job, network_, job.batch);
    Console console = surroundings.console;
    sources_.notes = find_zeros(job.zeros, network_, threads_, layers_, console);
    for (const int64_t batch : batches()) {
      sources_.layers = layers_of(job, network_, batch);
      for (size_t l = 0; l < layers_.size(); ++l) sources_.layers[l].zeros = layers_[l].zeros;
      sources_.results = map_layers(sources_.layers, sources_.chips,
                                    {.objective = job.objective, .threads = threads_}, console.progress());
      console.clear_progress();
      add_designs(batch);
    }
    mark_front(designs_, &Design::on_front, false);
    mark_front(designs_, &Design::on_wide_front, true);
  }

  const std::vector<SweepAxis>& axes() const { return axes_; }
  const std::vector<Design>& designs() const { return designs_; }
  const MapReportSources& sources() const { return sources_; }
  int threads() const { return threads_; }
  double seconds() const { return seconds_; }

 private:
  std::vector<std::string> settings_of(const std::vector<size_t>& combination) const {
    std::vector<std::string> settings;
    for (size_t a = 0; a < axes_.size(); ++a) {
      for (std::string& setting : axes_[a].settings(axes_[a].values[combination[a]]))
        settings.push_back(std::move(setting));
    }
    return settings;
  }

  void make_chips() {
    for (const std::vector<size_t>& combination : combinations_) {
      const std::vector<std::string> settings = settings_of(combination);
      const std::string key = fmt::format("{}", fmt::join(settings, " "));
      const auto [place, is_new] = first_chip_.try_emplace(key, sources_.chips.size());
      if (!is_new) continue;
      for (ArrayChip& chip : chips_of(job_, settings)) {
        names_.push_back(chip.name);
        if (!key.empty()) chip.name += " " + key;  // in errors
        sources_.chips.push_back(std::move(chip));
      }
      chips_at_once_ = sources_.chips.size() - place->second;
    }
  }

  const SweepAxis* axis(SweepSize size) const {
    const auto place =
        std::find_if(axes_.begin(), axes_.end(), [&](const SweepAxis& own) { return own.size == size; });
    return place == axes_.end() ? nullptr : &*place;
  }

  std::vector<int64_t> batches() const {
    const SweepAxis* const own = axis(SweepSize::batch);
    if (own == nullptr) return {job_.batch};
    std::vector<int64_t> result;
    for (const SweepValue& value : own->values) result.push_back(static_cast<int64_t>(value.number));
    return result;
  }

  void add_designs(int64_t batch) {
    for (const auto& chip : sources_.results) {
      for (const MappedLayer& layer : chip) seconds_ += layer.seconds;
    }
    for (const std::vector<size_t>& combination : combinations_) {
      std::vector<const SweepValue*> values;
      std::optional<double> bandwidth;
      bool is_other_batch = false;
      for (size_t a = 0; a < axes_.size(); ++a) {
        values.push_back(&axes_[a].values[combination[a]]);
        if (axes_[a].size == SweepSize::bandwidth) bandwidth = values.back()->number;
        if (axes_[a].size == SweepSize::batch)
          is_other_batch |= static_cast<int64_t>(values.back()->number) != batch;
      }
      if (is_other_batch) continue;
      const size_t first = first_chip_.at(fmt::format("{}", fmt::join(settings_of(combination), " ")));
      for (size_t c = first; c < first + chips_at_once_; ++c) {
        if (bandwidth) sources_.chips[c].dram_bytes_per_cycle = *bandwidth;
        add_design(c, values, batch);
      }
    }
  }

  void add_design(size_t c, const std::vector<const SweepValue*>& values, int64_t batch) {
    const ArrayChip& chip = sources_.chips[c];
    const MapSum sum = *sum_of(sources_, c, Part::all);
    Design design{.architecture = names_[c], .values = values};
    design.energy = sum.energy.total() / static_cast<double>(batch);
    design.energy_per_mac = sum.per_mac(sum.energy.total());
    design.cycles = sum.delay_cycles / static_cast<double>(batch);
    if (chip.clock > Hertz(0)) design.seconds = design.cycles / chip.clock.number();
    design.storage_kib = storage_kib(chip);
    design.elements = static_cast<double>(chip.hierarchy.elements());
    design.utilisation = sum.done_macs / (sum.delay_cycles * design.elements);
    designs_.push_back(std::move(design));
  }

  const MapJob& job_;
  std::vector<SweepAxis> axes_;
  std::vector<std::vector<size_t>> combinations_;
  Network network_;
  int threads_ = 1;
  std::vector<LayerToMap> layers_;
  MapReportSources sources_;
  std::vector<std::string> names_;            // of chips, without the values of axes
  std::map<std::string, size_t> first_chip_;  // by settings
  size_t chips_at_once_ = 0;                  // architectures at one combination
  std::vector<Design> designs_;
  double seconds_ = 0;
};

FindingsTable sweep_table(const Sweep& sweep) {
  const std::string unit = unit_of(sweep.sources());
  FindingsTable table{
      "sweep",
      "Designs",
      "Each in its best mappings. 'Front': no other design here takes less energy and no more time, or the "
      "other way round; 'smaller': beaten, but by none that has no more storage and elements.",
      {{"architecture", "arch", NumberStyle::plain, true}},
      {}};
  for (const SweepAxis& axis : sweep.axes()) {
    table.columns.push_back({axis.name, axis.name, NumberStyle::plain, true});
    table.columns.push_back({axis.name + "_number", axis.name, NumberStyle::plain, false, true});
  }
  const std::vector<FindingsColumn> rest = {
      {"energy_" + unit + "_per_mac", "energy, a MAC", NumberStyle::rounded},
      {"energy_" + unit + "_per_input", "an input", NumberStyle::count},
      {"cycles_per_input", "cycles, an input", NumberStyle::count},
      {"seconds_per_input", "time", NumberStyle::seconds, false, true},
      {"energy_delay_per_input", "energy x cycles", NumberStyle::rounded},
      {"utilisation_fraction", "busy", NumberStyle::percent},
      {"elements", "elements", NumberStyle::count},
      {"storage_kib", "storage, KiB", NumberStyle::rounded},
      {"front", "Pareto", NumberStyle::plain, true}};
  table.columns.insert(table.columns.end(), rest.begin(), rest.end());
  for (const Design& design : sweep.designs()) {
    std::vector<FindingsCell> row = {design.architecture};
    for (const SweepValue* value : design.values) {
      row.emplace_back(value->text);
      row.emplace_back(value->number);
    }
    const std::string front = design.on_front ? "front" : design.on_wide_front ? "smaller" : "";
    row.insert(row.end(), {design.energy_per_mac, design.energy, design.cycles});
    row.push_back(design.seconds > 0 ? FindingsCell(design.seconds) : FindingsCell(std::monostate()));
    row.insert(row.end(),
               {design.energy * design.cycles, design.utilisation, design.elements, design.storage_kib});
    row.emplace_back(front);
    table.rows.push_back(std::move(row));
  }
  return table;
}

// Energy against `x`, a series an architecture, and a line through what nothing beats in these two.
ScatterChart scatter_of(const Sweep& sweep, double Design::*x, std::string id, std::string x_title) {
  const std::string unit = unit_of(sweep.sources());
  ScatterChart chart{
      .id = id,
      .title = "Energy against " + x_title,
      .caption =
          "A point a design, each in its best mappings; the line joins those that no other beats in "
          "these two.",
      .x_title = x_title,
      .x_unit = "",
      .y_title = fmt::format("energy of a MAC, {}", unit_text(sweep.sources())),
      .y_unit = "number",
      .series = {}};
  std::vector<const Design*> order;
  for (const Design& design : sweep.designs()) order.push_back(&design);
  std::stable_sort(order.begin(), order.end(), [&](const Design* a, const Design* b) {
    return std::pair(a->*x, a->energy_per_mac) < std::pair(b->*x, b->energy_per_mac);
  });
  ScatterChart::Series front{"front", 6, true, {}};
  for (const Design* design : order) {
    if (front.points.empty() || design->energy_per_mac < front.points.back().y)
      front.points.push_back({design->name(), design->*x, design->energy_per_mac});
  }
  chart.series.push_back(std::move(front));
  for (const Design& design : sweep.designs()) {
    auto place =
        std::find_if(chart.series.begin(), chart.series.end(),
                     [&](const ScatterChart::Series& series) { return series.name == design.architecture; });
    if (place == chart.series.end()) {
      const int colour = static_cast<int>((chart.series.size() - 1) % 6);
      place = chart.series.insert(place, {design.architecture, colour, false, {}});
    }
    place->points.push_back({design.name(), design.*x, design.energy_per_mac});
  }
  return chart;
}

const Design& least(const Sweep& sweep, double Design::*what) {
  return *std::min_element(sweep.designs().begin(), sweep.designs().end(),
                           [&](const Design& a, const Design& b) { return a.*what < b.*what; });
}

}  // namespace

Findings run_map_sweep(const MapJob& job, const Surroundings& surroundings) {
  const Sweep sweep(job, surroundings);
  std::vector<std::string> names;
  for (const SweepAxis& axis : sweep.axes()) names.push_back(axis.name);
  Findings findings;
  findings.title = fmt::format("{} over {}", job.network.network, fmt::join(names, ", "));
  findings.command = "map";
  findings.provenance = provenance_of(surroundings);
  findings.provenance.threads = sweep.threads();
  const Design &thrifty = least(sweep, &Design::energy_per_mac), &fast = least(sweep, &Design::cycles);
  findings.lead =
      fmt::format("{} designs, each in its best mappings: {} takes the least energy, {} the fewest cycles.",
                  sweep.designs().size(), thrifty.name(), fast.name());
  findings.figures = {
      {"least_energy_per_mac", "least energy, a MAC", thrifty.energy_per_mac, NumberStyle::rounded,
       fmt::format("in {}: {}", unit_text(sweep.sources()), thrifty.name())},
      {"fewest_cycles_per_input", "fewest cycles, an input", fast.cycles, NumberStyle::count, fast.name()},
      {"search_s", "search", sweep.seconds(), NumberStyle::seconds, "of one thread"}};
  findings.tables = {sweep_table(sweep)};
  findings.scatters = {scatter_of(sweep, &Design::cycles, "energy_delay", "cycles of an input"),
                       scatter_of(sweep, &Design::storage_kib, "energy_storage", "storage, KiB of buffer")};
  findings.notes = {fmt::format(
      "Storage: the buffer's bytes, and those of all elements times {} (docs/decisions/0015, an assumption); "
      "multipliers and wires are not in it.",
      kRegisterArea)};
  const bool by_size = std::any_of(sweep.sources().chips.begin(), sweep.sources().chips.end(),
                                   [](const ArrayChip& chip) { return !chip.costs.technology.empty(); });
  if (!by_size)
    findings.notes.emplace_back(
        "An access costs the same whatever the size of the storage, so more of it never costs more energy; "
        "--technology horowitz_45nm costs storage by its size.");
  findings.notes.insert(findings.notes.end(), sweep.sources().notes.begin(), sweep.sources().notes.end());
  return findings;
}

}  // namespace deltahop
