// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/delta_gru.h"

#include <cmath>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// What one time step reads and writes; all [B, .] of the contiguous whole.
template <class Real>
struct Step {
  int64_t batch, hidden;
  const Real* before;       // h of the step before, null in the first
  const Real* held_before;  // what was held before, null in the first
  const Real* mask;         // [B]
  Real theta;

  Real h(int64_t k) const { return before == nullptr ? Real{0} : before[k]; }
  Real old(int64_t k) const { return held_before == nullptr ? Real{0} : held_before[k]; }

  void hold(Real* held, uint8_t* fired, double* l1, int64_t* sent) const {
    for (int64_t b = 0; b < batch; ++b) {
      Real sum = 0;
      int64_t count = 0;
      for (int64_t k = b * hidden; k < (b + 1) * hidden; ++k) {
        const Real d = h(k) - old(k);
        const bool fires = std::abs(d) >= theta;
        held[k] = fires ? h(k) : old(k);
        fired[k] = fires ? 1 : 0;
        sum += fires ? std::abs(d) : Real{0};
        count += fires && d != 0 ? 1 : 0;
      }
      if (mask[b] == 0) continue;
      *l1 += static_cast<double>(sum);
      *sent += count;
    }
  }
  // gates [B, 2H] before their sigmoid, from W x and R h [B, 3H].
  void gates(const Real* from_x, const Real* from_h, Real* sums) const {
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t j = 0; j < 2 * hidden; ++j)
        sums[b * 2 * hidden + j] = from_x[b * 3 * hidden + j] + from_h[b * 3 * hidden + j];
  }
  // candidate [B, H] before its tanh; keeps R h's part of it.
  void candidate(const Real* from_x, const Real* from_h, const Real* gate, Real* recurrent,
                 Real* sums) const {
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t j = 0; j < hidden; ++j) {
        const Real r = gate[b * 2 * hidden + hidden + j];
        const Real part = from_h[b * 3 * hidden + 2 * hidden + j];
        recurrent[b * hidden + j] = part;
        sums[b * hidden + j] = from_x[b * 3 * hidden + 2 * hidden + j] + r * part;
      }
    }
  }
  void mix(const Real* gate, const Real* candidates, Real* out) const {
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t j = 0; j < hidden; ++j) {
        const int64_t k = b * hidden + j;
        const Real z = gate[b * 2 * hidden + j];
        out[k] = (1 - z) * candidates[k] + z * h(k);
      }
    }
  }
};

// The backward step's working arrays, [B, H] each.
template <class Real>
struct Carried {
  Real* of_state;  // gradient of h of this step, from the steps after it
  Real* of_held;   // gradient of the held value, from steps in which it was not sent anew
};

// Gradients of the gates' sums [B, 3H]: once for W x, once for R h, which differ in the candidate by r.
template <class Real>
void gate_gradients(const Step<Real>& step, const Real* upper, const Real* gate, const Real* candidates,
                    const Real* recurrent, Real* of_state, Real* for_x, Real* for_h) {
  const int64_t hidden = step.hidden;
  for (int64_t b = 0; b < step.batch; ++b) {
    Real* const x = for_x + b * 3 * hidden;
    Real* const h = for_h + b * 3 * hidden;
    for (int64_t j = 0; j < hidden; ++j) {
      const int64_t k = b * hidden + j;
      const Real z = gate[b * 2 * hidden + j], r = gate[b * 2 * hidden + hidden + j], n = candidates[k];
      const Real dh = upper[k] + of_state[k];
      const Real dn = dh * (1 - z) * (1 - n * n);
      const Real dz = dh * (step.h(k) - n) * z * (1 - z);
      const Real dr = dn * recurrent[k] * r * (1 - r);
      x[j] = h[j] = dz;
      x[hidden + j] = h[hidden + j] = dr;
      x[2 * hidden + j] = dn;
      h[2 * hidden + j] = dn * r;
      of_state[k] = dh * z;  // of h before, by the direct way
    }
  }
}

