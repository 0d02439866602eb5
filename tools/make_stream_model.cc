// SPDX-License-Identifier: Apache-2.0
// Makes the small recurrent network that the guide streams: draws strokes of a pen that follows one of four
// figures and rests now and then, and builds a GRU of two layers whose last layer tells the figures apart.
//   make_stream_model models/     writes models/strokes.onnx and models/strokes/{strokes.npy,labels.csv}
// Until training stands, no gradient is involved: the recurrent weights are random, the update gates are
// biased so that units remember for different times, and only the last layer is fitted, by least squares.
// Prints the accuracy on strokes that the fit has not seen.
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
#include "deltahop/io/npz.h"
#include "deltahop/network/network.h"
#include "deltahop/run/executor.h"

namespace deltahop {
namespace {

constexpr int64_t kSteps = 96, kFeatures = 4, kHidden = 48, kClasses = 4;
constexpr std::array<const char*, kClasses> kNames = {"circle", "eight", "line", "zigzag"};

struct Point {
  double x, y;
};

// Where the pen is after this part of a round, in [0, 1).
Point figure(int64_t label, double part) {
  const double angle = 2.0 * std::numbers::pi * part;
  const double swing = std::abs(2.0 * part - 1.0) * 2.0 - 1.0;  // -1..1 and back, once a round
  switch (label) {
    case 0:
      return {std::cos(angle), std::sin(angle)};
    case 1:
      return {std::sin(angle), std::sin(2.0 * angle) / 1.3};
    case 2:
      return {swing, 0.5 * swing};
    default:
      return {swing, std::abs(std::remainder(6.0 * part, 2.0)) * 2.0 - 1.0};
  }
}

// [kSteps, kFeatures]: place and movement of the pen; a rest leaves all of them where they are.
std::vector<float> draw(int64_t label, Random& random) {
  const double size = random.uniform(0.5, 1.0), speed = random.uniform(0.9, 1.4) / 32.0;
  const double turn = random.uniform(-0.3, 0.3);
  double part = random.uniform();
  int64_t rest = 0;
  std::vector<float> frames;
  Point before{0, 0};
  for (int64_t t = 0; t < kSteps; ++t) {
    if (rest == 0 && random.chance(0.05)) rest = random.integer(3, 10);
    if (rest > 0 && t > 0) {
      --rest;
      frames.insert(frames.end(), frames.end() - kFeatures, frames.end());
      continue;
    }
    part = std::fmod(part + speed * random.uniform(0.8, 1.2), 1.0);
    const Point ideal = figure(label, part);
    const Point now{size * (ideal.x * std::cos(turn) - ideal.y * std::sin(turn)) + 0.01 * random.normal(),
                    size * (ideal.x * std::sin(turn) + ideal.y * std::cos(turn)) + 0.01 * random.normal()};
    if (t == 0) before = now;
    for (const double value : {now.x, now.y, 5.0 * (now.x - before.x), 5.0 * (now.y - before.y)})
      frames.push_back(static_cast<float>(value));
    before = now;
  }
  return frames;
}

Tensor random_matrix(Shape shape, double spread, Random& random) {
  Tensor tensor(DataType::float32, std::move(shape));
  for (float& value : tensor.values<float>()) value = static_cast<float>(spread * random.normal());
  return tensor;
}

ValueId add_gru(NetworkBuilder& builder, const std::string& name, ValueId x, int64_t inputs, Random& random) {
  const ValueId w = builder.constant(
      name + ".w",
      random_matrix({1, 3 * kHidden, inputs}, 1.2 / std::sqrt(static_cast<double>(inputs)), random));
  const ValueId r = builder.constant(
      name + ".r",
      random_matrix({1, 3 * kHidden, kHidden}, 1.0 / std::sqrt(static_cast<double>(kHidden)), random));
  Tensor bias(DataType::float32, {1, 6 * kHidden});
  for (int64_t unit = 0; unit < kHidden; ++unit)  // the update gate: from 1 to 30 steps of memory
    bias.values<float>()[static_cast<size_t>(unit)] = static_cast<float>(random.uniform(0.0, 3.4));
  const ValueId b = builder.constant(name + ".b", std::move(bias));
  const ValueId y = builder.node("GRU", name, {x, w, r, b},
                                 {{"hidden_size", kHidden}, {"linear_before_reset", int64_t{1}}})[0];
  const ValueId axis = builder.constant(name + ".axis", Tensor::of<int64_t>({1}, {1}));
  return builder.node("Squeeze", name + ".squeeze", {y, axis})[0];
}

// Without a last layer: the second layer's output, [T, 1, H].
Network network_of(const Tensor* weights, const Tensor* bias) {
  Random random(21);
  NetworkBuilder builder("strokes");
  ValueId value = builder.input("pen", DataType::float32, {kSymbolic, 1, kFeatures}, {"time", "", ""});
  value = add_gru(builder, "gru1", value, kFeatures, random);
  value = add_gru(builder, "gru2", value, kHidden, random);
  if (weights != nullptr) {
    value = builder.node("MatMul", "figures", {value, builder.constant("figures.w", *weights)})[0];
    value = builder.node("Add", "figures.add", {value, builder.constant("figures.b", *bias)})[0];
    std::string classes;
    for (const char* name : kNames) classes += (classes.empty() ? "" : ",") + std::string(name);
    builder.metadata("classes", classes);
    builder.metadata(
        "origin",
        "deltahop tools/make_stream_model.cc: random recurrent layers, last layer by least squares");
  }
  builder.output(value);
  return builder.build();
}

struct Strokes {
  std::vector<std::vector<float>> frames;
  std::vector<int64_t> labels;
};

Strokes draw_many(int64_t count, uint64_t seed) {
  Random random(seed);
  Strokes strokes;
  for (int64_t i = 0; i < count; ++i) {
    strokes.labels.push_back(i % kClasses);
    strokes.frames.push_back(draw(i % kClasses, random));
  }
  return strokes;
}

Tensor outputs(const Network& bound, const std::vector<float>& frames) {
  return execute(bound, {Tensor::of<float>({kSteps, 1, kFeatures}, frames)}, {}).at(0);
}

// Solves the normal equations (A + ridge) X = B in place by Gauss and Jordan; A [n, n], B [n, m].
void solve(std::vector<double>& a, std::vector<double>& b, size_t n, size_t m, double ridge) {
  for (size_t i = 0; i < n; ++i) a[i * n + i] += ridge;
  for (size_t i = 0; i < n; ++i) {
    const double pivot = 1.0 / a[i * n + i];
    for (size_t j = 0; j < n; ++j) a[i * n + j] *= pivot;
    for (size_t j = 0; j < m; ++j) b[i * m + j] *= pivot;
    for (size_t row = 0; row < n; ++row) {
      if (row == i) continue;
      const double factor = a[row * n + i];
      for (size_t j = 0; j < n; ++j) a[row * n + j] -= factor * a[i * n + j];
      for (size_t j = 0; j < m; ++j) b[row * m + j] -= factor * b[i * m + j];
    }
  }
}

// Least squares towards 1 for the stroke's figure and 0 for the others, at every step of its second half.
void fit(Tensor& weights, Tensor& bias) {
  const Network features = network_of(nullptr, nullptr).bound({{kSteps, 1, kFeatures}});
  const Strokes strokes = draw_many(2000, 3);
  constexpr size_t n = kHidden + 1, m = kClasses;
  std::vector<double> normal(n * n), target(n * m);
  for (size_t i = 0; i < strokes.frames.size(); ++i) {
    const Tensor hidden = outputs(features, strokes.frames[i]);
    for (int64_t t = kSteps / 2; t < kSteps; ++t) {
      std::array<double, n> row{};
      for (size_t k = 0; k + 1 < n; ++k)
        row[k] = static_cast<double>(hidden.values<float>()[static_cast<size_t>(t * kHidden) + k]);
      row[n - 1] = 1;
      for (size_t k = 0; k < n; ++k) {
        for (size_t j = 0; j < n; ++j) normal[k * n + j] += row[k] * row[j];
        target[k * m + static_cast<size_t>(strokes.labels[i])] += row[k];
      }
    }
  }
  solve(normal, target, n, m, 1e-4 * normal[n * n - 1]);
  for (size_t k = 0; k + 1 < n; ++k) {
    for (size_t j = 0; j < m; ++j) weights.values<float>()[k * m + j] = static_cast<float>(target[k * m + j]);
  }
  for (size_t j = 0; j < m; ++j) bias.values<float>()[j] = static_cast<float>(target[(n - 1) * m + j]);
}

double accuracy(const Network& network, int64_t count, uint64_t seed) {
  const Network bound = network.bound({{kSteps, 1, kFeatures}});
  const Strokes strokes = draw_many(count, seed);
  int64_t right = 0;
  for (size_t i = 0; i < strokes.frames.size(); ++i) {
    const Tensor scores = outputs(bound, strokes.frames[i]);
    const auto last = scores.values<float>().last(kClasses);
    right += std::max_element(last.begin(), last.end()) - last.begin() == strokes.labels[i] ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(count);
}

void write_strokes(const std::filesystem::path& folder, int64_t count) {
  const Strokes strokes = draw_many(count, 77);
  std::vector<float> all;
  std::string labels = "label\n";
  for (size_t i = 0; i < strokes.frames.size(); ++i) {
    all.insert(all.end(), strokes.frames[i].begin(), strokes.frames[i].end());
    labels += std::to_string(strokes.labels[i]) + "\n";
  }
  std::filesystem::create_directories(folder);
  write_npy(Tensor::of<float>({count, kSteps, kFeatures}, all), folder / "strokes.npy");
  write_file(folder / "labels.csv", labels);
}

void make(const std::filesystem::path& folder) {
  Tensor weights(DataType::float32, {kHidden, kClasses}), bias(DataType::float32, {kClasses});
  fit(weights, bias);
  const Network network = network_of(&weights, &bias);
  save_onnx(network, folder / "strokes.onnx");
  write_strokes(folder / "strokes", 48);
  std::printf("accuracy on 2000 strokes that the fit has not seen: %.1f %%\n",
              100.0 * accuracy(network, 2000, 99));
}

}  // namespace
}  // namespace deltahop

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: make_stream_model FOLDER\n", stderr);
    return 2;
  }
  try {
    deltahop::make(argv[1]);
  } catch (const deltahop::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
