// SPDX-License-Identifier: Apache-2.0
// From records to a Report, and the Report to where the user wants it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/cli/options.h"
#include "deltahop/cli/simulation.h"
#include "deltahop/hardware/technology.h"
#include "deltahop/report/report.h"
#include "deltahop/report/text.h"

namespace deltahop {

struct ReportSources {
  std::string command;
  const Network* network = nullptr;  // absent for replayed traces
  std::string network_source;        // what the user typed
  const SimulationResult* result = nullptr;
  const Accelerator* chip = nullptr;
  const Technology* technology = nullptr;
  const Inputs* inputs = nullptr;
  uint64_t seed = 1;
  int threads = 1;
  std::vector<std::pair<std::string, std::string>> configurations;  // further ones: number formats
  std::vector<std::string> notes;
};

// Command line, version, compiler and date: what every report carries.
Provenance provenance_of(const Surroundings& surroundings);

Report report_of(const Surroundings& surroundings, const ReportSources& sources);

// One result in every form; a form is made only where somebody wants it.
struct Renderings {
  std::string name;      // of the HTML and JSON files in an output folder
  std::string csv_name;  // of the CSV file there
  std::function<std::string()> html, json, csv, text;
  std::function<std::string()> svg = nullptr;  // only where --svg is an option
};
// As wide as the terminal; what goes into a file or a pipe is never shortened.
TextOptions style_of(const Console& console);
// Standard output (table or JSON) and the files that the options name.
void emit(const Renderings& renderings, const ReportOptions& options, const Console& console);
void emit(const Report& report, const ReportOptions& options, const Console& console);

// What the literature says of a network that goes by this name or file name ("vgg16", "VGG-16.onnx"): fills
// the published fields of the summary; leaves them absent where nothing is known.
void add_published_counts(NetworkSummary& summary);

}  // namespace deltahop
