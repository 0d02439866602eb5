// SPDX-License-Identifier: Apache-2.0
#include "deltahop/kernels/gates.h"

#include <type_traits>

#include "deltahop/base/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "deltahop/kernels/gates.cc"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace deltahop::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// x * P(x^2) / Q(x^2), fitted by us to tanh on [-8.5, 8.5] for the least relative error (1.2e-8 before
// rounding to float); beyond, tanh is 1 within 8.3e-8.
constexpr float kLargest = 8.5f;
constexpr float kP[] = {9.999999882e-01f, 1.341324938e-01f, 3.534029774e-03f, 2.125109298e-05f,
                        1.426929759e-08f};
constexpr float kQ[] = {1.0f, 4.674657211e-01f, 2.602276242e-02f, 3.348869597e-04f, 8.145151405e-07f};

template <class D, class V>
HWY_INLINE V polynomial(D d, V u, const float (&factors)[5]) {
  V sum = hn::Set(d, factors[4]);
  sum = hn::MulAdd(sum, u, hn::Set(d, factors[3]));
  sum = hn::MulAdd(sum, u, hn::Set(d, factors[2]));
  sum = hn::MulAdd(sum, u, hn::Set(d, factors[1]));
  return hn::MulAdd(sum, u, hn::Set(d, factors[0]));
}

// tanh as top / bottom. Bottoms lie in [1, 320], so that several of them multiply: divisions are what gates
// wait for, and one serves all that do not need each other. A NaN stays one on machines whose Min and Max
// hand it on; elsewhere it becomes -1 or 1.
template <class V>
struct Ratio {
  V top, bottom;
};

template <class D, class V>
HWY_INLINE Ratio<V> tanh_ratio(D d, V x) {
  const V held = hn::Min(hn::Max(x, hn::Set(d, -kLargest)), hn::Set(d, kLargest));
  const V u = hn::Mul(held, held);
  return {hn::Mul(held, polynomial(d, u, kP)), polynomial(d, u, kQ)};
}

template <class D, class V>
HWY_INLINE V tanh_of(D d, V x) {
  const Ratio<V> y = tanh_ratio(d, x);
  const V one = hn::Set(d, 1.0f);
  return hn::Min(hn::Max(hn::Div(y.top, y.bottom), hn::Neg(one)), one);  // rounding may pass 1
}

// sigmoid(x) = (bottom + top) / (2 bottom) of tanh(x / 2)
template <class D, class V>
HWY_INLINE Ratio<V> sigmoid_ratio(D d, V x) {
  return tanh_ratio(d, hn::Mul(x, hn::Set(d, 0.5f)));
}

template <class D, class V>
HWY_INLINE V sigmoid_of(D d, V x) {
  const V half = hn::Set(d, 0.5f);
  return hn::MulAdd(tanh_of(d, hn::Mul(x, half)), half, half);
}

template <class D>
HWY_INLINE hn::Vec<D> as_floats(D d, const float* sums) {
  return hn::LoadU(d, sums);
}

template <class D>
HWY_INLINE hn::Vec<D> as_floats(D d, const int32_t* sums) {
  return hn::ConvertTo(d, hn::LoadU(hn::RebindToSigned<D>(), sums));
}

template <class D>
HWY_INLINE hn::Vec<D> as_floats(D d, const int64_t* sums) {
  HWY_ALIGN float floats[HWY_MAX_BYTES / sizeof(float)];
  for (size_t i = 0; i < hn::Lanes(d); ++i) floats[i] = static_cast<float>(sums[i]);
  return hn::Load(d, floats);
}

// The pre-activations of rows from `row` on.
template <class D, class Sum>
HWY_INLINE hn::Vec<D> value(D d, const GateSums<Sum>& sums, size_t row) {
  auto v = as_floats(d, sums.memory.data() + row);
  if (!sums.scale.empty()) v = hn::Mul(v, hn::LoadU(d, sums.scale.data() + row));
  return sums.bias.empty() ? v : hn::Add(v, hn::LoadU(d, sums.bias.data() + row));
}

// Calls body(tag, i) for whole vectors, then for single numbers.
template <class Body>
HWY_INLINE void for_lanes(size_t count, const Body& body) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> single;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) body(d, i);
  for (; i < count; ++i) body(single, i);
}

