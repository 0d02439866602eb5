// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/nullhop/mapping.h"

#include <bit>

#include <fmt/format.h>

namespace deltahop::nullhop {
namespace {

int64_t power_of_two_above(int64_t value) {
  return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(value)));
}

// MACs that an output channel gets because there are fewer outputs than MACs.
int64_t macs_for_outputs(int64_t macs, int64_t out_channels) {
  if (out_channels <= macs) return macs / out_channels;
  const int64_t blocks = (out_channels + macs - 1) / macs;
  return macs / (out_channels / blocks);
}

void fill_shares(ChannelMapping& mapping, int64_t macs, int64_t macs_per_channel) {
  mapping.macs_per_channel = macs_per_channel;
  mapping.outputs_per_pass = macs / macs_per_channel;
  mapping.passes = (mapping.out_channels + mapping.outputs_per_pass - 1) / mapping.outputs_per_pass;
  const int64_t power = power_of_two_above(mapping.in_channels);
  const bool shared = macs_per_channel > 1;
  mapping.channels_per_controller =
      shared ? std::max<int64_t>(1, power / macs_per_channel) : mapping.in_channels;
  mapping.padded_in_channels = shared ? std::max(power, macs_per_channel) : mapping.in_channels;
  mapping.contiguous_kernels = mapping.kernel_words * mapping.channels_per_controller;
}

}  // namespace

std::optional<ChannelMapping> map_channels(const NullhopConfig& chip, int64_t in_channels,
                                           int64_t out_channels, int64_t kernel_words, std::string* reason,
                                           bool* padded) {
  ChannelMapping mapping{
      .in_channels = in_channels, .out_channels = out_channels, .kernel_words = kernel_words};
  int64_t for_outputs = macs_for_outputs(chip.macs, out_channels);
  const bool too_few = for_outputs > chip.most_macs_per_channel;
  if (too_few && !chip.extensions.few_output_channels) {
    *reason = fmt::format("fewer than {} output channels", chip.macs / chip.most_macs_per_channel);
    return std::nullopt;
  }
  if (padded != nullptr) *padded = too_few;
  for_outputs = std::min(for_outputs, chip.most_macs_per_channel);
  const int64_t for_memory = kernel_words * in_channels / chip.kernel_words_per_mac + 1;
  int64_t macs_per_channel = power_of_two_above(std::max(for_outputs, for_memory));
  // The driver does not ask whether the share still fits once the channels are rounded up to a power of two;
  // we do.
  for (; macs_per_channel <= chip.most_macs_per_channel; macs_per_channel *= 2) {
    fill_shares(mapping, chip.macs, macs_per_channel);
    if (mapping.contiguous_kernels <= chip.kernel_words_per_mac) break;
  }
  if (macs_per_channel > chip.most_macs_per_channel) {
    *reason = fmt::format("{} weights for an output channel do not fit the kernel memories of {} MACs",
                          kernel_words * in_channels, chip.most_macs_per_channel);
    return std::nullopt;
  }
  mapping.sparsity_words_counter =
      std::max<int64_t>(1, chip.macs / (chip.cluster_macs * macs_per_channel)) - 1;
  return mapping;
}

std::string to_text(const ChannelMapping& mapping) {
  return fmt::format("{} MAC{} a channel, {} pass{} of {} outputs", mapping.macs_per_channel,
                     mapping.macs_per_channel == 1 ? "" : "s", mapping.passes,
                     mapping.passes == 1 ? "" : "es", mapping.outputs_per_pass);
}

}  // namespace deltahop::nullhop
