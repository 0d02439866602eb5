// SPDX-License-Identifier: Apache-2.0
// Any text as an EdgeDRNN's memory image, weights first, configuration words behind a line "---". What is
// taken holds layers that the chip runs, and they make the same image again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "deltahop/accelerators/edge_drnn/edge_drnn.h"
#include "deltahop/accelerators/edge_drnn/memory_image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deltahop;
  using namespace deltahop::edge_drnn;
  static const auto chip = make_accelerator("edge_drnn", {});
  const EdgeDrnnConfig& config = dynamic_cast<const EdgeDrnn&>(*chip).config();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr std::string_view kRule = "---\n";
  const size_t rule = text.find(kRule);
  try {
    MemoryImage image;
    image.beat_bytes = config.beat_bytes();
    image.weights = weights_from_text(text.substr(0, rule), image.beat_bytes, "weights");
    if (rule != std::string_view::npos)
      image.configuration = configuration_from_text(text.substr(rule + kRule.size()), "words");
    const Layers layers = layers_of(image, config);
    MemoryImage again = make_image(config, layers);
    again.configuration[0] = image.configuration[0];  // the chip's own address
    for (size_t word = 5 + layers.size(); word < kConfigurationWords; ++word)
      again.configuration[word] = image.configuration[word];  // words that mean nothing
    if (!(again == image)) std::abort();
    if (image_from_binary(weights_binary(image), configuration_binary(image), image.beat_bytes, "binary") !=
        image)
      std::abort();
  } catch (const Error&) {
  }
  return 0;
}