// The gradient of the held value goes to the state that was sent, now or earlier; that of the cost with its
// sign.
template <class Real>
void hold_gradients(const Step<Real>& step, const Real* of_held, const uint8_t* fired, Real cost,
                    Carried<Real> carried) {
  for (int64_t b = 0; b < step.batch; ++b) {
    const Real weight = cost * step.mask[b];
    for (int64_t k = b * step.hidden; k < (b + 1) * step.hidden; ++k) {
      const Real d = step.h(k) - step.old(k);
      const Real of_change = d > 0 ? weight : d < 0 ? -weight : Real{0};
      const Real sum = of_held[k] + carried.of_held[k];
      if (fired[k] != 0) carried.of_state[k] += sum + of_change;
      carried.of_held[k] = fired[k] != 0 ? -of_change : sum;
    }
  }
}

struct Sizes {
  int64_t steps, batch, hidden;
};

// What the forward pass leaves for the backward pass; Y itself is the sixth.
struct Kept {
  torch::Tensor outputs, held, fired, gates, candidates, recurrent;
};

template <class Real>
Step<Real> step_at(int64_t t, const Sizes& sizes, const Kept& kept, const torch::Tensor& mask, double theta) {
  const int64_t size = sizes.batch * sizes.hidden;
  return {sizes.batch,
          sizes.hidden,
          t == 0 ? nullptr : kept.outputs.data_ptr<Real>() + (t - 1) * size,
          t == 0 ? nullptr : kept.held.data_ptr<Real>() + (t - 1) * size,
          mask.data_ptr<Real>() + t * sizes.batch,
          static_cast<Real>(theta)};
}

template <class Real>
void forward_steps(const Sizes& sizes, const Kept& kept, const torch::Tensor& from_x,
                   const torch::Tensor& turned, const torch::Tensor& bias, const torch::Tensor& noise,
                   const torch::Tensor& mask, const DeltaGruRule& rule, double* l1, int64_t* sent) {
  torch::Tensor from_h = torch::empty({sizes.batch, 3 * sizes.hidden}, from_x.options());
  const int64_t size = sizes.batch * sizes.hidden;
  for (int64_t t = 0; t < sizes.steps; ++t) {
    const Step<Real> step = step_at<Real>(t, sizes, kept, mask, rule.theta_h);
    const Real* const x = from_x.data_ptr<Real>() + t * 3 * size;
    torch::Tensor gates = kept.gates[t], candidates = kept.candidates[t], out = kept.outputs[t];
    step.hold(kept.held.data_ptr<Real>() + t * size, kept.fired.data_ptr<uint8_t>() + t * size, l1, sent);
    at::addmm_out(from_h, bias, kept.held[t], turned);
    step.gates(x, from_h.data_ptr<Real>(), gates.data_ptr<Real>());
    gates.sigmoid_();
    step.candidate(x, from_h.data_ptr<Real>(), gates.data_ptr<Real>(),
                   kept.recurrent.data_ptr<Real>() + t * size, candidates.data_ptr<Real>());
    candidates.tanh_();
    step.mix(gates.data_ptr<Real>(), candidates.data_ptr<Real>(), out.data_ptr<Real>());
    if (noise.numel() > 0) out.add_(noise[t]);
    if (rule.hidden_fraction_bits >= 0) {
      const double scale = std::ldexp(1.0, rule.hidden_fraction_bits);
      out.mul_(scale).round_().mul_(1 / scale);
    }
  }
}

