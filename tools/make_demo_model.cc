// SPDX-License-Identifier: Apache-2.0
// Makes the demonstration: draws labelled pictures of shapes, builds a small CNN that NullHop can hold,
// writes both.
//   make_demo_model models/       writes models/demo_cnn.onnx, models/demo_pictures/*.png and labels.csv
// Until training stands, no gradient is involved: the first filters are hand-made edges and lines, the next
// two layers are random, biases are set so that a chosen share of each channel is zero, and only the last
// layer is fitted, by least squares. Prints the accuracy on pictures that the fit has not seen.
#include <png.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numbers>
#include <string>
#include <vector>

#include "deltahop/base/error.h"
#include "deltahop/base/files.h"
#include "deltahop/base/random.h"
#include "deltahop/io/load.h"
#include "deltahop/network/network.h"
#include "deltahop/run/executor.h"

namespace deltahop {
namespace {

constexpr int64_t kSide = 32;
constexpr std::array<const char*, 8> kClasses = {"disc",     "ring",  "square", "frame",
                                                 "triangle", "cross", "star",   "bar"};
constexpr int64_t kClassCount = kClasses.size();

struct Point {
  double x, y;
};

double box_distance(Point p, double half_width, double half_height) {
  return std::max(std::abs(p.x) - half_width, std::abs(p.y) - half_height);
}

// Of an n-pointed polygon star: its radius swings between inner and 1 with the angle.
double star_distance(Point p, int points, double inner) {
  const double sector = 2.0 * std::numbers::pi / points;
  const double angle = std::abs(std::remainder(std::atan2(p.x, -p.y), sector));
  const double radius = std::hypot(p.x, p.y);
  // The edge from the tip (angle 0, radius 1) to the notch (half a sector, radius inner).
  const Point tip{1.0, 0.0};
  const Point notch{inner * std::cos(sector / 2.0), inner * std::sin(sector / 2.0)};
  const Point edge{notch.x - tip.x, notch.y - tip.y};
  const Point at{radius * std::cos(angle) - tip.x, radius * std::sin(angle) - tip.y};
  return (edge.x * at.y - edge.y * at.x) / std::hypot(edge.x, edge.y) * -1.0;
}

// Below zero inside the shape; coordinates where the shape's radius is about 1.
double distance_to(int64_t shape, Point p) {
  switch (shape) {
    case 0:
      return std::hypot(p.x, p.y) - 0.9;
    case 1:
      return std::abs(std::hypot(p.x, p.y) - 0.7) - 0.2;
    case 2:
      return box_distance(p, 0.75, 0.75);
    case 3:
      return std::abs(box_distance(p, 0.65, 0.65)) - 0.17;
    case 4:
      return star_distance(p, 3, 0.5);  // a notch at half the radius makes the edges straight
    case 5:
      return std::min(box_distance(p, 0.95, 0.22), box_distance(p, 0.22, 0.95));
    case 6:
      return star_distance(p, 5, 0.4);
    default:
      return box_distance(p, 1.0, 0.2);
  }
}

// One noisy grey picture of the shape at a random place, size, angle and brightness. [kSide * kSide]
std::vector<uint8_t> draw(int64_t shape, Random& random) {
  constexpr int kSamples = 3;  // a side, against jagged edges
  const double radius = random.uniform(7.0, 12.0);
  const double angle = random.uniform(-0.35, 0.35);
  const Point centre{random.uniform(12.5, 19.5), random.uniform(12.5, 19.5)};
  const double bright = random.uniform(120.0, 245.0);
  const double dark = random.uniform(0.0, 30.0);
  std::vector<uint8_t> pixels;
  for (int64_t row = 0; row < kSide; ++row) {
    for (int64_t column = 0; column < kSide; ++column) {
      int inside = 0;
      for (int sample = 0; sample < kSamples * kSamples; ++sample) {
        const double x =
            (static_cast<double>(column) + (sample % kSamples + 0.5) / kSamples - centre.x) / radius;
        const double y =
            (static_cast<double>(row) + (sample / kSamples + 0.5) / kSamples - centre.y) / radius;
        const Point turned{x * std::cos(angle) - y * std::sin(angle),
                           x * std::sin(angle) + y * std::cos(angle)};
        if (distance_to(shape, turned) < 0.0) ++inside;
      }
      const double share = static_cast<double>(inside) / (kSamples * kSamples);
      const double value = dark + (bright - dark) * share + 12.0 * random.normal();
      pixels.push_back(static_cast<uint8_t>(std::clamp(value, 0.0, 255.0)));
    }
  }
  return pixels;
}

struct LabelledPictures {
  Tensor values = Tensor(DataType::float32, {0});  // [N, 1, kSide, kSide], 0..1
  std::vector<int64_t> labels;
};

LabelledPictures draw_many(int64_t count, uint64_t seed) {
  Random random(seed);
  LabelledPictures pictures{Tensor(DataType::float32, {count, 1, kSide, kSide}), {}};
  auto value = pictures.values.values<float>().begin();
  for (int64_t index = 0; index < count; ++index) {
    pictures.labels.push_back(index % kClassCount);
    for (const uint8_t pixel : draw(index % kClassCount, random))
      *value++ = static_cast<float>(pixel) / 255.0F;
  }
  return pictures;
}

struct Convolution {
  Tensor weights, bias;  // [K, C, 3, 3], [K]
};

// Sixteen 3x3 filters: edges in eight directions, lines in four, a blob, its surround, and two averages of
// opposite sign.
Tensor hand_made_filters() {
  Tensor weights(DataType::float32, {16, 1, 3, 3});
  const auto w = weights.values<float>();
  for (int filter = 0; filter < 16; ++filter) {
    const double angle = filter < 8 ? filter * std::numbers::pi / 4.0 : filter * std::numbers::pi / 4.0 / 2.0;
    for (int tap = 0; tap < 9; ++tap) {
      const double x = tap % 3 - 1, y = tap / 3 - 1;
      const double along = x * std::cos(angle) + y * std::sin(angle);
      double value = along / 4.0;                                           // edge
      if (filter >= 8) value = (0.6 - std::min(along * along, 1.5)) / 3.0;  // line
      if (filter == 12) value = tap == 4 ? 1.0 : -0.125;                    // blob
      if (filter == 13) value = tap == 4 ? -1.0 : 0.125;                    // surround
      if (filter == 14) value = 1.0 / 9.0;                                  // bright
      if (filter == 15) value = -1.0 / 9.0;                                 // dark
      w[static_cast<size_t>(filter * 9 + tap)] = static_cast<float>(value);
    }
  }
  return weights;
}

Tensor random_filters(int64_t out_channels, int64_t in_channels, Random& random) {
  Tensor weights(DataType::float32, {out_channels, in_channels, 3, 3});
  const double deviation = std::sqrt(2.0 / static_cast<double>(in_channels * 9));
  for (float& value : weights.values<float>()) value = static_cast<float>(deviation * random.normal());
  return weights;
}

// The network up to its last convolution; `finish` says whether the ReLU and pooling behind that one are
// there.
ValueId add_convolutions(NetworkBuilder& builder, ValueId value, const std::vector<Convolution>& convolutions,
                         bool finish) {
  for (size_t index = 0; index < convolutions.size(); ++index) {
    const std::string number = std::to_string(index + 1);
    const ValueId weights = builder.constant("conv" + number + ".weight", convolutions[index].weights);
    const ValueId bias = builder.constant("conv" + number + ".bias", convolutions[index].bias);
    value = builder.node("Conv", "conv" + number, {value, weights, bias},
                         {{"pads", std::vector<int64_t>{1, 1, 1, 1}}})[0];
    if (index + 1 == convolutions.size() && !finish) break;
    value = builder.node("Relu", "relu" + number, {value})[0];
    const Attributes pool = {{"kernel_shape", std::vector<int64_t>{2, 2}},
                             {"strides", std::vector<int64_t>{2, 2}}};
    value = builder.node("MaxPool", "pool" + number, {value}, pool)[0];
  }
  return value;
}

Tensor run_convolutions(const std::vector<Convolution>& convolutions, const Tensor& pictures, bool finish) {
  NetworkBuilder builder("features");
  const ValueId input = builder.input("picture", DataType::float32, pictures.shape());
  builder.output(add_convolutions(builder, input, convolutions, finish));
  return execute(builder.build(), {pictures}, {.threads = 2}).at(0);
}

// Sets the last convolution's bias so that this share of every channel's results is below zero.
void set_bias(std::vector<Convolution>& convolutions, const Tensor& pictures, double zero_share) {
  const Tensor sums = run_convolutions(convolutions, pictures, false);  // [N, K, P, Q]
  const int64_t channels = sums.dim(1), plane = sums.dim(2) * sums.dim(3);
  for (int64_t channel = 0; channel < channels; ++channel) {
    std::vector<float> seen;
    for (int64_t picture = 0; picture < sums.dim(0); ++picture) {
      const auto from = sums.values<float>().begin() + (picture * channels + channel) * plane;
      seen.insert(seen.end(), from, from + plane);
    }
    const auto quantile =
        seen.begin() + static_cast<int64_t>(zero_share * static_cast<double>(seen.size() - 1));
    std::nth_element(seen.begin(), quantile, seen.end());
    convolutions.back().bias.values<float>()[static_cast<size_t>(channel)] = -*quantile;
  }
}

std::vector<Convolution> make_convolutions() {
  const Tensor pictures = draw_many(160, 11).values;
  Random random(5);
  std::vector<Convolution> convolutions;
  for (const int64_t out_channels : {16, 32, 64}) {
    Tensor weights = convolutions.empty()
                         ? hand_made_filters()
                         : random_filters(out_channels, convolutions.back().weights.dim(0), random);
    convolutions.push_back({std::move(weights), Tensor(DataType::float32, {out_channels})});
    set_bias(convolutions, pictures, 0.85);
  }
  return convolutions;
}

// Solves (A + ridge * I) X = B for symmetric positive definite A [n, n] and B [n, m], in place, by Cholesky's
// factors.
void solve(std::vector<double>& a, std::vector<double>& b, size_t n, size_t m, double ridge) {
  for (size_t i = 0; i < n; ++i) a[i * n + i] += ridge;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      double sum = a[i * n + j];
      for (size_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
      a[i * n + j] = i == j ? std::sqrt(sum) : sum / a[j * n + j];
    }
    for (size_t column = 0; column < m; ++column) {
      for (size_t k = 0; k < i; ++k) b[i * m + column] -= a[i * n + k] * b[k * m + column];
      b[i * m + column] /= a[i * n + i];
    }
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t column = 0; column < m; ++column) {
      for (size_t k = i + 1; k < n; ++k) b[i * m + column] -= a[k * n + i] * b[k * m + column];
      b[i * m + column] /= a[i * n + i];
    }
  }
}

