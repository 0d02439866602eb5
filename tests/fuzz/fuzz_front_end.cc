// SPDX-License-Identifier: Apache-2.0
// The first line of the input as a front end in a line of text, all of it as YAML; a small one gets a stream
// in two cuts, whose numbers must agree.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "deltahop/base/error.h"
#include "deltahop/signal/front_end.h"

namespace {

using namespace deltahop;

void run(const FrontEndOptions& options) {
  if (options.frame.length > 4096 || options.frame.hop < 16 || options.fft_size > 8192) return;
  std::vector<float> samples(2000);
  for (size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<float>(i * i % 97) / 97 - 0.5F;
  const Tensor whole = features_of(options, samples);
  FrontEnd front_end(options);
  std::vector<float> rows;
  const FrameSink keep = [&](std::span<const float> row) { rows.insert(rows.end(), row.begin(), row.end()); };
  front_end.push(std::span(samples).first(777), keep);
  front_end.push(std::span(samples).subspan(777), keep);
  front_end.finish(keep);
  const auto wanted = whole.values<float>();
  // Bytes, since hostile options may give numbers that are none.
  if (rows.size() != wanted.size() ||
      (!rows.empty() && std::memcmp(rows.data(), wanted.data(), 4 * rows.size()) != 0))
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    run(parse_front_end(text.substr(0, text.find('\n'))));
  } catch (const Error&) {
  }
  try {
    const Config config = Config::from_text(text, "fuzz");
    const FrontEndOptions options = read_front_end(config);
    config.finish();
    run(options);
  } catch (const Error&) {
  }
  return 0;
}
