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
#include "deltahop/network/delta_cell.h"
#include "deltahop/run/executor.h"
#include "deltahop/run/session.h"
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
  static FrontEndOptions front_end_of(const Network& network) {
    return read_front_end(
        Config::from_text(network.metadata().at(std::string(kFrontEndKey)), network.name()));
  }
  // How many of the 300 words the network names.
  int right_answers(const std::string& name) const {
    const Network network = load(name);
    const FrontEndOptions front_end = front_end_of(network);
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

// The kernels of a session against the delta cell in double, on real words: how many changes are sent. The
// two may part by a rounding where a change meets its threshold exactly.
TEST_F(Keywords, ASessionSendsWhatTheDeltaCellSends) {
  const Network network = load("GRU_L");
  const auto gru = std::ranges::find_if(
      network.nodes(), [](const Node& node) { return node.layer->operator_name() == "GRU"; });
  ASSERT_NE(gru, network.nodes().end());
  const DeltaThresholds thresholds{.input = 1, .hidden = 0.2, .reset_hidden = 0.1};
  const RecurrentCell weights = recurrent_cells(network, *gru).at(0);
  SessionOptions options;
  options.thresholds.by_node["*"] = thresholds;
  options.dense_where_faster = false;
  Session session(network, options);
  const FrontEndOptions front_end = front_end_of(network);
  DeltaCounts wanted;
  for (size_t i = 0; i < labels_.files.size(); i += 12) {
    const Tensor frames =
        features_of(front_end, mono(read_sound(data_ / "speech_commands" / labels_.files[i])));
    DeltaCell<double> cell(weights, thresholds);
    session.reset();
    const auto values = frames.values<float>();
    for (size_t at = 0; at < values.size(); at += 10) {
      const auto frame = values.subspan(at, 10);
      session.step(frame);
      const std::vector<double> wide(frame.begin(), frame.end());
      cell.step(wide);
    }
    wanted.sent_x += cell.counts().sent_x;
    wanted.sent_h += cell.counts().sent_h;
    wanted.sent_rh += cell.counts().sent_rh;
  }
  const SessionStatistics counted = session.statistics();
  const auto sent = [&](std::string_view stream) {
    return static_cast<double>(std::ranges::find_if(counted.streams, [&](const StreamStatistics& each) {
                                 return each.layer == gru->name && each.stream == stream;
                               })->sent);
  };
  EXPECT_EQ(sent("x"), static_cast<double>(wanted.sent_x));
  EXPECT_NEAR(sent("h") / static_cast<double>(wanted.sent_h), 1, 1e-3);
  EXPECT_NEAR(sent("rh") / static_cast<double>(wanted.sent_rh), 1, 1e-3);
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