struct Classifier {
  Tensor weights, bias;  // [classes, features], [classes]
};

// The picture's features, and a one behind them for the bias. [N, features + 1]
std::vector<float> features_of(const std::vector<Convolution>& convolutions, const Tensor& pictures,
                               size_t& width) {
  const Tensor maps = run_convolutions(convolutions, pictures, true);
  const size_t features = static_cast<size_t>(maps.size() / maps.dim(0));
  width = features + 1;
  std::vector<float> rows;
  for (int64_t picture = 0; picture < maps.dim(0); ++picture) {
    const auto from = maps.values<float>().begin() + picture * static_cast<int64_t>(features);
    rows.insert(rows.end(), from, from + static_cast<int64_t>(features));
    rows.push_back(1.0F);
  }
  return rows;
}

// Least squares towards 1 for the picture's class and 0 for the others.
Classifier fit(const std::vector<Convolution>& convolutions, int64_t batches) {
  constexpr int64_t kBatch = 200;
  constexpr size_t classes = kClassCount;
  size_t width = 0;
  std::vector<double> normal, target;
  for (int64_t batch = 0; batch < batches; ++batch) {
    const LabelledPictures pictures = draw_many(kBatch, 1000 + static_cast<uint64_t>(batch));
    const std::vector<float> rows = features_of(convolutions, pictures.values, width);
    normal.resize(width * width);
    target.resize(width * classes);
    for (size_t picture = 0; picture < pictures.labels.size(); ++picture) {
      const float* row = &rows[picture * width];
      for (size_t i = 0; i < width; ++i) {
        if (row[i] == 0.0F) continue;
        const double value = row[i];
        for (size_t j = 0; j < width; ++j) normal[i * width + j] += value * static_cast<double>(row[j]);
        target[i * classes + static_cast<size_t>(pictures.labels[picture])] += value;
      }
    }
  }
  const double mean_power = normal[(width - 1) * width + width - 1];
  solve(normal, target, width, classes, 3e-4 * mean_power);
  Classifier classifier{Tensor(DataType::float32, {kClassCount, static_cast<int64_t>(width - 1)}),
                        Tensor(DataType::float32, {kClassCount})};
  for (size_t label = 0; label < classes; ++label) {
    for (size_t feature = 0; feature + 1 < width; ++feature) {
      classifier.weights.values<float>()[label * (width - 1) + feature] =
          static_cast<float>(target[feature * classes + label]);
    }
    classifier.bias.values<float>()[label] = static_cast<float>(target[(width - 1) * classes + label]);
  }
  return classifier;
}

