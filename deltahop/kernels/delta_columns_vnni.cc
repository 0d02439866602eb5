// SPDX-License-Identifier: Apache-2.0
// Byte products of four columns at once: Highway 1.0.3 has no word for vpdpbusd (u8 * s8, four a lane), so
// that it stands in functions compiled for it and taken only where the processor has it.
//
// A delta is 256 * high + low with both parts signed bytes; a weight is stored as w + 128. So a group's sum
// is
//   256 * sum(high * (w + 128)) + sum(low * (w + 128)) - 128 * sum(delta).
#include <array>
#include <cstring>

#include <hwy/highway.h>

#include "deltahop/kernels/delta_columns.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // false alarms in g++ 12's own intrinsics: GCC bug 105593
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#if HWY_ARCH_X86 && (defined(__GNUC__) || defined(__clang__))
#include <immintrin.h>
#define DELTAHOP_VNNI_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define DELTAHOP_VNNI_INLINE DELTAHOP_VNNI_TARGET __attribute__((always_inline)) inline
#endif

namespace deltahop::delta_columns {

using ByteJob = Job<int8_t, int16_t, int32_t>;

#ifdef DELTAHOP_VNNI_TARGET

namespace {

constexpr int64_t kQuads = 4;  // a group
constexpr int64_t kColumns = 4 * kQuads;
constexpr int64_t kBlock = 64;  // rows: one cache line of each column

// Up to 16 list entries. A delta above 127 * 256 + 127 has no two signed bytes: it takes two entries.
struct ByteGroup {
  std::array<const uint8_t*, kColumns> columns, later;  // later: what is asked for meanwhile
  alignas(16) std::array<int8_t, kColumns> low, high;
  int64_t filled = 0;
  int32_t correction = 0;  // -128 * sum of deltas

  int64_t quads() const { return (filled + 3) / 4; }
};

constexpr int16_t kLargestTwoBytes = 127 * 256 + 127;

// Splits up to 16 deltas into their bytes; false, and nothing done, where one is too large.
DELTAHOP_VNNI_TARGET inline bool split(const int16_t* deltas, int64_t count, ByteGroup& group) {
  const __mmask16 present = static_cast<__mmask16>((1u << count) - 1);
  const __m256i delta = _mm256_maskz_loadu_epi16(present, deltas);
  if (_mm256_cmpgt_epi16_mask(delta, _mm256_set1_epi16(kLargestTwoBytes)) != 0) return false;
  const __m128i low = _mm256_cvtepi16_epi8(delta);
  const __m256i high = _mm256_srai_epi16(_mm256_sub_epi16(delta, _mm256_cvtepi8_epi16(low)), 8);
  _mm_store_si128(reinterpret_cast<__m128i*>(group.low.data()), low);
  _mm_store_si128(reinterpret_cast<__m128i*>(group.high.data()), _mm256_cvtepi16_epi8(high));
  group.correction = -128 * _mm512_reduce_add_epi32(_mm512_cvtepi16_epi32(delta));
  group.filled = count;
  return true;
}

// How far ahead lines are asked for, over all columns of a group together: 16 short columns are too many for
// the machine's own prefetcher.
constexpr int64_t kBytesAhead = 8 << 10;

// Where the lines ahead of a group are found. Within long columns: the same columns further down, then the
// top of the next group. Short columns: the same rows some groups later.
struct Ahead {
  int64_t rows = 0;    // rows further down; 0 for short columns
  int64_t turned = 0;  // rows from there, once the lines ahead are the next group's: at most 0
  int64_t groups = 1;  // groups later
  explicit Ahead(int64_t row_count) {
    const int64_t whole = std::max<int64_t>((row_count + kRowUnit - 1) / kRowUnit, 1) * kRowUnit;
    const int64_t want = kBytesAhead / kColumns;
    if (whole > want) {
      rows = want;
      turned = want - whole;
    } else {
      groups = (want + whole - 1) / whole;
    }
  }
};

// Walks the list and deals it out in groups.
class Dealer {
 public:
  explicit Dealer(const ByteJob& job) : job_(job) {}

