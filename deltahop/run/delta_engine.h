// SPDX-License-Identifier: Apache-2.0
// The two things of a session that multiply: a recurrent cell, and a product by a constant matrix. Each runs
// in float, or in integers of 8 or 16 bits a weight, by changed columns or in full; the sums are exact
// integers there, so that at threshold 0 both ways give the same bits. A step allocates nothing.
//   const auto cell = make_cell_engine(recurrent_cells(network, node)[0], {.name = "gru1"});
//   cell->step(x, hidden, {});
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "deltahop/kernels/row_workers.h"
#include "deltahop/network/delta_thresholds.h"
#include "deltahop/network/recurrent_cell.h"
#include "deltahop/run/session.h"
#include "deltahop/run/state_bytes.h"

namespace deltahop {

struct EngineOptions {
  std::string name = {};  // of the node
  std::string kind = {};  // its operator, for statistics
  Precision precision = Precision::float32;
  DeltaThresholds thresholds = {};
  bool delta = true;
  bool dense_where_faster = true;
  bool record_ranges = false;
  int64_t streams = 1;
  std::map<std::string, double> ranges = {};  // "gru1.x": see SessionOptions
  RowWorkers* workers = nullptr;              // must outlive the engine
};

class DeltaEngine {
 public:
  virtual ~DeltaEngine() = default;
  virtual void reset() = 0;
  virtual void clear_statistics() = 0;
  virtual void save(StateWriter& writer) const = 0;
  virtual void restore(StateReader& reader) = 0;
  virtual size_t state_bytes() const = 0;  // that save() adds
  // One entry an operand, its names filled in.
  virtual void add_statistics(std::vector<StreamStatistics>& all) const = 0;
  virtual void add_ranges(std::map<std::string, double>& all) const = 0;
};

class CellEngine : public DeltaEngine {
 public:
  // All streams: x [streams][inputs]; hidden [streams][H] and, for an LSTM, cell likewise: the state before
  // the step, and after it.
  virtual void step(std::span<const float> x, std::span<float> hidden, std::span<float> cell) = 0;
};
// Throws Error where integers need a range that is not given.
std::unique_ptr<CellEngine> make_cell_engine(const RecurrentCell& cell, const EngineOptions& options);

class ProductEngine : public DeltaEngine {
 public:
  // All streams: out [streams][rows] = weights * values [streams][columns] + bias.
  virtual void multiply(std::span<const float> values, std::span<float> out) = 0;
};
// weights: [rows, columns], row-major; bias: [rows], or empty. The threshold is thresholds.input.
struct ProductWeights {
  int64_t rows = 0, columns = 0;
  std::vector<float> weights = {}, bias = {};
  std::string stream = "x";  // what statistics call the values
};
std::unique_ptr<ProductEngine> make_product_engine(const ProductWeights& weights,
                                                   const EngineOptions& options);

}  // namespace deltahop
