// SPDX-License-Identifier: Apache-2.0
// deltahop demo: the main job on the small network and the pictures that are part of the program.
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/embedded.h"
#include "deltahop/base/files.h"
#include "deltahop/cli/reporting.h"
#include "deltahop/cli/simulate_job.h"

namespace deltahop {

std::vector<EmbeddedFile> embedded_cli();  // generated

namespace {

constexpr std::string_view kModels = "models/";

// The embedded model and pictures as files that the user can look at and use again.
void unpack(const std::filesystem::path& folder) {
  int64_t count = 0;
  for (const EmbeddedFile& file : embedded_cli()) {
    if (!file.path.starts_with(kModels)) continue;
    write_file(folder / file.path.substr(kModels.size()), file.content);
    ++count;
  }
  DELTAHOP_CHECK(count > 0);
}

void run_demo(const std::string& output, Surroundings& surroundings) {
  const std::filesystem::path folder(output);
  unpack(folder / "input");
  SimulateJob job;
  job.network.network = (folder / "input" / "demo_cnn.onnx").string();
  job.input.input = (folder / "input" / "demo_pictures").string();
  job.input.labels = (folder / "input" / "demo_pictures" / "labels.csv").string();
  job.verify = true;
  const Report report = run_simulate_job(job, surroundings);
  ReportOptions emission;
  emission.output = output;
  emit(report, emission, surroundings.console);
  surroundings.console.print(fmt::format(
      "\nThe same by hand:\n  deltahop simulate {} --on nullhop --input {} --labels {} --verify -o "
      "{}\n\nLook at {}: open it in a browser.\n",
      job.network.network, job.input.input, job.input.labels, output, (folder / "report.html").string()));
}

}  // namespace

void add_demo(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand(
      "demo", "The main job on a small network and pictures that ship with the program");
  auto output = std::make_shared<std::string>("demo-report");
  command->add_option("-o,--output", *output, "The folder to write")->capture_default_str();
  command->callback([output, &surroundings] { run_demo(*output, surroundings); });
}

}  // namespace deltahop
