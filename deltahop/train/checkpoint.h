// SPDX-License-Identifier: Apache-2.0
// All that training needs to go on bit for bit, in one file: a safetensors file of weights, buffers, moments
// and generator states, with the small numbers as JSON text in a tensor of bytes.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "deltahop/train/torch.h"

namespace deltahop {

struct Checkpoint {
  std::string recipe;   // resolved: a checkpoint goes on with the recipe it was made by
  std::string numbers;  // JSON, of the loop
  std::map<std::string, torch::Tensor> tensors;  // float32, float64, int64 or uint8
};

// Beside its place and renamed: the earlier file stays where the disk is full. Throws Error.
void write_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& path);
// Throws Error on a file that is none.
Checkpoint read_checkpoint(const std::filesystem::path& path);

}  // namespace deltahop
