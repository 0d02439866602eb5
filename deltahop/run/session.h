// SPDX-License-Identifier: Apache-2.0
// A network that runs step by step on a stream, its matrix products by the columns that changed. Works on
// sequence graphs (a GRU over [T, ...], taken one T at a time) and on graphs of one step whose state goes in
// and out as values.
//   Session session(network, {.thresholds = {.by_node = {{"*", {.input = 0.1, .hidden = 0.2}}}}});
//   session.step(frame);  session.output();
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/network/delta_thresholds.h"
#include "deltahop/network/network.h"
#include "deltahop/run/ranges.h"
#include "deltahop/run/session_statistics.h"

namespace deltahop {

// What a session multiplies in. Values between layers are float32 in each; integers round what enters a
// product to 15 bits and sign, so that a difference always fits 16 bits.
enum class Precision : uint8_t {
  float32,
  int8,      // weights of 8 bits with a scale a row
  int16,     // weights of 16 bits with a scale a row
  edge_drnn  // GRUs in EdgeDRNN's fixed point with table activations [Gao2020]; products in float32
};
std::string_view name_of(Precision precision);

// Which products by a constant matrix (MatMul, Gemm, convolutions of one position) go by changed columns.
enum class DeltaProducts : uint8_t {
  recurrent,  // those of a recurrence written out in plain operators, and those that the thresholds name
  all,
  none  // only those that the thresholds name
};

// An output that is fed back as an input in the next step.
struct StateLoop {
  std::string input, output;
};

struct SessionOptions {
  Precision precision = Precision::float32;
  ThresholdTable thresholds = {};
  bool delta = true;  // false: every product in full, thresholds unused
  DeltaProducts products = DeltaProducts::recurrent;
  bool dense_where_faster = true;  // a step that sends more columns than break-even is done in full
  int threads = 1;
  int64_t streams = 1;  // independent streams side by side: the batch of the network
  std::vector<StateLoop> loops = {};
  bool find_loops = true;      // also those that names or shapes give away
  bool record_ranges = false;  // for ranges(): costs a look at every value
  // The largest magnitude of every stream of a product, "gru1.x": needed where integers meet values without
  // a natural bound. Session::ranges() of a float session that saw typical input.
  Ranges ranges = {};
};

// An input or output of a step: its shape holds one time step.
struct SessionPort {
  std::string name;
  Shape shape;
  int64_t size = 0;
  bool is_loop = false;  // an input that an output feeds: reads as the state before the step
};

class Session {
 public:
  // Throws Error where a node cannot go step by step: it runs backwards, or looks at other time steps.
  explicit Session(const Network& network, const SessionOptions& options = {});
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  const std::vector<SessionPort>& inputs() const;
  const std::vector<SessionPort>& outputs() const;
  // Where the next frame is to be written; what stands there stays until it is overwritten. An input of
  // integers or booleans takes whole numbers here as well.
  std::span<float> input(size_t index = 0);
  // Of the last step; zeros before the first.
  std::span<const float> output(size_t index = 0) const;

  void step();                              // on what stands in the inputs
  void step(std::span<const float> frame);  // into the first input. Throws Error on another length.

  void reset();             // back to the start of a stream: states, references and memories
  void clear_statistics();  // counts, times and ranges
  // Everything that the next steps depend on, as bytes with a version and a checksum.
  std::string save() const;
  // Throws Error where the bytes are damaged, cut off, or of another network or other options; the session is
  // then as it was.
  void restore(std::string_view bytes);

  SessionStatistics statistics() const;
  LatencySummary latency() const;
  // The largest magnitude seen of every stream of a product; needs record_ranges.
  Ranges ranges() const;
  // Nodes that run through their layer's general code, which allocates; a step is free of allocation where
  // this is empty.
  const std::vector<std::string>& allocating_nodes() const;
  const std::vector<StateLoop>& loops() const;

 private:
  struct State;
  uint64_t state_size() const;
  std::unique_ptr<State> state_;
};

}  // namespace deltahop
