// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/round_codes.h"

#include <algorithm>

#include "deltahop/base/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "deltahop/kernels/round_codes.cc"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace deltahop::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// One vector of values.
template <class Floats>
HWY_INLINE void round_vector(Floats floats, const float* values, float scale, int16_t low, int16_t high,
                             int16_t* codes, RoundedCodes& result) {
  const hn::RebindToSigned<Floats> integers;
  const hn::Rebind<int16_t, Floats> narrow;
  const auto scaled = hn::Mul(hn::LoadU(floats, values), hn::Set(floats, scale));
  if (!hn::AllTrue(floats, hn::Eq(scaled, scaled))) result.has_nan = true;
  // One beyond the bounds is enough to see that a number lies outside, and is within reach of the conversion.
  const auto bounded = hn::Min(hn::Max(scaled, hn::Set(floats, static_cast<float>(low) - 1.0f)),
                               hn::Set(floats, static_cast<float>(high) + 1.0f));
  const auto nearest = hn::NearestInt(bounded);
  const auto least = hn::Set(integers, int32_t{low}), most = hn::Set(integers, int32_t{high});
  const auto held = hn::Min(hn::Max(nearest, least), most);
  result.outside += static_cast<int64_t>(hn::CountTrue(integers, hn::Ne(held, nearest)));
  hn::StoreU(hn::DemoteTo(narrow, held), narrow, codes);
}

HWY_ATTR RoundedCodes round_all(const float* values, int64_t count, float scale, int16_t low, int16_t high,
                                int16_t* codes) {
  const hn::ScalableTag<float> floats;
  const hn::CappedTag<float, 1> single;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(floats));
  RoundedCodes result;
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    round_vector(floats, values + i, scale, low, high, codes + i, result);
  for (; i < count; ++i) round_vector(single, values + i, scale, low, high, codes + i, result);
  return result;
}

}  // namespace deltahop::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace deltahop {
HWY_EXPORT(round_all);

RoundedCodes round_codes(std::span<const float> values, float scale, int16_t low, int16_t high,
                         std::span<int16_t> codes) {
  DELTAHOP_CHECK(values.size() == codes.size());
  return HWY_DYNAMIC_DISPATCH(round_all)(values.data(), static_cast<int64_t>(values.size()), scale, low, high,
                                         codes.data());
}

}  // namespace deltahop
#endif  // HWY_ONCE
