// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/stream_job.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace deltahop {

void SessionChoices::add_to(CLI::App& command) {
  command
      .add_option("--precision", precision,
                  "What products are computed in: float32; int8 or int16 weights with "
                  "16-bit activations; edge_drnn: GRUs bit for bit as on that chip")
      ->check(CLI::IsMember({"float32", "int8", "int16", "edge_drnn"}))
      ->capture_default_str();
  command
      .add_option(
          "--delta-products", products,
          "MatMul, Gemm and convolutions of one position that go by changes: those of a recurrence written "
          "out, all, or none; those that thresholds name always do")
      ->check(CLI::IsMember({"recurrent", "all", "none"}))
      ->capture_default_str();
  command.add_option("--state-loop", loops, "input=output: an output that is the input of the next step")
      ->allow_extra_args(false);
  command.add_flag("--no-state-loops", no_loops, "Feed back only what --state-loop names");
  command
      .add_option("--threads", threads, "Threads for one product; a second one pays for large layers only")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
}

SessionOptions SessionChoices::options() const {
  SessionOptions options;
  for (const Precision each : {Precision::int8, Precision::int16, Precision::edge_drnn}) {
    if (precision == name_of(each)) options.precision = each;
  }
  options.products = products == "all"    ? DeltaProducts::all
                     : products == "none" ? DeltaProducts::none
                                          : DeltaProducts::recurrent;
  options.find_loops = !no_loops;
  options.threads = threads;
  for (const std::string& loop : loops) {
    const size_t equals = loop.find('=');
    if (equals == std::string::npos)
      throw Error(fmt::format("--state-loop {}", loop), "is no pair", "write input=output");
    options.loops.push_back({loop.substr(0, equals), loop.substr(equals + 1)});
  }
  return options;
}

namespace {

void start(Session& session, const StreamSequence& sequence) {
  session.reset();
  for (size_t i = 0; i < sequence.values.size(); ++i) {
    if (session.inputs()[i].is_loop && !sequence.values[i].empty())
      std::copy(sequence.values[i].begin(), sequence.values[i].end(), session.input(i).begin());
  }
}

void feed(Session& session, const StreamSequence& sequence, int64_t step) {
  for (size_t i = 0; i < sequence.values.size(); ++i) {
    if (session.inputs()[i].is_loop || sequence.values[i].empty()) continue;
    const std::span<float> place = session.input(i);
    std::copy_n(sequence.values[i].begin() + step * static_cast<int64_t>(place.size()), place.size(),
                place.begin());
  }
}

}  // namespace

StreamRun run_sequences(Session& session, const std::vector<StreamSequence>& sequences, std::string_view task,
                        const Progress& progress) {
  constexpr int64_t kBetweenReports = 64;
  StreamRun run;
  run.outputs.resize(session.outputs().size());
  int64_t total = 0, done = 0;
  for (const StreamSequence& each : sequences) total += each.steps;
  for (size_t i = 0; i < run.outputs.size(); ++i)
    run.outputs[i].reserve(static_cast<size_t>(total * session.outputs()[i].size));
  session.clear_statistics();
  for (const StreamSequence& sequence : sequences) {
    start(session, sequence);
    for (int64_t t = 0; t < sequence.steps; ++t) {
      feed(session, sequence, t);
      session.step();
      for (size_t i = 0; i < run.outputs.size(); ++i)
        run.outputs[i].insert(run.outputs[i].end(), session.output(i).begin(), session.output(i).end());
      if (++done % kBetweenReports == 0) report_progress(progress, task, done, total);
    }
    const auto last = session.output();
    run.predictions.push_back(std::max_element(last.begin(), last.end()) - last.begin());
  }
  report_progress(progress, task, total, total);
  run.statistics = session.statistics();
  run.latency = session.latency();
  return run;
}

std::map<std::string, double> measured_ranges(const Network& network, SessionOptions options,
                                              const std::vector<StreamSequence>& sequences,
                                              const Progress& progress) {
  options.precision = Precision::float32;
  options.delta = false;
  options.record_ranges = true;
  Session session(network, options);
  run_sequences(session, sequences, "ranges for integers", progress);
  return session.ranges();
}

Difference difference(const std::vector<float>& ours, const std::vector<float>& wanted) {
  Difference result;
  double error = 0, signal = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double want = static_cast<double>(wanted[i]), off = static_cast<double>(ours[i]) - want;
    result.largest = std::max(result.largest, std::fabs(off));
    error += off * off;
    signal += want * want;
  }
  if (!wanted.empty()) result.root_mean_square = std::sqrt(error / static_cast<double>(wanted.size()));
  result.relative = signal > 0 ? std::sqrt(error / signal) : error > 0 ? 1.0 : 0.0;
  return result;
}

