// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/nullhop/ticking.h"

#include "deltahop/accelerators/nullhop/blocks.h"
#include "deltahop/accelerators/nullhop/stored_map.h"
#include "deltahop/simulate/clock.h"
#include "deltahop/tensor/encodings/sparsity_map.h"

namespace deltahop::nullhop {
namespace {

// Several blocks of one kind behave as one.
template <class Block>
struct All {
  std::vector<Block> blocks;
  bool begin() {
    bool changed = false;
    for (Block& block : blocks) changed |= block.begin();
    return changed;
  }
  void tick() {
    for (Block& block : blocks) block.tick();
  }
  bool busy() const {
    return std::any_of(blocks.begin(), blocks.end(), [](const Block& block) { return block.busy(); });
  }
  bool idle() const {
    return std::all_of(blocks.begin(), blocks.end(), [](const Block& block) { return block.idle(); });
  }
};

template <class Block>
All<Block> make_all(Wires& wires, size_t count) {
  All<Block> all;
  for (size_t i = 0; i < count; ++i) all.blocks.push_back({.wires = wires, .index = i});
  return all;
}

// Why no controller works in this cycle: rows, then pixels, then room in the pooling unit.
void book_cycle(Wires& wires, const All<Controller>& controllers) {
  PassEvents& events = wires.events;
  const int64_t step = wires.slowest_controller();
  const bool done = step >= wires.steps;
  const bool rows_missing =
      done ? wires.rows_arrived < wires.sweep.input.rows : !wires.rows_arrived_for(wires.stripe_of(step));
  if (controllers.busy()) {
    ++events.compute_cycles;
  } else if (rows_missing) {
    ++events.input_cycles;
  } else if (!done && wires.slowest_manager() <= step) {
    ++events.compute_cycles;
  } else {
    ++events.output_cycles;
  }
}

std::vector<int64_t> row_nonzeros(const SparsityMap& code, const Sweep& sweep) {
  std::vector<int64_t> nonzeros;
  const int64_t words = sparsity_map_words({sweep.input.channels, 1, sweep.input.columns});
  for (size_t row = 0; row < code.row_starts().size(); ++row) {
    const bool last = row + 1 == code.row_starts().size();
    const int64_t end = last ? static_cast<int64_t>(code.words().size()) : code.row_starts()[row + 1];
    nonzeros.push_back(end - code.row_starts()[row] - words);
  }
  return nonzeros;
}

Tensor image_of(const LayerPlan& plan, std::span<const int16_t> image) {
  const MapShape& shape = plan.sweep.input;
  Tensor tensor(DataType::int16, {shape.channels, shape.rows, shape.columns});
  std::copy(image.begin(), image.end(), tensor.values<int16_t>().begin());
  return tensor;
}

}  // namespace

std::vector<int16_t> pass_kernels(const LayerPlan& plan, int64_t pass, std::span<const int16_t> weights) {
  const int64_t outputs = plan.mapping.outputs_in(pass);
  const int64_t taps = plan.mapping.in_channels * plan.mapping.kernel_words;
  std::vector<int16_t> kernels(static_cast<size_t>(taps * outputs));
  for (int64_t k = 0; k < outputs; ++k) {
    const int16_t* from = weights.data() + (pass * plan.mapping.outputs_per_pass + k) * taps;
    for (int64_t tap = 0; tap < taps; ++tap) kernels[static_cast<size_t>(tap * outputs + k)] = from[tap];
  }
  return kernels;
}

PassEvents tick_pass(const TickingPass& pass) {
  Wires wires(pass);
  InputPort port{wires};
  const auto nothing = [] {};
  int64_t before = 0;
  if (!pass.stream.sent_in(pass.pass)) wires.rows_arrived = wires.sweep.input.rows;
  if (pass.stream.sent_in(pass.pass) && pass.stream.sent_first(pass.chip))
    before = run_until_idle(nothing, port).number();
  auto managers = make_all<Manager>(wires, wires.managers.size());
  auto controllers = make_all<Controller>(wires, wires.controllers.size());
  PoolingUnit pooling{.wires = wires};
  run_until_idle([&] { book_cycle(wires, controllers); }, port, managers, controllers, pooling);
  wires.events.input_cycles += before;
  return wires.events;
}

Stats simulate_ticking(const NullhopConfig& chip, const LayerTrace& trace, Tensor* output) {
  const LayerPlan plan = plan_of(chip, trace);
  const bool computes = trace.weights != nullptr;
  DELTAHOP_CHECK(output == nullptr || computes);
  const int64_t map_size = plan.mapping.out_channels * plan.stored_rows() * plan.stored_columns();
  Tensor stored = Tensor::zeros(DataType::int16, {1, plan.mapping.out_channels * plan.groups,
                                                  plan.stored_rows(), plan.stored_columns()});
  Stats stats;
  for (int64_t group = 0; group < plan.groups; ++group) {
    const GroupView view = group_view(plan, trace, group);
    const SparsityMap code = SparsityMap::encode(image_of(plan, view.input));
    const InputStream stream = input_stream(chip, plan.sweep, row_nonzeros(code, plan.sweep));
    const OutputCounts known = computes ? OutputCounts{} : known_output(chip, plan, trace, group);
    for (int64_t pass = 0; pass < plan.mapping.passes; ++pass) {
      const std::vector<int16_t> kernels =
          computes ? pass_kernels(plan, pass, view.weights) : std::vector<int16_t>{};
      const TickingPass ticking{.chip = chip,
                                .plan = plan,
                                .pass = pass,
                                .stream = stream,
                                .input_memory = code.words(),
                                .row_starts = code.row_starts(),
                                .kernels = kernels,
                                .bias = view.bias,
                                .finish = Finish::of(chip, plan, trace),
                                .known_output = &known,
                                .output = stored.values<int16_t>().subspan(
                                    static_cast<size_t>(group * map_size), static_cast<size_t>(map_size))};
      stats += book_pass(chip, plan, pass, tick_pass(ticking));
    }
  }
  if (output != nullptr) *output = host_pooled(plan, std::move(stored), chip);
  return stats;
}

}  // namespace deltahop::nullhop
