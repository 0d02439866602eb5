// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/pipeline_job.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "deltahop/base/error.h"
#include "deltahop/cli/stream_job.h"
#include "deltahop/io/sound.h"
#include "deltahop/pipeline/pipeline.h"
#include "deltahop/signal/mix.h"

namespace deltahop {
namespace {

// One choice of thresholds, run over all recordings.
struct Setting {
  std::string name;
  std::optional<double> theta;
  Pipeline pipeline;
  std::vector<double> si_sdr_dB = {};  // one a recording with a reference
};

struct HopTotals {
  double dense_bytes = 0, read_bytes = 0;  // a hop
  double sparsity = 0;                     // of the matrices that go by changes, weighted by their weights
  SessionStatistics all = {};
};

HopTotals hop_totals_of(const Pipeline& pipeline) {
  HopTotals totals;
  for (size_t i = 0; i < pipeline.stages(); ++i) {
    const SessionStatistics own = pipeline.session(i).statistics();
    totals.all.steps = own.steps;
    totals.all.streams.insert(totals.all.streams.end(), own.streams.begin(), own.streams.end());
  }
  const double hops = static_cast<double>(std::max<int64_t>(1, totals.all.steps));
  totals.dense_bytes = static_cast<double>(totals.all.dense_bytes()) / hops;
  totals.read_bytes = static_cast<double>(totals.all.read_bytes()) / hops;
  totals.sparsity = totals.all.sparsity();
  return totals;
}

std::optional<double> mean_of(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// Integers: the largest magnitudes that a float run of the same recordings meets.
std::map<std::string, double> ranges_of(const PipelineDescription& description,
                                        const std::vector<Network>& networks,
                                        const std::vector<Recording>& recordings, SessionOptions options) {
  options.precision = Precision::float32;
  options.record_ranges = true;
  Pipeline probe(description, networks, options);
  for (const Recording& recording : recordings) probe.whole(recording.samples);
  std::map<std::string, double> ranges;
  for (size_t i = 0; i < probe.stages(); ++i) ranges.merge(probe.session(i).ranges());
  return ranges;
}

std::vector<Setting> settings_of(const PipelineJob& job, const PipelineDescription& description,
                                 const std::vector<Network>& networks, const SessionOptions& options) {
  std::vector<Setting> settings;
  if (job.sweep.empty()) settings.push_back({"by changes", {}, Pipeline(description, networks, options)});
  for (const double theta : job.sweep) {
    SessionOptions own = options;
    own.thresholds = {{{"*", {.input = theta, .hidden = theta, .reset_hidden = theta}}}};
    settings.push_back({fmt::format("{}", theta), theta, Pipeline(description, networks, own)});
  }
  if (job.compare_dense || !job.sweep.empty()) {
    SessionOptions in_full = options;
    in_full.delta = false;
    settings.push_back({"in full", {}, Pipeline(description, networks, in_full)});
  }
  return settings;
}

std::string output_path(const PipelineJob& job, const std::vector<Recording>& recordings,
                        const Recording& recording) {
  if (recordings.size() == 1) return job.output;
  return (std::filesystem::path(job.output) / (recording.name + ".wav")).string();
}

void add_settings(Findings& findings, const std::vector<Setting>& settings,
                  const std::optional<double>& before_dB) {
  FindingsTable table{
      "settings",
      "Thresholds",
      "Each setting over all recordings, in turn; the last row multiplies everything in full.",
      {{"theta", "threshold", NumberStyle::plain, true},
       {"si_sdr_dB", "SI-SDR", NumberStyle::decibels},
       {"sparsity_fraction", "not sent", NumberStyle::percent},
       {"read_bytes_per_hop", "weights read a hop", NumberStyle::bytes},
       {"bytes_ratio", "fewer", NumberStyle::ratio},
       {"latency_median_s", "median hop", NumberStyle::seconds},
       {"speedup", "faster", NumberStyle::ratio}},
      {}};
  const double dense_s = settings.back().pipeline.latency().median_s;
  Chart quality{"quality",
                "What thresholds cost",
                "Scale-invariant signal-to-distortion ratio of the output, mean over the recordings.",
                "SI-SDR",
                Chart::Kind::points,
                ChartUnit::decibels,
                {},
                {{"by changes", 0, {}}, {"in full", 2, {}}, {"noisy input", 5, {}}}};
  Chart gain{"gain",
             "What thresholds give",
             "Against every product in full, at the same precision.",
             "times",
             Chart::Kind::points,
             ChartUnit::ratio,
             {},
             {{"fewer weights read", 0, {}}, {"faster at the median", 1, {}}}};
  quality.label_header = gain.label_header = "threshold";
  for (const Setting& setting : settings) {
    const HopTotals totals = hop_totals_of(setting.pipeline);
    const double median_s = setting.pipeline.latency().median_s;
    const auto si_sdr = mean_of(setting.si_sdr_dB);
    const double fewer = totals.dense_bytes / totals.read_bytes;
    table.rows.push_back({setting.name, si_sdr ? FindingsCell(*si_sdr) : FindingsCell(), totals.sparsity,
                          totals.read_bytes, fewer, median_s, dense_s / median_s});
    if (!setting.theta) continue;
    for (Chart* chart : {&quality, &gain}) chart->labels.push_back(setting.name);
    quality.series[0].values.push_back(si_sdr);
    quality.series[1].values.push_back(mean_of(settings.back().si_sdr_dB));
    quality.series[2].values.push_back(before_dB);
    gain.series[0].values.emplace_back(fewer);
    gain.series[1].values.emplace_back(dense_s / median_s);
  }
  findings.tables.push_back(std::move(table));
  if (quality.labels.empty()) return;
  if (before_dB) findings.charts.push_back(std::move(quality));
  findings.charts.push_back(std::move(gain));
}

void add_recordings(Findings& findings, const std::vector<Recording>& recordings,
                    const std::vector<Setting>& settings, const std::vector<double>& before_dB) {
  if (before_dB.empty()) return;
  FindingsTable table{
      "recordings",
      "Recordings",
      "SI-SDR before and after.",
      {{"name", "recording", NumberStyle::plain, true}, {"input_dB", "input", NumberStyle::decibels}},
      {}};
  for (const Setting& setting : settings)
    table.columns.push_back({fmt::format("si_sdr_dB_{}", setting.name), setting.name, NumberStyle::decibels});
  for (size_t i = 0; i < recordings.size(); ++i) {
    std::vector<FindingsCell> row = {recordings[i].name, before_dB[i]};
    for (const Setting& setting : settings) row.emplace_back(setting.si_sdr_dB[i]);
    table.rows.push_back(std::move(row));
  }
  findings.tables.push_back(std::move(table));
}

void add_figures(Findings& findings, const PipelineDescription& description, const Setting& shown,
                 const std::vector<double>& before_dB, double seconds) {
  const HopTotals totals = hop_totals_of(shown.pipeline);
  const LatencySummary latency = shown.pipeline.latency();
  const double hop_s = static_cast<double>(description.hop) / static_cast<double>(description.rate_Hz);
  const bool in_full = totals.read_bytes == totals.dense_bytes;
  findings.figures = {
      {"sound_s", "sound", seconds, NumberStyle::seconds, fmt::format("{} hops", totals.all.steps)},
      {"input_si_sdr_dB", "SI-SDR of the input", mean_of(before_dB), NumberStyle::decibels,
       "mean over the recordings"},
      {"si_sdr_dB", "SI-SDR of the output", mean_of(shown.si_sdr_dB), NumberStyle::decibels, shown.name},
      {"sparsity_fraction", "columns not sent", totals.sparsity, NumberStyle::percent,
       "of the products that go by changes, weighted by their weights"},
      {"read_bytes_per_hop", "weights read", totals.read_bytes, NumberStyle::bytes,
       in_full ? "a hop: all of them"
               : fmt::format("a hop: {:.3g} times less than all", totals.dense_bytes / totals.read_bytes)},
      {"latency_median_s", "median hop", latency.median_s, NumberStyle::seconds,
       fmt::format("of {} of sound", styled(hop_s, NumberStyle::seconds))},
      {"latency_p99_s", "99 of 100 hops within", latency.p99_s, NumberStyle::seconds, ""}};
  findings.lead =
      fmt::format("{} of the columns were not sent, and a hop of {} took {} at the median.",
                  styled(totals.sparsity, NumberStyle::percent), styled(hop_s, NumberStyle::seconds),
                  styled(latency.median_s, NumberStyle::seconds));
}

// The largest threshold of a sweep that costs next to nothing, and what it gives.
constexpr double kInaudible_dB = 0.2;

std::string best_of(const std::vector<Setting>& settings) {
  const Setting& in_full = settings.back();
  const auto wanted = mean_of(in_full.si_sdr_dB);
  const Setting* best = nullptr;
  for (const Setting& setting : settings) {
    const auto reached = mean_of(setting.si_sdr_dB);
    if (!setting.theta || !wanted || !reached || *reached < *wanted - kInaudible_dB) continue;
    if (best == nullptr || *setting.theta > *best->theta) best = &setting;
  }
  if (best == nullptr) return "";
  const HopTotals totals = hop_totals_of(best->pipeline);
  return fmt::format(
      "a threshold of {} costs at most {} dB of SI-SDR here: {:.3g} times fewer weights are read, and a hop "
      "is {:.3g} "
      "times as fast",
      best->name, kInaudible_dB, totals.dense_bytes / totals.read_bytes,
      in_full.pipeline.latency().median_s / best->pipeline.latency().median_s);
}

}  // namespace

Findings run_pipeline(const PipelineJob& job, const Console& console, const Progress& progress) {
  if (!job.output.empty() && !job.sweep.empty())
    throw Error("--output", "a sweep has many outputs",
                "run the threshold that you want by --theta-x and --theta-h");
  const PipelineDescription description = load_pipeline_description(job.pipeline);
  const auto recordings = load_recordings(job.recordings, description.rate_Hz);
  const auto networks = load_networks(description, job.pipeline, job.networks);
  SessionOptions options = job.options;
  if (options.precision != Precision::float32)
    options.ranges = ranges_of(description, networks, recordings, options);
  std::vector<Setting> settings = settings_of(job, description, networks, options);

  std::vector<double> before_dB;
  double seconds = 0;
  int64_t done = 0;
  const auto total = static_cast<int64_t>(recordings.size() * settings.size());
  for (const Recording& recording : recordings) {
    seconds += static_cast<double>(recording.samples.size()) / static_cast<double>(description.rate_Hz);
    if (!recording.reference.empty()) before_dB.push_back(si_sdr_dB(recording.samples, recording.reference));
    for (Setting& setting : settings) {  // in turn, so that a busy machine is busy for all of them
      const auto out = setting.pipeline.whole(recording.samples);
      if (!recording.reference.empty()) setting.si_sdr_dB.push_back(si_sdr_dB(out, recording.reference));
      if (&setting == &settings.front() && !job.output.empty()) {
        const std::string path = output_path(job, recordings, recording);
        write_wav(path, {.rate_Hz = description.rate_Hz, .channels = 1, .samples = out});
        console.note(fmt::format("wrote {}", path));
      }
      report_progress(progress, "run", ++done, total);
    }
  }

  Findings findings;
  findings.title = fmt::format("{} on {} recording{}", description.name, recordings.size(),
                               recordings.size() == 1 ? "" : "s");
  findings.command = "run";
  findings.provenance.seed = job.recordings.seed;
  findings.provenance.threads = options.threads;
  findings.provenance.input =
      fmt::format("{}, {} recordings", fmt::join(job.recordings.inputs, ", "), recordings.size());
  const bool is_sweep = !job.sweep.empty();
  add_figures(findings, description, is_sweep ? settings.back() : settings.front(), before_dB, seconds);
  if (settings.size() > 1) add_settings(findings, settings, mean_of(before_dB));
  if (!is_sweep) findings.tables.push_back(streams_table(hop_totals_of(settings.front().pipeline).all));
  add_recordings(findings, recordings, settings, before_dB);
  if (const std::string best = best_of(settings); !best.empty()) findings.notes.push_back(best);
  if (!description.citation.empty())
    findings.notes.push_back(fmt::format("the networks and their algorithm: {}", description.citation));
  findings.notes.emplace_back(
      "times are of this machine in this run: transforms, all networks and the overlapping sum");
  return findings;
}

}  // namespace deltahop
