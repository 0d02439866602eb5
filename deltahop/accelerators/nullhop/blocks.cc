// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/nullhop/blocks.h"

#include <algorithm>

#include "deltahop/base/error.h"
#include "deltahop/tensor/encodings/sparsity_map.h"

namespace deltahop::nullhop {
namespace {

int64_t rounded_up(int64_t count, int64_t rate) { return rate == 0 ? 0 : (count + rate - 1) / rate; }

}  // namespace

Wires::Wires(const TickingPass& pass_)
    : pass(pass_),
      sweep(pass_.plan.sweep),
      columns(sweep.input.columns),
      steps(sweep.positions()),
      outputs(pass_.plan.mapping.outputs_in(pass_.pass)),
      managers(static_cast<size_t>(sweep.rows_read()), 0),
      controllers(static_cast<size_t>(pass_.plan.mapping.macs_per_channel), 0),
      slots(static_cast<size_t>(pass_.chip.run_ahead_columns + 3)),
      waiting(slots * controllers.size()) {
  if (pass.kernels.empty()) return;
  stripes_held = std::min(sweep.stripes(), pass.chip.pooling_columns / columns + 2);
  partial_sums.assign(static_cast<size_t>(stripes_held * sweep.out_columns * sweep.stripe_rows * outputs) *
                          controllers.size(),
                      0);
}

int64_t Wires::slowest_controller() const {
  return *std::min_element(controllers.begin(), controllers.end());
}
int64_t Wires::slowest_manager() const { return *std::min_element(managers.begin(), managers.end()); }

int64_t* Wires::sums(int64_t stripe, int64_t row_in_stripe, int64_t column) {
  const int64_t position =
      ((stripe % stripes_held) * sweep.out_columns + column) * sweep.stripe_rows + row_in_stripe;
  return partial_sums.data() + position * outputs * static_cast<int64_t>(controllers.size());
}

bool InputPort::begin() {
  const int64_t row = wires.rows_arrived;
  if (left > 0 || row >= wires.sweep.input.rows) return false;
  // Rows that no unfinished stripe needs make room.
  const int64_t stripe = wires.stripe_of(wires.slowest_controller());
  const int64_t oldest = stripe < wires.sweep.stripes() ? wires.sweep.in_rows_of(stripe).first : row;
  int64_t held = 0;
  for (int64_t each = std::min(oldest, row); each <= row; ++each)
    held += wires.pass.stream.held_bits[static_cast<size_t>(each)];
  if (held > wires.pass.chip.input_capacity.number()) return false;
  left = wires.pass.stream.port_cycles(row, wires.pass.chip.port_bits_per_cycle);
  wires.events.input_port_bits += wires.pass.stream.port_bits[static_cast<size_t>(row)];
  wires.events.input_written_bits += wires.pass.stream.held_bits[static_cast<size_t>(row)];
  return true;
}

void InputPort::tick() {
  if (left == 0) return;
  ++wires.events.input_port_cycles;
  if (--left == 0) ++wires.rows_arrived;
}

bool Manager::begin() {
  const int64_t step = wires.managers[index];
  if (active || step >= wires.steps) return false;
  const bool room = wires.slowest_controller() >= step - wires.pass.chip.run_ahead_columns - 1;
  if (!room || !wires.rows_arrived_for(wires.stripe_of(step))) return false;
  decode(step);
  if (wires.pass.chip.manager_pixels_per_cycle == 0) hand_on(static_cast<int64_t>(column.size()));
  active = !column.empty();
  if (!active) ++wires.managers[index];
  return true;
}

void Manager::tick() {
  if (!active) return;
  hand_on(wires.pass.chip.manager_pixels_per_cycle);
  if (!column.empty()) return;
  active = false;
  ++wires.managers[index];
}

void Manager::hand_on(int64_t count) {
  const int64_t step = wires.managers[index];
  for (; count > 0 && !column.empty(); --count) {
    const auto owner = static_cast<size_t>(wires.pass.plan.mapping.controller_of(column.back().channel));
    wires.pixels(step, owner).push_back(column.back());
    column.pop_back();
  }
}

void Manager::decode(int64_t step) {
  const Sweep& sweep = wires.sweep;
  const int64_t stripe = wires.stripe_of(step);
  const int64_t at = wires.column_of(step);
  const int64_t row = sweep.top_row_of(stripe) + static_cast<int64_t>(index);
  if (row < 0 || row >= sweep.input.rows) return;
  const int64_t reach = sweep.rows_reached(row, stripe).size() * sweep.columns_reached(at).size();
  if (sweep.rows_reached(row, stripe).size() == 0) return;
  if (at == 0) word = static_cast<size_t>(wires.pass.row_starts[static_cast<size_t>(row)]);
  int64_t zeros = 0;
  for (int64_t channel = 0; channel < sweep.input.channels; ++channel) {
    const int64_t bit = (at * sweep.input.channels + channel) % SparsityMap::kPixelsPerWord;
    if (bit == 0) {
      marks = wires.pass.input_memory[word++];
      wires.events.input_read_bits += SparsityMap::kPixelsPerWord;
    }
    if ((marks >> bit & 1U) == 0) {
      ++zeros;
      continue;
    }
    const auto value = static_cast<int16_t>(wires.pass.input_memory[word++]);
    wires.events.input_read_bits += wires.pass.chip.word_bits;
    column.push_back({value, static_cast<int32_t>(row), static_cast<int32_t>(channel)});
  }
  wires.events.macs_zero_input += zeros * reach * wires.outputs;
}

bool Controller::begin() {
  const int64_t step = wires.controllers[index];
  if (active || step >= wires.steps) return false;
  const NullhopConfig& chip = wires.pass.chip;
  if (wires.slowest_manager() <= step || wires.pooling < step - chip.pooling_columns ||
      wires.slowest_controller() < step - chip.run_ahead_columns) {
    return false;
  }
  columns = wires.sweep.columns_reached(wires.column_of(step));
  pixel = 0;
  active = take_pixel();
  if (!active) finish_step();
  return true;
}

bool Controller::take_pixel() {
  const int64_t step = wires.controllers[index];
  const std::vector<Pixel>& list = wires.pixels(step, index);
  for (; columns.size() > 0 && pixel < list.size(); ++pixel) {
    rows = wires.sweep.rows_reached(list[pixel].row, wires.stripe_of(step));
    if (rows.size() == 0) continue;
    row = rows.first;
    column = columns.first;
    return true;
  }
  return false;
}

void Controller::finish_step() {
  wires.pixels(wires.controllers[index], index).clear();
  ++wires.controllers[index];
}

void Controller::tick() {
  if (!active) return;
  const int64_t step = wires.controllers[index];
  wires.events.macs_done += wires.outputs;
  if (!wires.pass.kernels.empty()) {
    const Sweep& sweep = wires.sweep;
    const Pixel& in = wires.pixels(step, index)[pixel];
    const int64_t kernel_row = in.row + sweep.pad_top - row * sweep.stride_rows;
    const int64_t kernel_column = wires.column_of(step) + sweep.pad_left - column * sweep.stride_columns;
    const int64_t tap = (in.channel * sweep.kernel_rows + kernel_row) * sweep.kernel_columns + kernel_column;
    const int16_t* kernels = wires.pass.kernels.data() + tap * wires.outputs;
    const int64_t stripe = wires.stripe_of(step);
    int64_t* sums = wires.sums(stripe, row - sweep.out_rows_of(stripe).first, column) +
                    static_cast<int64_t>(index) * wires.outputs;
    for (int64_t k = 0; k < wires.outputs; ++k) sums[k] += int32_t{in.value} * int32_t{kernels[k]};
  }
  if (++column < columns.last) return;
  column = columns.first;
  if (++row < rows.last) return;
  ++pixel;
  active = take_pixel();
  if (!active) finish_step();
}

bool PoolingUnit::begin() {
  const int64_t step = wires.pooling;
  if (left > 0 || step >= wires.steps || wires.slowest_controller() <= step) return false;
  const int64_t stripe = wires.stripe_of(step);
  const int64_t column = wires.column_of(step);
  const int64_t first = wires.sweep.columns_finished(column - 1);
  const int64_t last = wires.sweep.columns_finished(column);
  const int64_t sums = (last - first) * wires.sweep.out_rows_of(stripe).size() * wires.outputs;
  int64_t bits = 0;
  for (int64_t q = first; q < last; ++q) bits += take_column(stripe, q);
  wires.events.sums_finished += sums;
  wires.events.output_port_bits += bits;
  left = std::max(rounded_up(sums, wires.pass.chip.pooling_pixels_per_cycle),
                  rounded_up(bits, wires.pass.chip.port_bits_per_cycle));
  if (left == 0) ++wires.pooling;
  return true;
}

void PoolingUnit::tick() {
  if (left > 0 && --left == 0) ++wires.pooling;
}

void PoolingUnit::read_sums(int64_t stripe, int64_t column) {
  const TickingPass& pass = wires.pass;
  const auto controllers = static_cast<int64_t>(wires.controllers.size());
  std::swap(words, previous);
  words.assign(static_cast<size_t>(wires.sweep.stripe_rows * wires.outputs), 0);
  for (int64_t row = 0; row < wires.sweep.out_rows_of(stripe).size(); ++row) {
    int64_t* sums = wires.sums(stripe, row, column);
    for (int64_t k = 0; k < wires.outputs; ++k) {
      int64_t sum = pass.bias.empty()
                        ? 0
                        : pass.bias[static_cast<size_t>(pass.pass * pass.plan.mapping.outputs_per_pass + k)];
      for (int64_t j = 0; j < controllers; ++j) sum += sums[j * wires.outputs + k];
      words[static_cast<size_t>(row * wires.outputs + k)] = pass.finish.word(sum);
    }
    std::fill(sums, sums + controllers * wires.outputs, 0);
  }
}

int64_t PoolingUnit::take_column(int64_t stripe, int64_t column) {
  const LayerPlan& plan = wires.pass.plan;
  const Range rows = wires.sweep.out_rows_of(stripe);
  count_padding(rows, column);
  if (!wires.pass.kernels.empty()) read_sums(stripe, column);
  int64_t bits = 0;
  if (!plan.chip_pooling) {
    for (int64_t row = rows.first; row < rows.last; ++row) bits += store(row, column, row - rows.first);
  } else if (column % 2 == 1) {
    for (int64_t row = rows.first; row + 1 < rows.last; row += 2)
      bits += store(row / 2, column / 2, row - rows.first);
  }
  return bits;
}

// row, column: of the stored map. Returns the bits that are sent for this position.
int64_t PoolingUnit::store(int64_t row, int64_t column, int64_t row_in_stripe) {
  const TickingPass& pass = wires.pass;
  const LayerPlan& plan = pass.plan;
  int64_t nonzeros = 0;
  if (pass.kernels.empty()) {
    nonzeros = pass.known_output->at(pass.pass, row, column);
  } else {
    const int64_t outputs = wires.outputs;
    const int16_t* now = words.data() + row_in_stripe * outputs;
    const int16_t* before = plan.chip_pooling ? previous.data() + row_in_stripe * outputs : now;
    for (int64_t k = 0; k < outputs; ++k) {
      const int16_t word = plan.chip_pooling
                               ? pass.finish.pooled(before[k], before[outputs + k], now[k], now[outputs + k])
                               : now[k];
      nonzeros += word != 0 ? 1 : 0;
      const int64_t channel = pass.pass * plan.mapping.outputs_per_pass + k;
      pass.output[static_cast<size_t>((channel * plan.stored_rows() + row) * plan.stored_columns() +
                                      column)] = word;
    }
  }
  return output_bits(pass.chip, plan, wires.outputs, column, nonzeros);
}

// Operations that fell on positions outside the image.
void PoolingUnit::count_padding(Range rows, int64_t column) {
  const Sweep& sweep = wires.sweep;
  const auto inside = [](int64_t at, int64_t kernel, int64_t size) {
    return std::max<int64_t>(0, std::min(size, at + kernel) - std::max<int64_t>(0, at));
  };
  const int64_t columns =
      inside(column * sweep.stride_columns - sweep.pad_left, sweep.kernel_columns, sweep.input.columns);
  for (int64_t row = rows.first; row < rows.last; ++row) {
    const int64_t taps =
        columns * inside(row * sweep.stride_rows - sweep.pad_top, sweep.kernel_rows, sweep.input.rows);
    wires.events.macs_padding +=
        (sweep.kernel_rows * sweep.kernel_columns - taps) * sweep.input.channels * wires.outputs;
  }
}

}  // namespace deltahop::nullhop
