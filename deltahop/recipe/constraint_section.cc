// SPDX-License-Identifier: Apache-2.0
#include "deltahop/recipe/constraint_section.h"

#include <algorithm>

namespace deltahop {
namespace {

const std::vector<std::string> kKinds = {"rounding", "pow2",       "activation_cost", "mac_cost",
                                         "delta",    "delta_cost", "state_noise",     "dropout"};
const std::vector<std::string> kRoundings = {"floor", "toward_zero", "half_up", "half_away", "half_even"};

// Bits and fraction of Qm.n; the fraction may be left to be found (-1).
void check_format(const Config& config, const std::string& bits_key, int64_t bits,
                  const std::string& fraction_key, int64_t fraction) {
  if (bits < 2 || bits > 16) config.fault(bits_key, "2 to 16 bits, sign included");
  if (fraction < -1 || fraction > 30) config.fault(fraction_key, "0 to 30 bits, or -1 to find them");
}

void read_numbers(const Config& config, ConstraintSection& section) {
  if (section.kind == "rounding") {
    section.weight_bits = config.integer("weight_bits", section.weight_bits);
    section.activation_bits = config.integer("activation_bits", section.activation_bits);
    section.weight_fraction = config.integer("weight_fraction", section.weight_fraction);
    section.activation_fraction = config.integer("activation_fraction", section.activation_fraction);
    section.stochastic = config.boolean("stochastic", section.stochastic);
    section.sums = config.choice("sums", kRoundings, section.sums);
    check_format(config, "weight_bits", section.weight_bits, "weight_fraction", section.weight_fraction);
    check_format(config, "activation_bits", section.activation_bits, "activation_fraction",
                 section.activation_fraction);
  } else if (section.kind == "pow2") {
    section.fraction = config.integer("fraction", section.fraction);
    if (section.fraction < 0 || section.fraction > 15) config.fault("fraction", "0 to 15 bits");
  } else if (section.kind == "delta") {
    section.threshold_x = config.number("threshold_x");
    section.threshold_h = config.number("threshold_h");
    if (config.has("test_thresholds")) section.test_thresholds = config.numbers("test_thresholds");
    for (const double theta : section.test_thresholds)
      if (theta < 0) config.fault("test_thresholds", "a threshold is 0 or positive");
    section.candidate_bias = config.boolean("candidate_bias", section.candidate_bias);
    if (section.threshold_x < 0) config.fault("threshold_x", "a threshold is 0 or positive");
    if (section.threshold_h < 0) config.fault("threshold_h", "a threshold is 0 or positive");
  } else if (section.kind == "state_noise") {
    section.deviation = config.number("deviation");
    if (section.deviation < 0) config.fault("deviation", "a standard deviation is 0 or positive");
  } else if (section.kind == "dropout") {
    section.probability = config.number("probability");
  } else {
    section.weight = config.number("weight");
    if (section.kind == "mac_cost") section.width = config.number("width", section.width);
    if (section.weight < 0) config.fault("weight", "a cost is 0 or positive");
    if (!(section.width > 0)) config.fault("width", "a width is above 0");
  }
}

}  // namespace

double ConstraintSection::strength(int64_t epoch) const {
  if (!active(epoch)) return 0;
  if (ramp_epochs <= 0) return 1;
  return std::min(1.0, static_cast<double>(epoch - start_epoch + 1) / static_cast<double>(ramp_epochs + 1));
}

ConstraintSection read_constraint_section(const std::string& name, const Config& config) {
  ConstraintSection section;
  section.name = name;
  section.place = config.place();
  section.kind = config.choice("kind", kKinds, name);
  section.start_epoch = config.integer("start_epoch", section.start_epoch);
  section.end_epoch = config.integer("end_epoch", section.end_epoch);
  section.ramp_epochs = config.integer("ramp_epochs", section.ramp_epochs);
  if (config.has("nodes")) section.nodes = config.texts("nodes");
  if (section.start_epoch < 0) config.fault("start_epoch", "epochs are counted from 0");
  read_numbers(config, section);
  return section;
}

}  // namespace deltahop
