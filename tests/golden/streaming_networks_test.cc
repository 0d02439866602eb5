// SPDX-License-Identifier: Apache-2.0
// Trained recurrent networks that nobody here wrote, step by step in a session, against the float executor on
// the same graph with its states fed back by hand.
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "deltahop/base/random.h"
#include "deltahop/io/load.h"
#include "deltahop/run/executor.h"
#include "deltahop/run/session.h"

namespace deltahop {
namespace {

// DTLN: model 1 has two LSTM operators, model 2 has two LSTMs written out in plain operators.
class StreamingNetworks : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const char* data = std::getenv("DELTAHOP_DATA");
    if (data == nullptr) GTEST_SKIP() << "DELTAHOP_DATA is not set";
    network_ = load_network((std::filesystem::path(data) / "dtln" / (GetParam() + ".onnx")).string());
  }
  std::optional<Network> network_;
};

TEST_P(StreamingNetworks, GiveInASessionWhatTheExecutorGives) {
  Session session(*network_);
  ASSERT_EQ(session.loops().size(), 1u);
  const Network bound = network_->bound(input_shapes(*network_));
  Random random(5);
  Tensor frame(DataType::float32, session.inputs()[0].shape);
  Tensor state(DataType::float32, session.inputs()[1].shape);
  for (int step = 0; step < 40; ++step) {
    for (float& value : frame.values<float>())
      value = 0.9F * value + static_cast<float>(std::fabs(random.normal() * 0.1));
    std::vector<Tensor> wanted = execute(bound, {frame, state}, {});
    session.step(frame.values<float>());
    const auto out = wanted[0].values<float>();
    for (size_t i = 0; i < out.size(); ++i)
      ASSERT_NEAR(session.output(0)[i], out[i], 2e-4) << "step " << step;
    state = std::move(wanted[1]);
  }
  // All products of a recurrence go by changes, written out or not.
  int64_t by_changes = 0;
  for (const StreamStatistics& each : session.statistics().streams) by_changes += each.is_delta ? 1 : 0;
  EXPECT_EQ(by_changes, 4);
}

INSTANTIATE_TEST_SUITE_P(Dtln, StreamingNetworks, testing::Values("model_1", "model_2"));

}  // namespace
}  // namespace deltahop
