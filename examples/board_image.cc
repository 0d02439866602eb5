// SPDX-License-Identifier: Apache-2.0
// The way back from a board: an EdgeDRNN's memory image and configuration words, as a test bench reads them,
// become a network again, with its thresholds in the metadata.
//   example_board_image params.txt creg.txt net.onnx [stimuli.txt stimuli.npy]
// Stimuli are words of 16 bits, a time step a line, highest index first. Without arguments, a small image is
// made, turned into a network and back.
#include <cstdio>
#include <string>

#include "deltahop/accelerators/edge_drnn/edge_drnn.h"
#include "deltahop/accelerators/edge_drnn/memory_image.h"
#include "deltahop/base/error.h"
#include "deltahop/base/files.h"
#include "deltahop/io/load.h"
#include "deltahop/io/npz.h"
#include "deltahop/network/delta_thresholds.h"
#include "deltahop/network/quantized_gru.h"

using namespace deltahop;
using namespace deltahop::edge_drnn;

// A gate's rows, in ONNX's order update, reset, candidate, from columns with reset, update, candidate.
static Tensor onnx_rows(const std::vector<int16_t>& columns, int64_t count, int64_t units) {
  Tensor tensor(DataType::float32, {1, 3 * units, count});
  const int64_t gate_in_column[3] = {1, 0, 2};
  for (int64_t row = 0; row < 3 * units; ++row)
    for (int64_t column = 0; column < count; ++column)
      tensor.values<float>()[static_cast<size_t>(row * count + column)] =
          static_cast<float>(columns[static_cast<size_t>(
              column * 3 * units + gate_in_column[row / units] * units + row % units)]) /
          128.0f;
  return tensor;
}

static Network network_of(const Layers& layers) {
  NetworkBuilder builder("board");
  ValueId x = builder.input("x", DataType::float32, {kSymbolic, 1, layers.front()->inputs}, {"time", "", ""});
  int number = 1;
  for (const auto& layer : layers) {
    const std::string name = "gru" + std::to_string(number++);
    Tensor bias(DataType::float32, {1, 6 * layer->hidden});
    const Tensor rows = onnx_rows(layer->bias, 1, layer->hidden);
    std::copy(rows.values<float>().begin(), rows.values<float>().end(), bias.values<float>().begin());
    const ValueId w =
        builder.constant(name + ".w", onnx_rows(layer->input_columns, layer->inputs, layer->hidden));
    const ValueId r =
        builder.constant(name + ".r", onnx_rows(layer->recurrent_columns, layer->hidden, layer->hidden));
    const ValueId y = builder.node("GRU", name, {x, w, r, builder.constant(name + ".b", bias)},
                                   {{"hidden_size", layer->hidden}, {"linear_before_reset", int64_t{1}}})[0];
    const ValueId axes = builder.constant(name + ".axes", Tensor::of({1}, std::vector<int64_t>{1}));
    x = builder.node("Squeeze", name + ".squeeze", {y, axes})[0];
  }
  builder.output(x);
  ThresholdTable thresholds;
  thresholds.by_node["*"] = {.input = layers.front()->theta_x / 256.0,
                             .hidden = layers.front()->theta_h / 256.0};
  return with_thresholds(builder.build(), thresholds);
}

static Tensor stimuli_of(const std::string& path, int64_t inputs) {
  // A line of 16-bit words reads as a line of twice as many bytes.
  const std::vector<int8_t> bytes = weights_from_text(read_file(path), 2 * inputs, path);
  Tensor values(DataType::float32, {static_cast<int64_t>(bytes.size()) / (2 * inputs), 1, inputs});
  for (size_t k = 0; k < bytes.size() / 2; ++k)
    values.values<float>()[k] =
        static_cast<float>(bytes[2 * k + 1] * 256 + static_cast<uint8_t>(bytes[2 * k])) / 256.0f;
  return values;
}

static void convert(const EdgeDrnnConfig& chip, int argc, char** argv) {
  MemoryImage image;
  image.beat_bytes = chip.beat_bytes();
  image.weights = weights_from_text(read_file(argv[1]), image.beat_bytes, argv[1]);
  image.configuration = configuration_from_text(read_file(argv[2]), argv[2]);
  const Layers layers = layers_of(image, chip);
  save_onnx(network_of(layers), argv[3]);
  std::printf("%s: %zu layers of %lld units\n", argv[3], layers.size(),
              static_cast<long long>(layers[0]->hidden));
  if (argc < 6) return;
  const Tensor stimuli = stimuli_of(argv[4], layers.front()->inputs);
  write_npy(stimuli, argv[5]);
  std::printf("%s: %lld steps\n", argv[5], static_cast<long long>(stimuli.dim(0)));
}

// An image, the network it holds, and the image of that network's integers.
static bool round_trip(const EdgeDrnnConfig& chip) {
  auto layer = std::make_shared<IntegerDeltaGruLayer>();
  layer->inputs = layer->hidden = 8;
  layer->theta_x = 16;
  for (auto [values, columns] : {std::pair(&layer->bias, 1), std::pair(&layer->input_columns, 8),
                                 std::pair(&layer->recurrent_columns, 8)})
    for (int k = 0; k < columns * 24; ++k) values->push_back(static_cast<int16_t>(k * 37 % 255 - 127));
  const MemoryImage image = make_image(chip, {layer});
  const Network network = network_of(layers_of(image, chip));
  const Node& gru = network.nodes().front();
  const QuantizedGru back =
      quantized_gru(recurrent_cells(network, gru).front(), chip.formats, thresholds_in(network).of(gru.name));
  return make_image(chip, {back.layer}) == image;
}

int main(int argc, char** argv) {
  try {
    const auto chip = make_accelerator("edge_drnn", {});
    const EdgeDrnnConfig& config = dynamic_cast<const EdgeDrnn&>(*chip).config();
    if (argc >= 4) {
      convert(config, argc, argv);
      return 0;
    }
    const bool same = round_trip(config);
    std::printf("image to network to image: %s\n", same ? "the same bytes" : "different");
    return same ? 0 : 1;
  } catch (const Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
