// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/edge_drnn/ticking.h"

#include <algorithm>
#include <deque>
#include <optional>

#include "deltahop/base/error.h"
#include "deltahop/simulate/clock.h"

namespace deltahop::edge_drnn {
namespace {

// What the blocks of one layer see of each other during one step.
struct Wires {
  const EdgeDrnnConfig& chip;
  const LayerPlace& place;
  const WeightFeed& feed;
  int64_t now = 0;
  std::deque<SentColumn> values = {};   // the FIFO of deltas
  std::deque<SentColumn> indices = {};  // the FIFO of column indices
  std::deque<int64_t> arrivals = {};    // of the beats that were asked for and not used
  int64_t columns_in_flight = 0;        // asked for and not used up
  bool full() const {
    return std::ssize(values) >= chip.fifo_depth || std::ssize(indices) >= chip.fifo_depth;
  }
  void push(SentColumn column) {
    values.push_back(column);
    indices.push_back(column);
  }
};

struct DeltaEncoder {
  Wires& wires;
  EncoderState& state;
  const IntegerDeltaGruLayer& layer;
  std::span<const int16_t> x;
  LayerEvents& events;
  int32_t position = 0;
  int16_t delta = 0;  // of the element in hand
  bool encoded = false, scanning = false;

  bool begin() {
    if (scanning || idle()) return false;
    if (!encoded) delta = state.encode(position, x, layer);
    encoded = true;
    if (delta != 0) {
      if (wires.full()) return false;
      wires.push({position, delta});
      ++(position < wires.place.inputs ? events.sent_x : events.sent_h);
    }
    scanning = true;
    return true;
  }
  void tick() {
    if (!scanning) return;
    scanning = encoded = false;
    ++position;
  }
  bool busy() const { return scanning; }
  bool idle() const { return position == wires.place.elements(); }
};

struct WeightPort {
  Wires& wires;
  std::vector<int64_t> beats = {};

  bool begin() {
    if (wires.indices.empty() || wires.columns_in_flight == wires.chip.dram.columns_in_flight) return false;
    const SentColumn column = wires.indices.front();
    wires.indices.pop_front();
    ++wires.columns_in_flight;
    if (wires.feed) {
      beats.clear();
      wires.feed(wires.place.column_address(column.position), wires.place.column_bytes, wires.now, beats);
      wires.arrivals.insert(wires.arrivals.end(), beats.begin(), beats.end());
    }
    return true;
  }
  void tick() {}
  bool busy() const { return !wires.arrivals.empty(); }
  bool idle() const { return wires.indices.empty() && wires.columns_in_flight == 0; }
};

struct ProcessingElements {
  Wires& wires;
  Datapath* datapath;  // null: time only
  SentColumn column = {};
  int64_t left = 0;  // beats of the column in hand
  bool working = false;

  bool begin() {
    bool changed = false;
    if (left == 0 && !wires.values.empty()) {
      column = wires.values.front();
      wires.values.pop_front();
      left = wires.place.beats;
      changed = true;
    }
    const bool here = !wires.feed || (!wires.arrivals.empty() && wires.arrivals.front() <= wires.now);
    if (left == 0 || working || !here) return changed;
    working = true;
    return true;
  }
  void tick() {
    if (!working) return;
    working = false;
    if (datapath != nullptr) datapath->multiply_beat(column, wires.place.beats - left);
    if (wires.feed) wires.arrivals.pop_front();
    if (--left == 0) --wires.columns_in_flight;
  }
  bool busy() const { return working; }
  bool idle() const { return left == 0 && wires.values.empty(); }
};

// A group's products share the element's one multiplier; one more group's time drains the pipeline.
struct ActivationPhase {
  const EdgeDrnnConfig& chip;
  const LayerPlace& place;
  Datapath* datapath;
  std::span<int16_t> h;
  int64_t cycle = 0;
  bool working = false;

