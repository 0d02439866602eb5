// SPDX-License-Identifier: Apache-2.0
// The zoo's counts against published ones: to the printed digit where a paper prints them, exactly where a
// closed form does.
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deltahop/io/samples.h"
#include "deltahop/io/yaml_network.h"

namespace deltahop {
namespace {

struct Counts {
  int64_t convolution_weights = 0, convolution_macs = 0;
  int64_t connected_weights = 0, connected_macs = 0;
  int64_t biases = 0;
  int64_t layers = 0;
  int64_t weights() const { return convolution_weights + connected_weights; }
  int64_t macs() const { return convolution_macs + connected_macs; }
};

Counts counts_of(const Network& network) {
  Counts counts;
  for (const Node& node : network.nodes()) {
    const auto workload = node.layer->workload(network.input_infos(node));
    if (!workload) continue;
    const bool connected = workload->kind != WorkloadKind::convolution;
    (connected ? counts.connected_weights : counts.convolution_weights) += workload->weights();
    (connected ? counts.connected_macs : counts.convolution_macs) += workload->macs();
    if (node.inputs.size() > 2) counts.biases += network.value(node.inputs[2]).constant->size();
    ++counts.layers;
  }
  return counts;
}

// "61 M", "2.67 G", "431 k": the number rounded to as many digits as are printed.
std::string printed_like(int64_t count, const std::string& printed) {
  const size_t blank = printed.find(' ');
  const size_t point = printed.find('.');
  const int decimals = point == std::string::npos ? 0 : static_cast<int>(blank - point - 1);
  const std::map<char, double> units = {{'k', 1e3}, {'M', 1e6}, {'G', 1e9}};
  const double scaled =
      static_cast<double>(count) / units.at(printed.at(blank + 1)) * std::pow(10.0, decimals);
  return fmt::format("{:.{}f} {}", std::floor(scaled + 0.5) / std::pow(10.0, decimals), decimals,
                     printed.substr(blank + 1));
}

TEST(Zoo, EveryEntryLoadsNamesItsSourceAndKeepsWhatItPublishes) {
  const std::vector<ZooEntry> entries = zoo_entries();
  ASSERT_GE(entries.size(), 13u);
  for (const ZooEntry& entry : entries) {
    SCOPED_TRACE(entry.name);
    EXPECT_FALSE(entry.summary.empty());
    EXPECT_FALSE(entry.citation.empty());
    const Network network = zoo_network(entry.name);
    EXPECT_EQ(network.name(), entry.name);
    const auto& metadata = network.metadata();
    EXPECT_NO_THROW(parse_preprocessing(metadata.at("preprocessing"), entry.name));
    const Counts counts = counts_of(network);
    if (metadata.count("published_weights") != 0) {
      EXPECT_EQ(printed_like(counts.weights(), metadata.at("published_weights")),
                metadata.at("published_weights"));
    }
    if (metadata.count("published_macs") != 0) {
      EXPECT_EQ(printed_like(counts.macs(), metadata.at("published_macs")), metadata.at("published_macs"));
    }
  }
}

// [Sze2017] table II, its rows "weights" and "MACs" of CONV and FC layers.
struct Row {
  const char* network;
  const char* convolution_weights;
  const char* convolution_macs;
  const char* connected_weights;
  const char* weights;
  const char* macs;
};

class TableTwo : public testing::TestWithParam<Row> {};

TEST_P(TableTwo, IsMetToThePrintedDigit) {
  const Row row = GetParam();
  const Counts counts = counts_of(zoo_network(row.network));
  EXPECT_EQ(printed_like(counts.convolution_weights, row.convolution_weights), row.convolution_weights);
  EXPECT_EQ(printed_like(counts.convolution_macs, row.convolution_macs), row.convolution_macs);
  EXPECT_EQ(printed_like(counts.connected_weights, row.connected_weights), row.connected_weights);
  EXPECT_EQ(counts.connected_weights, counts.connected_macs);
  EXPECT_EQ(printed_like(counts.weights(), row.weights), row.weights);
  EXPECT_EQ(printed_like(counts.macs(), row.macs), row.macs);
}

INSTANTIATE_TEST_SUITE_P(Sze2017, TableTwo,
                         testing::Values(Row{"alexnet", "2.3 M", "666 M", "58.6 M", "61 M", "724 M"},
                                         Row{"overfeat_fast", "16 M", "2.67 G", "130 M", "146 M", "2.8 G"},
                                         Row{"vgg16", "14.7 M", "15.3 G", "124 M", "138 M", "15.5 G"},
                                         Row{"googlenet", "6.0 M", "1.43 G", "1 M", "7 M", "1.43 G"},
                                         Row{"resnet50", "23.5 M", "3.86 G", "2 M", "25.5 M", "3.9 G"}),
                         [](const auto& row) { return row.param.network; });

TEST(Zoo, AlexNetHasTheCountOfItsFiveConvolutions) {
  const Counts counts = counts_of(zoo_network("alexnet"));
  // 55^2 x 96 x 363, 27^2 x 256 x 1200, 13^2 x 384 x 2304, 13^2 x 384 x 1728, 13^2 x 256 x 1728.
  EXPECT_EQ(counts.convolution_macs, 105415200 + 223948800 + 149520384 + 112140288 + 74760192);
  EXPECT_EQ(counts.connected_macs, 9216 * 4096 + 4096 * 4096 + 4096 * 1000);
}

TEST(Zoo, LeNet5HasTheSixtyThousandParametersOfThePaper) {
  const Network network = zoo_network("lenet5");
  const Counts counts = counts_of(network);
  EXPECT_EQ(counts.macs(), 117600 + 150000 + 48000 + 10080 + 840);
  EXPECT_EQ(counts.weights(), 150 + 1500 + 48000 + 10080 + 840);
  // [LeCun1998] section II.B: 60 000 trainable parameters, those of the sub-sampling layers included, the
  // output's not.
  const int64_t sub_sampling = 2 * 6 + 2 * 16;
  EXPECT_EQ(counts.weights() - 840 + counts.biases + sub_sampling, 60000);
}

TEST(Zoo, SqueezeNetHasThePublishedParameters) {
  const Counts first = counts_of(zoo_network("squeezenet1_0"));
  EXPECT_EQ(first.weights(), 1244448);
  EXPECT_EQ(first.weights() + first.biases, 1248424);  // [Iandola2016] table 1
  EXPECT_EQ(first.layers, 26);
  EXPECT_EQ(
      counts_of(zoo_network("squeezenet1_1")).weights() + counts_of(zoo_network("squeezenet1_1")).biases,
      1235496);
}

TEST(Zoo, GoogLeNetWithCaffesPoolingHasTheLargerMaps) {
  // [Szegedy2015] table 1: 112^2, 56^2, 28^2, 14^2 and 7^2 outputs; the operations of conv2 to 5b by the same
  // table.
  const Counts counts = counts_of(zoo_network("googlenet_caffe"));
  EXPECT_EQ(printed_like(counts.macs(), "1.58 G"), "1.58 G");
  EXPECT_EQ(counts.weights(), counts_of(zoo_network("googlenet")).weights());
}

TEST(Zoo, MobileNetAndRoShamBoHaveTheirExactCounts) {
  const Counts mobile = counts_of(zoo_network("mobilenet_v1"));
  EXPECT_EQ(mobile.macs(), 568740352);
  EXPECT_EQ(mobile.weights(), 4209088);
  const Counts roshambo = counts_of(zoo_network("roshambo"));
  EXPECT_EQ(roshambo.weights(), 114064);
  EXPECT_EQ(roshambo.macs(), 1440000 + 3612672 + 2654208 + 1179648 + 65536 + 512);
}

TEST(Zoo, ResNet20HasItsNineteenConvolutions) {
  const Counts counts = counts_of(zoo_network("resnet20"));
  EXPECT_EQ(counts.layers, 20);
  EXPECT_EQ(counts.convolution_weights, 432 + 6 * 2304 + 4608 + 5 * 9216 + 18432 + 5 * 36864);
  EXPECT_EQ(counts.convolution_macs,
            1024 * (432 + 6 * 2304) + 256 * (4608 + 5 * 9216) + 64 * (18432 + 5 * 36864));
}

TEST(Zoo, SeedDecidesTheWeights) {
  const auto first_weight = [](uint64_t seed) {
    LoadOptions options;
    options.seed = seed;
    const Network network = zoo_network("lenet_caffe", options);
    return *network.value(network.find_value("conv2.weight")).constant;
  };
  EXPECT_EQ(first_weight(1), first_weight(1));
  EXPECT_NE(first_weight(1), first_weight(2));
}

TEST(Zoo, UnknownNameSuggestsTheNearest) {
  EXPECT_THAT([] { zoo_network("alexnett"); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("did you mean 'alexnet'")));
  EXPECT_TRUE(is_zoo_name("vgg16"));
  EXPECT_FALSE(is_zoo_name("../zoo/vgg16"));
}

}  // namespace
}  // namespace deltahop
