// SPDX-License-Identifier: Apache-2.0
// Keyword spotting networks of [Zhang2017] as their authors froze them, on 300 recorded words: reader, MFCC,
// layers and executor together must give the known counts of right answers, most of them far above chance (25
// of 300).
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "deltahop/base/error.h"
#include "deltahop/io/graph_def.h"
#include "deltahop/io/labels.h"
#include "deltahop/io/load.h"
#include "deltahop/io/sound.h"
#include "deltahop/run/executor.h"
#include "deltahop/signal/front_end.h"

namespace deltahop {
namespace {

namespace fs = std::filesystem;

class Keywords : public testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("DELTAHOP_DATA");
    if (data == nullptr) GTEST_SKIP() << "DELTAHOP_DATA is not set";
    data_ = data;
    labels_ = read_labels(data_ / "speech_commands/labels.csv",
                          read_class_names(data_ / "ml_kws_for_mcu/labels.txt"));
    ASSERT_EQ(labels_.files.size(), 300u);
  }
  Network load(const std::string& name) const {
    return load_network((data_ / "ml_kws_for_mcu" / (name + ".pb")).string());
  }
  // How many of the 300 words the network names.
  int right_answers(const std::string& name) const {
    const Network network = load(name);
    const FrontEndOptions front_end =
        read_front_end(Config::from_text(network.metadata().at(std::string(kFrontEndKey)), name));
    int right = 0;
    for (size_t i = 0; i < labels_.files.size(); ++i) {
      const Sound sound = read_sound(data_ / "speech_commands" / labels_.files[i]);
      std::vector<Tensor> inputs;
      inputs.push_back(features_of(front_end, mono(sound)).reshaped(network.inputs().at(0).declared));
      const Tensor scores = std::move(execute(network, inputs, {}).at(0));
      const auto values = scores.values<float>();
      right += std::max_element(values.begin(), values.end()) - values.begin() == labels_.values[i] ? 1 : 0;
    }
    return right;
  }
  fs::path data_;
  Labels labels_;
};

TEST_F(Keywords, RecurrentNetworksKnowTheirWords) {
  EXPECT_EQ(right_answers("GRU_L"), 263);
  EXPECT_EQ(right_answers("GRU_S"), 261);
  EXPECT_EQ(right_answers("CRNN_S"), 258);
  EXPECT_EQ(right_answers("Basic_LSTM_S"), 256);
}

TEST_F(Keywords, ConvolutionalAndDenseNetworksKnowTheirWords) {
  EXPECT_EQ(right_answers("DS_CNN_S"), 263);
  EXPECT_EQ(right_answers("CNN_S"), 247);
  EXPECT_EQ(right_answers("DNN_S"), 229);
}

TEST_F(Keywords, TheLstmWithAProjectionIsRefusedByName) {
  try {
    load("LSTM_S");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("an LSTMCell with a projection is not supported"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace deltahop
