// SPDX-License-Identifier: Apache-2.0
// deltahop train: a network by a recipe. The work is done by deltahop-train, which alone loads LibTorch; this
// draws its progress and writes the reports.
#include <memory>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/error.h"
#include "deltahop/cli/command.h"
#include "deltahop/cli/options.h"
#include "deltahop/cli/reporting.h"
#include "deltahop/cli/training_plan.h"
#include "deltahop/cli/training_process.h"
#include "deltahop/cli/training_report.h"
#include "deltahop/recipe/recipe.h"
#include "deltahop/report/chart_svg.h"

namespace deltahop {
namespace {

constexpr int kInterrupted = 130;

struct TrainOptions {
  TrainingChoices choices;
  ReportOptions report;
};

std::string detail_of(const TrainingEvent& event) {
  std::string text;
  for (const char* name : {"loss", "accuracy", "validation_accuracy"}) {
    const auto found = event.metrics.find(name);
    if (found == event.metrics.end()) continue;
    const bool share = found->first != "loss";
    text += fmt::format(
        "{}{} {}", text.empty() ? "" : ", ",
        share ? (found->first[0] == 'v' ? "validation" : "right") : "loss",
        share ? styled(found->second, NumberStyle::percent) : fmt::format("{:.4f}", found->second));
  }
  return text;
}

// One training, drawn as it goes.
class Watch {
 public:
  Watch(const TrainingJob& job, Console& console, std::string task)
      : console_(console), task_(std::move(task)) {
    record_.job = job;
  }

  void operator()(const TrainingEvent& event) {
    if (event.event == "begin") {
      epochs_ = event.epochs;
      first_epoch_ = event.first_epoch;
      record_.data = event.data;
    } else if (event.event == "progress") {
      const int64_t done = (event.epoch - first_epoch_) * event.batches + event.batch;
      console_.show_progress(task_, done, (epochs_ - first_epoch_) * event.batches,
                             fmt::format("epoch {} of {}, {}", event.epoch + 1, epochs_, detail_of(event)));
    } else if (event.event == "epoch") {
      record_.epochs.push_back(event);
      if (event.epoch >= first_epoch_) tell(event);
    } else if (event.event == "note") {
      console_.note(event.text);
    } else if (event.event == "done") {
      record_.file = event.file;
      record_.metrics = event.metrics;
    } else if (event.event == "fault") {
      fault_ = event.text;
    }
  }
  const std::string& fault() const { return fault_; }
  TrainingRecord take() { return std::move(record_); }

 private:
  // What stays on the screen of an epoch.
  void tell(const TrainingEvent& event) {
    console_.note_above_progress(fmt::format("epoch {}/{}: {}{}", event.epoch + 1, epochs_, detail_of(event),
                                             event.best ? ", the best so far" : ""));
  }

