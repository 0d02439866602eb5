// SPDX-License-Identifier: Apache-2.0
// deltahop demo: both halves on networks, pictures and recordings that are part of the program. A CNN on
// NullHop, and a delta GRU on EdgeDRNN and on this machine.
#include <filesystem>
#include <map>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/embedded.h"
#include "deltahop/base/files.h"
#include "deltahop/cli/reporting.h"
#include "deltahop/cli/simulate_job.h"
#include "deltahop/cli/stream_input.h"
#include "deltahop/cli/stream_job.h"
#include "deltahop/io/npz.h"

namespace deltahop {

std::vector<EmbeddedFile> embedded_cli();  // generated

namespace {

constexpr std::string_view kModels = "models/";

// The embedded networks and data as files that the user can look at and use again.
void unpack(const std::filesystem::path& folder) {
  int64_t count = 0;
  for (const EmbeddedFile& file : embedded_cli()) {
    if (!file.path.starts_with(kModels)) continue;
    write_file(folder / file.path.substr(kModels.size()), file.content);
    ++count;
  }
  DELTAHOP_CHECK(count > 0);
}

void emit_to(const std::filesystem::path& folder, const Report& report, const Surroundings& surroundings) {
  ReportOptions emission;
  emission.output = folder.string();
  emit(report, emission, surroundings.console);
}

void show_digits(const std::filesystem::path& folder, Surroundings& surroundings) {
  SimulateJob job;
  job.network.network = (folder / "input" / "demo_digits.onnx").string();
  job.input.input = (folder / "input" / "demo_digits").string();
  job.input.labels = (folder / "input" / "demo_digits" / "labels.csv").string();
  job.verify = true;
  surroundings.console.print("Drawn digits: a CNN on NullHop, which skips activations that are zero\n\n");
  emit_to(folder, run_simulate_job(job, surroundings), surroundings);
  surroundings.console.print(fmt::format(
      "\nThe same by hand:\n  deltahop simulate {} --on nullhop --input {} --labels {} --verify -o {}\n\n",
      job.network.network, job.input.input, job.input.labels, folder.string()));
}

// Natively: in full, and by what has changed.
void run_words(const Network& network, const StreamSequences& words, const StreamInputOptions& input,
               Surroundings& surroundings) {
  SessionOptions options;
  options.thresholds = thresholds_in(network);
  Session session(network, options);
  const Progress progress = surroundings.console.progress();
  const StreamRun run = run_sequences(session, words.all, "run", progress);
  options.delta = false;
  Session in_full(network, options);
  const StreamRun dense = run_sequences(in_full, words.all, "run in full", progress);
  const auto right = accuracy(run, words.all), dense_right = accuracy(dense, words.all);
  const double read =
      static_cast<double>(run.statistics.read_bytes()) / static_cast<double>(run.statistics.dense_bytes());
  surroundings.console.print(fmt::format(
      "\nThe same network on this machine, in float: {} of the weights are read, {} of the recordings are "
      "right ({} in "
      "full).\nThe same by hand:\n  deltahop run {} --input {} --labels {} --compare-dense\n",
      styled(read, NumberStyle::percent), styled(right.value_or(0), NumberStyle::percent),
      styled(dense_right.value_or(0), NumberStyle::percent),
      (std::filesystem::path(input.labels).parent_path().parent_path() / "demo_words.onnx").string(),
      input.inputs.front(), input.labels));
}

void show_words(const std::filesystem::path& folder, Surroundings& surroundings) {
  SimulateJob job;
  job.chip = "edge_drnn";
  job.network.network = (folder / "input" / "demo_words.onnx").string();
  job.verify = true;
  const Network network = job.network.load();
  StreamInputOptions input;
  input.inputs = {(folder / "input" / "demo_words").string()};
  input.labels = (folder / "input" / "demo_words" / "labels.csv").string();
  const StreamSequences words = load_sequences(input, network, Session(network, {}));
  // What the front end makes of the recordings: the chip reads frames.
  std::map<std::string, Tensor> frames;
  for (const StreamSequence& word : words.all) {
    const std::vector<float>& values = word.values.at(0);
    frames.emplace(std::filesystem::path(word.name).stem().string(),
                   Tensor::of({word.steps, static_cast<int64_t>(values.size()) / word.steps}, values));
  }
  job.input.input = (folder / "words" / "frames.npz").string();
  write_npz(frames, job.input.input);
  surroundings.console.print(
      "Spoken digits: a delta GRU on EdgeDRNN, which reads only the weights of what has changed\n\n");
  emit_to(folder / "words", run_simulate_job(job, surroundings), surroundings);
  surroundings.console.print(
      fmt::format("\nThe same by hand:\n  deltahop simulate {} --on edge_drnn --input {} --verify -o {}\n",
                  job.network.network, job.input.input, (folder / "words").string()));
  run_words(network, words, input, surroundings);
}

void run_demo(const std::string& output, Surroundings& surroundings) {
  const std::filesystem::path folder(output);
  unpack(folder / "input");
  show_digits(folder, surroundings);
  show_words(folder, surroundings);
  surroundings.console.print(fmt::format("\nLook at {} and {}: open them in a browser.\n",
                                         (folder / "report.html").string(),
                                         (folder / "words" / "report.html").string()));
}

}  // namespace

void add_demo(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand(
      "demo",
      "Both halves on small networks that ship with the program: a CNN on NullHop, a delta GRU on EdgeDRNN");
  auto output = std::make_shared<std::string>("demo-report");
  command->add_option("-o,--output", *output, "The folder to write")->capture_default_str();
  command->callback([output, &surroundings] { run_demo(*output, surroundings); });
}

}  // namespace deltahop