  bool more() const { return next_ < job_.count; }

  void deal(ByteGroup& group, const Ahead& ahead) {
    later_ = next_ + ahead.groups * kColumns;
    const int64_t count = std::min(kColumns, job_.count - next_);
    if (sent_ == 0 && split(job_.deltas + next_, count, group)) {
      for (int64_t i = 0; i < count; ++i) group.columns[static_cast<size_t>(i)] = bytes(next_ + i);
      next_ += count;
    } else {
      deal_large(group);
    }
    for (int64_t i = group.filled; i < 4 * group.quads(); ++i) {
      group.columns[static_cast<size_t>(i)] = group.columns[0];
    }
  }

  // What is asked for while the group is summed: its own columns further down, or a later group's.
  void look_down(ByteGroup& group, int64_t shift) const {
    for (int64_t i = 0; i < 4 * group.quads(); ++i) {
      group.later[static_cast<size_t>(i)] = group.columns[static_cast<size_t>(i)] + shift;
    }
  }
  bool look_later(ByteGroup& group, int64_t shift) const {
    if (later_ >= job_.count) return false;
    for (int64_t i = 0; i < kColumns; ++i) {
      group.later[static_cast<size_t>(i)] = bytes(std::min(later_ + i, job_.count - 1)) + shift;
    }
    return true;
  }

 private:
  const uint8_t* bytes(int64_t entry) const { return reinterpret_cast<const uint8_t*>(job_.column(entry)); }

  void deal_large(ByteGroup& group) {
    group.low = group.high = {};
    int32_t total = 0;
    for (group.filled = 0; group.filled < kColumns && next_ < job_.count; ++group.filled) {
      const int32_t wanted = job_.deltas[next_] - sent_;
      const int32_t delta = std::min<int32_t>(wanted, kLargestTwoBytes);
      const size_t slot = static_cast<size_t>(group.filled);
      group.low[slot] = static_cast<int8_t>(delta);
      group.high[slot] = static_cast<int8_t>((delta - group.low[slot]) >> 8);
      group.columns[slot] = bytes(next_);
      total += delta;
      sent_ = delta == wanted ? 0 : delta;
      next_ += delta == wanted;
    }
    group.correction = -128 * total;
  }

  const ByteJob& job_;
  int64_t next_ = 0, later_ = 0;
  int32_t sent_ = 0;  // already, of the delta at next_
};

struct Sums {
  __m512i low[4], high[4];
};

DELTAHOP_VNNI_INLINE __m512i four_bytes(const int8_t* bytes) {
  int32_t four;
  std::memcpy(&four, bytes, sizeof four);
  return _mm512_set1_epi32(four);
}

// Four columns of 64 rows: interleaved by bytes, the four vectors hold rows 0..15, 16..31, 32..47 and 48..63.
DELTAHOP_VNNI_INLINE void add_quad(const ByteGroup& group, size_t first, int64_t row, Sums& sums) {
  const __m512i a = _mm512_loadu_si512(group.columns[first] + row);
  const __m512i b = _mm512_loadu_si512(group.columns[first + 1] + row);
  const __m512i c = _mm512_loadu_si512(group.columns[first + 2] + row);
  const __m512i d = _mm512_loadu_si512(group.columns[first + 3] + row);
  const __m512i ab0 = _mm512_unpacklo_epi8(a, b), ab1 = _mm512_unpackhi_epi8(a, b);
  const __m512i cd0 = _mm512_unpacklo_epi8(c, d), cd1 = _mm512_unpackhi_epi8(c, d);
  const __m512i rows[4] = {_mm512_unpacklo_epi16(ab0, cd0), _mm512_unpackhi_epi16(ab0, cd0),
                           _mm512_unpacklo_epi16(ab1, cd1), _mm512_unpackhi_epi16(ab1, cd1)};
  const __m512i low = four_bytes(group.low.data() + first), high = four_bytes(group.high.data() + first);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    sums.low[i] = _mm512_dpbusd_epi32(sums.low[i], rows[i], low);
    sums.high[i] = _mm512_dpbusd_epi32(sums.high[i], rows[i], high);
  }
}

// The largest group's sum is 16 * 255 * 2^15 < 2^27: it fits 32 bits.
template <size_t kGroupQuads>
DELTAHOP_VNNI_INLINE void sum_block(const ByteGroup& group, int64_t row, __m512i (&sum)[4]) {
  Sums sums;
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    sums.low[i] = _mm512_set1_epi32(group.correction);
    sums.high[i] = _mm512_setzero_si512();
  }
#pragma GCC unroll 4
  for (size_t q = 0; q < kGroupQuads; ++q) add_quad(group, 4 * q, row, sums);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) sum[i] = _mm512_add_epi32(sums.low[i], _mm512_slli_epi32(sums.high[i], 8));
}

