// SPDX-License-Identifier: Apache-2.0
#include "deltahop/network/recurrent_attributes.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include <fmt/format.h>

namespace deltahop {
namespace {

struct Known {
  Activation kind;
  std::string_view name;
  int parameters;     // 0, 1 (alpha) or 2 (alpha and beta)
  float alpha, beta;  // defaults of the ONNX operator of that name
};

constexpr std::array<Known, 11> kKnown = {{{Activation::sigmoid, "Sigmoid", 0, 0.0f, 0.0f},
                                           {Activation::tanh, "Tanh", 0, 0.0f, 0.0f},
                                           {Activation::relu, "Relu", 0, 0.0f, 0.0f},
                                           {Activation::affine, "Affine", 2, 1.0f, 0.0f},
                                           {Activation::leaky_relu, "LeakyRelu", 1, 0.01f, 0.0f},
                                           {Activation::thresholded_relu, "ThresholdedRelu", 1, 1.0f, 0.0f},
                                           {Activation::scaled_tanh, "ScaledTanh", 2, 1.0f, 1.0f},
                                           {Activation::hard_sigmoid, "HardSigmoid", 2, 0.2f, 0.5f},
                                           {Activation::elu, "Elu", 1, 1.0f, 0.0f},
                                           {Activation::softsign, "Softsign", 0, 0.0f, 0.0f},
                                           {Activation::softplus, "Softplus", 0, 0.0f, 0.0f}}};

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// Files disagree about capitals.
const Known& known(const std::string& name) {
  std::vector<std::string> names;
  for (const Known& one : kKnown) {
    if (same_letters(one.name, name)) return one;
    names.emplace_back(one.name);
  }
  throw Error("", fmt::format("the activation '{}' is not known", name), suggest(name, names));
}

}  // namespace

RecurrentAttributes::RecurrentAttributes(CellKind kind, const Attributes& attributes)
    : kind_(kind), direction_(attributes.text("direction", "forward")) {
  if (direction_ != "forward" && direction_ != "reverse" && direction_ != "bidirectional") {
    throw Error("", fmt::format("the direction '{}' is not known", direction_),
                suggest(direction_, {"forward", "reverse", "bidirectional"}));
  }
  if (attributes.has("hidden_size")) {
    hidden_size_ = attributes.integer("hidden_size", 0);
    if (*hidden_size_ < 1) throw Error("", fmt::format("hidden_size is {}", *hidden_size_), "1 or more");
  }
  clip_ = attributes.number("clip", 0.0f);
  if (!(clip_ >= 0.0f)) throw Error("", fmt::format("clip is {}", clip_), "a positive number");
  attributes.integer("output_sequence", 0);  // up to opset 6; outputs that nobody wants are not named anyway
  const int64_t layout = attributes.integer("layout", 0);
  if (layout != 0 && layout != 1)
    throw Error("", fmt::format("layout is {}", layout), "0 (sequence first) or 1 (batch first)");
  batch_first_ = layout == 1;
  if (kind == CellKind::gru) linear_before_reset_ = attributes.integer("linear_before_reset", 0) != 0;
  if (kind == CellKind::lstm) input_forget_ = attributes.integer("input_forget", 0) != 0;
  read_activations(attributes);
  attributes.finish();
}

void RecurrentAttributes::read_activations(const Attributes& attributes) {
  names_ = attributes.texts("activations");
  alphas_ = attributes.numbers("activation_alpha");
  betas_ = attributes.numbers("activation_beta");
  const size_t wanted = default_activations(kind_).size() * static_cast<size_t>(directions());
  if (names_.empty()) {
    for (int64_t d = 0; d < directions(); ++d) {
      for (const CellActivation& one : default_activations(kind_)) activations_.push_back(one);
    }
  } else if (names_.size() != wanted) {
    throw Error("", fmt::format("names {} activations, not {}", names_.size(), wanted));
  }
  // Only those that take a number use one up.
  size_t next_alpha = 0, next_beta = 0;
  for (const std::string& name : names_) {
    const Known& one = known(name);
    CellActivation activation{one.kind, one.alpha, one.beta};
    if (one.parameters > 0 && next_alpha < alphas_.size()) activation.alpha = alphas_[next_alpha++];
    if (one.parameters > 1 && next_beta < betas_.size()) activation.beta = betas_[next_beta++];
    activations_.push_back(activation);
  }
  if (next_alpha < alphas_.size() || next_beta < betas_.size()) {
    throw Error("", fmt::format("gives {} alphas and {} betas to activations that take {} and {}",
                                alphas_.size(), betas_.size(), next_alpha, next_beta));
  }
}

CellRules RecurrentAttributes::rules(int64_t direction) const {
  CellRules rules{kind_, linear_before_reset_, input_forget_, clip_, {}};
  const auto count = static_cast<int64_t>(activations_.size()) / directions();
  rules.activations.assign(activations_.begin() + direction * count,
                           activations_.begin() + (direction + 1) * count);
  return rules;
}

Attributes RecurrentAttributes::as_attributes() const {
  Attributes attributes{{"direction", direction_}};
  if (hidden_size_) attributes.set("hidden_size", *hidden_size_);
  if (clip_ != 0.0f) attributes.set("clip", clip_);
  if (batch_first_) attributes.set("layout", int64_t{1});
  if (linear_before_reset_) attributes.set("linear_before_reset", int64_t{1});
  if (input_forget_) attributes.set("input_forget", int64_t{1});
  if (!names_.empty()) attributes.set("activations", names_);
  if (!alphas_.empty()) attributes.set("activation_alpha", alphas_);
  if (!betas_.empty()) attributes.set("activation_beta", betas_);
  return attributes;
}

}  // namespace deltahop
