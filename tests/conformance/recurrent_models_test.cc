// SPDX-License-Identifier: Apache-2.0
// Trained recurrent networks of others, on real sound: Silero's voice detector held against its equations
// written out over the weights of the file, and the two networks of DTLN.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>

#include <gtest/gtest.h>
#include <unistd.h>

#include "deltahop/base/random.h"
#include "deltahop/io/load.h"
#include "deltahop/io/sound.h"
#include "deltahop/network/recurrent_cell.h"
#include "deltahop/run/executor.h"
#include "tests/conformance/compare.h"

namespace deltahop {
namespace {

constexpr int64_t kChunk = 512, kContext = 64;  // samples

std::string data_folder() {
  const char* const data = std::getenv("DELTAHOP_DATA");
  return data == nullptr ? "" : data;
}

// [channels][frames]
using Map = std::vector<std::vector<double>>;

// The voice detector in double, as the data's README describes it: STFT by a convolution, magnitude, four
// convolutions with ReLU, an LSTM cell, ReLU, a 1x1 convolution, sigmoid. (Its safetensors file holds another
// training of the same network: the weights are the ONNX file's.)
class Detector {
 public:
  explicit Detector(const Network& network) : network_(network) {}

  double probability(std::vector<double> samples) {  // context and chunk
    for (size_t i = 0, last = samples.size() - 1; i < kContext; ++i)
      samples.push_back(samples[last - 1 - i]);  // reflected
    Map map = magnitude(convolved({samples}, "model.stft.forward_basis_buffer", "", 128, 0));
    const int64_t strides[] = {1, 2, 2, 1};
    for (int layer = 0; layer < 4; ++layer) {
      const std::string name = "model.encoder." + std::to_string(layer) + ".reparam_conv.";
      map = convolved(map, name + "weight", name + "bias", strides[layer], 1);
      for (auto& channel : map) {
        for (double& value : channel) value = std::max(value, 0.0);
      }
    }
    std::vector<double> x;
    for (const auto& channel : map) x.push_back(channel.at(0));
    step(x);
    double sum = static_cast<double>(values("model.decoder.decoder.2.bias")[0]);
    for (size_t i = 0; i < hidden_.size(); ++i)
      sum += std::max(hidden_[i], 0.0) * static_cast<double>(values("model.decoder.decoder.2.weight")[i]);
    return 1 / (1 + std::exp(-sum));
  }

 private:
  const Tensor& tensor(const std::string& name) const {
    return *network_.value(network_.find_value(name)).constant;
  }
  std::span<const float> values(const std::string& name) const { return tensor(name).values<float>(); }

  Map convolved(const Map& input, const std::string& kernel, const std::string& bias, int64_t stride,
                int64_t pad) const {
    const Shape& shape = tensor(kernel).shape();
    const int64_t size = static_cast<int64_t>(input[0].size());
    const int64_t frames = (size + 2 * pad - shape[2]) / stride + 1;
    Map output(static_cast<size_t>(shape[0]), std::vector<double>(static_cast<size_t>(frames)));
    const auto weights = values(kernel);
    for (int64_t k = 0; k < shape[0]; ++k) {
      for (int64_t frame = 0; frame < frames; ++frame) {
        double sum = bias.empty() ? 0.0 : static_cast<double>(values(bias)[static_cast<size_t>(k)]);
        for (int64_t c = 0; c < shape[1]; ++c) {
          for (int64_t s = 0; s < shape[2]; ++s) {
            const int64_t at = frame * stride + s - pad;
            if (at < 0 || at >= size) continue;
            sum += static_cast<double>(weights[static_cast<size_t>((k * shape[1] + c) * shape[2] + s)]) *
                   input[static_cast<size_t>(c)][static_cast<size_t>(at)];
          }
        }
        output[static_cast<size_t>(k)][static_cast<size_t>(frame)] = sum;
      }
    }
    return output;
  }
  // Real parts first, imaginary parts after them.
  static Map magnitude(const Map& spectrum) {
    Map result(spectrum.begin(), spectrum.begin() + static_cast<std::ptrdiff_t>(spectrum.size() / 2));
    for (size_t bin = 0; bin < result.size(); ++bin) {
      for (size_t frame = 0; frame < result[bin].size(); ++frame)
        result[bin][frame] = std::hypot(result[bin][frame], spectrum[bin + result.size()][frame]);
    }
    return result;
  }
  // PyTorch's order of gates: input, forget, cell, output.
  void step(const std::vector<double>& x) {
    const size_t size = hidden_.size();
    std::vector<double> gates(4 * size);
    for (size_t row = 0; row < gates.size(); ++row) {
      gates[row] = static_cast<double>(values("model.decoder.rnn.bias_ih")[row]) +
                   static_cast<double>(values("model.decoder.rnn.bias_hh")[row]);
      for (size_t i = 0; i < size; ++i) {
        gates[row] += static_cast<double>(values("model.decoder.rnn.weight_ih")[row * size + i]) * x[i] +
                      static_cast<double>(values("model.decoder.rnn.weight_hh")[row * size + i]) * hidden_[i];
      }
    }
    const auto sigmoid = [](double value) { return 1 / (1 + std::exp(-value)); };
    for (size_t i = 0; i < size; ++i) {
      cell_[i] = sigmoid(gates[size + i]) * cell_[i] + sigmoid(gates[i]) * std::tanh(gates[2 * size + i]);
      hidden_[i] = sigmoid(gates[3 * size + i]) * std::tanh(cell_[i]);
    }
  }

