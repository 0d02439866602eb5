// SPDX-License-Identifier: Apache-2.0
// deltahop compare: chips, settings, networks or saved reports side by side; can fail a CI job.
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/files.h"
#include "deltahop/cli/reporting.h"
#include "deltahop/cli/simulate_job.h"
#include "deltahop/report/comparison.h"
#include "deltahop/report/html.h"
#include "deltahop/report/json.h"
#include "deltahop/report/text.h"

namespace deltahop {
namespace {

struct CompareOptions {
  SimulateJob job;
  ReportOptions report;
  std::vector<std::string> what;  // networks and saved reports
  std::vector<std::string> chips;
  std::vector<std::string> variants;  // "key=value,key=value" each
  std::vector<std::string> gates;
};

// metric=1.05x:baseline.json (a factor over a saved report) or metric=1200 (a plain limit).
struct Gate {
  std::string metric;
  double limit = 0;
  std::string text;
};

Report load_report(const std::string& path) {
  return report_from_json(read_file(path, uint64_t{1} << 28), path);
}

Gate parse_gate(const std::string& text) {
  const std::string place = fmt::format("--fail-above {}", text);
  const auto fail = [&](std::string_view why) {
    return Error(place, why, "write latency=1.05x:baseline.json or energy_pJ=1e9");
  };
  const size_t equals = text.find('=');
  if (equals == std::string::npos) throw fail("is no gate");
  Gate gate{text.substr(0, equals), 0, text};
  const std::string rest = text.substr(equals + 1);
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), gate.limit);
  if (error != std::errc{}) throw fail("has no number");
  const std::string tail(end, rest.data() + rest.size());
  if (tail.empty()) return gate;
  if (!tail.starts_with("x:")) throw fail("is no gate");
  const auto baseline = metric(load_report(tail.substr(2)), gate.metric);
  if (!baseline) throw Error(place, fmt::format("{} does not have '{}'", tail.substr(2), gate.metric));
  gate.limit *= *baseline;
  return gate;
}

bool is_report(const std::string& path) { return path.ends_with(".json"); }

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(at, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Comparison run_all(const CompareOptions& options, Surroundings& surroundings) {
  std::vector<Report> reports;
  std::vector<std::string> labels;
  const std::vector<std::string> chips =
      options.chips.empty() ? std::vector<std::string>{"nullhop"} : options.chips;
  const std::vector<std::string> variants =
      options.variants.empty() ? std::vector<std::string>{""} : options.variants;
  for (const std::string& what : options.what) {
    if (is_report(what)) {
      reports.push_back(load_report(what));
      labels.push_back(std::filesystem::path(what).stem().string());
      continue;
    }
    for (const std::string& chip : chips) {
      for (const std::string& variant : variants) {
        SimulateJob job = options.job;
        job.network.network = what;
        job.chip = chip;
        for (const std::string& setting : split(variant, ',')) job.settings.push_back(setting);
        reports.push_back(run_simulate_job(job, surroundings));
        std::string label =
            options.what.size() > 1 ? std::filesystem::path(what).stem().string() + " on " + chip : chip;
        if (!variant.empty()) label += " (" + variant + ")";
        labels.push_back(std::move(label));
      }
    }
  }
  return compare(std::move(reports), std::move(labels));
}

void write_comparison(const Comparison& comparison, const ReportOptions& options, const Console& console) {
  const TextOptions style = style_of(console);
  emit({.name = "comparison",
        .csv_name = "comparison",
        .html = [&] { return to_html(comparison); },
        .json = [&] { return to_json(comparison); },
        .csv = [&] { return to_csv(comparison); },
        .text = [&] { return to_text(comparison, style); }},
       options, console);
}

void check_gates(const Comparison& comparison, const std::vector<Gate>& gates, Surroundings& surroundings) {
  for (const Gate& gate : gates) {
    for (size_t i = 0; i < comparison.reports.size(); ++i) {
      const auto value = metric(comparison.reports[i], gate.metric);
      if (!value)
        throw Error(fmt::format("--fail-above {}", gate.text),
                    fmt::format("'{}' does not have that figure", comparison.labels[i]));
      if (*value <= gate.limit) continue;
      surroundings.console.note(fmt::format("failed: {} of '{}' is {:.6g}, above {:.6g}", gate.metric,
                                            comparison.labels[i], *value, gate.limit));
      surroundings.exit_code = 1;
    }
  }
}

// Saved reports are compared as they are: an option of the simulation would do nothing.
void refuse_job_options(const CLI::App& command) {
  const std::vector<std::string> reporting = {"what",     "--threads", "--fail-above", "--json",
                                              "--output", "--html",    "--csv",        "--json-file"};
  for (const CLI::Option* option : command.get_options()) {
    const std::string name =
        option->get_lnames().empty() ? option->get_name() : "--" + option->get_lnames().front();
    if (option->count() > 0 && std::find(reporting.begin(), reporting.end(), name) == reporting.end())
      throw Error(name, "does nothing where only saved reports are compared",
                  "leave it out, or name a network");
  }
}

}  // namespace

void add_compare(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand(
      "compare", "Networks, chips, settings or saved reports side by side; can fail a CI job");
  auto options = std::make_shared<CompareOptions>();
  SimulateJob& job = options->job;
  command->add_option("what", options->what, "Networks to simulate, and reports (.json) saved before")
      ->required();
  command->add_option("--weights", job.network.weights, "Weights for a network that names them");
  CLI::Option* const seed =
      command->add_option("--seed", job.network.seed, "Seed of everything random")->capture_default_str();
  command->add_option("--threads", job.network.threads, "At most this many threads; 0 takes all processors")
      ->check(CLI::Range(0, 1024));
  command->add_option("--on", options->chips, "A chip or variant; repeat for several (default nullhop)");
  command->add_option("--variant", options->variants,
                      "Settings of one variant, key=value,key=value; repeat for several");
  command->add_option("--set", job.settings, "A setting of all variants");
  command->add_option("--technology", job.technology, "Energy costs for all");
  command
      ->add_option("--density", job.density,
                   "In place of --input: random activations, this share of them not zero")
      ->check(CLI::Range(0.0, 1.0));
  command->add_flag("--verify", job.verify, "Compare the chip's own output bit for bit");
  job.input.add_to(*command);
  job.format.add_to(*command);
  exclude(*command, "--density", {"--input", "--weights", "--verify"});
  command->add_option("--fail-above", options->gates,
                      "metric=FACTORx:baseline.json or metric=VALUE: exit with 1 when any is above");
  options->report.add_to(*command);
  command->footer(
      "Examples:\n"
      "  deltahop compare vgg16 --density 0.4 --on nullhop --on nullhop_zynq\n"
      "  deltahop compare net.onnx --input pics/ --variant kernel_memory.load=serial --variant "
      "kernel_memory.load=overlapped\n"
      "  deltahop compare new.json --fail-above latency=1.05x:baseline.json");
  command->callback([options, command, seed, &surroundings] {
    if (options->what.size() == 1) options->job.network.seed_option = seed;  // of several, one may be random
    if (std::all_of(options->what.begin(), options->what.end(), is_report)) refuse_job_options(*command);
    std::vector<Gate> gates;
    for (const std::string& text : options->gates) gates.push_back(parse_gate(text));  // before the long work
    const Comparison comparison = run_all(*options, surroundings);
    write_comparison(comparison, options->report, surroundings.console);
    check_gates(comparison, gates, surroundings);
  });
}

}  // namespace deltahop
