// SPDX-License-Identifier: Apache-2.0
// What really goes over NullHop's 64-bit bus for one pass, word by word, as the authors' driver sends it
// [Aimar2019]: registers, biases, kernels, the start pulse, the image. Half of every word is payload: two
// 16-bit values.
#pragma once

#include <cstdint>
#include <vector>

#include "deltahop/accelerators/nullhop/account.h"

namespace deltahop::nullhop {

enum class BusType : uint8_t { bias, image, kernel, register_write };

// bits 0-15 value 0, 16-31 value 1, 32-33 type, 34 and 35 which values count, 36-42 and 43-49 their
// addresses, 50-62 burst length, 63 idle.
struct BusWord {
  uint16_t values[2] = {0, 0};
  BusType type = BusType::bias;
  bool valid[2] = {false, false};
  uint8_t addresses[2] = {0, 0};  // 7 bits: register, MAC, or 1 where a sparsity-map word begins a row
  uint16_t burst_length = 0;      // 13 bits: words of this MAC's kernels
  bool idle = false;
  friend bool operator==(const BusWord&, const BusWord&) = default;
};
uint64_t packed(const BusWord& word);
BusWord unpacked(uint64_t bits);

// Register numbers of the driver; 15 has no name there and is written as 0.
enum class Register : uint8_t {
  image_compression_enabled = 0,
  pre_sm_counter_max = 1,
  kernel_size = 2,
  num_input_channels = 3,
  num_input_column = 4,
  num_input_rows = 5,
  num_output_channels = 6,
  pooling_enabled = 7,
  relu_enabled = 8,
  contiguous_kernels = 9,
  num_macs_per_channel = 10,
  input_channel_decode_jump_mask = 11,
  kernel_memory_write_complete_pulse = 12,
  kernel_memory_resetn_pulse = 13,
  image_load_done_pulse = 14,
  layer_channel_offset = 16,
  first_conv_layer = 17,
  pixel_memory_loop_offset = 18,
  start_process_pulse = 19,
  image_in_memory = 20,
  row_column_offset = 21
};
inline constexpr int kRegisters = 22;

// The bus words of one pass. The trace must have weights; the chip must have at most 128 MACs (7 address
// bits). Throws Error where a kernel is not square, because the registers cannot say so.
std::vector<uint64_t> bus_words(const NullhopConfig& chip, const LayerPlan& plan, const LayerTrace& trace,
                                int64_t group, int64_t pass);

}  // namespace deltahop::nullhop
