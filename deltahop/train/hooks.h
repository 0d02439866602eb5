// SPDX-License-Identifier: Apache-2.0
// What the training loop asks of the constraints of a recipe, all of them together: hooks into forward(), a
// cost beside the loss, counts of an evaluation, and what the exported network carries.
#pragma once

#include <memory>
#include <string>

#include "deltahop/network/network.h"
#include "deltahop/recipe/recipe.h"
#include "deltahop/train/dataset.h"
#include "deltahop/train/event.h"
#include "deltahop/train/graph.h"

namespace deltahop {

// The loop calls, in this order: begin_epoch(e); a batch: begin_batch(), forward(), cost(); after the epoch's
// steps end_epoch(); for each evaluation begin_evaluation(), then begin_batch() and forward() for its
// batches, metrics(). graph.training() tells the two apart. State that outlives a batch must be a function of
// the parameters, the buffers, the epoch and LibTorch's own generator, or be given in state(): --resume goes
// on bit for bit.
class TrainingHooks : public ForwardHooks {
 public:
  virtual void begin_epoch(int64_t epoch) { (void)epoch; }
  virtual void begin_batch(const Examples& batch) { (void)batch; }
  virtual torch::Tensor cost() { return {}; }  // a term of the loss, of the forward() before; undefined: none
  virtual void end_epoch() {}                  // after the last step: parameters may be changed in place
  virtual void begin_evaluation() {}           // counts start at zero
  virtual Metrics metrics() {
    return {};
  }  // of the evaluation: "conv1.zeros_fraction", "skipped_columns_fraction"
  virtual std::string state() const { return {}; }
  virtual void set_state(const std::string& text) { (void)text; }
  // From which epoch on all constraints of the exported network hold in full: only such epochs can be the
  // best.
  virtual int64_t settled_from() const { return 0; }
  // The network with its learnt weights, ready for save_onnx: weights rounded, batch normalisation folded
  // where that needs it, formats and thresholds in its metadata. As it is where no constraint asks for more.
  virtual Network finished(const Network& network) { return network; }
};

// graph must outlive the hooks.
std::unique_ptr<TrainingHooks> make_training_hooks(const Recipe& recipe, TrainableGraph& graph,
                                                   const Dataset& data);

}  // namespace deltahop
