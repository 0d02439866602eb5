// SPDX-License-Identifier: Apache-2.0
// deltahop dram: streams of requests on a DRAM part.
#include <algorithm>
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/error.h"
#include "deltahop/base/files.h"
#include "deltahop/base/parallel.h"
#include "deltahop/cli/dram_findings.h"
#include "deltahop/cli/options.h"
#include "deltahop/cli/reporting.h"
#include "deltahop/io/npz.h"
#include "deltahop/run/saved_sequence.h"
#include "deltahop/simulate/delta_transfers.h"
#include "deltahop/simulate/dram_trace.h"

namespace deltahop {
namespace {

struct DramOptions {
  std::string part;
  std::vector<std::string> settings, streams, kept;
  int64_t requests = 200'000, bytes = 0;
  int outstanding = 0, threads = 0;
  std::string page = "open", mapping;
  bool no_refresh = false;
  double writes = 0.0;
  int chips = 1, queue = 32;
  uint64_t seed = 1;
  const CLI::Option* seed_option = nullptr;
  std::string request_trace, request_format = "dramsim3", command_trace;
  ReportOptions report;
};

// A stream by its text; or a trace, or the columns of a saved recurrent trace, where the text names a file.
DramStream stream_of(const std::string& text, uint64_t bytes) {
  std::error_code fault;
  if (!std::filesystem::is_regular_file(text, fault)) {
    if (text.find('/') != std::string::npos || text.find('.') < text.find(':')) read_file(text);  // throws
    return parse_dram_stream(text);
  }
  DramStream stream;
  stream.text = text;
  if (text.ends_with(".npz")) {
    const auto arrays = read_npz(text);
    if (!holds_sequence(arrays))
      throw Error(text, "is no recurrent trace",
                  "'deltahop simulate --on edge_drnn --save-trace' writes them");
    const std::vector<SavedLayer> layers = sequence_from(arrays, text);
    std::vector<const RecurrentTrace*> traces;
    for (const SavedLayer& layer : layers) traces.push_back(&layer.trace);
    stream.kind = DramStream::Kind::transfers;
    stream.transfers = delta_transfers(traces);
    return stream;
  }
  stream.kind = DramStream::Kind::trace;
  stream.trace = parse_dram_trace(read_file(text), text, bytes);
  return stream;
}

DramController controller_of(const DramOptions& options) {
  DramController controller;
  controller.mapping = options.mapping;
  controller.page = options.page == "closed" ? DramPage::closed : DramPage::open;
  controller.refresh = !options.no_refresh;
  controller.chips = options.chips;
  controller.read_queue = controller.write_queue = options.queue;
  controller.drain_above = std::max(1, options.queue * 3 / 4);
  controller.drain_until = std::min(options.queue / 4, controller.drain_above - 1);
  return controller;
}

// One simulation; where its result goes.
struct Task {
  DramController controller;
  DramStream stream;
  DramLoad load;
  DramRun* run = nullptr;
};

void run_all(const DramPart& part, std::vector<Task>& tasks, int threads) {
  parallel_for(threads, static_cast<int64_t>(tasks.size()), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Task& task = tasks[static_cast<size_t>(i)];
      *task.run = run_dram_stream(part, task.controller, task.stream, task.load);
    }
  });
}

void write_traces(const DramPart& part, const DramOptions& options, const Task& task,
                  const Console& console) {
  if (options.request_trace.empty() && options.command_trace.empty()) return;
  const DramTraceFormat format = parse_dram_trace_format(options.request_format);
  std::string requests, commands(command_trace_header());
  DramWatchers watchers;
  if (!options.request_trace.empty())
    watchers.request = [&](const DramRequest& request) { requests += trace_line(request, format); };
  if (!options.command_trace.empty())
    watchers.command = [&](const DramCommand& command) { commands += trace_line(command); };
  run_dram_stream(part, task.controller, task.stream, task.load, watchers);
  const auto write = [&](const std::string& path, const std::string& text) {
    if (path.empty()) return;
    write_file(path, text);
    console.note(fmt::format("wrote {}", path));
  };
  write(options.request_trace, requests);
  write(options.command_trace, commands);
}

// The streams at every fraction kept; those without columns stay as they are.
void add_sweep(const DramOptions& options, DramReportSources& sources, const Task& pattern,
               std::vector<Task>& tasks) {
  for (const std::string& text : options.kept)
    sources.sweep.emplace_back(parse_dram_stream("columns:1:" + text).kept_fraction,
                               std::vector<DramRun>(sources.results.size()));
  for (auto& [kept, runs] : sources.sweep) {
    for (size_t i = 0; i < runs.size(); ++i) {
      Task task = pattern;
      task.stream = sources.results[i].stream;
      task.stream.kept_fraction = kept;
      task.run = &runs[i];
      tasks.push_back(std::move(task));
    }
  }
}

// An option that would do nothing is refused.
void check_options(const DramOptions& options, const std::vector<DramResult>& results) {
  const auto is = [](DramStream::Kind kind) {
    return [kind](const DramResult& result) { return result.stream.kind == kind; };
  };
  if (!options.kept.empty() && std::none_of(results.begin(), results.end(), is(DramStream::Kind::columns)))
    throw Error("--kept", "no stream reads columns", "add --stream columns:2304");
  const auto plays_once = [](const DramResult& result) { return result.stream.plays_once(); };
  if (options.writes > 0 && std::all_of(results.begin(), results.end(), plays_once))
    throw Error("--writes", "a trace says itself what it writes");
  const auto draws = [&](const DramResult& result) {
    const DramStream& stream = result.stream;
    const bool chosen =
        stream.kind == DramStream::Kind::columns && (stream.kept_fraction < 1 || !options.kept.empty());
    return stream.kind == DramStream::Kind::random || chosen || (options.writes > 0 && !stream.plays_once());
  };
  if (options.seed_option->count() > 0 && std::none_of(results.begin(), results.end(), draws)) refuse_seed();
}

