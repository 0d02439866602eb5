// SPDX-License-Identifier: Apache-2.0
// Change-based inference on small networks whose ledgers can be counted by hand, and the identity of
// sigma-delta networks with a quantiser written out as the paper has it.
#include "deltahop/run/change_based.h"

#include <cmath>

#include <gtest/gtest.h>

#include "deltahop/base/random.h"
#include "deltahop/network/integer_rule.h"
#include "deltahop/run/changed_pixels.h"

namespace deltahop {
namespace {

// One 3x3 convolution, padding 1, 2 to 4 channels, on 6x6 pixels, and a ReLU. All formats Q8.fraction.
IntegerModel one_convolution(int64_t side = 6) {
  Random random(3);
  NetworkBuilder builder("one");
  const ValueId x = builder.input("x", DataType::float32, {1, 2, side, side});
  Tensor weights(DataType::float32, {4, 2, 3, 3});
  for (float& w : weights.values<float>()) w = static_cast<float>(random.integer(-8, 8)) / 16;
  const std::vector<int64_t> pads = {1, 1, 1, 1};
  const ValueId y = builder.node("Conv", "conv", {x, builder.constant("w", weights)}, {{"pads", pads}})[0];
  builder.output(builder.node("Relu", "relu", {y})[0]);
  IntegerModel model{builder.build(), {8, 8, Rounding::half_even, Overflow::saturate}, {}, {}};
  for (const ValueId id : values_with_formats(model.network)) model.formats[id] = {8, 4, true};
  return model;
}

std::vector<Tensor> frame_of(const std::vector<float>& values, int64_t side = 6) {
  std::vector<Tensor> inputs;
  inputs.push_back(Tensor::of<float>({1, 2, side, side}, values));
  return inputs;
}

TEST(ChangedPixels, OnePixelReachesAsManyOutputsAsItHasReaders) {
  ConvolutionShape shape;
  shape.in_channels = 1;
  shape.in_rows = shape.in_columns = 9;
  shape.kernel_rows = 3, shape.kernel_columns = 2;
  shape.stride_rows = 2, shape.dilation_rows = 2;
  shape.pad_top = 1, shape.pad_left = 1;
  shape.out_rows = 4, shape.out_columns = 9;  // (9 + 2 - 5) / 2 + 1, 9 + 1 - 2 + 1
  const std::vector<int64_t> readers = reader_counts(shape);
  int64_t taps_inside = 0;
  for (int64_t p = 0; p < 4; ++p) {
    for (int64_t q = 0; q < 9; ++q) {
      for (int64_t r = 0; r < 3; ++r) {
        for (int64_t s = 0; s < 2; ++s) {
          const int64_t h = 2 * p + 2 * r - 1, w = q + s - 1;
          taps_inside += h >= 0 && h < 9 && w >= 0 && w < 9 ? 1 : 0;
        }
      }
    }
  }
  int64_t sum = 0;
  for (size_t i = 0; i < readers.size(); ++i) {
    std::vector<uint8_t> changed(81, 0);
    changed[i] = 1;
    EXPECT_EQ(static_cast<int64_t>(affected_outputs(shape, changed).size()), readers[i]);
    sum += readers[i];
  }
  EXPECT_EQ(sum, taps_inside);
}

TEST(ChangeBased, AFrameThatDoesNotChangeCostsTheComparisonAndNothingElse) {
  ChangeBasedNetwork video(one_convolution(), {});
  const auto frame = frame_of(std::vector<float>(72, 1.0f));
  const IntegerResult first = video.step(frame, {});
  EXPECT_EQ(video.ledger().at(0).frames, 0);
  const IntegerResult second = video.step(frame, {});
  EXPECT_EQ(first.codes, second.codes);
  const ChangeLedger& ledger = video.ledger().at(0);
  EXPECT_EQ(ledger.frames, 1);
  EXPECT_EQ(ledger.dense_macs, 4 * 36 * 18);
  EXPECT_EQ(ledger.done_macs, 0);
  EXPECT_EQ(ledger.state_read_bytes, 72);      // the whole reference
  EXPECT_EQ(ledger.state_written_bytes, 0);    // feedback: nothing counted as changed
  EXPECT_EQ(ledger.plain_written_bytes, 144);  // outputs that nobody wrote again
  EXPECT_EQ(ledger.state_bytes, 72 + 144);
}

TEST(ChangeBased, OnePixelInTheMiddleCostsNineOutputs) {
  ChangeBasedNetwork video(one_convolution(), {});
  std::vector<float> values(72, 0.0f);
  video.step(frame_of(values), {});
  values[2 * 6 + 3] = 2.0f;
  video.step(frame_of(values), {});
  const ChangeLedger& ledger = video.ledger().at(0);
  EXPECT_EQ(ledger.changed_pixels, 1);
  EXPECT_EQ(ledger.affected_outputs, 9);
  EXPECT_EQ(ledger.done_macs, 9 * 4 * 18);
  EXPECT_EQ(ledger.done_nonzero_macs, 9 * 4);  // each of the nine sees one value that is not zero
  EXPECT_EQ(ledger.nonzero_macs, 9 * 4);
  EXPECT_EQ(ledger.state_written_bytes, 2);  // both channels of the pixel
  EXPECT_EQ(ledger.plain_written_bytes, (36 - 9) * 4);
  EXPECT_EQ(ledger.rounding_additions, 32 * 9 * 4);  // the code of 2 is 32
}

TEST(ChangeBased, SlowDriftIsSeenWithFeedbackAndNeverWithout) {
  for (const bool feedback : {true, false}) {
    ChangeBasedNetwork video(one_convolution(), {ChangeRule::recompute, 0.25, feedback});
    float value = 0;
    std::vector<Tensor> codes;
    for (int frame = 0; frame < 9; ++frame, value += 0.125f)  // two codes a frame; four are the threshold
      codes.push_back(video.step(frame_of(std::vector<float>(72, value)), {}).codes.at(0));
    EXPECT_EQ(codes.front() == codes.back(), !feedback);
    // Beyond 4 codes for the first time at 6: frames 3 and 6 of 8.
    EXPECT_EQ(video.ledger().at(0).changed_pixels, feedback ? 2 * 36 : 0);
  }
}

TEST(ChangeBased, AThresholdThatIsNoNumberIsRefused) {
  EXPECT_THROW(ChangeBasedNetwork(one_convolution(), {ChangeRule::recompute, -1, true}), Error);
  EXPECT_THROW(ChangeBasedNetwork(one_convolution(), {ChangeRule::recompute, std::nan(""), true}), Error);
}

// The quantiser of [OConnor2017]: the rest of a rounding is added to the next value.
class ErrorFeedback {
 public:
  explicit ErrorFeedback(size_t size) : rest_(size, 0.0) {}
  std::vector<int64_t> send(const std::vector<double>& values) {
    std::vector<int64_t> sent;
    for (size_t i = 0; i < values.size(); ++i) {
      rest_[i] += values[i];
      sent.push_back(static_cast<int64_t>(std::floor(rest_[i] + 0.5)));
      rest_[i] -= static_cast<double>(sent.back());
    }
    return sent;
  }

