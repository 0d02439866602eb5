// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/event.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include <unistd.h>

namespace deltahop {
namespace {

nlohmann::ordered_json to_json(const Metrics& metrics) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const auto& [name, value] : metrics) {
    if (std::isfinite(value))
      object[name] = value;
    else
      object[name] = nullptr;
  }
  return object;
}

std::string text_of(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

// A reader that has gone away must not stop the training: what cannot be written is lost.
void EventWriter::write(const std::string& line) {
  size_t done = 0;
  while (descriptor_ >= 0 && done < line.size()) {
    const ssize_t count = ::write(descriptor_, line.data() + done, line.size() - done);
    if (count <= 0) return;
    done += static_cast<size_t>(count);
  }
}

void EventWriter::begin(const std::string& name, const std::string& variant, uint64_t seed, int64_t epochs,
                        int64_t first_epoch, const std::string& data) {
  write(text_of({{"event", "begin"},
                 {"name", name},
                 {"variant", variant},
                 {"seed", seed},
                 {"epochs", epochs},
                 {"first_epoch", first_epoch},
                 {"data", data}}));
}

void EventWriter::progress(int64_t epoch, int64_t batch, int64_t batches, const Metrics& metrics) {
  write(text_of({{"event", "progress"},
                 {"epoch", epoch},
                 {"batch", batch},
                 {"batches", batches},
                 {"metrics", to_json(metrics)}}));
}

void EventWriter::epoch(const EpochRecord& record) {
  write(text_of({{"event", "epoch"},
                 {"epoch", record.epoch},
                 {"metrics", to_json(record.metrics)},
                 {"seconds", record.seconds},
                 {"memory_MiB", record.memory_MiB},
                 {"best", record.is_best}}));
}

void EventWriter::note(const std::string& text) { write(text_of({{"event", "note"}, {"text", text}})); }

void EventWriter::done(const std::string& file, const Metrics& metrics) {
  write(text_of({{"event", "done"}, {"file", file}, {"metrics", to_json(metrics)}}));
}

void EventWriter::fault(const std::string& text, int code) {
  write(text_of({{"event", "fault"}, {"text", text}, {"code", code}}));
}

}  // namespace deltahop
