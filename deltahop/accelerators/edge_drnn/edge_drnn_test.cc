// SPDX-License-Identifier: Apache-2.0
// EdgeDRNN's data path, times and counts. Expected values are the integer reference
// (network/integer_delta_gru.h), the authors' test bench, the ticking model, and closed forms.
#include "deltahop/accelerators/edge_drnn/edge_drnn.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/accelerators/edge_drnn/edge_drnn_testing.h"
#include "deltahop/accelerators/edge_drnn/ticking.h"
#include "deltahop/accelerators/edge_drnn/weight_port.h"
#include "deltahop/base/error.h"
#include "deltahop/base/random.h"
#include "deltahop/network/edge_drnn_vectors_testing.h"

namespace deltahop::edge_drnn {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

// A feed that is late by no rule: each column's first beat after a random time, then with random gaps.
WeightFeed random_feed(uint64_t seed, int64_t beats) {
  auto random = std::make_shared<Random>(seed);
  auto last = std::make_shared<int64_t>(0);
  return [random, last, beats](int64_t, int64_t, int64_t cycle, std::vector<int64_t>& arrivals) {
    int64_t at = std::max(*last, cycle + random->integer(0, 30));
    for (int64_t beat = 0; beat < beats; ++beat) {
      at += random->chance(0.2) ? random->integer(0, 4) : random->integer(0, 1);
      arrivals.push_back(at);
    }
    *last = at;
  };
}

TEST(EdgeDrnnCompute, EqualsTheIntegerReferenceBitForBit) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    Random random(seed);
    const std::vector<std::string> settings = {
        fmt::format("processing_elements={}", random.chance(0.5) ? 8 : 16)};
    const auto traces = random_stack({{random.integer(1, 20), random.integer(1, 40)}}, 25,
                                     static_cast<int32_t>(random.integer(0, 40)), seed);
    const auto chip = make_accelerator("edge_drnn", settings);
    EXPECT_EQ(chip->compute(layer_traces(traces)[0]), traces[0].outputs) << "seed " << seed;
  }
}

TEST(EdgeDrnnCompute, SumsThatLeaveTheRegisterWrapAsInTheReference) {
  auto traces = random_stack({{40, 24}}, 20, 0, 3);
  Tensor loud = traces[0].inputs;
  for (int16_t& code : loud.values<int16_t>()) code = static_cast<int16_t>(code * 400);
  traces[0] = run_sequence(traces[0].layer, loud);
  ASSERT_GT(traces[0].wraps, 100);
  EXPECT_EQ(make_accelerator("edge_drnn", {})->compute(layer_traces(traces)[0]), traces[0].outputs);
}

TEST(EdgeDrnnCompute, TheExtensionStartsTheCandidatesMemoryAtItsBias) {
  auto traces = random_stack({{4, 8}}, 10, 0, 5);
  auto layer = std::make_shared<IntegerDeltaGruLayer>(*traces[0].layer);
  layer->candidate_recurrent_bias.assign(8, 60);
  const RecurrentTrace trace = run_sequence(layer, traces[0].inputs);
  LayerTrace wrapper;
  wrapper.recurrent = &trace;
  EXPECT_EQ(make_accelerator("edge_drnn", {"extensions.candidate_bias=true"})->compute(wrapper),
            trace.outputs);
  EXPECT_NE(trace.outputs, traces[0].outputs);
  EXPECT_THAT([&] { (void)make_accelerator("edge_drnn", {})->compute(wrapper); },
              ThrowsMessage<Error>(HasSubstr("b_hc")));
}

class AuthorsTestBench : public testing::Test {
 protected:
  void SetUp() override {
    vectors_ = edge_drnn_vectors();
    if (!vectors_) GTEST_SKIP() << "DELTAHOP_DATA is not set";
  }
  std::optional<EdgeDrnnVectors> vectors_;
};

TEST_F(AuthorsTestBench, TheTickingModelComputesAll16000GoldenValues) {
  const std::vector<RecurrentTrace> traces = vectors_->run(0, 0);
  std::vector<Tensor> outputs;
  tick(config_with(), pointers(traces), {}, &outputs);
  const auto ours = outputs[1].values<int16_t>();
  EXPECT_TRUE(std::equal(ours.begin(), ours.end(), vectors_->golden.begin(), vectors_->golden.end()));
}

TEST_F(AuthorsTestBench, TheExportedImageIsTheAuthorsFileByteForByte) {
  const MemoryImage image = make_image(config_with(), vectors_->layers(0, 0));
  EXPECT_EQ(image.weights, (std::vector<int8_t>(vectors_->parameters.begin(), vectors_->parameters.end())));
  EXPECT_EQ(weights_text(image), read_file(vectors_->folder / "edgedrnn_tb_params.txt"));
  const std::vector<int32_t> words =
      configuration_from_text(read_file(vectors_->folder / "edgedrnn_tb_creg.txt"), "creg");
  EXPECT_EQ(image.configuration, words);
  EXPECT_EQ(configuration_text(image), read_file(vectors_->folder / "edgedrnn_tb_creg.txt"));
}