 private:
  std::vector<double> rest_;
};

// u += s W; output u, for integers.
class SigmaDeltaLayer {
 public:
  SigmaDeltaLayer(const Tensor& weights, double scale)
      : weights_(weights),
        scale_(scale),
        quantiser_(static_cast<size_t>(weights.dim(1))),
        last_(static_cast<size_t>(weights.dim(1)), 0.0),
        sums_(static_cast<size_t>(weights.dim(0)), 0) {}

  const std::vector<int64_t>& step(const std::vector<double>& values) {
    std::vector<double> differences;
    for (size_t i = 0; i < values.size(); ++i) differences.push_back(scale_ * (values[i] - last_[i]));
    last_ = values;
    const std::vector<int64_t> sent = quantiser_.send(differences);
    const auto w = weights_.values<int16_t>();
    for (size_t k = 0; k < sums_.size(); ++k) {
      for (size_t c = 0; c < sent.size(); ++c) sums_[k] += sent[c] * w[k * sent.size() + c];
    }
    for (const int64_t s : sent) additions += std::abs(s) * static_cast<int64_t>(sums_.size());
    return sums_;
  }
  int64_t additions = 0;

 private:
  Tensor weights_;
  double scale_;
  ErrorFeedback quantiser_;
  std::vector<double> last_;
  std::vector<int64_t> sums_;
};

// Three fully connected layers with ReLU, as the paper's network for MNIST, smaller. Rounding is half up: the
// only rule for which a rest carried over equals rounding the whole (round(x + n) = round(x) + n for
// integers).
IntegerModel three_layers() {
  Random random(11);
  NetworkBuilder builder("three");
  const std::vector<int64_t> sizes = {20, 14, 12, 5};
  ValueId value = builder.input("x", DataType::float32, {1, sizes[0]});
  for (size_t i = 0; i < 3; ++i) {
    Tensor weights(DataType::float32, {sizes[i + 1], sizes[i]});
    for (float& w : weights.values<float>()) w = static_cast<float>(random.integer(-30, 30)) / 64;
    const std::string name = "fc" + std::to_string(i);
    value = builder.node("Gemm", name, {value, builder.constant(name + "/w", weights)},
                         {{"transB", int64_t{1}}})[0];
    if (i < 2) value = builder.node("Relu", name + "/relu", {value})[0];
  }
  builder.output(value);
  IntegerModel model{builder.build(), {16, 8, Rounding::half_up, Overflow::saturate}, {}, {}};
  for (const ValueId id : values_with_formats(model.network)) {
    const bool weights = model.network.value(id).constant != nullptr;
    model.formats[id] = weights ? FixedFormat{8, 6, true} : FixedFormat{15, 5, true};
  }
  return model;
}

TEST(SigmaDelta, EqualsTheRoundingNetworkForAnySequence) {
  const IntegerModel model = three_layers();
  ChangeBasedNetwork ours(model, {ChangeRule::accumulate, 0, true});
  const IntegerExecutor rounding_network(model);
  std::vector<SigmaDeltaLayer> paper;
  for (size_t s = 0; s < 3; ++s)
    paper.emplace_back(rounding_network.weight_codes(s).reshaped({rounding_network.weight_codes(s).dim(0),
                                                                  rounding_network.weight_codes(s).dim(1)}),
                       s == 0 ? 32.0 : 1.0);
  Random random(12);
  int64_t first_frame = 0;
  for (int frame = 0; frame < 200; ++frame) {
    // Eighths of a code: exact in double, and no tie for the input's rounding to break its own way.
    std::vector<float> input;
    for (int i = 0; i < 20; ++i) {
      int64_t eighths = random.integer(-900, 900);
      if (eighths % 8 == 4 || eighths % 8 == -4) ++eighths;
      input.push_back(static_cast<float>(eighths) / 256);
    }
    std::vector<double> values(input.begin(), input.end());
    std::vector<Tensor> inputs;
    inputs.push_back(Tensor::of<float>({1, 20}, input));
    const IntegerResult expected = rounding_network.run(inputs, {});
    EXPECT_EQ(ours.step(inputs, {}).codes, expected.codes);
    // The paper's network: values between layers in units of the next layer's code, not yet rounded.
    std::vector<int64_t> sums;
    for (size_t s = 0; s < 3; ++s) {
      sums = paper[s].step(values);
      values.clear();
      for (const int64_t sum : sums) values.push_back(std::max(0.0, static_cast<double>(sum) / 64));
    }
    const auto codes = expected.codes.at(0).values<int16_t>();
    for (size_t k = 0; k < codes.size(); ++k)
      EXPECT_EQ(codes[k], static_cast<int16_t>(std::floor(static_cast<double>(sums[k]) / 64 + 0.5)));
    if (frame == 0) first_frame = paper[0].additions + paper[1].additions + paper[2].additions;
  }
  // The first frame sends everything and is not in the ledger.
  ChangeLedger all;
  for (const ChangeLedger& entry : ours.ledger()) all += entry;
  EXPECT_EQ(all.difference_additions + first_frame,
            paper[0].additions + paper[1].additions + paper[2].additions);
}

TEST(SigmaDelta, StillInputSendsNothing) {
  ChangeBasedNetwork video(one_convolution(), {ChangeRule::accumulate, 0, true});
  const auto frame = frame_of(std::vector<float>(72, 1.5f));
  const IntegerResult first = video.step(frame, {});
  EXPECT_EQ(video.step(frame, {}).codes, first.codes);
  EXPECT_EQ(video.ledger().at(0).difference_additions, 0);
  EXPECT_EQ(video.ledger().at(0).state_bytes, 72 + 4 * 144);
}

}  // namespace
}  // namespace deltahop
