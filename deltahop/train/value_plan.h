// SPDX-License-Identifier: Apache-2.0
// What the integer executor rounds and counts of a network, by the names of values: so that training rounds
// the same places. In a network of GRUs the integer arithmetic is the GRUs' own, and nothing else is rounded.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "deltahop/network/network.h"

namespace deltahop {

struct ValuePlan {
  // Folds and binds it (batch 1, one time step).
  explicit ValuePlan(const Network& network);

  // A value that is made anew, from exact sums or by the host: it gets a format.
  struct Made {
    std::string group;        // values of one group share their format
    bool to_nearest = false;  // inputs and what the host computes; else by the model's rounding
  };
  // A layer that multiplies: the constants' names and the value it reads.
  struct Product {
    std::string node, weights, bias, input;
  };
  // The result of a stage, whose zeros are counted, and what multiplies it.
  struct Result {
    std::string stage;                      // of its first node
    std::vector<ConvolutionShape> readers;  // of the stages that multiply it
  };

  Network network;  // folded and bound
  bool recurrent = false;
  bool normalises = false;           // the network as given has batch normalisation
  std::vector<std::string> grus;     // nodes
  std::map<std::string, Made> made;  // by value; empty in recurrent networks
  std::vector<Product> products;
  std::map<std::string, Result> results;  // by value; inputs, too, with an empty stage
};

}  // namespace deltahop
