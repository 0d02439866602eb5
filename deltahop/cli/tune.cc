// SPDX-License-Identifier: Apache-2.0
// deltahop tune: thresholds for each layer of a delta network, as many bytes saved as the loss allows.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/files.h"
#include "deltahop/base/random.h"
#include "deltahop/cli/pipeline_tune.h"
#include "deltahop/cli/reporting.h"
#include "deltahop/cli/stream_job.h"
#include "deltahop/compress/tune_thresholds.h"
#include "deltahop/io/load.h"
#include "deltahop/io/yaml_network.h"
#include "deltahop/pipeline/description.h"

namespace deltahop {
namespace {

struct TuneChoices {
  NetworkOptions network;
  StreamInputOptions input;
  SessionChoices session;
  ReportOptions report;
  double max_loss = -1;  // not given
  double held_out = 0.25;
  int64_t measurements = 200;
  std::string write_thresholds, write_model;
  RecordingOptions recordings;  // for sound pipelines only
};

struct Parts {
  std::vector<StreamSequence> tuning, held_out;
};

// The steps [begin, end) of a sequence as one of its own.
StreamSequence piece(const StreamSequence& sequence, const Session& session, int64_t begin, int64_t end) {
  StreamSequence part = sequence;
  part.steps = end - begin;
  for (size_t i = 0; i < part.values.size(); ++i) {
    if (part.values[i].empty() || session.inputs()[i].is_loop) continue;
    const int64_t size = session.inputs()[i].size;
    const auto first = sequence.values[i].begin();
    part.values[i].assign(first + begin * size, first + end * size);
  }
  return part;
}

// Sequences drawn by chance, class by class where there are labels; of a single one its last steps.
Parts split(const StreamSequences& all, const Session& session, double share, uint64_t seed) {
  Parts parts;
  if (all.all.size() == 1) {
    const StreamSequence& only = all.all[0];
    const auto cut = static_cast<int64_t>(std::lround(static_cast<double>(only.steps) * (1 - share)));
    if (cut < 1 || cut >= only.steps) throw Error(only.name, "has too few steps to hold some out");
    return {{piece(only, session, 0, cut)}, {piece(only, session, cut, only.steps)}};
  }
  std::map<int64_t, std::vector<size_t>> classes;
  for (size_t i = 0; i < all.all.size(); ++i) classes[all.all[i].label.value_or(-1)].push_back(i);
  Random random(seed);
  std::vector<bool> is_held_out(all.all.size(), false);
  for (auto& [label, members] : classes) {
    for (size_t i = members.size(); i-- > 1;)
      std::swap(members[i], members[static_cast<size_t>(random.integer(0, static_cast<int64_t>(i)))]);
    const auto count = static_cast<size_t>(std::lround(share * static_cast<double>(members.size())));
    for (size_t i = 0; i < count; ++i) is_held_out[members[i]] = true;
  }
  for (size_t i = 0; i < all.all.size(); ++i)
    (is_held_out[i] ? parts.held_out : parts.tuning).push_back(all.all[i]);
  if (parts.tuning.empty() || parts.held_out.empty())
    throw Error("--held-out", fmt::format("{} of {} sequences leaves one part empty", share, all.all.size()));
  return parts;
}

// What thresholds cost on one part of the data, against the same network in full.
class Measure {
 public:
  Measure(const Network& network, const SessionOptions& options, const std::vector<StreamSequence>& sequences)
      : network_(network), options_(options), sequences_(sequences) {
    options_.dense_where_faster = false;  // bytes are counted, not times
    SessionOptions in_full = options_;
    in_full.delta = false;
    Session session(network, in_full);
    dense_ = run_sequences(session, sequences, "", {});
    right_ = accuracy(dense_, sequences);
  }

  TuneCost operator()(const ThresholdTable& thresholds) const {
    SessionOptions options = options_;
    options.thresholds = thresholds;
    Session session(network_, options);
    const StreamRun run = run_sequences(session, sequences_, "", {});
    TuneCost cost;
    cost.bytes = static_cast<double>(run.statistics.sent_bytes());
    cost.difference = relative_difference(session, run, dense_);
    cost.loss = right_ ? std::max(0.0, *right_ - *accuracy(run, sequences_)) : cost.difference;
    return cost;
  }