class Recurrence : public torch::autograd::Function<Recurrence> {
 public:
  static variable_list forward(AutogradContext* context, const Variable& from_x_in, const Variable& weights,
                               const Variable& bias, const torch::Tensor& mask, const torch::Tensor& noise,
                               const DeltaGruRule& rule) {
    const torch::Tensor from_x = from_x_in.contiguous();
    const Sizes sizes{from_x.size(0), from_x.size(1), weights.size(1)};
    const auto options = from_x.options().requires_grad(false);
    const auto empty = [&](int64_t blocks) {
      return torch::empty({sizes.steps, sizes.batch, blocks * sizes.hidden}, options);
    };
    const Kept kept{empty(1), empty(1), torch::empty({sizes.steps, sizes.batch, sizes.hidden}, torch::kUInt8),
                    empty(2), empty(1), empty(1)};
    double l1 = 0;
    int64_t sent = 0;
    const torch::Tensor turned = weights.t().contiguous();
    AT_DISPATCH_FLOATING_TYPES(from_x.scalar_type(), "delta_gru", [&] {
      forward_steps<scalar_t>(sizes, kept, from_x, turned, bias, noise, mask, rule, &l1, &sent);
    });
    const torch::Tensor cost = torch::full({}, l1, options);
    const torch::Tensor count = torch::full({}, sent, torch::kInt64);
    context->mark_non_differentiable({count});
    context->saved_data["theta"] = rule.theta_h;
    context->save_for_backward(
        {kept.outputs, kept.held, kept.fired, kept.gates, kept.candidates, kept.recurrent, weights, mask});
    return {kept.outputs, cost, count};
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const Kept kept{saved[0], saved[1], saved[2], saved[3], saved[4], saved[5]};
    const torch::Tensor &weights = saved[6], &mask = saved[7];
    const Sizes sizes{kept.outputs.size(0), kept.outputs.size(1), kept.outputs.size(2)};
    const torch::Tensor upper = gradients[0].contiguous();
    const double cost = gradients[1].item<double>(), theta = context->saved_data["theta"].toDouble();
    const torch::Tensor for_x = torch::empty({sizes.steps, sizes.batch, 3 * sizes.hidden}, upper.options());
    const torch::Tensor for_h = torch::empty_like(for_x);
    AT_DISPATCH_FLOATING_TYPES(upper.scalar_type(), "delta_gru_backward", [&] {
      const torch::Tensor of_state = torch::zeros({sizes.batch, sizes.hidden}, upper.options());
      const torch::Tensor waiting = torch::zeros_like(of_state);
      torch::Tensor of_held = torch::empty_like(of_state);
      const int64_t size = sizes.batch * sizes.hidden;
      for (int64_t t = sizes.steps - 1; t >= 0; --t) {
        const Step<scalar_t> step = step_at<scalar_t>(t, sizes, kept, mask, theta);
        gate_gradients(step, upper.data_ptr<scalar_t>() + t * size,
                       kept.gates.data_ptr<scalar_t>() + t * 2 * size,
                       kept.candidates.data_ptr<scalar_t>() + t * size,
                       kept.recurrent.data_ptr<scalar_t>() + t * size, of_state.data_ptr<scalar_t>(),
                       for_x.data_ptr<scalar_t>() + t * 3 * size, for_h.data_ptr<scalar_t>() + t * 3 * size);
        at::mm_out(of_held, for_h[t], weights);
        hold_gradients(step, of_held.data_ptr<scalar_t>(), kept.fired.data_ptr<uint8_t>() + t * size,
                       static_cast<scalar_t>(cost),
                       Carried<scalar_t>{of_state.data_ptr<scalar_t>(), waiting.data_ptr<scalar_t>()});
      }
    });
    const torch::Tensor rows = for_h.view({sizes.steps * sizes.batch, 3 * sizes.hidden});
    const torch::Tensor of_weights = rows.t().mm(kept.held.view({sizes.steps * sizes.batch, sizes.hidden}));
    return {for_x, of_weights, rows.sum(0), Variable(), Variable(), Variable()};
  }
};

}  // namespace

DeltaGruRun delta_gru(const torch::Tensor& x, const GruWeights& weights, const DeltaGruRule& rule,
                      const torch::Tensor& lengths) {
  const int64_t steps = x.size(0), batch = x.size(1), inputs = x.size(2), hidden = weights.recurrent.size(1);
  DELTAHOP_CHECK(weights.input.size(0) == 3 * hidden && weights.input.size(1) == inputs);
  const torch::Tensor mask = frame_mask(steps, batch, lengths, x);
  const HeldSequence held = hold_sequence(x, rule.theta_x, lengths);
  const torch::Tensor from_x =
      torch::addmm(weights.input_bias, held.values.view({steps * batch, inputs}), weights.input.t())
          .view({steps, batch, 3 * hidden});
  torch::Tensor noise =
      torch::empty({0}, x.options().requires_grad(false));  // custom functions take no undefined ones
  if (rule.noise > 0)
    noise = torch::randn({steps, batch, hidden}, x.options().requires_grad(false)) * rule.noise;
  const variable_list results =
      Recurrence::apply(from_x, weights.recurrent, weights.recurrent_bias, mask, noise, rule);
  return {results[0], held.l1, results[1], held.sent, results[2]};
}

torch::Tensor last_outputs(const torch::Tensor& outputs, const torch::Tensor& lengths) {
  if (!lengths.defined()) return outputs[outputs.size(0) - 1];
  const torch::Tensor last = (lengths - 1).view({1, -1, 1}).expand({1, outputs.size(1), outputs.size(2)});
  return outputs.gather(0, last).squeeze(0);
}

}  // namespace deltahop
