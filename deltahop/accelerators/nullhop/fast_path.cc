// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/nullhop/fast_path.h"

#include <algorithm>
#include <numeric>

#include "deltahop/base/error.h"

namespace deltahop::nullhop {
namespace {

int64_t rounded_up(int64_t count, int64_t rate) { return rate == 0 ? 0 : (count + rate - 1) / rate; }

// The last few values of a sequence of times, by the step they belong to; 0 before the first step.
class Recent {
 public:
  explicit Recent(int64_t depth) : times_(static_cast<size_t>(depth + 1), 0) {}
  int64_t at(int64_t step) const { return step < 0 ? 0 : times_[static_cast<size_t>(step) % times_.size()]; }
  void set(int64_t step, int64_t time) { times_[static_cast<size_t>(step) % times_.size()] = time; }

 private:
  std::vector<int64_t> times_;
};

// When each row of the image has arrived. A row is sent once the rows of finished stripes have made room for
// it.
class Arrivals {
 public:
  Arrivals(const NullhopConfig& chip, const Sweep& sweep, const InputStream& stream, bool sent)
      : chip_(chip), sweep_(sweep), stream_(stream), sent_(sent) {}

  // The time at which all rows below `last` are there.
  int64_t until(int64_t last) {
    for (; sent_ && row_ < last; ++row_) {
      held_ += stream_.held_bits[static_cast<size_t>(row_)];
      while (held_ > chip_.input_capacity.number()) release_stripe();
      time_ = std::max(time_, released_at_) + stream_.port_cycles(row_, chip_.port_bits_per_cycle);
    }
    return time_;
  }
  void stripe_finished(int64_t time) { finished_.push_back(time); }

 private:
  void release_stripe() {
    DELTAHOP_CHECK(released_ <
                   static_cast<int64_t>(finished_.size()));  // a stripe fits, so an older one is finished
    released_at_ = finished_[static_cast<size_t>(released_++)];
    const int64_t keep =
        released_ < sweep_.stripes() ? sweep_.in_rows_of(released_).first : sweep_.input.rows;
    for (; oldest_ < std::min(keep, row_); ++oldest_)
      held_ -= stream_.held_bits[static_cast<size_t>(oldest_)];
  }

  const NullhopConfig& chip_;
  const Sweep& sweep_;
  const InputStream& stream_;
  bool sent_;
  int64_t row_ = 0, time_ = 0;
  int64_t held_ = 0, oldest_ = 0, released_ = 0, released_at_ = 0;
  std::vector<int64_t> finished_;  // when each stripe was
};

// One pass, step by step. All times are cycles since the pass began.
class FastPass {
 public:
  FastPass(const NullhopConfig& chip, const LayerPlan& plan, int64_t pass, const PixelCounts& pixels,
           const InputStream& stream, const OutputCounts& output)
      : chip_(chip),
        plan_(plan),
        sweep_(plan.sweep),
        pass_(pass),
        outputs_(plan.mapping.outputs_in(pass)),
        pixels_(pixels),
        output_(output),
        arrivals_(chip, plan.sweep, stream, stream.sent_in(pass) && !stream.sent_first(chip)),
        controllers_(static_cast<size_t>(pixels.controllers), 0),
        managers_(static_cast<size_t>(sweep_.rows_read()), 0),
        all_done_(chip.run_ahead_columns + 2),
        drained_(chip.pooling_columns + 1) {}

  PassEvents run() {
    for (int64_t stripe = 0; stripe < sweep_.stripes(); ++stripe) {
      begin_stripe(stripe);
      for (int64_t column = 0; column < sweep_.input.columns; ++column, ++step_) do_step(stripe, column);
      arrivals_.stripe_finished(all_done_.at(step_ - 1));
    }
    finish();
    return events_;
  }

 private:
  void begin_stripe(int64_t stripe) {
    arrived_ = arrivals_.until(sweep_.in_rows_of(stripe).last);
    rows_.clear();
    const int64_t top = sweep_.top_row_of(stripe);
    for (int64_t i = 0; i < sweep_.rows_read(); ++i) {
      const int64_t row = top + i;
      const int64_t reach = row >= 0 && row < sweep_.input.rows ? sweep_.rows_reached(row, stripe).size() : 0;
      if (reach > 0) rows_.push_back({static_cast<size_t>(i), row, reach});
    }
  }

