// SPDX-License-Identifier: Apache-2.0
// The file of measured break-evens as commands use it: read, completed by measuring what is missing, written.
#pragma once

#include <string>

#include "deltahop/base/progress.h"
#include "deltahop/cli/command.h"
#include "deltahop/run/break_even_table.h"

namespace deltahop {

struct BreakEvenOptions {
  std::string cache;  // "": break_even_file()

  void add_to(CLI::App& command);
  std::filesystem::path file() const;
};

// Shares of zeros that a curve is measured at.
const std::vector<double>& measured_shares();

// Measures these layers of the network into the table.
void measure_layers(SparseNetwork& network, const std::vector<size_t>& layers, int threads,
                    BreakEvenTable& table, const Progress& progress);
// Gives the network its break-evens; what the file does not know is measured and added to it. Returns how
// many shapes were measured.
size_t complete_break_evens(SparseNetwork& network, int threads, const BreakEvenOptions& options,
                            const Progress& progress);

// The network with formats of 8 bits that nobody calibrated: for times, which do not depend on values.
IntegerModel uncalibrated_model(const Network& network);

}  // namespace deltahop
