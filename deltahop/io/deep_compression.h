// SPDX-License-Identifier: Apache-2.0
// The `.net` files of Deep Compression [Han2016b]: pruned weights as a 256-entry codebook, 8-bit codes and
// 4-bit gaps. The file has no shapes: the caller gives those of the weights, in network order.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "deltahop/tensor/tensor.h"

namespace deltahop {

struct CompressedLayer {
  Tensor weights;              // float32, of the given shape [K, C, R, S] or [out, in]
  Tensor bias;                 // float32 [K]
  int64_t stored_entries = 0;  // fillers of long gaps included
};

// Throws Error where the file does not fit the shapes: it must be used up exactly.
std::vector<CompressedLayer> parse_deep_compression(std::string_view content, std::string_view name,
                                                    const std::vector<Shape>& weight_shapes);
std::vector<CompressedLayer> read_deep_compression(const std::filesystem::path& path,
                                                   const std::vector<Shape>& weight_shapes);

}  // namespace deltahop