Network make_network(const std::vector<Convolution>& convolutions, const Classifier& classifier) {
  NetworkBuilder builder("demo_cnn");
  ValueId value = builder.input("picture", DataType::float32, {1, 1, kSide, kSide});
  value = add_convolutions(builder, value, convolutions, true);
  value = builder.node("Flatten", "flatten", {value})[0];
  const ValueId weights = builder.constant("classify.weight", classifier.weights);
  const ValueId bias = builder.constant("classify.bias", classifier.bias);
  builder.output(builder.node("Gemm", "classify", {value, weights, bias}, {{"transB", int64_t{1}}})[0]);
  std::string classes;
  for (const char* name : kClasses) classes += (classes.empty() ? "" : ",") + std::string(name);
  builder.metadata("classes", classes);
  builder.metadata("preprocessing", "channels: gray\nscale: 1/255\n");
  builder.metadata(
      "origin",
      "deltahop tools/make_demo_model.cc: hand-made and random filters, last layer by least squares");
  return builder.build();
}

double accuracy_of(const Network& network, int64_t count, uint64_t seed) {
  const LabelledPictures pictures = draw_many(count, seed);
  int64_t right = 0;
  const int64_t size = kSide * kSide;
  for (int64_t index = 0; index < count; ++index) {
    Tensor one(DataType::float32, {1, 1, kSide, kSide});
    std::copy_n(pictures.values.values<float>().begin() + index * size, size, one.values<float>().begin());
    const Tensor scores = execute(network, {one}, {}).at(0);
    const auto values = scores.values<float>();
    const auto best = std::max_element(values.begin(), values.end()) - values.begin();
    if (best == pictures.labels[static_cast<size_t>(index)]) ++right;
  }
  return static_cast<double>(right) / static_cast<double>(count);
}