  const Network& network_;
  std::vector<double> hidden_ = std::vector<double>(128, 0.0), cell_ = hidden_;
};

class SileroDetector : public ::testing::Test {
 protected:
  void SetUp() override {
    if (data_folder().empty()) GTEST_SKIP() << "DELTAHOP_DATA is not set";
    const std::string folder = data_folder() + "/silero_vad/";
    sound_ = read_sound(folder + "test.wav");
    const Network network = load_network(folder + "silero_vad_16k_op15.onnx");
    network_.emplace(network.bound({{1, kContext + kChunk}, {2, 1, 128}, {}}));
  }
  // What comes before the sound is silence.
  std::vector<float> chunk(int64_t index) const {
    std::vector<float> samples(static_cast<size_t>(kContext + kChunk), 0.0f);
    const int64_t first = index * kChunk - kContext;
    for (int64_t i = std::max<int64_t>(0, -first); i < kContext + kChunk; ++i)
      samples[static_cast<size_t>(i)] = sound_.samples[static_cast<size_t>(first + i)];
    return samples;
  }
  int64_t chunks() const { return sound_.frames() / kChunk; }

  // The probability of speech in each chunk, the state handed on from one to the next.
  std::vector<float> probabilities(int64_t count) const {
    std::vector<Tensor> inputs(3);
    inputs[1] = Tensor(DataType::float32, {2, 1, 128});
    inputs[2] = Tensor::scalar<int64_t>(16000);
    std::vector<float> result;
    for (int64_t i = 0; i < count; ++i) {
      inputs[0] = Tensor::of<float>({1, kContext + kChunk}, chunk(i));
      std::vector<Tensor> outputs = execute(*network_, inputs, {});
      result.push_back(outputs[0].values<float>()[0]);
      inputs[1] = std::move(outputs[1]);
    }
    return result;
  }

  Sound sound_;
  std::optional<Network> network_;
};

TEST_F(SileroDetector, TakesTheBranchesThatItsShapesDecide) {
  for (const Node& node : network_->nodes()) EXPECT_NE(node.layer->operator_name(), "If");
  const auto lstm = std::find_if(network_->nodes().begin(), network_->nodes().end(),
                                 [](const Node& node) { return node.layer->operator_name() == "LSTM"; });
  ASSERT_NE(lstm, network_->nodes().end());
  const std::vector<RecurrentCell> cells = recurrent_cells(*network_, *lstm);
  EXPECT_EQ(cells.at(0).inputs, 128);
  EXPECT_EQ(cells.at(0).hidden, 128);
}

TEST_F(SileroDetector, GivesWhatItsEquationsGive) {
  constexpr int64_t kCompared = 150;
  Detector detector(*network_);
  const std::vector<float> found = probabilities(kCompared);
  for (int64_t i = 0; i < kCompared; ++i) {
    const std::vector<float> samples = chunk(i);
    const double wanted = detector.probability({samples.begin(), samples.end()});
    EXPECT_NEAR(static_cast<double>(found[static_cast<size_t>(i)]), wanted, 1e-4) << "chunk " << i;
  }
}

TEST_F(SileroDetector, HearsSpeechInAsManyChunksAsTheDataSays) {
  std::vector<float> found = probabilities(chunks());
  const auto above = std::count_if(found.begin(), found.end(), [](float p) { return p > 0.5f; });
  // The data's README counts 78 % for its other training, median 1.0.
  EXPECT_NEAR(static_cast<double>(above) / static_cast<double>(found.size()), 0.78, 0.01);
  std::nth_element(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(found.size() / 2), found.end());
  EXPECT_GT(found[found.size() / 2], 0.99f);
}

class DtlnModel : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (data_folder().empty()) GTEST_SKIP() << "DELTAHOP_DATA is not set";
    network_.emplace(load_network(data_folder() + "/dtln/" + GetParam()));
  }
  static std::vector<Tensor> inputs_of(const Network& network) {
    Random random(1);
    std::vector<Tensor> inputs;
    for (const Shape& shape : input_shapes(network)) {
      inputs.emplace_back(DataType::float32, shape);
      for (float& value : inputs.back().values<float>())
        value = static_cast<float>(std::abs(random.normal()) * 0.1);
    }
    return inputs;
  }
  std::optional<Network> network_;
};

TEST_P(DtlnModel, LoadsRunsAndHandsOutItsStates) {
  const std::vector<Tensor> inputs = inputs_of(*network_);
  const std::vector<Tensor> outputs = execute(network_->bound(input_shapes(*network_)), inputs, {});
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_EQ(outputs[0].shape(), inputs[0].shape());
  EXPECT_EQ(outputs[1].shape(), inputs[1].shape());
  for (const Tensor& output : outputs) {
    EXPECT_GT(count_nonzero(output), 0);
    EXPECT_TRUE(std::isfinite(largest_magnitude(output)));
  }
}

TEST_P(DtlnModel, GivesTheSameAfterARoundTrip) {
  const auto path =
      std::filesystem::path(::testing::TempDir()) / (std::to_string(::getpid()) + "_" + GetParam());
  save_onnx(*network_, path);
  const Network again = load_network(path.string());
  std::filesystem::remove(path);
  const std::vector<Tensor> inputs = inputs_of(*network_);
  const auto wanted = execute(network_->bound(input_shapes(*network_)), inputs, {});
  const auto found = execute(again.bound(input_shapes(again)), inputs, {});
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_TRUE(found.at(i) == wanted[i]) << "output " << i;
}

INSTANTIATE_TEST_SUITE_P(Dtln, DtlnModel, ::testing::Values("model_1.onnx", "model_2.onnx"),
                         [](const auto& one) { return std::string(one.param, 7); });

}  // namespace
}  // namespace deltahop
