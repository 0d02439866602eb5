// SPDX-License-Identifier: Apache-2.0
// deltahop-train as a child: found, started, its events read line by line.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace deltahop {

using TrainingMetrics = std::map<std::string, double>;

struct TrainingEvent {
  std::string event;                          // "begin", "progress", "epoch", "note", "done", "fault"
  std::string text;                           // note, fault
  std::string data;                           // begin
  std::string file;                           // done
  int64_t epochs = 0, first_epoch = 0;        // begin
  int64_t epoch = 0, batch = 0, batches = 0;  // progress, epoch
  TrainingMetrics metrics;
  double seconds = 0.0, memory_MiB = 0.0;  // epoch
  bool best = false;                       // epoch
  int code = 0;                            // fault
};

// Throws Error where the line is none.
TrainingEvent parse_training_event(const std::string& line);

// Beside this program, or in ../libexec/deltahop. Throws Error saying what to install.
std::filesystem::path training_program();

// Runs it and calls `listen` for every event. Ctrl-C goes to the child, which saves and ends. Returns its
// exit code. Throws Error where it ends without a word.
int run_training(const std::vector<std::string>& arguments,
                 const std::function<void(const TrainingEvent&)>& listen);

}  // namespace deltahop
