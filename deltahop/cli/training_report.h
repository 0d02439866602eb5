// SPDX-License-Identifier: Apache-2.0
// What trainings gave, as findings: curves over epochs, the exported network's figures; of several trainings
// a table with mean and spread.
#pragma once

#include <string>
#include <vector>

#include "deltahop/cli/training_plan.h"
#include "deltahop/cli/training_process.h"
#include "deltahop/report/findings.h"

namespace deltahop {

struct TrainingRecord {
  TrainingJob job;
  std::string data, file;
  std::vector<TrainingEvent> epochs;  // those of event "epoch", in order
  TrainingMetrics metrics;            // of the exported network
};

Findings findings_of(const Recipe& recipe, const TrainingRecord& record);
Findings findings_of(const Recipe& recipe, const std::vector<TrainingRecord>& records);

}  // namespace deltahop
