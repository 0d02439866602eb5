// SPDX-License-Identifier: Apache-2.0
// Whole networks with seeded weights through the integer executor: every stage that NullHop takes gives the
// executor's bits, whatever is left to the host or granted as an extension.
#include <gtest/gtest.h>

#include "deltahop/accelerators/accelerator.h"
#include "deltahop/base/random.h"
#include "deltahop/compress/fold.h"
#include "deltahop/compress/quantize.h"
#include "deltahop/io/load.h"
#include "deltahop/run/executor.h"

namespace deltahop {
namespace {

Tensor random_picture(const Shape& shape) {
  Random random(11);
  Tensor picture(DataType::float32, shape);
  for (float& value : picture.values<float>()) value = static_cast<float>(random.uniform(-1, 1));
  return picture;
}

struct Verified {
  int on_chip = 0, extended = 0, on_host = 0, pooled_by_host = 0;
};

// Runs a zoo network in the chip's arithmetic and compares every stage.
Verified verify(const std::string& name, const std::vector<std::string>& settings) {
  const auto chip = make_accelerator("nullhop", settings);
  const Network loaded = load_network(name);
  const std::vector<Shape> shapes = input_shapes(loaded);
  const Network network = folded(loaded.bound(shapes));
  CalibrationOptions options;
  options.arithmetic = chip->arithmetic();
  Calibrator calibrator(network, options);
  const std::vector<Tensor> inputs = {random_picture(shapes.at(0))};
  calibrator.add(inputs);
  const IntegerExecutor executor(calibrator.model());
  Verified seen;
  executor.run(inputs, {}, [&](const Stage&, const LayerTrace& trace) {
    if (!trace.workload) return;
    const Support support = chip->supports(*trace.workload);
    (support.placement == Placement::host   ? seen.on_host
     : support.placement == Placement::chip ? seen.on_chip
                                            : seen.extended)++;
    if (support.placement == Placement::host) return;
    seen.pooled_by_host += support.host_part.empty() ? 0 : 1;
    EXPECT_TRUE(chip->compute(trace) == *trace.output) << name << " " << trace.name;
    const Stats stats = chip->simulate(trace);
    EXPECT_EQ(stats.dense_macs(), trace.workload->workload.macs()) << name << " " << trace.name;
  });
  return seen;
}

TEST(NullhopNetworkLaw, RoShamBoIsVerifiedWithItsMeansOnTheHostAndOnTheChip) {
  const Verified host = verify("roshambo", {});
  EXPECT_EQ(host.on_chip, 5);
  EXPECT_EQ(host.pooled_by_host, 5);
  EXPECT_EQ(host.on_host, 1) << "the fully connected layer";
  const Verified extended = verify("roshambo", {"extensions.average_pooling=true"});
  EXPECT_EQ(extended.extended, 5);
  EXPECT_EQ(extended.pooled_by_host, 0);
}

TEST(NullhopNetworkLaw, LeNetIsVerifiedWithDummyOutputs) { EXPECT_GE(verify("lenet5", {}).extended, 1); }

TEST(NullhopNetworkLaw, ResNet20IsVerifiedWithAndWithoutStrides) {
  const Verified plain = verify("resnet20", {});
  EXPECT_GE(plain.on_host, 2) << "stride 2";
  const Verified extended = verify("resnet20", {"extensions.stride=true"});
  EXPECT_EQ(extended.on_chip, plain.on_chip);
  EXPECT_GE(extended.extended, 2);
}

TEST(NullhopNetworkLaw, SqueezeNetIsVerifiedWithOverlappingMaximaOnTheHost) {
  const Verified seen = verify("squeezenet1_1", {});
  EXPECT_GE(seen.on_chip, 24);
}

}  // namespace
}  // namespace deltahop
