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

class EventWriter {
 public:
  explicit EventWriter(int descriptor) : descriptor_(descriptor) {}  // -1: silence
  void begin(std::string_view name, std::string_view variant, int64_t epochs, int64_t batches);
  void progress(int64_t epoch, int64_t batch, int64_t batches, const Metrics& metrics);
  void epoch(int64_t epoch, const Metrics& metrics);
  void note(std::string_view text);
  void done(const std::string& file, const Metrics& metrics);
  void fault(std::string_view text);

 private:
  void write(const std::string& line);
  int descriptor_;
};

}  // namespace deltahop
