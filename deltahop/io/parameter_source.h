// SPDX-License-Identifier: Apache-2.0
// Where a YAML network's numbers come from: a weights file held against all parameters by name, or a seed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "deltahop/base/config.h"
#include "deltahop/io/network_plan.h"

namespace deltahop {

// How the tensors of a file become parameters. Patterns may hold one '*', which stands for the same text on
// both sides.
struct TensorRule {
  std::string place;
  std::string parameter;            // "conv*.weight"
  std::string tensor;               // "layer*_kernel"
  std::vector<std::string> layout;  // order of the stored dimensions; empty: out, in, rows, columns
  double scale = 1;                 // multiplies what is stored
};

struct WeightSection {
  std::string file;                  // "" for none
  std::string format;                // "" for "look at the content"
  std::vector<TensorRule> rules;     // the first that fits counts; without one, the names are the same
  std::vector<std::string> ignored;  // patterns of tensors that nothing needs
};

// Reads the section `weights` of a document. Faults are noted in `config`.
WeightSection read_weight_section(const Config& config);

// He's initialisation, uniform: weights within +-sqrt(6 / inputs of one output), so that ReLU layers keep the
// variance of what flows through them; offsets 0, factors 1. The same numbers everywhere for a seed and a
// parameter's name.
ParameterMaker seeded_parameters(uint64_t seed);

// Safetensors, NPZ, a folder of NPY files, or a Deep Compression file. Throws Error where a parameter has no
// tensor, the shapes differ, or a tensor of the file is neither used nor ignored.
ParameterMaker parameters_from_file(const WeightSection& section, const std::filesystem::path& path,
                                    const std::vector<Parameter>& parameters);

}  // namespace deltahop
