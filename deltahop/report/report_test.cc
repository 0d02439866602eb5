// SPDX-License-Identifier: Apache-2.0
#include "deltahop/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "deltahop/base/error.h"
#include "deltahop/report/comparison.h"
#include "deltahop/report/csv.h"
#include "deltahop/report/json.h"
#include "deltahop/report/metrics.h"
#include "deltahop/report/sample_report_test.h"

namespace deltahop {
namespace {

using Json = nlohmann::ordered_json;

TEST(ReportTest, TotalsAreTheSumsOfLayers) {
  const Report report = straight_sample_report();
  const Totals totals = totals_of(report);
  int64_t macs = 0, done = 0, cycles = 0, on_host = 0;
  double energy = 0;
  for (const LayerRow& layer : report.layers) {
    macs += layer.macs;
    if (layer.placement == "host") on_host += layer.macs;
    if (!layer.stats) continue;
    done += layer.stats->macs_done;
    cycles += layer.stats->cycles().number();
    energy += layer.energy->total_pJ();
  }
  EXPECT_EQ(totals.macs, macs);
  EXPECT_EQ(totals.macs_on_host, on_host);
  EXPECT_EQ(totals.macs_on_chip + totals.macs_on_extension + totals.macs_on_host, macs);
  EXPECT_EQ(totals.stats->macs_done, done);
  EXPECT_EQ(totals.stats->cycles().number(), cycles);
  EXPECT_NEAR(totals.energy->total_pJ(), energy, 1e-9 * energy);
  EXPECT_NEAR(totals.latency->number(), static_cast<double>(cycles) / 4 / 500e6, 1e-12);
}

TEST(ReportTest, EfficiencyIsThroughputOverPeak) {
  const Totals totals = totals_of(straight_sample_report());
  EXPECT_NEAR(*totals.effective_ops_per_second / (2 * 128 * 500e6), *totals.efficiency_fraction, 1e-12);
  EXPECT_LT(*totals.utilisation_fraction, 1.0);
}

TEST(ReportTest, WhatNoLayerHasIsAbsentFromTheTotals) {
  const Totals totals = totals_of(profile_sample_report());
  EXPECT_FALSE(totals.stats);
  EXPECT_FALSE(totals.energy);
  EXPECT_FALSE(totals.latency);
  EXPECT_FALSE(totals.mismatches);
  EXPECT_TRUE(totals.nonzero_macs);
}

TEST(ReportTest, ASumOverSomeLayersIsNoTotal) {
  Report report = profile_sample_report();
  report.layers.back().nonzero_macs.reset();
  EXPECT_FALSE(totals_of(report).nonzero_macs);
  EXPECT_TRUE(totals_of(report).nonzero_weights);
}

TEST(ReportTest, StatisticsFollowTheirDefinitions) {
  const Statistics result = statistics_of({2, 4, 4, 4, 5, 5, 7, 9});
  EXPECT_DOUBLE_EQ(result.mean, 5.0);
  EXPECT_DOUBLE_EQ(result.spread, 2.0);
  EXPECT_DOUBLE_EQ(result.lowest, 2.0);
  EXPECT_DOUBLE_EQ(result.highest, 9.0);
}

TEST(ReportTest, AVerdictKeepsToItsTolerance) {
  EXPECT_EQ(verdict_of(103, 100, 0.03), "agrees");
  EXPECT_EQ(verdict_of(104, 100, 0.03), "differs");
  EXPECT_EQ(verdict_of(-97, -100, 0.03), "agrees");
  EXPECT_EQ(verdict_of(7, 7, 0), "agrees");
}

TEST(ReportJsonTest, AReportReadBackIsTheSameReport) {
  for (const Report& report : {straight_sample_report(), branchy_sample_report(), profile_sample_report()}) {
    const std::string text = to_json(report);
    EXPECT_EQ(to_json(report_from_json(text, "report.json")), text);
  }
}

TEST(ReportJsonTest, ItHasTheDocumentedKeysAndMeansPerInput) {
  const Report report = straight_sample_report(4);
  const Json json = Json::parse(to_json(report));
  EXPECT_EQ(json.at("schema"), "deltahop-report/1");
  for (const char* key :
       {"macs", "nonzero_macs", "weights", "latency_cycles", "energy_pJ", "dram_read_bits", "mismatches"}) {
    EXPECT_TRUE(json.at("totals").at(key).is_number()) << key;
    EXPECT_TRUE(json.at("layers").at(1).at(key).is_number()) << key;
    EXPECT_FALSE(json.at("layers").back().at("energy_pJ").is_number()) << "the host's energy is not known";
  }
  const double cycles = static_cast<double>(report.layers[1].stats->cycles().number());
  EXPECT_DOUBLE_EQ(json.at("layers").at(1).at("latency_cycles").get<double>(), cycles / 4);
  double sum = 0;
  for (const Json& layer : json.at("layers")) {
    if (layer.at("latency_cycles").is_number()) sum += layer.at("latency_cycles").get<double>();
  }
  EXPECT_NEAR(json.at("totals").at("latency_cycles").get<double>(), sum, 1e-6 * sum);
}

TEST(ReportJsonTest, WhatWasNotComputedIsNull) {
  const Json json = Json::parse(to_json(profile_sample_report()));
  EXPECT_TRUE(json.at("totals").at("latency_cycles").is_null());
  EXPECT_TRUE(json.at("layers").at(0).at("energy_pJ").is_null());
  EXPECT_TRUE(json.at("chip").is_null());
}

TEST(ReportJsonTest, NumbersThatJsonCannotSayBecomeNull) {
  Report report = profile_sample_report();
  report.layers[0].input_density->mean = std::numeric_limits<double>::infinity();
  const Json json = Json::parse(to_json(report));
  EXPECT_TRUE(json.at("layers").at(0).at("input_density").at("mean").is_null());
}

TEST(ReportJsonTest, BytesThatAreNoTextDoNotBreakTheFile) {
  Report report = profile_sample_report();
  report.layers[0].name = "caf\xE9 \xFF\x01";
  EXPECT_NO_THROW(report_from_json(to_json(report), "report.json"));
}

// Each edit breaks the file in one place; the error must name that place.
TEST(ReportJsonTest, ABrokenFileIsRefusedWithItsPlace) {
  const Json good = Json::parse(to_json(straight_sample_report()));
  const auto refuse = [&](const std::string& pointer, const Json& value, const std::string& expected) {
    Json bad = good;
    bad.at(Json::json_pointer(pointer)) = value;
    try {
      report_from_json(bad.dump(), "r.json");
      ADD_FAILURE() << pointer << " was accepted";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr(expected));
    }
  };
  refuse("/schema", "deltahop-report/99", "deltahop-report/1");
  refuse("/layers/2/macs", "many", "r.json.layers[2].macs");
  refuse("/layers/2/macs", -5, "out of range");
  refuse("/layers/2/macs", 1e30, "whole number");
  refuse("/layers/3/sums/stats/dram_weight/read_bits", -1, "out of range");
  refuse("/layers/3/sums/stats/macs_done", std::numeric_limits<int64_t>::max(), "out of range");
  refuse("/layers", 3, "must be a list");
  refuse("/graph/edges/0/to", 1000, "leads nowhere");
  refuse("/graph/nodes/1/layer", 1000, "layer 1000");
  EXPECT_THROW(report_from_json("{", "r.json"), Error);
  EXPECT_THROW(report_from_json("[]", "r.json"), Error);
  EXPECT_THROW(report_from_json("{\"schema\":\"deltahop-report/1\"}", "r.json"), Error);
}

std::vector<std::string> split(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t end = text.find(separator); end != std::string::npos; end = text.find(separator, begin)) {
    parts.push_back(text.substr(begin, end - begin));
    begin = end + separator.size();
  }
  parts.push_back(text.substr(begin));
  return parts;
}