// h = (1 - z) * c + z * h, of the sigmoid's and the tangent's ratios:
//   ((z.bottom - z.top) * c.top + (z.bottom + z.top) * h * c.bottom) / (2 * z.bottom * c.bottom)
template <class D, class V>
HWY_INLINE void blend(D d, const Ratio<V>& z, const Ratio<V>& c, float* h) {
  const V kept = hn::Mul(hn::Add(z.bottom, z.top), hn::Mul(hn::LoadU(d, h), c.bottom));
  const V top = hn::MulAdd(hn::Sub(z.bottom, z.top), c.top, kept);
  hn::StoreU(hn::Div(top, hn::Mul(hn::Add(z.bottom, z.bottom), c.bottom)), d, h);
}

template <class Sum>
HWY_ATTR void gru_gates_all(const GateSums<Sum>& sums, float* h, size_t n) {
  for_lanes(n, [&](auto d, size_t i) HWY_ATTR {
    const auto r = sigmoid_of(d, value(d, sums, 2 * n + i));
    const auto z = sigmoid_ratio(d, value(d, sums, n + i));
    blend(d, z, tanh_ratio(d, hn::MulAdd(r, value(d, sums, 3 * n + i), value(d, sums, i))), h + i);
  });
}

template <class Sum>
HWY_ATTR void gru_reset_all(const GateSums<Sum>& sums, const float* h, float* reset_h, size_t n) {
  for_lanes(n, [&](auto d, size_t i) HWY_ATTR {
    const auto r = sigmoid_of(d, value(d, sums, 2 * n + i));
    hn::StoreU(hn::Mul(r, hn::LoadU(d, h + i)), d, reset_h + i);
  });
}

template <class Sum>
HWY_ATTR void gru_update_all(const GateSums<Sum>& sums, float* h, size_t n) {
  for_lanes(n, [&](auto d, size_t i) HWY_ATTR {
    blend(d, sigmoid_ratio(d, value(d, sums, n + i)), tanh_ratio(d, value(d, sums, i)), h + i);
  });
}

// peepholes: [i, o, f], or null.
template <class Sum>
HWY_ATTR void lstm_gates_all(const GateSums<Sum>& sums, const float* peepholes, float* c, float* h,
                             size_t n) {
  for_lanes(n, [&](auto d, size_t i) HWY_ATTR {
    const auto gate = [&](size_t index, auto cell) HWY_ATTR {
      auto v = value(d, sums, index * n + i);
      if (peepholes != nullptr) v = hn::MulAdd(hn::LoadU(d, peepholes + index * n + i), cell, v);
      return sigmoid_ratio(d, v);
    };
    const auto old = hn::LoadU(d, c + i);
    const auto in = gate(0, old), forget = gate(2, old), candidate = tanh_ratio(d, value(d, sums, 3 * n + i));
    // ((in.bottom + in.top) * candidate.top * forget.bottom
    //   + (forget.bottom + forget.top) * old * in.bottom * candidate.bottom) / (2 * all three bottoms)
    const auto bottoms = hn::Mul(in.bottom, candidate.bottom);
    const auto added = hn::Mul(hn::Mul(hn::Add(in.bottom, in.top), candidate.top), forget.bottom);
    const auto kept = hn::Mul(hn::Mul(hn::Add(forget.bottom, forget.top), old), bottoms);
    const auto cell = hn::Div(hn::Add(added, kept), hn::Mul(hn::Add(forget.bottom, forget.bottom), bottoms));
    hn::StoreU(cell, d, c + i);
    const auto out = gate(1, cell), limited = tanh_ratio(d, cell);
    hn::StoreU(hn::Div(hn::Mul(hn::Add(out.bottom, out.top), limited.top),
                       hn::Mul(hn::Add(out.bottom, out.bottom), limited.bottom)),
               d, h + i);
  });
}

template <class Sum>
HWY_ATTR void rnn_gates_all(const GateSums<Sum>& sums, float* h, size_t n) {
  for_lanes(n, [&](auto d, size_t i) HWY_ATTR { hn::StoreU(tanh_of(d, value(d, sums, i)), d, h + i); });
}

HWY_ATTR void all_sigmoids(const float* values, float* out, size_t n) {
  for_lanes(
      n, [&](auto d, size_t i) HWY_ATTR { hn::StoreU(sigmoid_of(d, hn::LoadU(d, values + i)), d, out + i); });
}

HWY_ATTR void all_tangents(const float* values, float* out, size_t n) {
  for_lanes(n,
            [&](auto d, size_t i) HWY_ATTR { hn::StoreU(tanh_of(d, hn::LoadU(d, values + i)), d, out + i); });
}

