// SPDX-License-Identifier: Apache-2.0
// Builds and runs a one-layer network with the installed library, and sends a sound through the libraries
// that it borrows for that; exit code 0 where the answers are right.
#include <vector>

#include "deltahop/io/sound.h"
#include "deltahop/network/network.h"
#include "deltahop/run/executor.h"
#include "deltahop/signal/front_end.h"
#include "deltahop/signal/resample.h"

int main() {
  deltahop::NetworkBuilder builder("consumer");
  const deltahop::ValueId x = builder.input("x", deltahop::DataType::float32, {1, 3});
  builder.output(builder.node("Relu", "relu", {x})[0]);
  const deltahop::Network network = builder.build();
  const auto input = deltahop::Tensor::of<float>({1, 3}, {-1.0F, 0.0F, 2.0F});
  const auto wanted = deltahop::Tensor::of<float>({1, 3}, {0.0F, 0.0F, 2.0F});
  if (deltahop::execute(network, {input}, {}).at(0) != wanted) return 1;

  const deltahop::Sound silence{.rate_Hz = 8000, .channels = 1, .samples = std::vector<float>(8000)};
  const deltahop::Sound read = deltahop::decode_sound(deltahop::encode_wav(silence), "silence");
  const auto samples = deltahop::resampled(read.samples, read.rate_Hz, 16000);
  const auto features =
      deltahop::features_of(deltahop::parse_front_end("log_mel(40, 25 ms, 10 ms)"), samples);
  return features.shape() == deltahop::Shape{98, 40} ? 0 : 1;
}
