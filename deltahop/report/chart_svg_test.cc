// SPDX-License-Identifier: Apache-2.0
#include "deltahop/report/chart_svg.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace deltahop {
namespace {

using testing::HasSubstr;
using testing::Not;

Chart chart_of(Chart::Kind kind, std::vector<std::optional<double>> values) {
  Chart chart{"id", "Title & more",      "Caption", "y",
              kind, ChartUnit::decibels, {},        {{"series", 0, std::move(values)}}};
  for (size_t i = 0; i < chart.series[0].values.size(); ++i) chart.labels.push_back(std::to_string(i));
  return chart;
}

TEST(ChartSvg, LinesGoThroughTheirPoints) {
  // From 0 to 10 in steps of 2 over 226 pixels, bottom at 288; three slots of 208 from 76 on.
  const std::string svg = charts_svg({chart_of(Chart::Kind::points, {0.0, 5.0, 10.0})});
  EXPECT_THAT(svg, HasSubstr("M180.0 288.0L388.0 175.0L596.0 62.0"));
  EXPECT_THAT(svg, HasSubstr("Title &amp; more"));
}

TEST(ChartSvg, LinesFarFromZeroDoNotStartThere) {
  const std::string svg = charts_svg({chart_of(Chart::Kind::points, {12.0, 13.0})});
  EXPECT_THAT(svg, HasSubstr("M232.0 288.0L544.0 62.0"));
}

TEST(ChartSvg, LabelsThatDoNotFitSideBySideHangAtASlantAndGetRoom) {
  Chart chart = chart_of(Chart::Kind::points, {1.0, 2.0});
  EXPECT_THAT(charts_svg({chart, chart}), Not(HasSubstr("rotate")));
  chart.labels[0] =
      std::string(100, 'x');  // 650 pixels in a slot of 312; at a slant 0.71 of that, rounded up
  const std::string svg = charts_svg({chart, chart});
  EXPECT_THAT(svg, HasSubstr("rotate(-45 232.0 306.0)"));
  EXPECT_THAT(svg, HasSubstr("translate(0 802)"));  // the second one: 340 + 462
}

TEST(ChartSvg, BarsStandOnZero) {
  const std::string svg = charts_svg({chart_of(Chart::Kind::bars, {12.0, 6.0})});
  // From 0 to 15 in steps of 5: a bar of 12 is 226 * 12 / 15 = 180.8 high.
  EXPECT_THAT(svg, HasSubstr("height=\"180.8\""));
}

TEST(ChartSvg, LeavesOutWhatIsNotThere) {
  const double none = -std::numeric_limits<double>::infinity();
  const std::string svg = charts_svg({chart_of(Chart::Kind::points, {0.0, std::nullopt, none, 10.0})});
  EXPECT_THAT(svg, HasSubstr("M154.0 288.0L622.0 62.0"));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  EXPECT_THAT(charts_svg({chart_of(Chart::Kind::bars, {})}), Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace deltahop
