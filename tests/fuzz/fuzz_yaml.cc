// SPDX-License-Identifier: Apache-2.0
// Any text as a configuration, as preprocessing, and as a YAML network: planned, and built where it is small.
#include <cstddef>
#include <cstdint>

#include "deltahop/io/parameter_source.h"
#include "deltahop/io/samples.h"
#include "deltahop/io/yaml_network.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deltahop;
  constexpr int64_t kMostParameters = 1 << 16;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    parse_preprocessing(text, "fuzz.yaml");
  } catch (const Error&) {
  }
  try {
    const Config config = Config::from_text(text, "fuzz.yaml");
    config.resolved();
    const NetworkPlan plan = plan_yaml_network(config);
    int64_t count = 0;
    for (const Parameter& parameter : plan.parameters()) count += element_count(parameter.shape);
    if (count < kMostParameters) plan.builder(seeded_parameters(1)).build();
  } catch (const Error&) {
  }
  return 0;
}
