// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/eyeriss/walking.h"

#include <algorithm>

#include "deltahop/base/error.h"

namespace deltahop::eyeriss {
namespace {

struct InputWord {
  int16_t value = 0;
  bool padding = false;
};

// A processing element of the pass: its tags, and what it was sent.
struct Element {
  int64_t channel_set = 0, filter_set = 0, filter_row = 0, out_row = 0;
  std::vector<int16_t> filters = {};                // scratchpad: [filter][channel][column]
  std::vector<std::vector<InputWord>> inputs = {};  // waiting: one row a picture and channel
  std::vector<int64_t> sums = {};                   // scratchpad: [filter]
};

// The first and how many of each dimension that a pass takes.
struct Part {
  int64_t first = 0, count = 0;
};
struct Pass {
  int64_t group = 0;
  Part pictures, rows, filters, channels;  // filters and channels within the group
};

// Words waiting for a bus, and the cycles that it is busy.
struct Bus {
  int64_t rate, left = 0;
  void tick() { left = std::max<int64_t>(0, left - rate); }
};

class Walk {
 public:
  Walk(const EyerissConfig& chip, const LayerPlan& plan, const LayerTrace& trace)
      : chip_(chip),
        plan_(plan),
        layer_(plan.layer),
        mapping_(plan.mapping),
        trace_(trace),
        pictures_(plan, *trace.input),
        placement_(SetPlacement::of(chip.array, layer_.kernel_rows, mapping_)) {}

  Walked run() {
    if (trace_.weights != nullptr)
      result_.map = Tensor(DataType::int16, {plan_.shape.batch, plan_.shape.out_channels,
                                             plan_.shape.out_rows, plan_.shape.out_columns});
    Pass pass;
    for (pass.group = 0; pass.group < layer_.groups; ++pass.group) {
      for_parts(layer_.pictures, mapping_.n, pass.pictures, [&] {
        for_parts(layer_.out_rows, mapping_.e, pass.rows, [&] {
          Part kept;
          for_parts(layer_.filters, mapping_.m, kept, [&] { run_block(pass, kept); });
        });
      });
    }
    return std::move(result_);
  }

 private:
  template <class Body>
  static void for_parts(int64_t whole, int64_t size, Part& part, Body&& body) {
    for (part.first = 0; part.first < whole; part.first += size) {
      part.count = std::min(size, whole - part.first);
      body();
    }
  }

  // The sums of m filters stay in the buffer until all channels have come.
  void run_block(Pass& pass, const Part& kept) {
    buffer_.assign(
        static_cast<size_t>(pass.pictures.count * kept.count * pass.rows.count * layer_.out_columns), 0);
    DELTAHOP_CHECK(static_cast<int64_t>(buffer_.size()) <= chip_.array.banks * chip_.array.bank_words);
    for_parts(layer_.channels, mapping_.pass_channels(), pass.channels, [&] {
      Part together;
      for_parts(kept.count, mapping_.pass_filters(), together, [&] {
        pass.filters = {kept.first + together.first, together.count};
        run_pass(pass, kept);
      });
    });
    drain(pass, kept);
  }

  void run_pass(const Pass& pass, const Part& kept) {
    place_elements(pass);
    const int64_t before = cycles();
    send_filters(pass);
    send_inputs(pass);
    compute(pass, kept);
    const double link = static_cast<double>(pass.filters.count * pass.channels.count * layer_.kernel_rows *
                                            layer_.kernel_columns * chip_.word_bits);
    int64_t busy = 0;
    while (static_cast<double>(busy) * chip_.link_bits_per_cycle() < link) ++busy;
    result_.counts.link_cycles += std::max<int64_t>(0, busy - (cycles() - before));
  }
  int64_t cycles() const {
    const ArrayCounts& counts = result_.counts;
    return counts.compute_cycles + counts.filter_cycles + counts.window_cycles + counts.bus_cycles;
  }

  // Elements with work, at their places; no two at one.
  void place_elements(const Pass& pass) {
    elements_.clear();
    std::vector<bool> taken(static_cast<size_t>(chip_.array.elements()), false);
    for (int64_t l = 0; l * mapping_.p < pass.filters.count; ++l) {
      for (int64_t k = 0; k * mapping_.q < pass.channels.count; ++k) {
        for (int64_t i = 0; i < layer_.kernel_rows; ++i) {
          for (int64_t j = 0; j < pass.rows.count; ++j) {
            const SetPlacement::Place place = placement_.place(k, l, i, j);
            DELTAHOP_CHECK(place.row < chip_.array.rows && place.column < chip_.array.columns);
            const auto at = static_cast<size_t>(place.row * chip_.array.columns + place.column);
            DELTAHOP_CHECK(!taken[at]);
            taken[at] = true;
            elements_.push_back({.channel_set = k, .filter_set = l, .filter_row = i, .out_row = j});
          }
        }
      }
    }
  }