  int64_t last() const { return activation_cycles(chip, place); }
  bool begin() {
    if (working || idle()) return false;
    return working = true;
  }
  void tick() {
    working = false;
    ++cycle;
    const int64_t group = cycle / chip.activation_cycles - 1;
    if (datapath != nullptr && cycle % chip.activation_cycles == 0 && group < place.groups)
      datapath->activate_group(group, h);
  }
  bool busy() const { return working; }
  bool idle() const { return cycle == last(); }
};

struct LayerRun {
  LayerPlace place;
  EncoderState state;
  std::optional<Datapath> datapath;
  std::vector<int16_t> input;  // of the step in hand
};

// One layer, one step; returns the cycle at which it ends.
int64_t tick_layer(const EdgeDrnnConfig& chip, const RecurrentTrace& trace, LayerRun& run, int64_t step,
                   int64_t now, const WeightFeed& feed, LayerEvents& events) {
  Datapath* const datapath = run.datapath ? &*run.datapath : nullptr;
  Wires wires{.chip = chip, .place = run.place, .feed = feed, .now = now};
  if (step == 0) {
    wires.push({kBiasPosition, static_cast<int16_t>(1 << chip.formats.activation.fraction_bits)});
    ++events.bias_columns;
  }
  DeltaEncoder encoder{wires, run.state, *trace.layer, run.input, events};
  WeightPort port{wires};
  ProcessingElements elements{wires, datapath};
  const auto watch = [&] {
    ++(elements.working    ? events.compute_cycles
       : elements.left > 0 ? events.dram_cycles
                           : events.encoding_cycles);
    ++wires.now;
  };
  run_until_idle(watch, encoder, port, elements);
  if (datapath == nullptr) {
    const auto h = trace.outputs.values<int16_t>().subspan(static_cast<size_t>(step * trace.layer->hidden),
                                                           static_cast<size_t>(trace.layer->hidden));
    std::copy(h.begin(), h.end(), run.state.h.begin());
  }
  ActivationPhase activation{chip, run.place, datapath, run.state.h};
  const int64_t activating = run_until_idle([] {}, activation).number();
  ++events.steps;
  events.activation_cycles += activating;
  events.fill_cycles += chip.pipeline_fill_cycles;
  return wires.now + activating + chip.pipeline_fill_cycles;
}

}  // namespace

std::vector<LayerEvents> tick(const EdgeDrnnConfig& chip, std::span<const RecurrentTrace* const> traces,
                              const WeightFeed& feed, std::vector<Tensor>* outputs) {
  MemoryImage image;
  if (outputs != nullptr) {
    Layers layers;
    for (const RecurrentTrace* trace : traces) layers.push_back(trace->layer);
    image = make_image(chip, layers);
    outputs->clear();
  }
  const int64_t steps = traces.front()->steps();
  std::vector<LayerRun> runs;
  for (const RecurrentTrace* trace : traces) {
    const LayerPlace place = place_layer(chip, *trace->layer, runs.empty() ? nullptr : &runs.back().place);
    runs.push_back({.place = place, .state = EncoderState(place), .datapath = {}, .input = {}});
    if (outputs == nullptr) continue;
    runs.back().datapath.emplace(chip, place, image.weights, trace->layer->candidate_recurrent_bias);
    outputs->push_back(Tensor(DataType::int16, {steps, trace->layer->hidden}));
  }
  std::vector<LayerEvents> events(traces.size());
  int64_t now = 0;
  for (int64_t step = 0; step < steps; ++step) {
    for (size_t k = 0; k < traces.size(); ++k) {
      const int64_t inputs = traces[k]->layer->inputs, units = traces[k]->layer->hidden;
      const auto x = traces[k]->inputs.values<int16_t>().subspan(static_cast<size_t>(step * inputs),
                                                                 static_cast<size_t>(inputs));
      runs[k].input.assign(x.begin(), x.end());
      // A later layer reads what this model computed before, not what the trace says.
      if (outputs != nullptr && k > 0) runs[k].input = runs[k - 1].state.h;
      now = tick_layer(chip, *traces[k], runs[k], step, now, feed, events[k]);
      if (outputs == nullptr) continue;
      std::copy_n(runs[k].state.h.begin(), units,
                  (*outputs)[k].values<int16_t>().begin() + static_cast<std::ptrdiff_t>(step * units));
    }
  }
  return events;
}

}  // namespace deltahop::edge_drnn
