// SPDX-License-Identifier: Apache-2.0
// How the channels of a layer sit on NullHop's MACs: the integer formulas of the authors' driver [Aimar2019].
// Several MACs may share an output channel; each of them then owns a disjoint set of input channels, fed by
// its own controller.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "deltahop/accelerators/nullhop/nullhop_config.h"

namespace deltahop::nullhop {

struct ChannelMapping {
  int64_t in_channels = 0, out_channels = 0;
  int64_t kernel_words = 0;      // rows * columns of the kernel
  int64_t macs_per_channel = 1;  // also the number of controllers: 1, 2, 4 or 8
  int64_t outputs_per_pass = 0;
  int64_t passes = 0;
  int64_t padded_in_channels = 0;  // with dummy kernels of zeros
  int64_t channels_per_controller = 0;
  int64_t contiguous_kernels = 0;      // words in one MAC's kernel memory
  int64_t sparsity_words_counter = 0;  // register pre_sm_counter_max

  int64_t controller_of(int64_t in_channel) const { return in_channel / channels_per_controller; }
  // Output channels that this pass really computes; the last one may have fewer.
  int64_t outputs_in(int64_t pass) const {
    return std::min(outputs_per_pass, out_channels - pass * outputs_per_pass);
  }
  // Kernel words that are sent for a pass, dummies included.
  int64_t kernel_words_in(int64_t pass) const {
    return outputs_in(pass) * macs_per_channel * contiguous_kernels;
  }
};

// Absent where the layer does not fit; *reason then says why. *padded, where given, is set where dummy
// outputs were needed.
std::optional<ChannelMapping> map_channels(const NullhopConfig& chip, int64_t in_channels,
                                           int64_t out_channels, int64_t kernel_words, std::string* reason,
                                           bool* padded = nullptr);

std::string to_text(const ChannelMapping& mapping);  // "2 MACs a channel, 8 passes of 64 outputs"

}  // namespace deltahop::nullhop
