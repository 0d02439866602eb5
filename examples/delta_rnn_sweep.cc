// SPDX-License-Identifier: Apache-2.0
// Throughput and gain of a delta chip against sparsity, from seeded traces of one GRU layer of 256 units with
// 40 inputs, beside the published figures of DeltaRNN [Gao2018]: a table, and a picture where a file is
// named.
//   example_delta_rnn_sweep [sweep.svg]
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/base/error.h"
#include "deltahop/base/files.h"
#include "deltahop/network/synthetic_sequence.h"

using namespace deltahop;

struct Point {
  double sparsity, gops;
};

static Point measured(const Accelerator& chip, double density) {
  auto layer = std::make_shared<IntegerDeltaGruLayer>();
  layer->formats = *chip.recurrent_formats();
  layer->inputs = 40;
  layer->hidden = 256;
  const auto traces = synthetic_sequence({layer}, 1000, density, 1);
  LayerTrace wrapped;
  wrapped.recurrent = &traces.front();
  const Stats stats = chip.simulate(wrapped);
  const auto dense = static_cast<double>(stats.dense_macs());
  return {1 - static_cast<double>(stats.macs_done) / dense,
          2e-9 * dense * chip.architecture().clock.number() / static_cast<double>(stats.cycles().number())};
}

struct Curve {
  std::string name, colour;
  std::vector<Point> points;
};

// Published figures as lines across; the gain over the dense run is read on the right-hand axis.
static std::string picture(const std::vector<Curve>& curves, double dense_gops) {
  constexpr double kLeft = 70, kTop = 30, kWidth = 560, kHeight = 320, kMostGops = 2000;
  const auto x = [&](double sparsity) { return kLeft + kWidth * sparsity; };
  const auto y = [&](double gops) { return kTop + kHeight * (1 - gops / kMostGops); };
  std::string svg =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 440\" font-family=\"sans-serif\" "
      "font-size=\"13\">\n<rect width=\"760\" height=\"440\" fill=\"white\"/>\n";
  const auto text = [&](double at_x, double at_y, std::string_view anchor, std::string_view what) {
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", at_x, at_y, anchor,
                       what);
  };
  const auto line = [&](double x1, double y1, double x2, double y2, std::string_view style) {
    svg += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", x1, y1, x2, y2,
                       style);
  };
  constexpr std::string_view kGrid = "stroke=\"#ddd\"", kAxis = "stroke=\"black\"";
  for (int percent = 0; percent <= 100; percent += 20) {
    line(x(percent / 100.0), kTop, x(percent / 100.0), kTop + kHeight, kGrid);
    text(x(percent / 100.0), kTop + kHeight + 18, "middle", fmt::format("{} %", percent));
  }
  for (int gops = 0; gops <= 2000; gops += 400) {
    line(kLeft, y(gops), kLeft + kWidth, y(gops), kGrid);
    text(kLeft - 8, y(gops) + 4, "end", fmt::format("{}", gops));
  }
  for (int gain = 1; gain * dense_gops <= kMostGops; gain += 2)
    text(kLeft + kWidth + 8, y(gain * dense_gops) + 4, "start", fmt::format("{}x", gain));
  line(kLeft, kTop + kHeight, kLeft + kWidth, kTop + kHeight, kAxis);
  line(kLeft, kTop, kLeft, kTop + kHeight, kAxis);
  const auto published = [&](double gops, std::string_view what) {
    line(kLeft, y(gops), kLeft + kWidth, y(gops), "stroke=\"#b5567f\" stroke-dasharray=\"6 4\"");
    text(kLeft + 6, y(gops) - 5, "start", what);
  };
  published(192, "");
  text(kLeft + 6, y(192) + 17, "start", "192 GOp/s: peak, 768 MACs at 125 MHz");
  published(5.7 * dense_gops, "gain 5.7 over the dense run, published [Gao2018]");
  published(1200, "1.2 TOp/s, published [Gao2018]");
  double legend = kTop + 165;
  for (const Curve& curve : curves) {
    std::string path;
    for (const Point& point : curve.points)
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : " L", x(point.sparsity),
                          y(std::min(point.gops, kMostGops)));
    svg +=
        fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n", path, curve.colour);
    line(kLeft + 16, legend, kLeft + 41, legend,
         fmt::format("stroke=\"{}\" stroke-width=\"2\"", curve.colour));
    text(kLeft + 48, legend + 4, "start", curve.name);
    legend += 19;
  }
  text(kLeft + kWidth / 2, kTop + kHeight + 42, "middle", "sparsity: share of columns that are not sent");
  text(kLeft - 60, kTop - 12, "start", "effective GOp/s (skipped operations count as done)");
  text(kLeft + kWidth + 8, kTop - 12, "start", "gain");
  return svg + "</svg>\n";
}

static void sweep(const char* path) {
  std::vector<Curve> curves;
  double dense = 0;
  for (const auto& [elements, colour] :
       {std::pair(1, "#7d8790"), {8, "#e08a1e"}, {16, "#2a6fb0"}, {64, "#1b9577"}}) {
    const auto chip =
        make_accelerator("delta_rnn", {fmt::format("input_encoder.elements_per_cycle={}", elements)});
    Curve curve{
        fmt::format("encoder looks at {} element{} a cycle", elements, elements == 1 ? "" : "s"), colour, {}};
    for (int percent = 100; percent >= 0; percent -= 2)
      curve.points.push_back(measured(*chip, percent / 100.0));
    if (elements == 16) dense = curve.points.front().gops;
    curves.push_back(std::move(curve));
  }
  std::printf("sparsity  effective GOp/s and gain with 16 elements a cycle\n");
  for (const Point& point : curves[2].points)
    std::printf("%6.1f %%  %8.1f  %6.2f\n", 100 * point.sparsity, point.gops, point.gops / dense);
  if (path != nullptr) write_file(path, picture(curves, dense));
}

int main(int argc, char** argv) {
  try {
    sweep(argc > 1 ? argv[1] : nullptr);
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
