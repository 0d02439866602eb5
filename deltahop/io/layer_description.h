// SPDX-License-Identifier: Apache-2.0
// The layers of a YAML network as plain data: blocks expanded, names filled in, nothing built yet.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "deltahop/base/config.h"

namespace deltahop {

struct LayerDescription {
  std::string place;  // file:line:column
  std::string name;
  std::string type;                 // "conv", "fc", ...: see kLayerTypes
  std::vector<std::string> inputs;  // names of layers
  int64_t out_channels = 0;         // conv; fc calls them out_features
  std::vector<int64_t> kernel = {1, 1}, stride = {1, 1}, dilation = {1, 1};  // rows, columns
  std::vector<int64_t> pad = {0, 0, 0, 0};                                   // top, left, bottom, right
  int64_t groups = 1;
  bool bias = false;
  std::string batch_norm;  // name of the batch normalisation that follows; "" for none
  std::string activation;  // "none", "relu", ...
  double epsilon = 1e-5;   // of the batch normalisation
  bool ceil = false;       // pooling: a last window that reaches over the border counts
  bool count_padding = false;
  int64_t size = 5;  // LRN
  double alpha = 1e-4, beta = 0.75, offset = 1;
  int64_t axis = 1;
  double ratio = 0.5;             // dropout
  std::vector<int64_t> channels;  // gather_channels
  int64_t before = 0, after = 0;  // pad_channels
  int64_t units = 0;              // gru
  bool last = false;              // gru: the state after the last step in place of all states
};

extern const std::vector<std::string> kLayerTypes;
extern const std::vector<std::string> kActivations;

// Reads `layers` and `blocks` of a document. Faults are noted in `config`. `input` is the name of the
// network's input.
std::vector<LayerDescription> read_layers(const Config& config, const std::string& input);

}  // namespace deltahop
