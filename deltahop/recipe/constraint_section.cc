// SPDX-License-Identifier: Apache-2.0
#include "deltahop/recipe/constraint_section.h"

namespace deltahop {
namespace {

const std::vector<std::string> kKinds = {"rounding", "pow2",       "activation_cost", "mac_cost",
                                         "delta",    "delta_cost", "dropout"};

void read_numbers(const Config& config, ConstraintSection& section) {
  if (section.kind == "rounding") {
    section.weight_bits = config.integer("weight_bits", section.weight_bits);
    section.activation_bits = config.integer("activation_bits", section.activation_bits);
    section.weight_fraction = config.integer("weight_fraction", section.weight_fraction);
    section.activation_fraction = config.integer("activation_fraction", section.activation_fraction);
    section.stochastic = config.boolean("stochastic", section.stochastic);
  } else if (section.kind == "pow2") {
    section.levels = config.integer("levels");
  } else if (section.kind == "delta") {
    section.threshold_x = config.number("threshold_x");
    section.threshold_h = config.number("threshold_h");
  } else if (section.kind == "dropout") {
    section.probability = config.number("probability");
  } else {
    section.weight = config.number("weight");
  }
}

}  // namespace

ConstraintSection read_constraint_section(const std::string& name, const Config& config) {
  ConstraintSection section;
  section.name = name;
  section.place = config.place();
  section.kind = config.choice("kind", kKinds, name);
  section.start_epoch = config.integer("start_epoch", section.start_epoch);
  section.end_epoch = config.integer("end_epoch", section.end_epoch);
  if (config.has("nodes")) section.nodes = config.texts("nodes");
  if (section.start_epoch < 0) config.fault("start_epoch", "epochs are counted from 0");
  read_numbers(config, section);
  return section;
}

}  // namespace deltahop
