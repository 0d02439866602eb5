// SPDX-License-Identifier: Apache-2.0
// The inner loops of the exact 16-bit convolution, compiled for every instruction set (integer_blocks.cc) and
// driven by conv2d_int16.cc. Products are multiplied and added in pairs into 32 bits; 32-bit sums may wrap on
// the way, because arithmetic modulo 2^32 gives the exact sum of a piece whenever that sum itself fits.
#pragma once

#include <cstdint>
#include <vector>

#include "deltahop/kernels/convolution_shape.h"

namespace deltahop::integer_blocks {

// What is known of all inputs of one convolution: -lowest <= x <= highest, both bounds >= 0 and at most 2^15.
struct InputRange {
  int64_t lowest = 0;   // magnitude of the most negative input
  int64_t highest = 0;  // magnitude of the most positive input
  bool one_sided() const { return lowest == 0 || highest == 0; }
  int64_t largest() const { return lowest > highest ? lowest : highest; }
};

// The input with its channels last and its border of zeros in place: [batch, rows, columns, channels], so
// that a kernel row of one output is one contiguous run of numbers. kSlack numbers beyond its end may be read
// (they meet zero weights).
constexpr int64_t kSlack = 64;
struct ChannelLastImage {
  std::vector<int16_t> values;
  int64_t rows = 0, columns = 0, channels = 0;
};

// Out channels [first_channel, first_channel + channels) of one group, outputs [begin, end) counted over N, P
// and Q.
struct Job {
  const ConvolutionShape* shape = nullptr;
  const ChannelLastImage* image = nullptr;
  const int16_t* weights = nullptr;  // [K, C/groups, R, S]
  const int64_t* bias = nullptr;     // [K] or null
  int64_t* output = nullptr;         // [N, K, P, Q]
  InputRange range;
  int64_t first_channel = 0, channels = 0;
  int64_t begin = 0, end = 0;
};

// What happens to the 32-bit sums behind a run: a piece ends before they could wrap, a chunk before the sums
// of their upper halves could.
enum class RunEnd : uint8_t { goes_on, piece, chunk };
constexpr int64_t kPiecesPerChunk = int64_t{1} << 15;

// A stretch of the reduction whose inputs are contiguous.
struct Run {
  int64_t offset = 0;  // of the first input, from the output's base
  int64_t pairs = 0;
  RunEnd end = RunEnd::goes_on;
};

// The weights of one block in the order of the sums, and where the sums must be widened. Reused from job to
// job.
struct PackedBlock {
  std::vector<int16_t> weights;  // [pairs, channels_per_block, 2]
  std::vector<Run> runs;
  int64_t first_channel = -1;
};

// How many out channels a block holds on this machine.
int64_t channels_per_block();
// Fills `block` with the job's weights and proves its pieces. No weight pair may be (-2^15, -2^15) where an
// input is -2^15.
void pack(const Job& job, PackedBlock& block);
// Computes the job's outputs with a block packed for its channels.
void convolve_block(const Job& job, const PackedBlock& block);

// Depthwise: every group has one input and one output channel. Channels [first_channel, ...+channels).
void convolve_depthwise(const Job& job);

// sum of a[i] * b[i]; not both may hold -2^15.
int64_t dot(const int16_t* a, const int16_t* b, int64_t count);

}  // namespace deltahop::integer_blocks