  Console& console_;
  std::string task_, fault_;
  int64_t epochs_ = 0, first_epoch_ = 0;
  TrainingRecord record_;
};

// Absent where it was interrupted: then the exit code is set.
std::optional<TrainingRecord> run_job(const TrainingJob& job, const TrainOptions& options,
                                      const std::string& task, Surroundings& surroundings) {
  Watch watch(job, surroundings.console, task);
  const int code =
      run_training(job.arguments(options.choices), [&](const TrainingEvent& event) { watch(event); });
  surroundings.console.clear_progress();
  if (code == 0) return watch.take();
  if (code == 1) throw Error("", watch.fault());
  if (code != kInterrupted) throw std::runtime_error(watch.fault());
  surroundings.console.note(watch.fault());
  surroundings.exit_code = kInterrupted;
  return std::nullopt;
}

void show(Findings findings, const TrainOptions& options, const Recipe& recipe,
          const std::filesystem::path& folder, const Surroundings& surroundings) {
  const Provenance own = provenance_of(surroundings);
  findings.provenance.command_line = own.command_line;
  findings.provenance.version = own.version;
  findings.provenance.compiler = own.compiler;
  findings.provenance.date = own.date;
  findings.provenance.seed = options.choices.seed.value_or(recipe.seed);
  findings.provenance.threads = static_cast<int>(options.choices.threads.value_or(recipe.threads));
  ReportOptions report = options.report;
  report.output = folder.string();
  emit({.name = "report",
        .csv_name = findings.tables.front().id,
        .html = [&] { return to_html(findings); },
        .json = [&] { return to_json(findings); },
        .csv = [&] { return to_csv(findings); },
        .text = [&] { return to_text(findings, style_of(surroundings.console)); },
        .svg = [&] { return charts_svg(findings.charts); }},
       report, surroundings.console);
}

void train(TrainOptions options, Surroundings& surroundings) {
  training_program();  // said first where it is not there
  const Recipe recipe = read_recipe(options.choices.recipe);
  if (options.report.output.empty()) options.report.output = recipe.name + "-training";
  options.choices.output = options.report.output;
  const std::vector<TrainingJob> jobs = training_jobs(recipe, options.choices);
  std::vector<TrainingRecord> records;
  for (const TrainingJob& job : jobs) {
    const std::string task =
        jobs.size() == 1 ? "training" : fmt::format("{}/{} {}", records.size() + 1, jobs.size(), job.name());
    if (jobs.size() > 1) surroundings.console.note(task);
    std::optional<TrainingRecord> record = run_job(job, options, task, surroundings);
    if (!record) return;
    records.push_back(std::move(*record));
  }
  const Recipe applied = read_recipe(options.choices.recipe, {jobs.back().variant, options.choices.settings});
  show(jobs.size() == 1 ? findings_of(applied, records.front()) : findings_of(recipe, records), options,
       recipe, jobs.size() == 1 ? jobs.front().folder : std::filesystem::path(options.choices.output),
       surroundings);
}

}  // namespace

void add_train(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command =
      program.add_subcommand("train", "Train a network by a recipe, its constraints in the loop");
  auto options = std::make_shared<TrainOptions>();
  TrainingChoices& choices = options->choices;
  command
      ->add_option("recipe", choices.recipe,
                   "A YAML file: data, network, loss, epochs, constraints (docs/training.md)")
      ->required();
  command->add_option("--variant", choices.variants,
                      "A variant of the recipe, by name; several may be given");
  command->add_flag("--all", choices.all,
                    "Every variant, seed and fold of the recipe, and a table of them all");
  command->add_option("--seed", choices.seed, "In place of the recipe's")
      ->check(CLI::Range(uint64_t{0}, uint64_t{1} << 53));
  command->add_option("--fold", choices.fold, "Which part of the data is left out for the test, from 0")
      ->check(CLI::Range(0, 1000));
  command->add_option("--epochs", choices.epochs, "In place of the recipe's")->check(CLI::Range(0, 100000));
  command
      ->add_option("--threads", choices.threads, "In place of the recipe's; other threads, other last bits")
      ->check(CLI::Range(1, 256));
  command->add_option("--set", choices.settings,
                      "Replace a value of the recipe: optimizer.learning_rate=0.01");
  command->add_flag("--resume", choices.resume,
                    "Go on with what is in the output folder, as if it had not stopped");
  command->add_flag("--restart", choices.restart,
                    "Begin anew where the folder holds a training that is not finished");
  command->add_option(
      "-o,--output", options->report.output,
      "A folder for the checkpoint, the trained network and the report; without it NAME-training/");
  options->report.add_forms_to(*command);
  options->report.add_svg_to(*command);
  exclude(*command, "--all", {"--variant"});
  exclude(*command, "--resume", {"--restart"});
  command->footer(
      "Example: deltahop train recipes/mnist_cnn.yaml --variant rounded --output digits/\n"
      "Ctrl-C saves and ends; the same command with --resume goes on.");
  command->callback([options, &surroundings] { train(*options, surroundings); });
}

}  // namespace deltahop
