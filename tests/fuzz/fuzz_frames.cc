// SPDX-License-Identifier: Apache-2.0
// Any bytes as frames of a sensor, in CSV and as raw floats. What is read must be numbers, must be the same
// when it is written and read again, and a session takes it, however large the numbers are.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/io/frames.h"
#include "deltahop/run/session.h"

namespace {

using namespace deltahop;

Network small_network() {
  NetworkBuilder builder("small");
  const ValueId x = builder.input("x", DataType::float32, {kSymbolic, 1, 2});
  const auto weights = [&](const std::string& name, const Shape& shape) {
    Tensor tensor(DataType::float32, shape);
    float value = -0.5F;
    for (float& weight : tensor.values<float>()) weight = value = -0.9F * value;
    return builder.constant(name, std::move(tensor));
  };
  builder.output(builder.node("GRU", "gru", {x, weights("w", {1, 9, 2}), weights("r", {1, 9, 3})},
                              {{"hidden_size", int64_t{3}}})[0]);
  return builder.build();
}

void use(const std::vector<float>& values) {
  static Session session(small_network());
  session.reset();
  bool is_bounded = true;
  for (size_t at = 0; at + 2 <= std::min(values.size(), size_t{64}); at += 2) {
    const auto frame = std::span(values).subspan(at, 2);
    session.step(frame);
    // Gates bound every state by 1, but for rounding, where the sums of changes are within what floats hold.
    for (const float value : frame) is_bounded = is_bounded && std::abs(value) < 1e36F;
    for (const float state : session.output()) {
      if (is_bounded && !(std::abs(state) < 1.001F)) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const std::vector<float> values = parse_csv_frames(bytes, "fuzz.csv");
    if (!values.empty() && !holds_csv_frames(bytes, "fuzz.csv")) std::abort();
    std::string column;
    for (const float value : values) column += fmt::format("{}\n", value);
    if (!values.empty() && parse_csv_frames(column, "again.csv") != values) std::abort();
    use(values);
  } catch (const Error&) {
  }
  try {
    const std::vector<float> values = parse_raw_frames(bytes, "fuzz.f32");
    if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); }))
      std::abort();
    use(values);
  } catch (const Error&) {
  }
  return 0;
}