TEST(ReportCsvTest, EveryRowHasOneFieldAColumn) {
  const Report report = straight_sample_report();
  const std::vector<std::string> lines = split(to_csv(report), "\r\n");
  ASSERT_EQ(lines.size(), report.layers.size() + 2);  // header, layers, the end after the last line break
  const std::vector<std::string> headers = split(lines[0], ",");
  EXPECT_EQ(headers.size(), layer_columns().size());
  EXPECT_THAT(headers,
              testing::IsSupersetOf({"name", "macs", "latency_cycles", "energy_pJ", "dram_read_bits"}));
  Report plain = report;
  for (LayerRow& layer : plain.layers) layer.kind = layer.mapping = layer.reason = "";
  for (const std::string& line : split(to_csv(plain), "\r\n")) {
    if (!line.empty()) {
      EXPECT_EQ(split(line, ",").size(), headers.size()) << line;
    }
  }
}

TEST(ReportCsvTest, SeparatorsQuotesAndFormulasInNamesAreHarmless) {
  Report report = profile_sample_report();
  report.layers.resize(2);
  report.layers[0].name = "a,\"b\"\nc";
  report.layers[1].name = "=cmd|' /C calc'!A0";
  const std::string text = to_csv(report);
  EXPECT_THAT(text, testing::HasSubstr("\r\n\"a,\"\"b\"\"\nc\","));
  EXPECT_THAT(text, testing::HasSubstr("\r\n\"'=cmd|' /C calc'!A0\","));
}

TEST(ComparisonTest, MetricsAreFoundByKeyAndByShortName) {
  const Report report = straight_sample_report();
  EXPECT_EQ(metric(report, "latency"), metric(report, "latency_cycles"));
  EXPECT_EQ(*metric(report, "macs"), static_cast<double>(totals_of(report).macs));
  EXPECT_FALSE(metric(profile_sample_report(), "energy"));
  EXPECT_THROW(metric(report, "latencyy"), Error);
}

TEST(ComparisonTest, ReportsStandSideBySideAndMetricsThatNobodyHasAreLeftOut) {
  const Comparison comparison = compare({straight_sample_report(), profile_sample_report()}, {"a", "b"});
  for (const ComparisonRow& row : comparison.rows) {
    ASSERT_EQ(row.values.size(), 2u);
    EXPECT_TRUE(row.values[0] || row.values[1]) << row.metric;
    if (row.metric == "latency_cycles") {
      EXPECT_TRUE(row.values[0]);
      EXPECT_FALSE(row.values[1]);
    }
  }
  EXPECT_EQ(Json::parse(to_json(comparison)).at("reports").size(), 2u);
  EXPECT_EQ(split(to_csv(comparison), "\r\n").size(), comparison.rows.size() + 2);
}

}  // namespace
}  // namespace deltahop
