// SPDX-License-Identifier: Apache-2.0
// What deltahop-train says of its progress: one JSON object a line on standard output, each with "event".
// Read by cli/ (progress, report, log); the words are listed in docs/training.md.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace deltahop {

// Metrics by name (`loss`, `validation_loss`, `validation_accuracy`, ...); a constraint adds its own,
// `conv1.zeros_fraction`.
using Metrics = std::map<std::string, double>;

// An epoch as events and checkpoints tell it.
struct EpochRecord {
  int64_t epoch = 0;
  Metrics metrics;
  double seconds = 0.0;     // of this epoch, training and validation
  double memory_MiB = 0.0;  // resident, at its end
  bool is_best = false;
};

class EventWriter {
 public:
  explicit EventWriter(int descriptor) : descriptor_(descriptor) {}  // -1: silence
  void begin(const std::string& name, const std::string& variant, uint64_t seed, int64_t epochs,
             int64_t first_epoch, const std::string& data);
  void progress(int64_t epoch, int64_t batch, int64_t batches, const Metrics& metrics);
  void epoch(const EpochRecord& record);
  void note(const std::string& text);
  void done(const std::string& file, const Metrics& metrics);
  // code: what the program exits with.
  void fault(const std::string& text, int code);

 private:
  void write(const std::string& line);
  int descriptor_;
};

}  // namespace deltahop
