// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/eyeriss/mapping.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace deltahop::eyeriss {
namespace {

int64_t blocks(int64_t whole, int64_t part) { return (whole + part - 1) / part; }

// One bound that a mapping breaks.
struct Excess {
  std::string_view what;
  int64_t needed, there;
  std::string_view where;
};

std::optional<Excess> excess(const Array& array, const LayerShape& layer, const Mapping& mapping) {
  const int64_t smallest =
      std::min({mapping.m, mapping.n, mapping.e, mapping.p, mapping.q, mapping.r, mapping.t});
  if (smallest < 1) return Excess{"1", 1, smallest, "of a mapping's numbers"};
  const int64_t window = mapping.q * layer.kernel_columns;
  const Excess bounds[] = {
      {"n", mapping.n, layer.pictures, "pictures of the batch"},
      {"e", mapping.e, layer.out_rows, "output rows"},
      {"m", mapping.m, layer.filters, "filters of a group"},
      {"p t", mapping.pass_filters(), mapping.m, "of m"},
      {"q S", window, array.input_words, "words of the input scratchpad"},
      {"p q S", mapping.p * window, array.filter_words, "words of the filter scratchpad"},
      {"q r", mapping.pass_channels(), array.pass_channels, "channels of a pass"},
      {"p", mapping.p, array.sum_words, "words of the sum scratchpad"},
      {"p q r t R S", filter_words(layer, mapping), array.filter_buffer_words, "words of the filter buffer"},
      {"banks for inputs and sums",
       blocks(input_words(layer, mapping), array.bank_words) +
           blocks(sum_words(layer, mapping), array.bank_words),
       array.banks, "of the buffer"},
      {"t", mapping.t, SetPlacement::of(array, layer.kernel_rows, mapping).most_filter_sets(),
       "stacks of r sets of R x e elements that the array has room for"}};
  for (const Excess& bound : bounds) {
    if (bound.needed > bound.there) return bound;
  }
  return std::nullopt;
}

}  // namespace

LayerShape layer_shape(const ConvolutionShape& shape, int64_t pictures) {
  return {.pictures = pictures,
          .groups = shape.groups,
          .channels = shape.in_channels_per_group(),
          .filters = shape.out_channels_per_group(),
          .kernel_rows = shape.kernel_rows,
          .kernel_columns = shape.kernel_columns,
          .out_rows = shape.out_rows,
          .out_columns = shape.out_columns,
          .stride_rows = shape.stride_rows,
          .stride_columns = shape.stride_columns};
}

int64_t input_words(const LayerShape& layer, const Mapping& mapping) {
  return mapping.n * mapping.pass_channels() * layer.rows_under(mapping.e) * layer.columns();
}

int64_t sum_words(const LayerShape& layer, const Mapping& mapping) {
  return mapping.n * mapping.m * mapping.e * layer.out_columns;
}

int64_t filter_words(const LayerShape& layer, const Mapping& mapping) {
  return mapping.pass_filters() * mapping.pass_channels() * layer.kernel_rows * layer.kernel_columns;
}

int64_t active_elements(const LayerShape& layer, const Mapping& mapping) {
  return layer.kernel_rows * mapping.e * mapping.r * mapping.t;
}

int64_t passes(const LayerShape& layer, const Mapping& mapping) {
  const int64_t full = layer.filters / mapping.m, rest = layer.filters % mapping.m;
  const int64_t filter_blocks =
      full * blocks(mapping.m, mapping.pass_filters()) + blocks(rest, mapping.pass_filters());
  return layer.groups * blocks(layer.pictures, mapping.n) * filter_blocks *
         blocks(layer.channels, mapping.pass_channels()) * blocks(layer.out_rows, mapping.e);
}

bool fits(const Array& array, const LayerShape& layer, const Mapping& mapping) {
  return !excess(array, layer, mapping);
}

std::string misfit(const Array& array, const LayerShape& layer, const Mapping& mapping) {
  const std::optional<Excess> found = excess(array, layer, mapping);
  return found ? fmt::format("{} = {} exceeds the {} {}", found->what, found->needed, found->there,
                             found->where)
               : "";
}

SetPlacement SetPlacement::of(const Array& array, int64_t kernel_rows, const Mapping& mapping) {
  SetPlacement placement;
  placement.kernel_rows = kernel_rows;
  placement.e = mapping.e;
  placement.r = mapping.r;
  placement.pieces = blocks(mapping.e, array.columns);
  placement.slots_down = array.rows / kernel_rows;
  placement.sets_beside = std::max<int64_t>(1, array.columns / mapping.e);
  placement.array_columns = array.columns;
  return placement;
}

int64_t SetPlacement::most_filter_sets() const { return slots_down / (r * pieces) * sets_beside; }

SetPlacement::Place SetPlacement::place(int64_t k, int64_t l, int64_t i, int64_t j) const {
  const int64_t stack = l / sets_beside, beside = l % sets_beside;
  const int64_t piece = j / array_columns;
  const int64_t slot = (stack * pieces + piece) * r + k;
  return {slot * kernel_rows + i, beside * e + j % array_columns};
}

std::string to_text(const Mapping& mapping) {
  return fmt::format("m {}, n {}, e {}, p {}, q {}, r {}, t {}", mapping.m, mapping.n, mapping.e, mapping.p,
                     mapping.q, mapping.r, mapping.t);
}

}  // namespace deltahop::eyeriss
