// SPDX-License-Identifier: Apache-2.0
// Counts the MACs that a chip which skips zero activations executes, over the examples of an evaluation:
// every value that is not zero, times the weights that it meets inside the pictures.
#pragma once

#include <map>
#include <string>

#include "deltahop/train/torch.h"
#include "deltahop/train/value_plan.h"

namespace deltahop {

class ExecutedMacsCount {
 public:
  explicit ExecutedMacsCount(const ValuePlan& plan);

  void clear();
  // A value of a batch, by its name; what nothing multiplies is not counted.
  void add(const std::string& name, const torch::Tensor& value);

  int64_t examples() const;
  int64_t executed() const;  // over all examples
  int64_t all() const;       // the same without skipping; 0 where nothing multiplies

 private:
  struct Multiplied {
    torch::Tensor macs;     // [values of one example], double: how many MACs each of them takes
    torch::Tensor nonzero;  // [values], how often it was not zero
    int64_t examples = 0;
  };
  std::map<std::string, Multiplied> multiplied_;  // by value
};

}  // namespace deltahop
