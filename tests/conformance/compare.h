// SPDX-License-Identifier: Apache-2.0
// Equal within the tolerance of ONNX's own test runner: relative 1e-3, absolute 1e-7 (of the largest expected
// value, where that is above 1); integers and truth values exactly.
#pragma once

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "deltahop/tensor/tensor.h"

namespace deltahop {

inline ::testing::AssertionResult is_close(const Tensor& actual, const Tensor& expected,
                                           double relative = 1e-3, double absolute = 1e-7) {
  if (actual.type() != expected.type()) {
    return ::testing::AssertionFailure()
           << "is " << name_of(actual.type()) << ", expected " << name_of(expected.type());
  }
  if (actual.shape() != expected.shape()) {
    return ::testing::AssertionFailure()
           << "is " << to_text(actual.shape()) << ", expected " << to_text(expected.shape());
  }
  if (!is_floating(expected.type())) {
    if (actual == expected) return ::testing::AssertionSuccess();
    const Tensor a = actual.converted(DataType::int64), e = expected.converted(DataType::int64);
    for (int64_t i = 0; i < a.size(); ++i) {
      const size_t k = static_cast<size_t>(i);
      if (a.values<int64_t>()[k] != e.values<int64_t>()[k]) {
        return ::testing::AssertionFailure() << "element " << i << " is " << a.values<int64_t>()[k]
                                             << ", expected " << e.values<int64_t>()[k];
      }
    }
    return ::testing::AssertionFailure() << "differs beyond 63 bits";
  }
  const Tensor a = actual.converted(DataType::float64), e = expected.converted(DataType::float64);
  double largest = 1;
  for (const double value : e.values<double>()) {
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  }
  for (int64_t i = 0; i < a.size(); ++i) {
    const double got = a.values<double>()[static_cast<size_t>(i)],
                 want = e.values<double>()[static_cast<size_t>(i)];
    if (got == want || (std::isnan(got) && std::isnan(want))) continue;
    if (!(std::abs(got - want) <= absolute * largest + relative * std::abs(want))) {
      return ::testing::AssertionFailure() << "element " << i << " is " << got << ", expected " << want;
    }
  }
  return ::testing::AssertionSuccess();
}

}  // namespace deltahop