  double dense_bytes() const { return static_cast<double>(dense_.statistics.dense_bytes()); }
  std::optional<double> dense_accuracy() const { return right_; }

 private:
  const Network& network_;
  SessionOptions options_;
  const std::vector<StreamSequence>& sequences_;
  StreamRun dense_;
  std::optional<double> right_;
};

std::vector<TunedThreshold> thresholds_to_tune(const Session& session,
                                               const std::map<std::string, double>& ranges) {
  std::vector<TunedThreshold> result;
  for (const StreamStatistics& each : session.statistics().streams) {
    if (!each.is_delta) continue;
    const ThresholdKind kind = each.stream == "x"   ? ThresholdKind::input
                               : each.stream == "h" ? ThresholdKind::hidden
                                                    : ThresholdKind::reset_hidden;
    result.push_back({each.layer, kind, threshold_levels(ranges.at(each.layer + "." + each.stream))});
  }
  if (result.empty())
    throw Error("tune", "the network has no layer whose columns could be skipped",
                "a recurrent layer, or --delta-products all for its products");
  return result;
}

struct TuneResult {
  std::vector<TunePoint> front;    // on the part that was tuned on
  std::vector<TuneCost> held_out;  // of each point
  size_t chosen = 0;
  double dense_bytes = 0, held_out_dense_bytes = 0, max_loss = 0;
  bool has_labels = false;
};

TuneResult tuned(const TuneChoices& choices, const Network& network, const SessionOptions& options,
                 const Parts& parts, const std::map<std::string, double>& ranges, const Progress& progress) {
  const Measure measure(network, options, parts.tuning), check(network, options, parts.held_out);
  TuneResult result;
  result.has_labels = measure.dense_accuracy().has_value();
  result.max_loss = choices.max_loss >= 0 ? choices.max_loss : result.has_labels ? 0.01 : 0.05;
  result.dense_bytes = measure.dense_bytes();
  result.held_out_dense_bytes = check.dense_bytes();
  const auto thresholds = thresholds_to_tune(Session(network, options), ranges);
  result.front = pareto_front(
      tune_thresholds(thresholds, measure,
                      {.max_loss = result.max_loss, .max_measurements = choices.measurements}, progress));
  for (const TunePoint& point : result.front) {
    report_progress(progress, "check on what was held out", static_cast<int64_t>(result.held_out.size()),
                    static_cast<int64_t>(result.front.size()));
    result.held_out.push_back(check(point.thresholds));
    // Bytes fall along the front: the last one that holds on the other part as well.
    if (result.held_out.back().loss <= result.max_loss) result.chosen = result.held_out.size() - 1;
  }
  report_progress(progress, "check on what was held out", 1, 1);
  return result;
}

FindingsTable front_table(const TuneResult& result) {
  FindingsTable table{
      "front",
      "The Pareto front",
      "Each point reads fewer bytes than the one above it, and its outputs are further off on the part "
      "that was tuned on. The part that was held out says what it is worth on other data.",
      {{"bytes_fraction", "weights read", NumberStyle::percent},
       {"loss_fraction", result.has_labels ? "accuracy lost" : "relative error", NumberStyle::percent},
       {"difference_fraction", "outputs off by", NumberStyle::percent},
       {"held_out_bytes_fraction", "held out: read", NumberStyle::percent},
       {"held_out_loss_fraction", "held out: lost", NumberStyle::percent},
       {"held_out_difference_fraction", "held out: off by", NumberStyle::percent, false, true},
       {"chosen", "", NumberStyle::plain, true},
       {"thresholds", "thresholds", NumberStyle::plain, true, true}},
      {}};
  for (size_t i = 0; i < result.front.size(); ++i) {
    const TuneCost &own = result.front[i].cost, &other = result.held_out[i];
    std::string text = text_of(result.front[i].thresholds);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    std::replace(text.begin(), text.end(), '\n', ';');
    table.rows.push_back({own.bytes / result.dense_bytes, own.loss, own.difference,
                          other.bytes / result.held_out_dense_bytes, other.loss, other.difference,
                          std::string(i == result.chosen ? "chosen" : ""), text});
  }
  return table;
}

Chart sweep_chart(const TuneResult& result) {
  Chart chart{"sweep",
              "What fewer bytes cost",
              "From left to right fewer weights are read: the share of all, on the part that was tuned on.",
              result.has_labels ? "accuracy lost" : "relative error",
              Chart::Kind::points,
              ChartUnit::fraction,
              {},
              {{"tuned on", 0, {}}, {"held out", 1, {}}},
              "weights read"};
  if (result.has_labels) chart.series.push_back({"outputs off by", 5, {}});
  for (size_t i = 0; i < result.front.size(); ++i) {
    const TuneCost& own = result.front[i].cost;
    chart.labels.push_back(styled(own.bytes / result.dense_bytes, NumberStyle::percent));
    chart.series[0].values.emplace_back(own.loss);
    chart.series[1].values.emplace_back(result.held_out[i].loss);
    if (result.has_labels) chart.series[2].values.emplace_back(own.difference);
  }
  return chart;
}

FindingsTable thresholds_table(const ThresholdTable& thresholds) {
  FindingsTable table{"thresholds",
                      "The thresholds chosen",
                      "",
                      {{"layer", "layer", NumberStyle::plain, true},
                       {"theta_x", "of the input"},
                       {"theta_h", "of the hidden state"},
                       {"theta_rh", "of the reset hidden state"}},
                      {}};
  for (const auto& [name, own] : thresholds.by_node)
    table.rows.push_back({name, own.input, own.hidden, own.reset_hidden});
  return table;
}

Findings findings_of(const TuneResult& result, const Network& network, const Surroundings& surroundings) {
  Findings findings;
  findings.title = fmt::format("Thresholds for {}", network.name());
  findings.command = "tune";
  findings.provenance = provenance_of(surroundings);
  const TuneCost &own = result.front[result.chosen].cost, &other = result.held_out[result.chosen];
  const double read = other.bytes / result.held_out_dense_bytes;
  findings.lead =
      fmt::format("{} of the weights are read on data that the search has not seen, for a loss of {}.",
                  styled(read, NumberStyle::percent), styled(other.loss, NumberStyle::percent));
  findings.figures = {{"bytes_fraction", "weights read", own.bytes / result.dense_bytes, NumberStyle::percent,
                       "of all, tuned on"},
                      {"loss_fraction", result.has_labels ? "accuracy lost" : "relative error", own.loss,
                       NumberStyle::percent, ""},
                      {"held_out_bytes_fraction", "weights read, held out", read, NumberStyle::percent,
                       read > 0 ? fmt::format("{:.3g} times less", 1 / read) : std::string()},
                      {"held_out_loss_fraction", "lost, held out", other.loss, NumberStyle::percent,
                       fmt::format("at most {} was allowed", styled(result.max_loss, NumberStyle::percent))}};
  findings.tables = {front_table(result), thresholds_table(result.front[result.chosen].thresholds)};
  findings.charts = {sweep_chart(result)};
  if (result.held_out[result.chosen].loss > result.max_loss) {
    findings.notes.emplace_back(
        "even with all thresholds at 0 the part held out loses more than allowed: it is small, or not alike");
  }
  findings.notes.emplace_back(
      "a network that was trained with its thresholds in the forward pass bears larger ones; this search "
      "changes no "
      "weight");
  return findings;
}

void show(const Findings& findings, const TuneChoices& choices, const Surroundings& surroundings) {
  emit({.name = "report",
        .csv_name = "front",
        .html = [&] { return to_html(findings); },
        .json = [&] { return to_json(findings); },
        .csv = [&] { return to_csv(findings); },
        .text = [&] { return to_text(findings, style_of(surroundings.console)); }},
       choices.report, surroundings.console);
}

void tune(const TuneChoices& choices, Surroundings& surroundings) {
  const Network network = choices.network.load(true);
  const Progress progress = surroundings.console.progress();
  SessionOptions options = choices.session.options();
  SessionOptions probe = options;
  probe.precision = Precision::float32;
  const Session ports(network, probe);
  const StreamSequences input = load_sequences(choices.input, network, ports);
  const bool draws = input.all.size() > 1 || has_random_weights(network, choices.network.seed);
  if (!draws && choices.network.seed_is_given()) refuse_seed();  // the end of the only sequence is held out
  const std::map<std::string, double> ranges = measured_ranges(network, probe, input.all, progress);
  options.ranges = ranges;
  const Parts parts = split(input, ports, choices.held_out, choices.network.seed);
  const TuneResult result = tuned(choices, network, options, parts, ranges, progress);

  Findings findings = findings_of(result, network, surroundings);
  findings.provenance.seed = choices.network.seed;
  findings.provenance.threads = options.threads;
  findings.provenance.input = input.description;
  if (!input.front_end.empty()) findings.provenance.configurations.emplace_back("front end", input.front_end);
  const ThresholdTable& chosen = result.front[result.chosen].thresholds;
  // Nothing is written before everything is computed.
  const auto write = [&](const std::string& path, const auto& put) {
    if (path.empty()) return;
    put(path);
    surroundings.console.note(fmt::format("wrote {}", path));
  };
  write(choices.write_thresholds, [&](const std::string& path) { write_file(path, text_of(chosen)); });
  write(choices.write_model,
        [&](const std::string& path) { save_onnx(with_thresholds(network, chosen), path); });
  show(findings, choices, surroundings);
}

void tune_sounds(const TuneChoices& choices, Surroundings& surroundings) {
  PipelineTuneJob job{.pipeline = choices.network.network,
                      .networks = choices.network.weights,
                      .recordings = choices.recordings,
                      .options = choices.session.options(),
                      .held_out = choices.held_out,
                      .measurements = choices.measurements};
  if (choices.max_loss >= 0) job.max_loss_dB = choices.max_loss;
  job.recordings.inputs = choices.input.inputs;
  job.recordings.limit = choices.input.limit;
  job.recordings.seed = choices.network.seed;
  PipelineTuning tuning = tune_pipeline(job, surroundings.console.progress());
  Provenance provenance = provenance_of(surroundings);
  provenance.seed = choices.network.seed;
  provenance.threads = job.options.threads;
  provenance.input = tuning.findings.provenance.input;
  tuning.findings.provenance = std::move(provenance);
  if (!choices.write_thresholds.empty()) {
    write_file(choices.write_thresholds, text_of(tuning.chosen));
    surroundings.console.note(fmt::format("wrote {}", choices.write_thresholds));
  }
  show(tuning.findings, choices, surroundings);
}

void tune_any(const TuneChoices& choices, Surroundings& surroundings) {
  const bool sounds = is_pipeline(choices.network.network);
  if (sounds && !choices.write_model.empty())
    throw Error("--write-model", "a pipeline has several networks", "take --write-thresholds");
  refuse_idle_options(choices.input, choices.session, choices.recordings, sounds);
  return sounds ? tune_sounds(choices, surroundings) : tune(choices, surroundings);
}

}  // namespace

void add_tune(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand(
      "tune", "Thresholds for the layers of a delta network: most bytes saved for least loss");
  auto choices = std::make_shared<TuneChoices>();
  choices->network.add_source_to(*command);
  choices->input.add_to(*command);
  choices->input.add_labels_to(*command, "; without, the loss is how far the outputs are off");
  command
      ->add_option(
          "--max-loss", choices->max_loss,
          "Bound of the loss: a share of right answers (0.01), without labels the relative error of the "
          "outputs (0.05); of a pipeline SI-SDR in dB (0.1)")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--held-out", choices->held_out, "The share of the input that the search does not see")
      ->check(CLI::Range(0.01, 0.9))
      ->capture_default_str();
  command
      ->add_option("--measurements", choices->measurements,
                   "At most so many runs over the input in the search")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  choices->recordings.add_to(*command);
  choices->session.add_to(*command);
  command->add_option("--write-thresholds", choices->write_thresholds,
                      "The chosen thresholds, for run --thresholds");
  command->add_option("--write-model", choices->write_model,
                      "The network as ONNX that carries the chosen thresholds");
  choices->report.add_to(*command);
  command->footer(
      "Example: deltahop tune kws.onnx --input words/ --labels labels.csv --max-loss 0.01 --write-model "
      "kws_delta.onnx "
      "-o report/");
  command->callback([choices, &surroundings] { tune_any(*choices, surroundings); });
}

}  // namespace deltahop
