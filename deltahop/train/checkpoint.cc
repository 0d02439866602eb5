// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/checkpoint.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "deltahop/base/error.h"
#include "deltahop/base/files.h"
#include "deltahop/io/safetensors.h"

namespace deltahop {
namespace {

constexpr const char* kRecipe = "text/recipe";
constexpr const char* kNumbers = "text/numbers";

torch::Tensor bytes_of(const std::string& text) {
  torch::Tensor bytes = torch::empty({static_cast<int64_t>(text.size())}, torch::kUInt8);
  if (!text.empty()) std::memcpy(bytes.data_ptr(), text.data(), text.size());
  return bytes;
}

const char* name_of_type(torch::Dtype type) {
  if (type == torch::kFloat32) return "F32";
  if (type == torch::kFloat64) return "F64";
  if (type == torch::kInt64) return "I64";
  DELTAHOP_CHECK(type == torch::kUInt8);
  return "U8";
}

torch::Dtype type_of(DataType type, const std::string& place) {
  if (type == DataType::float32) return torch::kFloat32;
  if (type == DataType::float64) return torch::kFloat64;
  if (type == DataType::int64) return torch::kInt64;
  if (type == DataType::uint8) return torch::kUInt8;
  throw Error(place, "is no checkpoint of deltahop");
}

}  // namespace

void write_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& path) {
  std::map<std::string, torch::Tensor> all;
  for (const auto& [name, tensor] : checkpoint.tensors) all[name] = tensor.detach().contiguous();
  all[kRecipe] = bytes_of(checkpoint.recipe);
  all[kNumbers] = bytes_of(checkpoint.numbers);
  nlohmann::json header = nlohmann::json::object();
  size_t offset = 0;
  for (const auto& [name, tensor] : all) {
    header[name] = {{"dtype", name_of_type(tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, offset + tensor.nbytes()}}};
    offset += tensor.nbytes();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::string content;
  content.reserve(8 + text.size() + offset);
  for (uint64_t i = 0, size = text.size(); i < 8; ++i) content.push_back(static_cast<char>(size >> (8 * i)));
  content += text;
  for (const auto& [name, tensor] : all)
    content.append(static_cast<const char*>(tensor.data_ptr()), tensor.nbytes());
  write_file(path, content);
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  Checkpoint checkpoint;
  for (const auto& [name, tensor] : read_safetensors(path)) {
    torch::Tensor copy = torch::empty(tensor.shape(), type_of(tensor.type(), path.string()));
    if (tensor.size() > 0) std::memcpy(copy.data_ptr(), tensor.bytes().data(), copy.nbytes());
    const auto text = [&] { return std::string(static_cast<const char*>(copy.data_ptr()), copy.nbytes()); };
    if (name == kRecipe)
      checkpoint.recipe = text();
    else if (name == kNumbers)
      checkpoint.numbers = text();
    else
      checkpoint.tensors[name] = copy;
  }
  if (checkpoint.numbers.empty()) throw Error(path.string(), "is no checkpoint of deltahop");
  return checkpoint;
}

}  // namespace deltahop