TEST_F(AuthorsTestBench, BytesFetchedAreColumnsOfTheThresholdTable) {
  for (const auto& [theta, bytes] : {std::pair(0, 1031904), std::pair(8, 570672), std::pair(128, 21984)}) {
    const std::vector<RecurrentTrace> traces = vectors_->run(theta, theta);
    const auto chip = make_accelerator("edge_drnn", {});
    Stats sum;
    for (const Stats& layer : chip->simulate_steps(layer_traces(traces)).layers) sum += layer;
    EXPECT_EQ(sum.at(MemoryLevel::dram, DataKind::weight).read.number(), bytes * 8);
    EXPECT_EQ(sum.at(MemoryLevel::dram, DataKind::bias).read.number(), 2 * 48 * 8);
    EXPECT_EQ(sum.macs_done, bytes) << "a byte a weight";
    EXPECT_EQ(sum.dense_macs(), 2688000);
  }
}

TEST(EdgeDrnnTime, TheScheduleEqualsTheTickingModelForRandomNetworksFifosAndFeeds) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    const int64_t elements = random.chance(0.5) ? 8 : 4;
    const EdgeDrnnConfig chip = config_with({fmt::format("processing_elements={}", elements),
                                             fmt::format("fifo_depth={}", random.integer(1, 9)),
                                             fmt::format("dram.columns_in_flight={}", random.integer(1, 4))});
    const int64_t first = random.integer(1, 30), units = random.integer(1, 6) * elements;
    const auto traces =
        random_stack({{first, units}, {units, units}}, 12, static_cast<int32_t>(random.integer(0, 60)), seed);
    const bool late = random.chance(0.5);
    const auto feed = [&] { return late ? random_feed(seed, 3 * units / elements) : WeightFeed{}; };
    std::vector<Tensor> outputs;
    const auto fast = schedule(chip, pointers(traces), feed());
    EXPECT_EQ(fast, tick(chip, pointers(traces), feed(), &outputs)) << "seed " << seed;
    EXPECT_EQ(fast, tick(chip, pointers(traces), feed(), nullptr)) << "seed " << seed;
    EXPECT_EQ(outputs[0], traces[0].outputs);
    EXPECT_EQ(outputs[1], traces[1].outputs);
    EXPECT_EQ(fast[0].columns() + fast[1].columns(), traces[0].columns() + traces[1].columns());
  }
}

// One step in which exactly these elements of the scan are sent.
LayerEvents one_step(const EdgeDrnnConfig& chip, const LayerPlace& place,
                     const std::vector<int32_t>& positions) {
  std::vector<SentColumn> sent;
  for (const int32_t position : positions) sent.push_back({position, 1});
  LayerEvents events;
  schedule_step(chip, place, sent, 0, {}, events);
  return events;
}

TEST(EdgeDrnnTime, TheClosedFormIsExactWhereTheElementsNeverWaitAndALowerBoundElsewhere) {
  const EdgeDrnnConfig chip = config_with();
  IntegerDeltaGruLayer layer;
  layer.inputs = 40;
  layer.hidden = 64;
  const LayerPlace place = place_layer(chip, layer, nullptr);
  std::vector<int32_t> all(104);
  for (size_t k = 0; k < all.size(); ++k) all[k] = static_cast<int32_t>(k);
  const int64_t fixed = 5 * (64 / 8 + 1) + 1 + 10;
  EXPECT_EQ(one_step(chip, place, {}).cycles(), 104 + fixed) << "nothing changed: the scan";
  EXPECT_EQ(one_step(chip, place, all).cycles(), 104 * 24 + fixed) << "everything changed: the beats";
  EXPECT_EQ(one_step(chip, place, {0}).cycles(), 104 + fixed) << "hidden behind the scan";
  const std::vector<int32_t> late = {100, 101, 102};
  EXPECT_EQ(one_step(chip, place, late).cycles(), 100 + 3 * 24 + fixed);
  EXPECT_EQ(closed_form_cycles(chip, place, 3), 104 + fixed) << "does not know that they come last";
  Random random(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<int32_t> sent;
    const double density = random.uniform();
    for (const int32_t position : all)
      if (random.chance(density)) sent.push_back(position);
    const LayerEvents events = one_step(chip, place, sent);
    const int64_t closed = closed_form_cycles(chip, place, std::ssize(sent));
    EXPECT_GE(events.cycles(), closed);
    // Where the first element sends and columns come faster than they are used, nothing is lost.
    if (sent.size() > 52 && sent.front() == 0) {
      EXPECT_EQ(events.cycles(), closed);
    }
  }
}

