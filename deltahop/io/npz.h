// SPDX-License-Identifier: Apache-2.0
// NumPy's files: one array (.npy) or many (.npz, stored or deflated zip).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "deltahop/tensor/tensor.h"

namespace deltahop {

Tensor parse_npy(std::string_view content,
                 std::string_view name);  // throws Error; Fortran order is turned around
Tensor read_npy(const std::filesystem::path& path);
std::string npy_text(const Tensor& tensor);
void write_npy(const Tensor& tensor, const std::filesystem::path& path);
std::map<std::string, Tensor> read_npz(const std::filesystem::path& path);
std::map<std::string, Tensor> parse_npz(std::string_view content, std::string_view name);
void write_npz(const std::map<std::string, Tensor>& arrays, const std::filesystem::path& path);

}  // namespace deltahop
