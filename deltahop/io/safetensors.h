// SPDX-License-Identifier: Apache-2.0
// Safetensors (Hugging Face): the length of a JSON header as 8 bytes, the header, then raw little-endian
// elements.
//   const auto tensors = read_safetensors("resnet20.safetensors");      // by name, in PyTorch's layout
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "deltahop/tensor/tensor.h"

namespace deltahop {

// Throws Error on a header that is broken, elements outside the file, elements that overlap or leave holes,
// and types that no tensor holds (8-bit floats).
std::map<std::string, Tensor> parse_safetensors(std::string_view content, std::string_view name);
std::map<std::string, Tensor> read_safetensors(const std::filesystem::path& path);

}  // namespace deltahop