// One table entry an instruction set; HWY_EXPORT takes no templates.
#define DELTAHOP_GATES(Sum, name)                                                                           \
  void gru_gates_##name(const GateSums<Sum>& sums, float* h, size_t n) { gru_gates_all(sums, h, n); }       \
  void gru_reset_##name(const GateSums<Sum>& sums, const float* h, float* reset_h, size_t n) {              \
    gru_reset_all(sums, h, reset_h, n);                                                                     \
  }                                                                                                         \
  void gru_update_##name(const GateSums<Sum>& sums, float* h, size_t n) { gru_update_all(sums, h, n); }     \
  void lstm_gates_##name(const GateSums<Sum>& sums, const float* peepholes, float* c, float* h, size_t n) { \
    lstm_gates_all(sums, peepholes, c, h, n);                                                               \
  }                                                                                                         \
  void rnn_gates_##name(const GateSums<Sum>& sums, float* h, size_t n) { rnn_gates_all(sums, h, n); }
DELTAHOP_GATES(float, floats)
DELTAHOP_GATES(int32_t, int32)
DELTAHOP_GATES(int64_t, int64)
#undef DELTAHOP_GATES

}  // namespace deltahop::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace deltahop {
namespace {

template <class Sum>
void check_rows(const GateSums<Sum>& sums, size_t rows) {
  DELTAHOP_CHECK(sums.memory.size() == rows);
  DELTAHOP_CHECK(sums.scale.empty() || sums.scale.size() == rows);
  DELTAHOP_CHECK(sums.bias.empty() || sums.bias.size() == rows);
}

}  // namespace

HWY_EXPORT(all_sigmoids);
HWY_EXPORT(all_tangents);

void sigmoid_all(std::span<const float> values, std::span<float> out) {
  DELTAHOP_CHECK(values.size() == out.size());
  HWY_DYNAMIC_DISPATCH(all_sigmoids)(values.data(), out.data(), values.size());
}

void tanh_all(std::span<const float> values, std::span<float> out) {
  DELTAHOP_CHECK(values.size() == out.size());
  HWY_DYNAMIC_DISPATCH(all_tangents)(values.data(), out.data(), values.size());
}

#define DELTAHOP_GATES(Sum, name)                                                                    \
  HWY_EXPORT(gru_gates_##name);                                                                      \
  HWY_EXPORT(gru_reset_##name);                                                                      \
  HWY_EXPORT(gru_update_##name);                                                                     \
  HWY_EXPORT(lstm_gates_##name);                                                                     \
  HWY_EXPORT(rnn_gates_##name);                                                                      \
  void gru_gates(const GateSums<Sum>& sums, std::span<float> h) {                                    \
    check_rows(sums, 4 * h.size());                                                                  \
    HWY_DYNAMIC_DISPATCH(gru_gates_##name)(sums, h.data(), h.size());                                \
  }                                                                                                  \
  void gru_reset(const GateSums<Sum>& sums, std::span<const float> h, std::span<float> reset_h) {    \
    check_rows(sums, 3 * h.size());                                                                  \
    DELTAHOP_CHECK(reset_h.size() == h.size());                                                      \
    HWY_DYNAMIC_DISPATCH(gru_reset_##name)(sums, h.data(), reset_h.data(), h.size());                \
  }                                                                                                  \
  void gru_update(const GateSums<Sum>& sums, std::span<float> h) {                                   \
    check_rows(sums, 3 * h.size());                                                                  \
    HWY_DYNAMIC_DISPATCH(gru_update_##name)(sums, h.data(), h.size());                               \
  }                                                                                                  \
  void lstm_gates(const GateSums<Sum>& sums, std::span<const float> peepholes, std::span<float> c,   \
                  std::span<float> h) {                                                              \
    check_rows(sums, 4 * h.size());                                                                  \
    DELTAHOP_CHECK(c.size() == h.size() && (peepholes.empty() || peepholes.size() == 3 * h.size())); \
    HWY_DYNAMIC_DISPATCH(lstm_gates_##name)                                                          \
    (sums, peepholes.empty() ? nullptr : peepholes.data(), c.data(), h.data(), h.size());            \
  }                                                                                                  \
  void rnn_gates(const GateSums<Sum>& sums, std::span<float> h) {                                    \
    check_rows(sums, h.size());                                                                      \
    HWY_DYNAMIC_DISPATCH(rnn_gates_##name)(sums, h.data(), h.size());                                \
  }
DELTAHOP_GATES(float, floats)
DELTAHOP_GATES(int32_t, int32)
DELTAHOP_GATES(int64_t, int64)
#undef DELTAHOP_GATES

}  // namespace deltahop
#endif  // HWY_ONCE
