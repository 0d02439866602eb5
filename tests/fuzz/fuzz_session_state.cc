// SPDX-License-Identifier: Apache-2.0
// Any bytes as the saved state of a session: either they are one, and the session then saves them again, or
// Error says why not and the session goes on as it was. Also the bytes laid over a good state, so that its
// head is met.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "deltahop/base/random.h"
#include "deltahop/run/session.h"

namespace {

deltahop::Network small_network() {
  using namespace deltahop;
  Random random(1);
  const auto weights = [&](Shape shape) {
    Tensor tensor(DataType::float32, std::move(shape));
    for (float& value : tensor.values<float>()) value = static_cast<float>(random.uniform(-0.5, 0.5));
    return tensor;
  };
  NetworkBuilder builder("small");
  const ValueId x = builder.input("x", DataType::float32, {kSymbolic, 1, 3});
  const ValueId w = builder.constant("w", weights({1, 12, 3})),
                r = builder.constant("r", weights({1, 12, 4}));
  builder.output(builder.node("GRU", "gru", {x, w, r}, {{"hidden_size", int64_t{4}}})[0]);
  return builder.build();
}

void try_to_restore(deltahop::Session& session, const std::string& bytes) {
  const std::string before = session.save();
  try {
    session.restore(bytes);
    if (session.save() != bytes) std::abort();
  } catch (const deltahop::Error&) {
    if (session.save() != before) std::abort();
  }
  session.step();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const deltahop::Ranges ranges = deltahop::parse_ranges(text, "fuzz");
    if (deltahop::parse_ranges(deltahop::text_of(ranges), "again") != ranges) std::abort();
  } catch (const deltahop::Error&) {
  }
  static deltahop::Session session(small_network());
  session.reset();
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  try_to_restore(session, bytes);
  session.reset();
  std::string overlaid = session.save();
  std::copy_n(bytes.begin(), std::min(bytes.size(), overlaid.size()), overlaid.begin());
  try_to_restore(session, overlaid);
  return 0;
}
