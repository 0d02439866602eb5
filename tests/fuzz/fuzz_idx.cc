// SPDX-License-Identifier: Apache-2.0
// Any bytes as a file of samples (IDX, gzip, CIFAR-10, NPY, NPZ, a list, a picture) and as a file of labels.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "deltahop/base/files.h"
#include "deltahop/io/labels.h"
#include "deltahop/io/samples.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deltahop;
  // A folder of its own for each process, so that a list finds nothing of interest beside it.
  static const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("deltahop_fuzz_idx_" + std::to_string(::getpid()));
  const std::filesystem::path path = folder / "input";
  write_file(path, {reinterpret_cast<const char*>(data), size});
  try {
    const auto samples = open_samples(path, {.labels = "", .limit = 3});
    for (int64_t i = 0; i < samples->size(); ++i) samples->load(i);
  } catch (const Error&) {
  }
  try {
    read_labels(path);
  } catch (const Error&) {
  }
  std::filesystem::remove(path);
  return 0;
}
