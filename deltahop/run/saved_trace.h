// SPDX-License-Identifier: Apache-2.0
// Traces as data that outlive a run: collected as named arrays (written as NPZ by io) and replayed later
// without the network. One file holds the traces of one input.
#pragma once

#include <map>
#include <string>

#include "deltahop/run/executor.h"

namespace deltahop {

// Collects: pass collector.listener() to IntegerExecutor::run, then take arrays().
class TraceCollector {
 public:
  void add(const LayerTrace& trace);
  const std::map<std::string, Tensor>& arrays() const { return arrays_; }

 private:
  std::map<std::string, Tensor> arrays_;
  int64_t count_ = 0;
};

// Calls listener for each stored trace in order. Throws Error (place: `name`) where arrays are missing, of
// the wrong type or of shapes that do not fit each other.
void replay(const std::map<std::string, Tensor>& arrays, std::string_view name,
            const std::function<void(const LayerTrace&)>& listener);

}  // namespace deltahop