DELTAHOP_VNNI_INLINE void add_to_memory(__m512i sum, int32_t* memory) {
  _mm512_storeu_si512(memory, _mm512_add_epi32(_mm512_loadu_si512(memory), sum));
}

template <size_t kGroupQuads>
DELTAHOP_VNNI_TARGET void add_rows(const ByteGroup& group, int64_t begin, int64_t end, bool asks,
                                   int32_t* memory) {
  __m512i sum[4];
  int64_t row = begin;
  for (; row + kBlock <= end; row += kBlock) {
    if (asks) {
#pragma GCC unroll 16
      for (size_t i = 0; i < 4 * kGroupQuads; ++i) {
        _mm_prefetch(reinterpret_cast<const char*>(group.later[i] + row), _MM_HINT_T0);
      }
    }
    sum_block<kGroupQuads>(group, row, sum);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) add_to_memory(sum[i], memory + row + 16 * i);
  }
  if (row >= end) return;
  sum_block<kGroupQuads>(group, row, sum);  // panels are padded, memories are not
  alignas(64) int32_t rest[kBlock];
  for (int i = 0; i < 4; ++i) _mm512_store_si512(rest + 16 * i, sum[i]);
  for (int64_t i = 0; i < end - row; ++i) {
    memory[row + i] =
        static_cast<int32_t>(static_cast<uint32_t>(memory[row + i]) + static_cast<uint32_t>(rest[i]));
  }
}

void add_rows(const ByteGroup& group, int64_t begin, int64_t end, bool asks, int32_t* memory) {
  switch (group.quads()) {
    case 1:
      return add_rows<1>(group, begin, end, asks, memory);
    case 2:
      return add_rows<2>(group, begin, end, asks, memory);
    case 3:
      return add_rows<3>(group, begin, end, asks, memory);
    default:
      return add_rows<4>(group, begin, end, asks, memory);
  }
}

void run_groups(const ByteJob& job) {
  const Ahead ahead(job.end - job.begin);
  Dealer dealer(job);
  ByteGroup group;
  while (dealer.more()) {
    dealer.deal(group, ahead);
    int64_t row = job.begin;
    if (ahead.rows > 0) {
      dealer.look_down(group, ahead.rows);
      const int64_t turn = row + (job.end - row - ahead.rows) / kBlock * kBlock;
      add_rows(group, row, turn, true, job.memory);
      row = turn;
    }
    const bool asks = dealer.look_later(group, ahead.turned);
    add_rows(group, row, job.end, asks, job.memory);
  }
}

}  // namespace

bool has_byte_products() { return (hwy::SupportedTargets() & HWY_AVX3_DL) != 0; }
void run_byte_products(const ByteJob& job) { run_groups(job); }

#else

bool has_byte_products() { return false; }
void run_byte_products(const ByteJob&) {}

#endif

}  // namespace deltahop::delta_columns
