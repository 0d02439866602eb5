// SPDX-License-Identifier: Apache-2.0
// The inside of SparseNetwork: the same steps for floats and for codes of 8 bits. What the steps do not cover
// runs in general code, on tensors.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "deltahop/kernels/tiled_conv2d.h"
#include "deltahop/run/dense_maps.h"
#include "deltahop/run/sparse_network.h"
#include "deltahop/run/value_store.h"

namespace deltahop {

// One run through the parts of a network that the engine leaves to an executor.
class GeneralCode {
 public:
  virtual ~GeneralCode() = default;
  virtual ValueStore& values() = 0;
  virtual void run_stage(size_t stage) = 0;  // its inputs are in values(), and so are its outputs then
};

class SparseNetwork::Engine {
 public:
  Engine() = default;
  virtual ~Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual IntegerResult run(const std::vector<Tensor>& inputs) = 0;
  virtual BreakEvenCurve measure(size_t layer, const std::vector<double>& zero_shares) = 0;

  SparseOptions options;
  std::vector<SparseLayer> layers;
  std::vector<std::string> general_nodes;
  double other_seconds = 0;
};

// A convolution ready to run: `tiled` from dense map to dense map, where the machine and the rounding allow
// it, and `direct` from compressed ones. Without tiles, codes have two kernels: one for inputs without a
// negative code, and one that takes code + 128 in a border of 128, with a bias that takes it back.
template <class T>
struct SparseKernel {
  std::optional<TiledConvolution<T>> tiled;
  std::optional<SparseConvolution<T>> direct, offset;
  MapSize padded;                      // what `offset` takes
  std::optional<CodeRounder> rounder;  // without a ReLU, sums are rounded outside of the kernel
  std::optional<CodeRounder> average;  // of the pooling behind it
  // Output columns that the kernels hold as channels (run/fold_columns.h); pooling is then outside of them.
  int64_t fold = 1;
  std::vector<int64_t> readers;  // folded: outputs that read each input pixel, to count products
  size_t layer = 0;
  double left_out = 1;  // the share of products that tiles left out when they last asked
  int untested = 0;     // inputs since
};

template <class T>
class SparseEngine : public SparseNetwork::Engine {
 public:
  // What a map holds dense: signed codes, or floats.
  using Dense = std::conditional_t<std::is_same_v<T, float>, float, int8_t>;
  using Sum = typename SparseConvolution<T>::Sum;
  static constexpr bool kIsInteger = SparseConvolution<T>::kIsInteger;

  explicit SparseEngine(const SparseOptions& sparse_options);
  BreakEvenCurve measure(size_t layer, const std::vector<double>& zero_shares) override;

 protected:
  // `network` and `stages` must outlive the engine. kernels: one a step, null for other steps than
  // convolutions.
  void prepare(const Network& network, const std::vector<Stage>& stages, std::vector<SparseStep> steps);
  virtual SparseKernel<T> kernel_for(const SparseStep& step) = 0;
  // Sums of a window or of two maps, brought to the output's codes.
  virtual std::optional<CodeRounder> rounder_for(const SparseStep& step) = 0;
  // output = a + b, and the ReLU.
  virtual void add(const SparseStep& step, const CodeRounder* rounder, const Dense* a, const Dense* b,
                   std::span<Dense> output) = 0;
  void run_steps(GeneralCode& general);
  // The value as a tensor, in general.values().
  void provide(GeneralCode& general, ValueId id);

  const Network* network_ = nullptr;
  const std::vector<Stage>* stages_ = nullptr;
  std::vector<Sum> sums_;  // scratch

 private:
  struct Slot {
    CompressedMap<T> map;
    std::vector<Dense> dense;
    bool has_map = false, has_dense = false;
  };
  Slot& slot(ValueId id) { return slots_[static_cast<size_t>(id)]; }
  MapSize size_of(ValueId id) const { return *map_size(*network_, id); }
  std::span<Dense> new_dense(ValueId id);
  const Dense* dense_of(GeneralCode& general, ValueId id);
  const CompressedMap<T>& map_of(GeneralCode& general, ValueId id);

  void run_step(size_t at, GeneralCode& general);
  void convolve(size_t at, GeneralCode& general);
  void convolve_map(const SparseStep& step, SparseKernel<T>& kernel, SparseLayer& layer,
                    GeneralCode& general);
  // Sees to layer.path.
  void choose_path(SparseLayer& layer, int64_t zeros) const;
  void choose_path(const SparseStep& step, SparseLayer& layer);
  // Products of inputs that are not zero, or of all; `input` where zeros are skipped.
  int64_t executed_macs(const SparseStep& step, const SparseKernel<T>& kernel, const SparseLayer& layer,
                        const CompressedMap<T>* input) const;
  // The tiles, and a maximum behind them.
  void run_tiled(const SparseStep& step, SparseKernel<T>& kernel, const Dense* in, bool has_negative,
                 Dense* out, int64_t stride);
  void store_tiled(const SparseStep& step, SparseKernel<T>& kernel, const Dense* in, SparseLayer& layer);
  void store_beside(const SparseStep& step, SparseConvolution<T>& convolution, const CompressedMap<T>& input,
                    SparseLayer& layer);
  void store_relu(const SparseStep& step, SparseKernel<T>& kernel, SparseConvolution<T>& convolution,
                  const CompressedMap<T>& input, SparseLayer& layer);
  void store_folded(const SparseStep& step, SparseKernel<T>& kernel, SparseConvolution<T>& convolution,
                    const CompressedMap<T>& input, SparseLayer& layer);
  void store_sums(const SparseStep& step, SparseKernel<T>& kernel, SparseConvolution<T>& convolution,
                  const CompressedMap<T>& input, SparseLayer& layer);
  void average(const Pooling& pooling, const CodeRounder* rounder, const Dense* in, const MapSize& size,
               ValueId output);
  void concatenate(const SparseStep& step, GeneralCode& general);

  std::vector<SparseStep> steps_;
  std::vector<SparseKernel<T>> kernels_;              // one a step
  std::vector<std::optional<CodeRounder>> rounders_;  // one a step
  std::vector<Slot> slots_;                           // one a value
  CompressedMap<T> scratch_map_, folded_map_;
  std::vector<T> scratch_;
  std::vector<Dense> scratch_dense_;
  RowWorkers workers_;
  double usual_seconds_ = 1;  // the shortest run so far
};

// The two engines.
std::unique_ptr<SparseNetwork::Engine> integer_engine(IntegerModel model, const SparseOptions& options);
std::unique_ptr<SparseNetwork::Engine> float_engine(Network network, const SparseOptions& options);

extern template class SparseEngine<uint8_t>;
extern template class SparseEngine<float>;

}  // namespace deltahop
