// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/progress_numbers.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

using Json = nlohmann::json;

// JSON has no numbers that are not finite.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }
double number(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

Json to_json(const EpochRecord& record) {
  Json metrics = Json::object();
  for (const auto& [name, value] : record.metrics) metrics[name] = number(value);
  return {{"epoch", record.epoch},
          {"metrics", metrics},
          {"seconds", record.seconds},
          {"memory_MiB", record.memory_MiB},
          {"best", record.is_best}};
}

EpochRecord record_of(const Json& json) {
  EpochRecord record;
  record.epoch = json.at("epoch");
  for (const auto& [name, value] : json.at("metrics").items()) record.metrics[name] = number(value);
  record.seconds = json.at("seconds");
  record.memory_MiB = json.at("memory_MiB");
  record.is_best = json.at("best");
  return record;
}

}  // namespace

std::string text_of(const ProgressNumbers& numbers) {
  Json history = Json::array();
  for (const EpochRecord& record : numbers.history) history.push_back(to_json(record));
  const Json json = {{"epoch", numbers.epoch},
                     {"batch", numbers.batch},
                     {"epochs", numbers.epochs},
                     {"sums", {numbers.loss, numbers.cost, numbers.right, numbers.seen}},
                     {"has_best", numbers.has_best},
                     {"best", {number(numbers.best_accuracy), number(numbers.best_loss)}},
                     {"schedule",
                      {numbers.schedule.factor, number(numbers.schedule.best), numbers.schedule.waited,
                       numbers.schedule.has_best}},
                     {"hooks", numbers.hooks},
                     {"curriculum", numbers.curriculum},
                     {"history", history}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

ProgressNumbers progress_numbers(const std::string& text) {
  ProgressNumbers numbers;
  try {
    const Json json = Json::parse(text);
    numbers.epoch = json.at("epoch");
    numbers.batch = json.at("batch");
    numbers.epochs = json.at("epochs");
    const Json& sums = json.at("sums");
    numbers.loss = sums.at(0);
    numbers.cost = sums.at(1);
    numbers.right = sums.at(2);
    numbers.seen = sums.at(3);
    numbers.has_best = json.at("has_best");
    numbers.best_accuracy = number(json.at("best").at(0));
    numbers.best_loss = number(json.at("best").at(1));
    const Json& schedule = json.at("schedule");
    numbers.schedule = {schedule.at(0), number(schedule.at(1)), schedule.at(2), schedule.at(3)};
    numbers.hooks = json.at("hooks");
    numbers.curriculum = json.at("curriculum");
    for (const Json& record : json.at("history")) numbers.history.push_back(record_of(record));
  } catch (const Json::exception&) {
    throw Error("checkpoint", "its numbers are not those of a training");
  }
  return numbers;
}

}  // namespace deltahop
