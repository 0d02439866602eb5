// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/streaming_read.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "deltahop/kernels/streaming_read.cc"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace deltahop::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

HWY_ATTR uint64_t sum_of(const uint64_t* words, size_t count) {
  const hn::ScalableTag<uint64_t> d;
  const size_t lanes = hn::Lanes(d);
  auto a = hn::Zero(d), b = a, c = a, e = a;
  for (size_t i = 0; i + 4 * lanes <= count; i += 4 * lanes) {
    a = hn::Add(a, hn::LoadU(d, words + i));
    b = hn::Add(b, hn::LoadU(d, words + i + lanes));
    c = hn::Add(c, hn::LoadU(d, words + i + 2 * lanes));
    e = hn::Add(e, hn::LoadU(d, words + i + 3 * lanes));
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(a, b), hn::Add(c, e))));
}

}  // namespace deltahop::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace deltahop {
HWY_EXPORT(sum_of);

uint64_t read_all(std::span<const uint64_t> words) {
  return HWY_DYNAMIC_DISPATCH(sum_of)(words.data(), words.size());
}

}  // namespace deltahop
#endif  // HWY_ONCE
