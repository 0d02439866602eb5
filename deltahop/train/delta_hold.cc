// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/delta_hold.h"

#include <cmath>
#include <vector>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// One step of the rule over [B, N]. `fired` is |d| >= theta: where gradients go; a change of exactly 0 moves
// nothing and is not counted.
template <class Real>
struct HoldStep {
  int64_t batch, width;
  Real theta;

  void forward(const Real* value, const Real* before, const Real* mask, Real* held, uint8_t* fired,
               double* l1, int64_t* sent) const {
    for (int64_t b = 0; b < batch; ++b) {
      double sum = 0;
      int64_t count = 0;
      for (int64_t k = b * width; k < (b + 1) * width; ++k) {
        const Real old = before == nullptr ? Real{0} : before[k];
        const Real d = value[k] - old;
        const bool fires = std::abs(d) >= theta;
        held[k] = fires ? value[k] : old;
        fired[k] = fires ? 1 : 0;
        sum += fires ? std::abs(d) : Real{0};
        count += fires && d != 0 ? 1 : 0;
      }
      if (mask[b] != 0) {
        *l1 += sum;
        *sent += count;
      }
    }
  }
};

class Hold : public torch::autograd::Function<Hold> {
 public:
  static variable_list forward(AutogradContext* context, const Variable& input, const torch::Tensor& mask,
                               double theta) {
    const torch::Tensor values = input.contiguous();
    const torch::Tensor held = torch::empty_like(values);
    const torch::Tensor fired = torch::empty_like(values, torch::kUInt8);
    double l1 = 0;
    int64_t sent = 0;
    AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "hold", [&] {
      const HoldStep<scalar_t> step{values.size(1), values.size(2), static_cast<scalar_t>(theta)};
      const int64_t size = step.batch * step.width;
      const scalar_t* in = values.data_ptr<scalar_t>();
      scalar_t* out = held.data_ptr<scalar_t>();
      for (int64_t t = 0; t < values.size(0); ++t)
        step.forward(in + t * size, t == 0 ? nullptr : out + (t - 1) * size,
                     mask.data_ptr<scalar_t>() + t * step.batch, out + t * size,
                     fired.data_ptr<uint8_t>() + t * size, &l1, &sent);
    });
    const torch::Tensor cost = torch::full({}, l1, values.options());
    const torch::Tensor count = torch::full({}, sent, torch::kInt64);
    context->mark_non_differentiable({count});
    context->save_for_backward({values, held, fired, mask});
    return {held, cost, count};
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const torch::Tensor &values = saved[0], &held = saved[1], &fired = saved[2], &mask = saved[3];
    const torch::Tensor of_held = gradients[0].contiguous();
    const double of_cost = gradients[1].item<double>();
    const torch::Tensor result = torch::empty_like(values);
    AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "hold_backward", [&] {
      const int64_t batch = values.size(1), width = values.size(2), size = batch * width;
      std::vector<scalar_t> carried(static_cast<size_t>(size), scalar_t{0});  // of the value held before
      for (int64_t t = values.size(0) - 1; t >= 0; --t) {
        const scalar_t* in = values.data_ptr<scalar_t>() + t * size;
        const scalar_t* before = t == 0 ? nullptr : held.data_ptr<scalar_t>() + (t - 1) * size;
        const scalar_t* upper = of_held.data_ptr<scalar_t>() + t * size;
        const uint8_t* fires = fired.data_ptr<uint8_t>() + t * size;
        scalar_t* out = result.data_ptr<scalar_t>() + t * size;
        for (int64_t b = 0; b < batch; ++b) {
          const auto weight = static_cast<scalar_t>(of_cost * mask.data_ptr<scalar_t>()[t * batch + b]);
          for (int64_t k = b * width; k < (b + 1) * width; ++k) {
            const scalar_t d = in[k] - (before == nullptr ? scalar_t{0} : before[k]);
            const scalar_t of_change = d > 0 ? weight : d < 0 ? -weight : scalar_t{0};
            const scalar_t sum = upper[k] + carried[static_cast<size_t>(k)];
            out[k] = fires[k] != 0 ? sum + of_change : scalar_t{0};
            carried[static_cast<size_t>(k)] = fires[k] != 0 ? -of_change : sum;
          }
        }
      }
    });
    return {result, Variable(), Variable()};
  }
};

}  // namespace

torch::Tensor frame_mask(int64_t steps, int64_t batch, const torch::Tensor& lengths,
                         const torch::Tensor& like) {
  if (!lengths.defined()) return torch::ones({steps, batch}, like.options().requires_grad(false));
  DELTAHOP_CHECK(lengths.dim() == 1 && lengths.size(0) == batch);
  return torch::arange(steps, torch::kInt64).unsqueeze(1).lt(lengths.unsqueeze(0)).to(like.scalar_type());
}

HeldSequence hold_sequence(const torch::Tensor& values, double theta, const torch::Tensor& lengths) {
  DELTAHOP_CHECK(values.dim() == 3);
  const torch::Tensor mask = frame_mask(values.size(0), values.size(1), lengths, values);
  const variable_list results = Hold::apply(values, mask, theta);
  return {results[0], results[1], results[2]};
}

}  // namespace deltahop