TEST(EdgeDrnnTime, TheScheduleEqualsTheTickingModelBehindARealDram) {
  for (const char* part : {"ddr3l_1600_4gb_x16", "ddr3_1066_1gb_x16"}) {
    for (const int in_flight : {1, 2, 4}) {
      const auto traces = random_stack({{16, 128}, {128, 128}}, 15, 12, 4);
      const std::vector<std::string> settings = {fmt::format("dram.part={}", part),
                                                 fmt::format("dram.columns_in_flight={}", in_flight)};
      const EdgeDrnnConfig chip = config_with(settings);
      DramWeights first(chip), second(chip);
      const auto feed = [](DramWeights& dram) {
        return [&dram](int64_t address, int64_t bytes, int64_t cycle, std::vector<int64_t>& arrivals) {
          dram.fetch(address, bytes, cycle, arrivals);
        };
      };
      const auto fast = schedule(chip, pointers(traces), feed(first));
      EXPECT_EQ(fast, tick(chip, pointers(traces), feed(second), nullptr));
      EXPECT_GT(fast[0].dram_cycles, 0);
      const int64_t cycles = fast[0].cycles() + fast[1].cycles();
      EXPECT_EQ(first.counters(cycles).reads, (fast[0].columns() + fast[1].columns() + 2) * 384 / 16)
          << "a column of 384 bytes is 24 bursts, the biases are columns";
      EXPECT_EQ(make_accelerator("edge_drnn", settings)->simulate_steps(layer_traces(traces)).notes.size(),
                2u);
    }
  }
}

TEST(EdgeDrnnTime, ASingleColumnComesAfterActivationColumnLatencyAndItsBursts) {
  const EdgeDrnnConfig chip =
      config_with({"dram.part=ddr3_1066_1gb_x16", "clock=533.333333 MHz", "dram.refresh=false"});
  DramWeights dram(chip);
  const DramPart part = load_dram_part("ddr3_1066_1gb_x16");
  std::vector<int64_t> arrivals;
  dram.fetch(0, 48, 100, arrivals);
  ASSERT_EQ(arrivals.size(), 6u);
  const int64_t first = 100 + part.timings.tRCD + part.timings.CL + part.burst_clocks();
  EXPECT_NEAR(static_cast<double>(arrivals[1]), static_cast<double>(first), 1)
      << "both beats of the first burst";
  EXPECT_EQ(arrivals[0], arrivals[1]);
  EXPECT_EQ(arrivals[5] - arrivals[1], 2 * std::max(part.burst_clocks(), part.timings.tCCD_S));
}

TEST(EdgeDrnnTime, PhasesAddUpAndSlotsAreDoneOrIdle) {
  const auto traces = random_stack({{13, 20}, {20, 20}}, 30, 8, 9);
  const auto chip = make_accelerator("edge_drnn", {});
  const RecurrentCounts counts = chip->simulate_steps(layer_traces(traces));
  for (size_t k = 0; k < 2; ++k) {
    const Stats& stats = counts.layers[k];
    EXPECT_EQ(stats.macs_done, traces[k].columns() * 60);
    EXPECT_EQ(stats.dense_macs(), 30 * traces[k].layer->weights());
    EXPECT_EQ(stats.macs_done + stats.mac_slots_idle, 8 * stats.cycles(Phase::compute).number());
    EXPECT_EQ(stats.cycles(Phase::activation).number(), 30 * (5 * (3 + 1) + 1))
        << "20 units are 3 groups of 8";
    EXPECT_EQ(stats.cycles(Phase::pipeline_fill).number(), 300);
  }
  EXPECT_EQ(make_accelerator("edge_drnn", {"model=ticking"})
                ->simulate_steps(layer_traces(traces))
                .layers[1]
                .cycles(),
            counts.layers[1].cycles());
}

TEST(EdgeDrnnConfigTest, FaultsNameTheSetting) {
  EXPECT_THAT([] { make_accelerator("edge_drnn", {"weight=Q1.8"}); },
              ThrowsMessage<Error>(HasSubstr("weight")));
  EXPECT_THAT([] { make_accelerator("edge_drnn", {"fifo_depth=0"}); },
              ThrowsMessage<Error>(HasSubstr("fifo_depth")));
  EXPECT_THAT([] { make_accelerator("edge_drnn", {"pes=4"}); }, ThrowsMessage<Error>(HasSubstr("pes")));
  EXPECT_EQ(make_accelerator("edge_drnn", {})->architecture().multipliers, 8);
}

}  // namespace
}  // namespace deltahop::edge_drnn
