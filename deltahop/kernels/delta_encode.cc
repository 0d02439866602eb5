// SPDX-License-Identifier: Apache-2.0
// The threshold test of delta_matvec.h by vectors: what fires is compressed to the front and stored whole, so
// that sparsity costs no branch.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>

#include "deltahop/base/error.h"
#include "deltahop/kernels/delta_matvec.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "deltahop/kernels/delta_encode.cc"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace deltahop::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A threshold is never below the least number there is (of floats the smallest denormal one, of codes 1), so
// that what did not change is not sent. Vectors of one lane for the tail go by the same formulas.
template <class Floats>
HWY_INLINE int64_t encode_floats(Floats floats, const float* x, float* x_hat, float theta,
                                 hn::Vec<hn::RebindToUnsigned<Floats>> index, uint32_t* indices,
                                 float* deltas) {
  const hn::RebindToUnsigned<Floats> positions;
  const auto reference = hn::LoadU(floats, x_hat);
  const auto delta = hn::Sub(hn::LoadU(floats, x), reference);
  const auto fires = hn::Ge(hn::Abs(delta), hn::Set(floats, theta));
  hn::StoreU(hn::IfThenElse(fires, hn::Add(reference, delta), reference), floats, x_hat);
  hn::StoreU(hn::Compress(delta, fires), floats, deltas);
  hn::StoreU(hn::Compress(index, hn::RebindMask(positions, fires)), positions, indices);
  return static_cast<int64_t>(hn::CountTrue(floats, fires));
}

// Whole vectors, then one by one: encode(tag, first, indices of the lanes, how many were sent before) returns
// how many more are.
template <class Number, class Encode>
HWY_INLINE int64_t encode_all(int64_t size, const Encode& encode) {
  const hn::ScalableTag<Number> whole;
  const hn::CappedTag<Number, 1> single;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(whole));
  const hn::ScalableTag<uint32_t> positions;
  const hn::CappedTag<uint32_t, 1> single_position;
  auto index = hn::Iota(positions, 0);
  int64_t count = 0, i = 0;
  for (; i + lanes <= size;
       i += lanes, index = hn::Add(index, hn::Set(positions, static_cast<uint32_t>(lanes)))) {
    count += encode(whole, i, index, count);
  }
  for (; i < size; ++i) {
    count += encode(single, i, hn::Set(single_position, static_cast<uint32_t>(i)), count);
  }
  return count;
}

HWY_ATTR int64_t encode_floats_all(const float* x, float* x_hat, int64_t size, float theta, uint32_t* indices,
                                   float* deltas) {
  return encode_all<float>(size, [&](auto tag, int64_t i, auto index, int64_t count) HWY_ATTR {
    return encode_floats(tag, x + i, x_hat + i, theta, index, indices + count, deltas + count);
  });
}

// Codes in lanes of 32 bits: differences have 17.
template <class Codes>
HWY_INLINE int64_t encode_codes(Codes codes, hn::Vec<Codes> x, int16_t* x_hat, int32_t theta,
                                hn::Vec<hn::RebindToUnsigned<Codes>> index, uint32_t* indices,
                                int16_t* deltas) {
  const hn::Rebind<int16_t, Codes> narrow;
  const hn::RebindToUnsigned<Codes> positions;
  const auto reference = hn::PromoteTo(codes, hn::LoadU(narrow, x_hat));
  const auto difference = hn::Sub(x, reference);
  const auto fires = hn::Not(hn::Lt(hn::Abs(difference), hn::Set(codes, theta)));
  const auto delta =
      hn::Min(hn::Max(difference, hn::Set(codes, int32_t{INT16_MIN})), hn::Set(codes, int32_t{INT16_MAX}));
  const auto advanced = hn::Add(reference, hn::IfThenElseZero(fires, delta));
  hn::StoreU(hn::DemoteTo(narrow, advanced), narrow, x_hat);
  hn::StoreU(hn::DemoteTo(narrow, hn::Compress(delta, fires)), narrow, deltas);
  hn::StoreU(hn::Compress(index, hn::RebindMask(positions, fires)), positions, indices);
  return static_cast<int64_t>(hn::CountTrue(codes, fires));
}

HWY_ATTR int64_t encode_codes_all(const int16_t* x, int16_t* x_hat, int64_t size, int32_t theta,
                                  uint32_t* indices, int16_t* deltas) {
  return encode_all<int32_t>(size, [&](auto tag, int64_t i, auto index, int64_t count) HWY_ATTR {
    const auto codes = hn::PromoteTo(tag, hn::LoadU(hn::Rebind<int16_t, decltype(tag)>(), x + i));
    return encode_codes(tag, codes, x_hat + i, theta, index, indices + count, deltas + count);
  });
}

// NaN becomes -2^15 or 0, as the machine's conversion will have it.
template <class Codes>
HWY_INLINE hn::Vec<Codes> rounded(Codes /*codes*/, const float* values, float scale) {
  const hn::Rebind<float, Codes> floats;
  const auto scaled = hn::Mul(hn::LoadU(floats, values), hn::Set(floats, scale));
  const auto bounded = hn::Min(hn::Max(scaled, hn::Set(floats, -32768.0f)), hn::Set(floats, 32767.0f));
  return hn::NearestInt(bounded);
}

HWY_ATTR int64_t encode_rounded_all(const float* values, float scale, int16_t* x_hat, int64_t size,
                                    int32_t theta, uint32_t* indices, int16_t* deltas) {
  return encode_all<int32_t>(size, [&](auto tag, int64_t i, auto index, int64_t count) HWY_ATTR {
    const auto codes = rounded(tag, values + i, scale);
    return encode_codes(tag, codes, x_hat + i, theta, index, indices + count, deltas + count);
  });
}

}  // namespace deltahop::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace deltahop {
namespace {
constexpr float kLeastFloat = std::numeric_limits<float>::denorm_min();
}
HWY_EXPORT(encode_floats_all);
HWY_EXPORT(encode_codes_all);
HWY_EXPORT(encode_rounded_all);

int64_t encode_delta(std::span<const float> x, std::span<float> x_hat, float theta, uint32_t* indices,
                     float* deltas) {
  DELTAHOP_CHECK(x.size() == x_hat.size());
  return HWY_DYNAMIC_DISPATCH(encode_floats_all)(x.data(), x_hat.data(), static_cast<int64_t>(x.size()),
                                                 std::max(theta, kLeastFloat), indices, deltas);
}

int64_t encode_delta(std::span<const int16_t> x, std::span<int16_t> x_hat, int32_t theta, uint32_t* indices,
                     int16_t* deltas) {
  DELTAHOP_CHECK(x.size() == x_hat.size());
  return HWY_DYNAMIC_DISPATCH(encode_codes_all)(x.data(), x_hat.data(), static_cast<int64_t>(x.size()),
                                                std::max(theta, 1), indices, deltas);
}

int64_t encode_delta(std::span<const float> values, float scale, std::span<int16_t> x_hat, int32_t theta,
                     uint32_t* indices, int16_t* deltas) {
  DELTAHOP_CHECK(values.size() == x_hat.size());
  return HWY_DYNAMIC_DISPATCH(encode_rounded_all)(values.data(), scale, x_hat.data(),
                                                  static_cast<int64_t>(values.size()), std::max(theta, 1),
                                                  indices, deltas);
}

}  // namespace deltahop
#endif  // HWY_ONCE