void run_dram(const DramOptions& options, Surroundings& surroundings) {
  const DramPart part = load_dram_part(options.part, options.settings);
  const DramController controller = controller_of(options);
  const DramMapping mapping(controller.mapping, part, controller.chips);
  DramReportSources sources;
  sources.part = &part;
  sources.controller = &controller;
  sources.load = {options.requests, options.outstanding, options.writes, options.seed};
  if (options.bytes > 0)
    sources.load.requests = std::max<int64_t>(1, options.bytes / (part.burst_bytes() * controller.chips));
  const std::vector<std::string> streams =
      options.streams.empty() ? std::vector<std::string>{"sequential", "random"} : options.streams;
  for (const std::string& text : streams) {
    sources.results.emplace_back();
    sources.results.back().stream = stream_of(text, mapping.bytes());
  }
  check_options(options, sources.results);
  DramController plain = controller;
  plain.page = DramPage::open;
  const DramLoad saturated{sources.load.requests, 0, 0.0, options.seed};
  DramRun streaming;
  sources.streaming = &streaming;
  std::vector<Task> tasks = {{plain, parse_dram_stream("sequential"), saturated, &streaming}};
  for (DramResult& result : sources.results) {
    tasks.push_back({controller, result.stream, sources.load, &result.run});
    if (options.outstanding == 0) continue;
    DramLoad waiting = saturated;
    waiting.outstanding = options.outstanding;
    result.waiting.emplace();
    tasks.push_back({plain, parse_dram_stream("sequential"), waiting, &*result.waiting});
  }
  const Task first = tasks[1];
  add_sweep(options, sources, first, tasks);
  run_all(part, tasks, options.threads > 0 ? options.threads : processor_count());
  write_traces(part, options, first, surroundings.console);

  sources.provenance = provenance_of(surroundings);
  sources.provenance.seed = options.seed;
  sources.provenance.configurations.emplace_back(part.name, part.resolved);
  const Findings findings = dram_findings(sources);
  const TextOptions style = style_of(surroundings.console);
  emit({.name = "dram",
        .csv_name = "streams",
        .html = [&] { return to_html(findings); },
        .json = [&] { return to_json(findings); },
        .csv = [&] { return to_csv(findings); },
        .text = [&] { return to_text(findings, style); }},
       options.report, surroundings.console);
}

void add_options(CLI::App& command, DramOptions& options) {
  command.add_option("part", options.part, "A part from 'deltahop list dram', or a YAML file")->required();
  command.add_option(
      "--stream", options.streams,
      "sequential; random[:BYTES], BYTES of each burst wanted; columns:BYTES[:KEPT[:COUNT]], weight columns "
      "of "
      "which a fresh choice is read every step; same-bank[:BYTES]; rotating[:BYTES]; a file of "
      "requests; or the .npz of a recurrent trace, whose columns are read. "
      "Several may be given. Without: sequential random");
  command.add_option(
      "--kept", options.kept,
      "Fractions of the columns kept, such as 50% 10%: runs every stream at each and draws the plot");
  command.add_option("--requests", options.requests, "Bursts of each stream; a trace is played once")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--bytes", options.bytes, "The same as bytes moved")->check(CLI::PositiveNumber);
  command
      .add_option("--outstanding", options.outstanding,
                  "Requests that may wait for their data; 0: as many as the queues take")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--writes", options.writes, "Fraction of the requests that write; not for traces")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command
      .add_option("--page", options.page, "open: rows stay open; closed: closed after the last known request")
      ->check(CLI::IsMember({"open", "closed"}))
      ->capture_default_str();
  command.add_option(
      "--mapping", options.mapping,
      "Fields of an address from the top: row-bank-column, row-bank-column-group, row-column:3-bank-column");
  command.add_flag("--no-refresh", options.no_refresh, "Never refresh");
  command.add_option("--chips", options.chips, "Chips side by side, as one wider channel")
      ->capture_default_str();
  command
      .add_option("--queue", options.queue,
                  "Requests that the controller sees at once, for reads and for writes")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command.add_option("--set", options.settings, "Change a value of the part: timings_clocks.tRFC=208");
  options.seed_option =
      command.add_option("--seed", options.seed, "Seed of random streams")->capture_default_str();
  command.add_option("--threads", options.threads, "Threads, one a stream; 0 takes all processors")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command.add_option("--write-trace", options.request_trace,
                     "The first stream's requests with the clocks at which they came, for another simulator");
  command.add_option("--trace-format", options.request_format, "dramsim3 or ramulator2")
      ->check(CLI::IsMember(dram_trace_formats()))
      ->capture_default_str();
  command.add_option("--write-commands", options.command_trace, "The first stream's DRAM commands as CSV");
}

}  // namespace

void add_dram(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand(
      "dram",
      "Streams of requests on a DRAM part: bandwidth, latency, energy, and why random access is slow");
  auto options = std::make_shared<DramOptions>();
  add_options(*command, *options);
  command->get_option("--bytes")->excludes(command->get_option("--requests"));
  command->get_option("--trace-format")->needs(command->get_option("--write-trace"));
  options->report.add_to(*command);
  command->footer(
      "Examples:\n"
      "  deltahop dram ddr3_1066_1gb_x16 --stream random:2 --outstanding 1\n"
      "  deltahop dram ddr3l_1600_4gb_x16 --stream columns:2304 random:2 --kept 50% 25% 10% 5% --html "
      "dram.html");
  command->callback([options, &surroundings] { run_dram(*options, surroundings); });
}

}  // namespace deltahop
