// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/edge_drnn/schedule.h"

#include <algorithm>

#include "deltahop/base/error.h"

namespace deltahop::edge_drnn {

int64_t activation_cycles(const EdgeDrnnConfig& chip, const LayerPlace& place) {
  return chip.activation_cycles * (place.groups + 1) + 1;
}

std::vector<SentColumn> encode_step(const RecurrentTrace& trace, int64_t step, EncoderState& state) {
  const IntegerDeltaGruLayer& layer = *trace.layer;
  const auto x = trace.inputs.values<int16_t>().subspan(static_cast<size_t>(step * layer.inputs),
                                                        static_cast<size_t>(layer.inputs));
  const auto one = static_cast<int16_t>(1 << layer.formats.activation.fraction_bits);
  std::vector<SentColumn> sent;
  if (step == 0) sent.push_back({kBiasPosition, one});
  const auto elements = static_cast<int32_t>(state.x_sent.size() + state.h_sent.size());
  for (int32_t position = 0; position < elements; ++position) {
    const int16_t delta = state.encode(position, x, layer);
    if (delta != 0) sent.push_back({position, delta});
  }
  const auto h = trace.outputs.values<int16_t>().subspan(static_cast<size_t>(step * layer.hidden),
                                                         static_cast<size_t>(layer.hidden));
  std::copy(h.begin(), h.end(), state.h.begin());
  return sent;
}

int64_t schedule_step(const EdgeDrnnConfig& chip, const LayerPlace& place, std::span<const SentColumn> sent,
                      int64_t start, const WeightFeed& feed, LayerEvents& events) {
  std::vector<int64_t> begun(sent.size()), done(sent.size()), arrivals;
  const auto depth = static_cast<size_t>(chip.fifo_depth);
  const auto in_flight = static_cast<size_t>(chip.dram.columns_in_flight);
  int64_t pushed = start, position = 0, free = start, waited = 0;
  for (size_t k = 0; k < sent.size(); ++k) {
    const int64_t here = std::max(sent[k].position, int32_t{0});  // the bias takes no time to scan
    pushed += here - position;
    position = here;
    if (k >= depth) pushed = std::max(pushed, begun[k - depth]);
    begun[k] = std::max(pushed, free);
    free = begun[k] + place.beats;
    if (feed) {
      arrivals.clear();
      const int64_t asked = k >= in_flight ? std::max(pushed, done[k - in_flight]) : pushed;
      feed(place.column_address(sent[k].position), place.column_bytes, asked, arrivals);
      DELTAHOP_CHECK(std::ssize(arrivals) == place.beats);
      free = begun[k];
      for (const int64_t arrival : arrivals) free = std::max(free, arrival) + 1;
      waited += free - begun[k] - place.beats;
    }
    done[k] = free;
    events.sent_x += sent[k].position >= 0 && sent[k].position < place.inputs ? 1 : 0;
    events.sent_h += sent[k].position >= place.inputs ? 1 : 0;
    events.bias_columns += sent[k].position < 0 ? 1 : 0;
  }
  const int64_t end = std::max(pushed + place.elements() - position, free);
  const int64_t computing = std::ssize(sent) * place.beats;
  const int64_t activating = activation_cycles(chip, place);
  ++events.steps;
  events.compute_cycles += computing;
  events.dram_cycles += waited;
  events.encoding_cycles += end - start - computing - waited;
  events.activation_cycles += activating;
  events.fill_cycles += chip.pipeline_fill_cycles;
  return end + activating + chip.pipeline_fill_cycles;
}

std::vector<LayerEvents> schedule(const EdgeDrnnConfig& chip, std::span<const RecurrentTrace* const> traces,
                                  const WeightFeed& feed) {
  std::vector<LayerPlace> places;
  std::vector<EncoderState> states;
  for (const RecurrentTrace* trace : traces) {
    places.push_back(place_layer(chip, *trace->layer, places.empty() ? nullptr : &places.back()));
    states.emplace_back(places.back());
  }
  std::vector<LayerEvents> events(traces.size());
  int64_t now = 0;
  for (int64_t step = 0; step < traces.front()->steps(); ++step)
    for (size_t k = 0; k < traces.size(); ++k)
      now = schedule_step(chip, places[k], encode_step(*traces[k], step, states[k]), now, feed, events[k]);
  return events;
}

int64_t closed_form_cycles(const EdgeDrnnConfig& chip, const LayerPlace& place, int64_t columns) {
  return std::max(place.elements(), columns * place.beats) + activation_cycles(chip, place) +
         chip.pipeline_fill_cycles;
}

}  // namespace deltahop::edge_drnn
