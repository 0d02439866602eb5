// SPDX-License-Identifier: Apache-2.0
// For tests: whether this build is instrumented. Where a test of thousands of random cases, or one large
// case, takes minutes with sanitizers, it may leave some of them to the other builds; the test says which.
#pragma once

namespace deltahop {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

// Of a test with thousands of random cases.
constexpr int random_cases(int in_full) { return kSanitized ? in_full / 4 : in_full; }

}  // namespace deltahop
