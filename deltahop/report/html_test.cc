// SPDX-License-Identifier: Apache-2.0
#include "deltahop/report/html.h"

#include <regex>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "deltahop/report/graph_layout.h"
#include "deltahop/report/html_parts.h"
#include "deltahop/report/sample_report_test.h"

namespace deltahop {
namespace {

using Json = nlohmann::json;

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

std::string between(const std::string& text, const std::string& before, const std::string& after) {
  const size_t begin = text.find(before);
  if (begin == std::string::npos) return "";
  const size_t end = text.find(after, begin + before.size());
  return text.substr(begin + before.size(), end - begin - before.size());
}

// The page without its style and scripts: what was made from the report.
std::string body_of(const std::string& page) { return between(page, "<body>", "<script type="); }

Json data_of(const std::string& page) { return Json::parse(between(page, "id=\"data\">", "</script>")); }

const std::string kHostile =
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> \"'&amp; {{data}} \x01\xFF";

Report hostile_report() {
  Report report = straight_sample_report();
  report.title = report.command = report.network.name = report.network.source = report.network.note =
      kHostile;
  report.network.published_source = report.network.citation = report.network.input_shape = kHostile;
  report.provenance.command_line = report.provenance.input = report.provenance.date = kHostile;
  report.provenance.version = report.provenance.compiler = kHostile;
  report.provenance.configurations = {{kHostile, kHostile}};
  report.notes = report.uncertainties = {kHostile};
  report.published = {{kHostile, 1, 2, kHostile, 0.1, kHostile, kHostile, kHostile}};
  report.chip->name = kHostile;
  for (LayerRow& layer : report.layers) {
    layer.name = layer.kind = layer.reason = layer.mapping = kHostile;
    layer.input_shape = layer.output_shape = layer.input_format = layer.weight_format = layer.output_format =
        kHostile;
    if (!layer.energy) continue;
    for (EnergyEntry& entry : layer.energy->core)
      entry.level = entry.data_kind = entry.source = entry.unit = kHostile;
    for (DramEnergy& cost : layer.energy->dram_costs) cost.title = cost.source = kHostile;
    layer.energy->not_modelled = {kHostile};
  }
  for (GraphNode& node : report.graph.nodes) node.name = node.kind = kHostile;
  return report;
}

TEST(HtmlTest, HostileNamesStayTextEverywhere) {
  const std::string tame = to_html(straight_sample_report());
  for (const std::string& page :
       {to_html(hostile_report()),
        to_html(compare({hostile_report(), hostile_report()}, {kHostile, kHostile}))}) {
    EXPECT_EQ(count_of(page, "<script"), count_of(tame, "<script"));
    EXPECT_EQ(count_of(page, "</script"), count_of(tame, "</script"));
    EXPECT_EQ(count_of(page, "<img"), 0u);
    EXPECT_EQ(count_of(page, "\xFF"), count_of(tame, "\xFF"));
    // A quote that closes an attribute would leave a bare onerror behind.
    EXPECT_FALSE(std::regex_search(body_of(page), std::regex("<[a-z]+[^>]*[\"'] *onerror")))
        << "attribute broken open";
    EXPECT_NO_THROW(data_of(page));
  }
}

TEST(HtmlTest, TheNamesArriveUnchangedInTheData) {
  Report report = straight_sample_report();
  report.layers[3].name = "</script><!-- é";
  const Json data = data_of(to_html(report));
  EXPECT_EQ(data.at("charts").at(0).at("labels").at(3), "</script><!-- é");
}

TEST(HtmlTest, EveryElementIsClosed) {
  static const std::set<std::string> kVoid = {"meta", "br", "hr", "img", "rect", "path"};
  for (const std::string& page :
       {to_html(straight_sample_report()), to_html(branchy_sample_report()), to_html(profile_sample_report()),
        to_html(hostile_report()), to_html(Report{})}) {
    const std::string body = body_of(page);
    std::vector<std::string> open;
    static const std::regex kTag("<(/?)([a-zA-Z0-9]+)([^<>]*)>");
    for (std::sregex_iterator tag(body.begin(), body.end(), kTag), end; tag != end; ++tag) {
      const std::string name = (*tag)[2];
      const std::string rest = (*tag)[3];
      if (kVoid.count(name) != 0 || (!rest.empty() && rest.back() == '/')) continue;
      if ((*tag)[1].length() == 0) {
        open.push_back(name);
      } else {
        ASSERT_FALSE(open.empty()) << name;
        ASSERT_EQ(open.back(), name);
        open.pop_back();
      }
    }
    EXPECT_THAT(open, testing::IsEmpty());
  }
}

TEST(HtmlTest, ItLoadsNothingFromAnywhere) {
  const std::string page = to_html(branchy_sample_report());
  EXPECT_FALSE(std::regex_search(body_of(page), std::regex("(src|href) *= *[\"']?(https?:|//)")));
  EXPECT_EQ(count_of(page, "<link"), 0u);
  EXPECT_EQ(count_of(page, "@import"), 0u);
  EXPECT_THAT(page, testing::HasSubstr("default-src 'none'"));
}

TEST(HtmlTest, TheChartLibraryComesWithItsLicence) {
  const std::string page = to_html(profile_sample_report());
  EXPECT_THAT(page, testing::HasSubstr("Chart.js v3"));
  EXPECT_THAT(body_of(page), testing::HasSubstr("Permission is hereby granted, free of charge"));
  EXPECT_THAT(body_of(page), testing::HasSubstr("Chart.js Contributors"));
}

TEST(HtmlTest, EveryChartHasACanvasAndATableWithItsNumbers) {
  for (const Report& report : {straight_sample_report(), branchy_sample_report(), profile_sample_report()}) {
    const std::string page = to_html(report);
    const Json data = data_of(page);
    size_t charts = data.at("charts").size();
    for (const Json& chart : data.at("charts")) {
      EXPECT_EQ(count_of(page, "id=\"chart-" + chart.at("id").get<std::string>() + "\""), 1u)
          << chart.at("id");
      for (const Json& series : chart.at("series"))
        EXPECT_EQ(series.at("values").size(), chart.at("labels").size());
    }
    if (data.contains("roofline")) ++charts;
    EXPECT_EQ(count_of(page, "<canvas"), charts);
    EXPECT_EQ(count_of(page, "<summary>Numbers</summary>"), charts);
  }
}

TEST(HtmlTest, SectionsWithoutDataAreLeftOut) {
  const std::string page = body_of(to_html(profile_sample_report()));
  EXPECT_THAT(page, testing::HasSubstr("id=\"zeros\""));
  EXPECT_THAT(page, testing::HasSubstr("id=\"encodings\""));
  for (const char* absent : {"id=\"time\"", "id=\"energy\"", "id=\"traffic\"", "id=\"bounds\"",
                             "id=\"published\"", "id=\"work\""}) {
    EXPECT_EQ(page.find(absent), std::string::npos) << absent;
  }
}

TEST(HtmlTest, ThePartsOfEnergyChartsAddUpToTheTotal) {
  const Report report = straight_sample_report(4);
  const double total = totals_of(report).energy->total_pJ() / 4;
  int seen = 0;
  for (const Chart& chart : energy_charts(report)) {
    if (chart.kind != Chart::Kind::stacked_bars) continue;
    double sum = 0;
    for (const ChartSeries& series : chart.series) {
      for (const std::optional<double>& value : series.values) sum += value.value_or(0);
    }
    EXPECT_NEAR(sum, total, 1e-9 * total) << chart.id;
    ++seen;
  }
  EXPECT_EQ(seen, 2);
}

TEST(HtmlTest, FillingLooksAtTheTemplateOnly) {
  EXPECT_EQ(filled("a{{x}}b{{y}}c", {{"x", "{{y}}"}, {"y", "2"}}), "a{{y}}b2c");
}

TEST(GraphLayoutTest, NodesNeverCoverEachOtherAndStayInside) {
  for (const Report& report : {straight_sample_report(), branchy_sample_report()}) {
    const LayoutSizes sizes;
    const GraphLayout layout = layout_of(report.graph, sizes);
    ASSERT_EQ(layout.nodes.size(), report.graph.nodes.size());
    for (size_t a = 0; a < layout.nodes.size(); ++a) {
      EXPECT_GE(layout.nodes[a].x, 0);
      EXPECT_GE(layout.nodes[a].y, 0);
      EXPECT_LE(layout.nodes[a].x + sizes.node_width, layout.width);
      EXPECT_LE(layout.nodes[a].y + sizes.node_height, layout.height);
      for (size_t b = a + 1; b < layout.nodes.size(); ++b) {
        const bool apart = std::abs(layout.nodes[a].x - layout.nodes[b].x) >= sizes.node_width ||
                           std::abs(layout.nodes[a].y - layout.nodes[b].y) >= sizes.node_height;
        EXPECT_TRUE(apart) << a << " and " << b;
      }
    }
  }
}

TEST(GraphLayoutTest, EveryEdgeRunsFromItsNodesRightSideToTheOthersLeft) {
  const Report report = branchy_sample_report();
  const LayoutSizes sizes;
  const GraphLayout layout = layout_of(report.graph, sizes);
  ASSERT_EQ(layout.edges.size(), report.graph.edges.size());
  for (size_t i = 0; i < layout.edges.size(); ++i) {
    const Point from = layout.nodes[static_cast<size_t>(report.graph.edges[i].from)];
    const Point to = layout.nodes[static_cast<size_t>(report.graph.edges[i].to)];
    EXPECT_DOUBLE_EQ(layout.edges[i].front().x, from.x + sizes.node_width);
    EXPECT_DOUBLE_EQ(layout.edges[i].front().y, from.y + sizes.node_height / 2);
    EXPECT_DOUBLE_EQ(layout.edges[i].back().x, to.x);
    EXPECT_DOUBLE_EQ(layout.edges[i].back().y, to.y + sizes.node_height / 2);
  }
}

TEST(GraphLayoutTest, AWideJoinOfManyBranchesAndAnEmptyGraphAreFine) {
  NetworkGraph graph;
  for (int i = 0; i < 402; ++i) graph.nodes.push_back({"n", "k", "", -1});
  for (int i = 1; i <= 400; ++i) graph.edges.insert(graph.edges.end(), {{0, i}, {i, 401}});
  graph.edges.push_back({0, 401});
  EXPECT_EQ(layout_of(graph, {}).edges.size(), 801u);
  EXPECT_EQ(layout_of({}, {}).nodes.size(), 0u);
}

}  // namespace
}  // namespace deltahop