  void do_step(int64_t stripe, int64_t column) {
    const int64_t read = read_pixels(column);
    // Common to all controllers; that the slowest must not fall too far behind never makes all of them wait.
    const int64_t gate = std::max({read, drained_.at(step_ - 1 - chip_.pooling_columns)});
    wait_until(gate, read);
    const int64_t ready = std::max(gate, all_done_.at(step_ - 1 - chip_.run_ahead_columns));
    const int64_t columns_reached = sweep_.columns_reached(column).size();
    for (size_t j = 0; j < controllers_.size(); ++j) {
      int64_t reached = 0;
      for (const Row& row : rows_)
        reached += row.reach * pixels_.row(static_cast<int64_t>(j), row.index)[column];
      const int64_t work = reached * columns_reached;
      controllers_[j] = std::max(controllers_[j], ready) + work;
      newest_ = std::max(newest_, controllers_[j]);
      events_.macs_done += work * outputs_;
    }
    now_ = std::max(now_, newest_);
    all_done_.set(step_, newest_);
    drain(stripe, column);
  }

  // Each row's manager reads its pixels of this column while the controllers are at most so many columns
  // behind.
  int64_t read_pixels(int64_t column) {
    const int64_t room = all_done_.at(step_ - chip_.run_ahead_columns - 2);
    const int64_t begin = std::max(arrived_, room);
    int64_t read = begin;
    for (int64_t& manager : managers_) manager = std::max(manager, begin);
    for (const Row& row : rows_) {
      const int64_t pixels = pixels_.column_totals[static_cast<size_t>(row.index * pixels_.columns + column)];
      managers_[row.manager] += rounded_up(pixels, chip_.manager_pixels_per_cycle);
    }
    for (const int64_t manager : managers_) read = std::max(read, manager);
    return read;
  }

  // Nobody works until `gate`: for want of rows, then of pixels, then of room in the pooling unit.
  void wait_until(int64_t gate, int64_t read) {
    if (gate <= now_) return;
    const int64_t rows_there = std::clamp(arrived_, now_, gate);
    const int64_t pixels_there = std::clamp(read, rows_there, gate);
    events_.input_cycles += rows_there - now_;
    events_.output_cycles += gate - pixels_there;
    now_ = gate;
  }

  // The pooling unit takes the output columns that this step finished.
  void drain(int64_t stripe, int64_t column) {
    const int64_t first = sweep_.columns_finished(column - 1);
    const int64_t last = sweep_.columns_finished(column);
    const Range rows = sweep_.out_rows_of(stripe);
    const int64_t sums = (last - first) * rows.size() * outputs_;
    int64_t bits = 0;
    for (int64_t q = first; q < last; ++q) bits += column_bits(rows, q);
    events_.sums_finished += sums;
    events_.output_port_bits += bits;
    const int64_t cost = std::max(rounded_up(sums, chip_.pooling_pixels_per_cycle),
                                  rounded_up(bits, chip_.port_bits_per_cycle));
    pooling_ = std::max(pooling_, newest_) + cost;
    drained_.set(step_, pooling_);
  }

  int64_t column_bits(Range rows, int64_t column) const {
    if (plan_.chip_pooling && column % 2 == 0) return 0;
    int64_t bits = 0;
    if (plan_.chip_pooling) {
      for (int64_t p = rows.first / 2; p < rows.last / 2; ++p) bits += position_bits(p, column / 2);
    } else {
      for (int64_t p = rows.first; p < rows.last; ++p) bits += position_bits(p, column);
    }
    return bits;
  }
  int64_t position_bits(int64_t row, int64_t column) const {
    return output_bits(chip_, plan_, outputs_, column, output_.at(pass_, row, column));
  }

  void finish() {
    const int64_t all_rows = arrivals_.until(sweep_.input.rows);
    events_.input_cycles += std::max<int64_t>(0, all_rows - now_);
    now_ = std::max(now_, all_rows);
    events_.output_cycles += std::max<int64_t>(0, pooling_ - now_);
    now_ = std::max(now_, pooling_);
    events_.compute_cycles = now_ - events_.input_cycles - events_.output_cycles;
  }