double relative_difference(const Session& session, const StreamRun& ours, const StreamRun& wanted) {
  double error = 0, signal = 0;
  for (size_t i = 0; i < ours.outputs.size(); ++i) {
    if (session.outputs()[i].is_loop) continue;
    for (size_t k = 0; k < ours.outputs[i].size(); ++k) {
      const double want = static_cast<double>(wanted.outputs[i][k]);
      error += std::pow(static_cast<double>(ours.outputs[i][k]) - want, 2);
      signal += want * want;
    }
  }
  return signal > 0 ? std::sqrt(error / signal) : error > 0 ? 1.0 : 0.0;
}

std::optional<double> accuracy(const StreamRun& run, const std::vector<StreamSequence>& sequences) {
  int64_t labelled = 0, right = 0;
  for (size_t i = 0; i < sequences.size(); ++i) {
    if (!sequences[i].label) continue;
    ++labelled;
    right += run.predictions[i] == *sequences[i].label ? 1 : 0;
  }
  if (labelled == 0) return std::nullopt;
  return static_cast<double>(right) / static_cast<double>(labelled);
}

FindingsTable streams_table(const SessionStatistics& statistics) {
  FindingsTable table;
  table.id = "streams";
  table.title = "Columns of weights, by layer and gates";
  table.introduction =
      "A column holds the weights of all the gates that one value feeds. What is sent is what changed by the "
      "threshold; what is read is more where a step was done in full.";
  table.columns = {{"layer", "layer", NumberStyle::plain, true},
                   {"kind", "kind", NumberStyle::plain, true, true},
                   {"stream", "of", NumberStyle::plain, true},
                   {"gates", "gates", NumberStyle::plain, true},
                   {"rows", "rows", NumberStyle::plain},
                   {"columns", "columns", NumberStyle::plain},
                   {"column_bytes", "column bytes", NumberStyle::bytes, false, true},
                   {"threshold", "threshold", NumberStyle::plain},
                   {"steps", "steps", NumberStyle::count, false, true},
                   {"sent_columns", "sent columns", NumberStyle::count, false, true},
                   {"read_columns", "read columns", NumberStyle::count, false, true},
                   {"sparsity_fraction", "not sent", NumberStyle::percent},
                   {"dense_bytes", "dense", NumberStyle::bytes},
                   {"read_bytes", "read", NumberStyle::bytes},
                   {"dense_steps", "in full", NumberStyle::count},
                   {"dense_from_columns", "in full from", NumberStyle::plain},
                   {"saturated", "saturated", NumberStyle::count, false, true}};
  for (const StreamStatistics& each : statistics.streams) {
    const auto number = [](int64_t value) { return FindingsCell(static_cast<double>(value)); };
    const FindingsCell none;
    table.rows.push_back(
        {each.layer, each.kind, each.stream, each.gates, number(each.rows), number(each.columns),
         number(each.column_bytes), each.is_delta ? FindingsCell(each.threshold) : none, number(each.steps),
         number(each.sent), number(each.read), each.is_delta ? FindingsCell(each.sparsity()) : none,
         number(each.dense_bytes()), number(each.read_bytes()), number(each.dense_steps),
         each.dense_from ? number(*each.dense_from) : none, number(each.saturated)});
  }
  return table;
}

std::vector<std::string> explanations(const SessionStatistics& statistics) {
  std::vector<std::string> sentences;
  int64_t in_full_bytes = 0;
  for (const StreamStatistics& each : statistics.streams) {
    if (!each.is_delta) {
      in_full_bytes += each.dense_bytes();
      continue;
    }
    const int64_t steps = std::max<int64_t>(1, each.steps);
    if (each.dense_steps > 0) {
      sentences.push_back(fmt::format(
          "{}, {}: {} of {} steps were done in full, because {} of {} columns or more are faster to read all "
          "than to pick on this machine",
          each.layer, each.stream, each.dense_steps, steps, each.dense_from.value_or(each.columns),
          each.columns));
    }
    if (each.saturated > 0) {
      sentences.push_back(fmt::format("{}, {}: {} values were beyond the range of their integers", each.layer,
                                      each.stream, each.saturated));
    }
  }
  const int64_t read = statistics.read_bytes();
  if (in_full_bytes > 0 && read > 0) {
    sentences.push_back(
        fmt::format("{:.1f} % of what is read belongs to products that no threshold touches; "
                    "--delta-products all, or a line "
                    "with their name in a thresholds file, lets them go by changes, too",
                    100.0 * static_cast<double>(in_full_bytes) / static_cast<double>(read)));
  }
  return sentences;
}

}  // namespace deltahop
