// SPDX-License-Identifier: Apache-2.0
// Builds and runs a one-layer network with the installed library; exit code 0 where the answer is right.
#include <vector>

#include "deltahop/network/network.h"
#include "deltahop/run/executor.h"

int main() {
  deltahop::NetworkBuilder builder("consumer");
  const deltahop::ValueId x = builder.input("x", deltahop::DataType::float32, {1, 3});
  builder.output(builder.node("Relu", "relu", {x})[0]);
  const deltahop::Network network = builder.build();
  const auto input = deltahop::Tensor::of<float>({1, 3}, {-1.0F, 0.0F, 2.0F});
  const auto wanted = deltahop::Tensor::of<float>({1, 3}, {0.0F, 0.0F, 2.0F});
  return deltahop::execute(network, {input}, {}).at(0) == wanted ? 0 : 1;
}
