// SPDX-License-Identifier: Apache-2.0
// The hardware test bench that came with EdgeDRNN [Gao2020], for tests: a network of two layers of 16 units,
// 1000 input vectors, 1000 x 16 expected outputs. Lines of hexadecimal words, highest index first.
#pragma once

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "deltahop/base/files.h"
#include "deltahop/network/integer_delta_gru.h"

namespace deltahop {

// The numbers of such a file in ascending order; `digits` hexadecimal digits each.
inline std::vector<int16_t> hex_words(const std::filesystem::path& path, size_t digits) {
  std::istringstream lines(read_file(path));
  std::vector<int16_t> words;
  for (std::string line; std::getline(lines, line);) {
    const std::string hex = line.substr(0, line.find(' '));
    for (size_t end = hex.size(); end >= digits; end -= digits) {
      int value = 0;
      std::from_chars(hex.data() + end - digits, hex.data() + end, value, 16);
      const int range = 1 << (4 * digits);
      words.push_back(static_cast<int16_t>(value >= range / 2 ? value - range : value));
    }
  }
  return words;
}

struct EdgeDrnnVectors {
  std::filesystem::path folder;
  std::vector<int16_t> parameters;  // the memory image: 58 columns of 48 rows
  Tensor stimuli;                   // [1000, 8]
  std::vector<int16_t> golden;      // [1000, 16]

  // The two layers, thresholds in steps of 1/256.
  std::vector<std::shared_ptr<const IntegerDeltaGruLayer>> layers(int32_t theta_x, int32_t theta_h) const {
    std::vector<std::shared_ptr<const IntegerDeltaGruLayer>> result;
    auto next = parameters.begin();
    for (const int64_t inputs : {8, 16}) {
      auto layer = std::make_shared<IntegerDeltaGruLayer>();
      layer->inputs = inputs;
      layer->hidden = 16;
      layer->theta_x = theta_x;
      layer->theta_h = theta_h;
      const auto take = [&](std::vector<int16_t>& into, int64_t columns) {
        into.assign(next, next + columns * 48);
        next += columns * 48;
      };
      take(layer->bias, 1);
      take(layer->input_columns, inputs);
      take(layer->recurrent_columns, 16);
      result.push_back(layer);
    }
    return result;
  }

  std::vector<RecurrentTrace> run(int32_t theta_x, int32_t theta_h) const {
    const auto both = layers(theta_x, theta_h);
    std::vector<RecurrentTrace> traces;
    traces.push_back(run_sequence(both[0], stimuli));
    traces.push_back(run_sequence(both[1], traces[0].outputs));
    return traces;
  }
};

// Absent where DELTAHOP_DATA is unset.
inline std::optional<EdgeDrnnVectors> edge_drnn_vectors() {
  const char* const data = std::getenv("DELTAHOP_DATA");
  if (data == nullptr) return std::nullopt;
  EdgeDrnnVectors vectors;
  vectors.folder = std::filesystem::path(data) / "edgedrnn";
  vectors.parameters = hex_words(vectors.folder / "edgedrnn_tb_params.txt", 2);
  vectors.stimuli = Tensor::of({1000, 8}, hex_words(vectors.folder / "edgedrnn_tb_stim.txt", 4));
  vectors.golden = hex_words(vectors.folder / "edgedrnn_tb_gold_rnn.txt", 4);
  return vectors;
}

}  // namespace deltahop