void write_png(const std::filesystem::path& path, const std::vector<uint8_t>& pixels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = image.height = static_cast<png_uint_32>(kSide);
  image.format = PNG_FORMAT_GRAY;
  if (png_image_write_to_file(&image, path.c_str(), 0, pixels.data(), 0, nullptr) == 0)
    throw Error(path.string(), image.message);
}

void write_pictures(const std::filesystem::path& folder, int64_t count) {
  std::filesystem::create_directories(folder);
  Random random(77);
  std::string labels = "file,class_index\n";
  for (int64_t index = 0; index < count; ++index) {
    const int64_t label = index % kClassCount;
    const std::string name = (index < 9 ? "0" : "") + std::to_string(index + 1) + "_" +
                             kClasses[static_cast<size_t>(label)] + ".png";
    write_png(folder / name, draw(label, random));
    labels += name + "," + std::to_string(label) + "\n";
  }
  write_file(folder / "labels.csv", labels);
}

void make_demo(const std::filesystem::path& folder) {
  const std::vector<Convolution> convolutions = make_convolutions();
  const Network network = make_network(convolutions, fit(convolutions, 60));
  save_onnx(network, folder / "demo_cnn.onnx");
  write_pictures(folder / "demo_pictures", 16);
  std::printf("accuracy on 2000 pictures that the fit has not seen: %.1f %%\n",
              100.0 * accuracy_of(network, 2000, 99));
}

}  // namespace
}  // namespace deltahop

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: make_demo_model FOLDER\n", stderr);
    return 2;
  }
  try {
    deltahop::make_demo(argv[1]);
  } catch (const deltahop::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
