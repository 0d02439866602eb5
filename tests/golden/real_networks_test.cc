// SPDX-License-Identifier: Apache-2.0
// Published networks with their makers' weights on real pictures, in float: the answers must be the known
// ones. What is compared are counts of right answers, which bind reader, preprocessing, layers and executor
// together.
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "deltahop/io/load.h"
#include "deltahop/io/samples.h"
#include "deltahop/run/executor.h"

namespace deltahop {
namespace {

namespace fs = std::filesystem;

class RealNetworks : public testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("DELTAHOP_DATA");
    if (data == nullptr) GTEST_SKIP() << "DELTAHOP_DATA is not set";
    data_ = data;
  }
  Network load(const std::string& name, const fs::path& weights) const {
    LoadOptions options;
    options.weights = (data_ / weights).string();
    return load_network(name, options);
  }
  fs::path data_;
};

// The network's answer for every sample, in order.
std::vector<Tensor> answers(const Network& network, const SampleSource& samples) {
  const Preprocessing preprocessing =
      parse_preprocessing(network.metadata().at("preprocessing"), network.name());
  const Shape shape = input_shapes(network).at(0);
  std::vector<Tensor> all;
  for (int64_t i = 0; i < samples.size(); ++i) {
    std::vector<Tensor> inputs;
    inputs.push_back(prepared(samples.load(i), preprocessing, shape));
    all.push_back(std::move(execute(network, inputs, {}).at(0)));
  }
  return all;
}

// How many samples have their label among the `best` largest answers.
int64_t right_answers(const std::vector<Tensor>& all, const SampleSource& samples, int64_t best) {
  int64_t right = 0;
  for (int64_t i = 0; i < samples.size(); ++i) {
    const auto scores = all[static_cast<size_t>(i)].values<float>();
    const float own = scores[static_cast<size_t>(samples.load(i).label.value())];
    right +=
        std::count_if(scores.begin(), scores.end(), [&](float score) { return score > own; }) < best ? 1 : 0;
  }
  return right;
}

TEST_F(RealNetworks, SqueezeNetFromDeepCompressionKnowsSixtyTwoOfAHundredPictures) {
  const Network network = load("squeezenet1_0", "squeezenet_deep_compression/compressed_SqueezeNet.net");
  const auto samples = open_samples(data_ / "imagenet_samples/samples.csv");
  ASSERT_EQ(samples->size(), 100);
  const std::vector<Tensor> all = answers(network, *samples);
  EXPECT_EQ(right_answers(all, *samples, 1), 62);
  EXPECT_EQ(right_answers(all, *samples, 5), 84);
}

TEST_F(RealNetworks, ResNet20FromSafetensorsKnowsFourHundredFiftyTwoOfFiveHundredPictures) {
  const Network network = load("resnet20", "resnet_cifar10/resnet20.safetensors");
  const auto samples = open_samples(data_ / "cifar10/test_lossless.bin");
  ASSERT_EQ(samples->size(), 500);
  EXPECT_EQ(right_answers(answers(network, *samples), *samples, 1), 452);
}

TEST_F(RealNetworks, RoShamBoFromNumPyArraysIsSureOfItsAnswers) {
  const Network network = load("roshambo", "roshambo_cnn");
  const auto samples = open_samples(data_ / "roshambo_cnn/frames");
  ASSERT_EQ(samples->size(), 300);
  double sum = 0;
  std::vector<int> frames(4, 0);  // of each class
  for (const Tensor& answer : answers(network, *samples)) {
    const auto scores = answer.values<float>();
    const auto best = std::max_element(scores.begin(), scores.end());
    sum += *best;
    ++frames.at(static_cast<size_t>(best - scores.begin()));
  }
  // What a few lines of NumPy, which share no code with this, make of the same frames in double precision.
  EXPECT_NEAR(sum / 300, 0.98557, 0.0005);
  EXPECT_EQ(frames, (std::vector<int>{94, 71, 58, 77}));
}

}  // namespace
}  // namespace deltahop
