// SPDX-License-Identifier: Apache-2.0
#include "deltahop/accelerators/nullhop/bus.h"

#include <algorithm>
#include <array>

#include "deltahop/base/error.h"
#include "deltahop/tensor/encodings/sparsity_map.h"

namespace deltahop::nullhop {
namespace {

constexpr uint64_t field(uint64_t value, int first) { return value << first; }
constexpr uint64_t bits_at(uint64_t word, int first, int count) {
  return word >> first & ((uint64_t{1} << count) - 1);
}

// Fills bus words two values at a time; a new type or burst starts a new word.
class BusWriter {
 public:
  void add(BusType type, int64_t value, int64_t address, int64_t burst_length = 0) {
    if (half_ && (open_.type != type || open_.burst_length != burst_length)) flush();
    const int slot = half_ ? 1 : 0;
    if (!half_) open_ = BusWord{.type = type, .burst_length = static_cast<uint16_t>(burst_length)};
    open_.values[slot] = static_cast<uint16_t>(value);
    open_.valid[slot] = true;
    open_.addresses[slot] = static_cast<uint8_t>(address);
    if (half_) words_.push_back(packed(open_));
    half_ = !half_;
  }
  void write(Register name, int64_t value) {
    add(BusType::register_write, value, static_cast<int64_t>(name));
  }
  void flush() {
    if (half_) words_.push_back(packed(open_));
    half_ = false;
  }
  std::vector<uint64_t> take() {
    flush();
    return std::move(words_);
  }

