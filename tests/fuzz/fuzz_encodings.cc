// SPDX-License-Identifier: Apache-2.0
// Decoders on hostile streams, and encoders against decoders: what decodes must encode to a stream that
// decodes to the same values, and what was encoded must decode to what went in.
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "deltahop/base/error.h"
#include "deltahop/tensor/encodings/csc.h"
#include "deltahop/tensor/encodings/run_length.h"
#include "deltahop/tensor/encodings/sparsity_map.h"

namespace {

using namespace deltahop;

template <class T>
std::vector<T> elements(std::span<const uint8_t> bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

template <class Code, class Again>
void decode_hostile(const Code& code, Again&& encode_again) {
  Tensor values;
  try {
    values = code.decode();
  } catch (const Error&) {
    return;
  }
  DELTAHOP_CHECK(encode_again(values).decode() == values);
}

void hostile(std::span<const uint8_t> head, std::span<const uint8_t> body) {
  const Shape map = {1 + head[0] % 33, 1 + head[1] % 9, 1 + head[2] % 9};
  decode_hostile(SparsityMap::from_words(map, elements<uint16_t>(body)),
                 [](const Tensor& x) { return SparsityMap::encode(x); });
  const RunLengthFormat runs{1 + head[3] % 15, 16, 1 + head[3] % 2};
  const Shape line = {int64_t{head[0]} * head[1]};
  decode_hostile(RunLength::from_words(line, elements<uint64_t>(body), runs),
                 [&](const Tensor& x) { return RunLength::encode(x, runs); });
  std::vector<uint32_t> starts;
  const size_t columns = std::min<size_t>(head[0] % 8, body.size());
  for (size_t i = 0; i < columns; ++i) starts.push_back(body[i]);
  std::vector<Csc::Entry> entries;
  for (size_t i = columns; i + 2 < body.size(); i += 3) {
    entries.push_back({body[i], static_cast<int16_t>(body[i + 1] | (body[i + 2] << 8))});
  }
  const CscFormat csc{1 + head[1] % 8, 16, 0};
  decode_hostile(Csc::from_parts(head[2], starts, entries, csc),
                 [&](const Tensor& x) { return Csc::encode(x, csc); });
}

void round_trips(std::span<const uint8_t> head, std::span<const uint8_t> body) {
  const std::vector<int16_t> values = elements<int16_t>(body);
  const int64_t columns = 1 + head[0] % 16;
  const int64_t rows = static_cast<int64_t>(values.size()) / columns;
  if (rows == 0) return;
  const std::vector<int16_t> used(values.begin(), values.begin() + rows * columns);
  const Tensor matrix = Tensor::of<int16_t>({rows, columns}, used);
  const Tensor map = Tensor::of<int16_t>({rows, 1, columns}, used);
  const SparsityMap sparsity = SparsityMap::encode(map);
  DELTAHOP_CHECK(sparsity.decode() == map);
  DELTAHOP_CHECK(sparsity.size() == sparsity_map_bits(map_shape_of(map), count_nonzero(map)));
  const RunLength runs = RunLength::encode(matrix);
  DELTAHOP_CHECK(runs.decode() == matrix);
  DELTAHOP_CHECK(runs.size() == run_length_bits(used));
  const Csc csc = Csc::encode(matrix);
  DELTAHOP_CHECK(csc.decode() == matrix);
  DELTAHOP_CHECK(csc.size() == csc_bits(used, rows, columns));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kHead = 4;
  if (size < kHead) return 0;
  const std::span<const uint8_t> input(data, size);
  hostile(input.first(kHead), input.subspan(kHead));
  round_trips(input.first(kHead), input.subspan(kHead));
  return 0;
}