  struct Row {
    size_t manager;
    int64_t index, reach;
  };
  const NullhopConfig& chip_;
  const LayerPlan& plan_;
  const Sweep& sweep_;
  int64_t pass_, outputs_;
  const PixelCounts& pixels_;
  const OutputCounts& output_;
  Arrivals arrivals_;
  std::vector<int64_t> controllers_, managers_;  // when each finished what it was last given
  Recent all_done_, drained_;  // when all controllers, and the pooling unit, finished a step
  std::vector<Row> rows_;      // of the stripe that reach outputs
  int64_t step_ = 0, arrived_ = 0, newest_ = 0, pooling_ = 0;
  int64_t now_ = 0;  // up to here every cycle is booked
  PassEvents events_;
};

// Operations of one output channel: on pixels of the image, and all of them.
struct DenseCounts {
  int64_t inside = 0, all = 0;
};

DenseCounts dense_counts(const Sweep& sweep) {
  int64_t rows = 0, columns = 0;
  for (int64_t stripe = 0; stripe < sweep.stripes(); ++stripe) {
    const Range in = sweep.in_rows_of(stripe);
    for (int64_t row = in.first; row < in.last; ++row) rows += sweep.rows_reached(row, stripe).size();
  }
  for (int64_t column = 0; column < sweep.input.columns; ++column)
    columns += sweep.columns_reached(column).size();
  const int64_t kernel = sweep.kernel_rows * sweep.kernel_columns;
  return {sweep.input.channels * rows * columns,
          sweep.input.channels * kernel * sweep.out_rows * sweep.out_columns};
}

}  // namespace

PixelCounts count_pixels(const LayerPlan& plan, std::span<const int16_t> image) {
  const MapShape& shape = plan.sweep.input;
  PixelCounts counts{plan.mapping.macs_per_channel, shape.rows, shape.columns, {}, {}, {}};
  const int64_t plane = shape.rows * shape.columns;
  counts.nonzeros.assign(static_cast<size_t>(counts.controllers * plane), 0);
  for (int64_t c = 0; c < shape.channels; ++c) {
    int32_t* into = counts.nonzeros.data() + plan.mapping.controller_of(c) * plane;
    const int16_t* pixels = image.data() + c * plane;
    for (int64_t i = 0; i < plane; ++i) into[i] += pixels[i] != 0 ? 1 : 0;
  }
  counts.column_totals.assign(static_cast<size_t>(plane), 0);
  for (int64_t j = 0; j < counts.controllers; ++j) {
    const int32_t* from = counts.nonzeros.data() + j * plane;
    for (int64_t i = 0; i < plane; ++i) counts.column_totals[static_cast<size_t>(i)] += from[i];
  }
  for (int64_t row = 0; row < shape.rows; ++row) {
    const auto begin = counts.column_totals.begin() + row * shape.columns;
    counts.row_totals.push_back(std::accumulate(begin, begin + shape.columns, int64_t{0}));
  }
  return counts;
}

PassEvents fast_pass(const NullhopConfig& chip, const LayerPlan& plan, int64_t pass,
                     const PixelCounts& pixels, const InputStream& stream, const OutputCounts& output) {
  PassEvents events = FastPass(chip, plan, pass, pixels, stream, output).run();
  const Sweep& sweep = plan.sweep;
  const int64_t outputs = plan.mapping.outputs_in(pass);
  const DenseCounts dense = dense_counts(sweep);
  events.macs_zero_input = dense.inside * outputs - events.macs_done;
  events.macs_padding = (dense.all - dense.inside) * outputs;
  for (int64_t stripe = 0; stripe < sweep.stripes(); ++stripe) {
    const Range rows = sweep.in_rows_of(stripe);
    for (int64_t row = rows.first; row < rows.last; ++row) {
      if (sweep.rows_reached(row, stripe).size() > 0)
        events.input_read_bits += stream.held_bits[static_cast<size_t>(row)];
    }
  }
  if (stream.sent_in(pass)) {
    for (int64_t row = 0; row < sweep.input.rows; ++row) {
      events.input_port_bits += stream.port_bits[static_cast<size_t>(row)];
      events.input_written_bits += stream.held_bits[static_cast<size_t>(row)];
      events.input_port_cycles += stream.port_cycles(row, chip.port_bits_per_cycle);
    }
    if (stream.sent_first(chip)) events.input_cycles += events.input_port_cycles;
  }
  return events;
}

}  // namespace deltahop::nullhop