 private:
  std::vector<uint64_t> words_;
  BusWord open_;
  bool half_ = false;
};

void write_registers(BusWriter& bus, const LayerPlan& plan, int64_t pass, const InputStream& stream) {
  const ChannelMapping& mapping = plan.mapping;
  const Sweep& sweep = plan.sweep;
  bus.write(Register::image_compression_enabled, stream.compressed ? 1 : 0);
  bus.write(Register::pre_sm_counter_max, mapping.sparsity_words_counter);
  bus.write(Register::kernel_size, sweep.kernel_rows);
  bus.write(Register::num_input_channels, mapping.padded_in_channels);
  bus.write(Register::num_input_column, sweep.input.columns);
  bus.write(Register::num_input_rows, sweep.input.rows);
  bus.write(Register::num_output_channels, mapping.outputs_in(pass));
  bus.write(Register::pooling_enabled, plan.chip_pooling ? 1 : 0);
  bus.write(Register::relu_enabled, plan.relu ? 1 : 0);
  bus.write(Register::contiguous_kernels, mapping.contiguous_kernels);
  bus.write(Register::num_macs_per_channel, mapping.macs_per_channel - 1);
  bus.write(Register::input_channel_decode_jump_mask, mapping.channels_per_controller - 1);
  bus.write(Register::kernel_memory_resetn_pulse, 1);
  bus.add(BusType::register_write, 0, 15);
  bus.write(Register::layer_channel_offset, pass * mapping.outputs_per_pass);
  bus.write(Register::first_conv_layer, stream.compressed ? 0 : 1);
  bus.write(Register::pixel_memory_loop_offset, 0);
  bus.write(Register::image_in_memory, stream.sent_in(pass) ? 0 : 1);
  bus.write(Register::row_column_offset, sweep.pad_top);
}

// Only the first MAC of those that share an output adds its bias; the hardware shifts it to the scale of the
// sums.
void write_biases(BusWriter& bus, const NullhopConfig& chip, const LayerPlan& plan, int64_t pass,
                  std::span<const int64_t> bias, int shift) {
  const ChannelMapping& mapping = plan.mapping;
  for (int64_t mac = 0; mac < chip.macs; ++mac) {
    const int64_t output = mac / mapping.macs_per_channel;
    const bool first =
        mac % mapping.macs_per_channel == 0 && output < mapping.outputs_in(pass) && !bias.empty();
    const int64_t sum = first ? bias[static_cast<size_t>(pass * mapping.outputs_per_pass + output)] : 0;
    bus.add(BusType::bias, fit(shift_rounded(sum, shift, Rounding::floor), {16, 0, true}, Overflow::saturate),
            mac);
  }
}

// MAC after MAC: its channels' kernels, row by row, zeros for channels that the layer lacks.
void write_kernels(BusWriter& bus, const LayerPlan& plan, int64_t pass, std::span<const int16_t> weights) {
  const ChannelMapping& mapping = plan.mapping;
  for (int64_t output = 0; output < mapping.outputs_in(pass); ++output) {
    const int16_t* kernels = weights.data() + (pass * mapping.outputs_per_pass + output) *
                                                  mapping.in_channels * mapping.kernel_words;
    for (int64_t j = 0; j < mapping.macs_per_channel; ++j) {
      const int64_t mac = output * mapping.macs_per_channel + j;
      for (int64_t i = 0; i < mapping.contiguous_kernels; ++i) {
        const int64_t word = j * mapping.contiguous_kernels + i;
        const bool real = word < mapping.in_channels * mapping.kernel_words;
        bus.add(BusType::kernel, real ? kernels[word] : 0, mac, mapping.contiguous_kernels);
      }
    }
  }
}

void write_image(BusWriter& bus, const LayerPlan& plan, const InputStream& stream,
                 std::span<const int16_t> image) {
  const MapShape& shape = plan.sweep.input;
  if (!stream.compressed) {
    const std::vector<int16_t> pixels = channels_last(image, shape);
    const int64_t row = shape.columns * shape.channels;
    for (int64_t i = 0; i < shape.pixels(); ++i)
      bus.add(BusType::image, pixels[static_cast<size_t>(i)], i % row == 0 ? 1 : 0);
    return;
  }
  Tensor map(DataType::int16, {shape.channels, shape.rows, shape.columns});
  std::copy(image.begin(), image.end(), map.values<int16_t>().begin());
  const SparsityMap code = SparsityMap::encode(map);
  size_t row = 0;
  for (size_t i = 0; i < code.words().size(); ++i) {
    const bool begins = row < code.row_starts().size() && static_cast<size_t>(code.row_starts()[row]) == i;
    row += begins ? 1 : 0;
    bus.add(BusType::image, code.words()[i], begins ? 1 : 0);
  }
}

InputStream stream_of(const NullhopConfig& chip, const LayerPlan& plan, std::span<const int16_t> image) {
  const MapShape& shape = plan.sweep.input;
  std::vector<int64_t> nonzeros(static_cast<size_t>(shape.rows), 0);
  for (int64_t i = 0; i < shape.pixels(); ++i) {
    nonzeros[static_cast<size_t>(i / shape.columns % shape.rows)] +=
        image[static_cast<size_t>(i)] != 0 ? 1 : 0;
  }
  return input_stream(chip, plan.sweep, nonzeros);
}

}  // namespace

uint64_t packed(const BusWord& word) {
  return field(word.values[0], 0) | field(word.values[1], 16) | field(static_cast<uint64_t>(word.type), 32) |
         field(word.valid[0] ? 1 : 0, 34) | field(word.valid[1] ? 1 : 0, 35) |
         field(word.addresses[0] & 0x7FU, 36) | field(word.addresses[1] & 0x7FU, 43) |
         field(word.burst_length & 0x1FFFU, 50) | field(word.idle ? 1 : 0, 63);
}

BusWord unpacked(uint64_t bits) {
  BusWord word;
  for (int i = 0; i < 2; ++i) {
    word.values[i] = static_cast<uint16_t>(bits_at(bits, 16 * i, 16));
    word.valid[i] = bits_at(bits, 34 + i, 1) != 0;
    word.addresses[i] = static_cast<uint8_t>(bits_at(bits, 36 + 7 * i, 7));
  }
  word.type = static_cast<BusType>(bits_at(bits, 32, 2));
  word.burst_length = static_cast<uint16_t>(bits_at(bits, 50, 13));
  word.idle = bits_at(bits, 63, 1) != 0;
  return word;
}

std::vector<uint64_t> bus_words(const NullhopConfig& chip, const LayerPlan& plan, const LayerTrace& trace,
                                int64_t group, int64_t pass) {
  if (trace.weights == nullptr) throw Error(trace.name, "the trace has no weights to send");
  const Sweep& sweep = plan.sweep;
  if (chip.macs > 128 || plan.mapping.contiguous_kernels >= 1 << 13)
    throw Error(trace.name, "the bus addresses 128 MACs of 8191 words");
  if (sweep.kernel_rows != sweep.kernel_columns || sweep.pad_top != sweep.pad_left ||
      sweep.stride_rows != 1 || sweep.stride_columns != 1) {
    throw Error(trace.name,
                "the published registers describe square kernels of stride 1 with equal padding only");
  }
  const GroupView view = group_view(plan, trace, group);
  const InputStream stream = stream_of(chip, plan, view.input);
  BusWriter bus;
  write_registers(bus, plan, pass, stream);
  write_biases(bus, chip, plan, pass, view.bias, trace.output_shift());
  write_kernels(bus, plan, pass, view.weights);
  bus.write(Register::kernel_memory_write_complete_pulse, 1);
  bus.write(Register::start_process_pulse, 1);
  if (stream.sent_in(pass)) write_image(bus, plan, stream, view.input);
  bus.write(Register::image_load_done_pulse, 1);
  return bus.take();
}

}  // namespace deltahop::nullhop
