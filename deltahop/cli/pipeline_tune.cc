// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/pipeline_tune.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "deltahop/base/error.h"
#include "deltahop/base/random.h"
#include "deltahop/compress/tune_thresholds.h"
#include "deltahop/pipeline/pipeline.h"
#include "deltahop/signal/mix.h"

namespace deltahop {
namespace {

struct Parts {
  std::vector<Recording> tuning, held_out;
};

// By input, so that no sentence stands in both parts.
Parts split(std::vector<Recording> recordings, double share, uint64_t seed) {
  size_t inputs = 0;
  for (const Recording& recording : recordings) {
    inputs = std::max(inputs, recording.source + 1);
    if (recording.reference.empty())
      throw Error(recording.name, "has no clean version to compare with",
                  "name it by --reference, or mix --noise in");
  }
  const auto wanted = static_cast<size_t>(std::lround(share * static_cast<double>(inputs)));
  const size_t count = std::clamp<size_t>(wanted, 1, std::max<size_t>(inputs, 2) - 1);
  if (inputs < 2) throw Error("tune", "one recording leaves none to hold out", "give two inputs or more");
  std::vector<size_t> order(inputs);
  for (size_t i = 0; i < inputs; ++i) order[i] = i;
  Random random(seed);
  for (size_t i = inputs; i-- > 1;)
    std::swap(order[i], order[static_cast<size_t>(random.integer(0, static_cast<int64_t>(i)))]);
  Parts parts;
  for (Recording& recording : recordings) {
    const auto place = std::find(order.begin(), order.end(), recording.source) - order.begin();
    (static_cast<size_t>(place) < count ? parts.held_out : parts.tuning).push_back(std::move(recording));
  }
  return parts;
}

// What thresholds cost on one part of the recordings, against the same pipeline in full.
class Measure {
 public:
  Measure(const PipelineDescription& description, const std::vector<Network>& networks,
          const SessionOptions& options, const std::vector<Recording>& recordings)
      : description_(description), networks_(networks), options_(options), recordings_(recordings) {
    options_.dense_where_faster = false;  // bytes are counted, not times
    SessionOptions in_full = options_;
    in_full.delta = false;
    in_full.thresholds = {};
    Pipeline dense(description, networks, in_full);
    for (const Recording& recording : recordings) {
      dense_.push_back(dense.whole(recording.samples));
      dense_dB_ += si_sdr_dB(dense_.back(), recording.reference) / static_cast<double>(recordings.size());
    }
    for (size_t i = 0; i < dense.stages(); ++i)
      dense_bytes_ += static_cast<double>(dense.session(i).statistics().dense_bytes());
  }

  TuneCost operator()(const ThresholdTable& thresholds) const {
    SessionOptions options = options_;
    options.thresholds = thresholds;
    Pipeline pipeline(description_, networks_, options);
    TuneCost cost;
    double reached_dB = 0;
    for (size_t i = 0; i < recordings_.size(); ++i) {
      const auto out = pipeline.whole(recordings_[i].samples);
      const double share = 1.0 / static_cast<double>(recordings_.size());
      reached_dB += share * si_sdr_dB(out, recordings_[i].reference);
      cost.difference += share * std::pow(10.0, -si_sdr_dB(out, dense_[i]) / 20);
    }
    cost.loss = std::max(0.0, dense_dB_ - reached_dB);
    for (size_t i = 0; i < pipeline.stages(); ++i)
      cost.bytes += static_cast<double>(pipeline.session(i).statistics().sent_bytes());
    return cost;
  }

  double dense_dB() const { return dense_dB_; }
  double dense_bytes() const { return dense_bytes_; }