  // Every word once on the bus; elements take it whose tags (set of filters, set of channels, filter row)
  // match.
  void send_filters(const Pass& pass) {
    Bus bus{.rate = chip_.filter_bus};
    for (int64_t f = 0; f < pass.filters.count; ++f) {
      for (int64_t c = 0; c < pass.channels.count; ++c) {
        for (int64_t i = 0; i < layer_.kernel_rows; ++i) {
          for (int64_t s = 0; s < layer_.kernel_columns; ++s) {
            ++bus.left;
            ++result_.counts.filters_sent;
            const int16_t word = weight(pass, f, c, i, s);
            for (Element& element : elements_) {
              if (element.filter_set != f / mapping_.p || element.channel_set != c / mapping_.q ||
                  element.filter_row != i)
                continue;
              element.filters.push_back(word);
              ++result_.counts.filters_taken;
            }
          }
        }
      }
    }
    for (const Element& element : elements_)
      DELTAHOP_CHECK(static_cast<int64_t>(element.filters.size()) <= chip_.array.filter_words);
    for (; bus.left > 0; bus.tick()) ++result_.counts.filter_cycles;
  }

  int16_t weight(const Pass& pass, int64_t f, int64_t c, int64_t i, int64_t s) const {
    if (trace_.weights == nullptr) return 0;
    const int64_t filter = pass.group * layer_.filters + pass.filters.first + f;
    const int64_t at = ((filter * layer_.channels + pass.channels.first + c) * layer_.kernel_rows + i) *
                           layer_.kernel_columns +
                       s;
    return trace_.weights->values<int16_t>()[static_cast<size_t>(at)];
  }

  InputWord input(const Pass& pass, int64_t n, int64_t c, int64_t y, int64_t x) const {
    const ConvolutionShape& shape = plan_.shape;
    const int64_t row = pass.rows.first * layer_.stride_rows + y;
    const int64_t picture = (pass.pictures.first + n) % pictures_.pictures;  // the batch repeats the trace
    const int64_t channel = pass.group * layer_.channels + pass.channels.first + c;
    const bool inside = row >= shape.pad_top && row < shape.pad_top + shape.in_rows && x >= shape.pad_left &&
                        x < shape.pad_left + shape.in_columns;
    return {pictures_.row(picture, channel, row)[x], !inside};
  }

  // Rows of inputs go to the elements on a diagonal of every set that works on their channel.
  void send_inputs(const Pass& pass) {
    const int64_t rows = layer_.rows_under(pass.rows.count);
    for (int64_t n = 0; n < pass.pictures.count; ++n) {
      for (int64_t c = 0; c < pass.channels.count; ++c) {
        for (int64_t y = 0; y < rows; ++y) {
          if (y % layer_.stride_rows >= layer_.kernel_rows) continue;  // between two windows
          for (Element& element : elements_) {
            if (takes(element, c, y)) element.inputs.emplace_back();
          }
          for (int64_t x = 0; x < layer_.columns(); ++x) send_input(c, y, input(pass, n, c, y, x));
        }
      }
    }
  }
  void send_input(int64_t c, int64_t y, InputWord word) {
    ++result_.counts.inputs_sent;
    ++input_bus_.left;
    for (Element& element : elements_) {
      if (!takes(element, c, y)) continue;
      element.inputs.back().push_back(word);
      ++result_.counts.inputs_taken;
    }
  }
  bool takes(const Element& element, int64_t c, int64_t y) const {
    return element.channel_set == c / mapping_.q &&
           element.filter_row + element.out_row * layer_.stride_rows == y;
  }

  // All elements step together; sums go to and from the buffer, and inputs come, while they compute.
  void compute(const Pass& pass, const Part& kept) {
    Bus windows{.rate = chip_.input_bus,
                .left = layer_.rows_used(pass.rows.count) * pass.channels.count * layer_.kernel_columns};
    for (; windows.left > 0; windows.tick()) ++result_.counts.window_cycles;
    Bus in{.rate = chip_.sum_bus}, out{.rate = chip_.sum_bus};
    int64_t slots = 0;
    const int64_t slots_each = std::min(mapping_.p, pass.filters.count) *
                               std::min(mapping_.q, pass.channels.count) * layer_.kernel_columns;
    for (int64_t n = 0; n < pass.pictures.count; ++n) {
      for (int64_t column = 0; column < layer_.out_columns; ++column) {
        for (Element& element : elements_) step(pass, element, n, column);
        slots += slots_each;
        add_columns(pass, kept, {n, column}, in, out);
      }
    }
    while (slots > 0 || in.left > 0 || out.left > 0 || input_bus_.left > 0) {
      ++(slots > 0 ? result_.counts.compute_cycles : result_.counts.bus_cycles);
      slots = std::max<int64_t>(0, slots - 1);
      in.tick();
      out.tick();
      input_bus_.tick();
    }
  }

  // One output column of one picture in one element: the window slides, zero inputs are gated.
  void step(const Pass& pass, Element& element, int64_t n, int64_t column) {
    const int64_t channels = std::min(mapping_.q, pass.channels.count - element.channel_set * mapping_.q);
    const int64_t filters = std::min(mapping_.p, pass.filters.count - element.filter_set * mapping_.p);
    DELTAHOP_CHECK(channels * layer_.kernel_columns <= chip_.array.input_words);
    DELTAHOP_CHECK(filters <= chip_.array.sum_words);
    element.sums.assign(static_cast<size_t>(filters), 0);
    for (int64_t c = 0; c < channels; ++c) {
      const std::vector<InputWord>& row = element.inputs[static_cast<size_t>(n * channels + c)];
      for (int64_t s = 0; s < layer_.kernel_columns; ++s) {
        const InputWord word = row[static_cast<size_t>(column * layer_.stride_columns + s)];
        for (int64_t f = 0; f < filters; ++f) {
          const auto tap = static_cast<size_t>((f * channels + c) * layer_.kernel_columns + s);
          multiply(word, element.filters[tap], element.sums[static_cast<size_t>(f)]);
        }
      }
    }
  }
  void multiply(InputWord word, int16_t tap, int64_t& sum) {
    if (word.padding) {
      ++result_.counts.macs_padding;
    } else if (word.value == 0) {
      ++result_.counts.macs_zero;
    } else {
      ++result_.counts.macs_done;
      sum += int64_t{word.value} * tap;
    }
  }

  struct At {
    int64_t picture, column;
  };
  // Sums go up a column of elements: set above set, row above row; the lowest takes the buffer's.
  void add_columns(const Pass& pass, const Part& kept, At at, Bus& in, Bus& out) {
    const bool first = pass.channels.first == 0;
    for (int64_t f = 0; f < pass.filters.count; ++f) {
      for (int64_t j = 0; j < pass.rows.count; ++j) {
        const int64_t kept_filter = pass.filters.first - kept.first + f;
        int64_t& word = buffer_[static_cast<size_t>(
            ((at.picture * kept.count + kept_filter) * pass.rows.count + j) * layer_.out_columns +
            at.column)];
        int64_t sum = 0;
        if (!first) {
          sum = word;
          ++in.left;
          ++result_.counts.sums_read;
          ++result_.counts.sums_taken;
        }
        bool lowest = true;
        for (const Element& element : elements_) {
          if (element.filter_set != f / mapping_.p || element.out_row != j) continue;
          if (!lowest) ++result_.counts.sums_taken;
          lowest = false;
          sum += element.sums[static_cast<size_t>(f % mapping_.p)];
        }
        word = sum;
        ++out.left;
        ++result_.counts.sums_written;
      }
    }
  }

  void drain(const Pass& pass, const Part& kept) {
    if (trace_.weights == nullptr) return;
    const ConvolutionShape& shape = plan_.shape;
    const int64_t* sum = buffer_.data();
    for (int64_t n = 0; n < pass.pictures.count; ++n) {
      const int64_t picture = (pass.pictures.first + n) % shape.batch;
      for (int64_t f = 0; f < kept.count; ++f) {
        const int64_t k = pass.group * layer_.filters + kept.first + f;
        const int64_t bias =
            trace_.bias == nullptr ? 0 : trace_.bias->values<int64_t>()[static_cast<size_t>(k)];
        for (int64_t row = 0; row < pass.rows.count; ++row) {
          int16_t* const out = result_.map.values<int16_t>().data() +
                               ((picture * shape.out_channels + k) * shape.out_rows + pass.rows.first + row) *
                                   shape.out_columns;
          for (int64_t column = 0; column < shape.out_columns; ++column)
            out[column] = stored_word(chip_, plan_, trace_, *sum++ + bias);
        }
      }
    }
  }

  const EyerissConfig& chip_;
  const LayerPlan& plan_;
  const LayerShape& layer_;
  const Mapping& mapping_;
  const LayerTrace& trace_;
  PaddedPictures pictures_;
  SetPlacement placement_;
  std::vector<Element> elements_;
  std::vector<int64_t> buffer_;  // sums: [n][m][e][F]
  Bus input_bus_{.rate = chip_.input_bus};
  Walked result_;
};

}  // namespace

Walked walk(const EyerissConfig& chip, const LayerPlan& plan, const LayerTrace& trace) {
  return Walk(chip, plan, trace).run();
}

}  // namespace deltahop::eyeriss