 private:
  const PipelineDescription& description_;
  const std::vector<Network>& networks_;
  SessionOptions options_;
  const std::vector<Recording>& recordings_;
  std::vector<std::vector<float>> dense_;
  double dense_dB_ = 0, dense_bytes_ = 0;
};

// A float run in full over the recordings: which streams there are, and how large their values become.
struct Survey {
  std::vector<TunedThreshold> thresholds;
  std::map<std::string, double> ranges;
};

Survey survey_of(const PipelineDescription& description, const std::vector<Network>& networks,
                 SessionOptions options, const std::vector<Recording>& recordings) {
  options.precision = Precision::float32;
  options.record_ranges = true;
  options.thresholds = {};
  Pipeline probe(description, networks, options);
  for (const Recording& recording : recordings) probe.whole(recording.samples);
  Survey survey;
  for (size_t i = 0; i < probe.stages(); ++i) {
    const auto ranges = probe.session(i).ranges();
    for (const StreamStatistics& each : probe.session(i).statistics().streams) {
      if (!each.is_delta) continue;
      const ThresholdKind kind = each.stream == "x"   ? ThresholdKind::input
                                 : each.stream == "h" ? ThresholdKind::hidden
                                                      : ThresholdKind::reset_hidden;
      survey.thresholds.push_back(
          {each.layer, kind, threshold_levels(ranges.at(each.layer + "." + each.stream))});
    }
    survey.ranges.insert(ranges.begin(), ranges.end());
  }
  if (survey.thresholds.empty()) throw Error(description.name, "has no layer whose columns could be skipped");
  return survey;
}

struct Result {
  std::vector<TunePoint> front;
  std::vector<TuneCost> held_out;
  size_t chosen = 0;
};

Result search(const PipelineTuneJob& job, const Survey& survey, const Measure& measure, const Measure& check,
              const Progress& progress) {
  Result result;
  const TuneOptions options{.max_loss = job.max_loss_dB, .max_measurements = job.measurements};
  result.front = pareto_front(tune_thresholds(survey.thresholds, measure, options, progress));
  for (const TunePoint& point : result.front) {
    report_progress(progress, "check on what was held out", static_cast<int64_t>(result.held_out.size()),
                    static_cast<int64_t>(result.front.size()));
    result.held_out.push_back(check(point.thresholds));
    if (result.held_out.back().loss <= job.max_loss_dB) result.chosen = result.held_out.size() - 1;
  }
  report_progress(progress, "check on what was held out", 1, 1);
  return result;
}

void add_front(Findings& findings, const Result& result, const Measure& measure, const Measure& check) {
  FindingsTable table{
      "front",
      "The Pareto front",
      "Each point reads fewer bytes than the one above it. The recordings held out say what it is worth "
      "on others.",
      {{"bytes_fraction", "weights read", NumberStyle::percent},
       {"loss_dB", "SI-SDR lost", NumberStyle::decibels},
       {"held_out_bytes_fraction", "held out: read", NumberStyle::percent},
       {"held_out_loss_dB", "held out: lost", NumberStyle::decibels},
       {"chosen", "", NumberStyle::plain, true}},
      {}};
  Chart chart{"sweep",
              "What fewer bytes cost",
              "From left to right fewer weights are read: the share of all.",
              "SI-SDR lost",
              Chart::Kind::points,
              ChartUnit::decibels,
              {},
              {{"tuned on", 0, {}}, {"held out", 1, {}}},
              "weights read"};
  for (size_t i = 0; i < result.front.size(); ++i) {
    const TuneCost &own = result.front[i].cost, &other = result.held_out[i];
    table.rows.push_back({own.bytes / measure.dense_bytes(), own.loss, other.bytes / check.dense_bytes(),
                          other.loss, std::string(i == result.chosen ? "chosen" : "")});
    chart.labels.push_back(styled(own.bytes / measure.dense_bytes(), NumberStyle::percent));
    chart.series[0].values.emplace_back(own.loss);
    chart.series[1].values.emplace_back(other.loss);
  }
  findings.tables.push_back(std::move(table));
  findings.charts.push_back(std::move(chart));
}

void add_chosen(Findings& findings, const ThresholdTable& chosen) {
  FindingsTable table{"thresholds",
                      "The thresholds chosen",
                      "",
                      {{"layer", "layer", NumberStyle::plain, true},
                       {"theta_x", "of the input"},
                       {"theta_h", "of the hidden state"}},
                      {}};
  for (const auto& [name, own] : chosen.by_node) table.rows.push_back({name, own.input, own.hidden});
  findings.tables.push_back(std::move(table));
}

}  // namespace

PipelineTuning tune_pipeline(const PipelineTuneJob& job, const Progress& progress) {
  const PipelineDescription description = load_pipeline_description(job.pipeline);
  auto recordings = load_recordings(job.recordings, description.rate_Hz);
  const auto networks = load_networks(description, job.pipeline, job.networks);
  SessionOptions options = job.options;
  const Survey survey = survey_of(description, networks, options, recordings);
  options.ranges = survey.ranges;
  const Parts parts = split(std::move(recordings), job.held_out, job.recordings.seed);
  const Measure measure(description, networks, options, parts.tuning);
  const Measure check(description, networks, options, parts.held_out);
  const Result result = search(job, survey, measure, check, progress);

  PipelineTuning tuning{result.front[result.chosen].thresholds, {}};
  Findings& findings = tuning.findings;
  findings.title = fmt::format("Thresholds for {}", description.name);
  findings.command = "tune";
  const TuneCost& other = result.held_out[result.chosen];
  const double read = other.bytes / check.dense_bytes();
  findings.lead =
      fmt::format("{} of the weights are read on recordings that the search has not seen, for {} of SI-SDR.",
                  styled(read, NumberStyle::percent), styled(other.loss, NumberStyle::decibels));
  findings.figures = {
      {"si_sdr_dB", "SI-SDR in full, tuned on", measure.dense_dB(), NumberStyle::decibels, ""},
      {"held_out_si_sdr_dB", "SI-SDR in full, held out", check.dense_dB(), NumberStyle::decibels, ""},
      {"held_out_bytes_fraction", "weights read, held out", read, NumberStyle::percent,
       read > 0 ? fmt::format("{:.3g} times less", 1 / read) : std::string()},
      {"held_out_loss_dB", "lost, held out", other.loss, NumberStyle::decibels,
       fmt::format("at most {} was allowed", styled(job.max_loss_dB, NumberStyle::decibels))}};
  findings.provenance.input =
      fmt::format("{}: {} recordings tuned on, {} held out", fmt::join(job.recordings.inputs, ", "),
                  parts.tuning.size(), parts.held_out.size());
  add_front(findings, result, measure, check);
  add_chosen(findings, tuning.chosen);
  findings.notes.emplace_back("the parts are told apart by input: no sentence stands in both");
  return tuning;
}

}  // namespace deltahop
