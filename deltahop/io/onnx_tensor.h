// SPDX-License-Identifier: Apache-2.0
// TensorProto to Tensor: raw bytes, typed fields, external data. For the files of io/onnx only.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "deltahop/tensor/tensor.h"

namespace onnx {
class TensorProto;
}

namespace deltahop {

// The data files beside one model. Nothing outside the model's folder is opened, and the tensors of a file
// together may not ask for much more than the file holds.
class ExternalData {
 public:
  explicit ExternalData(std::filesystem::path folder) : folder_(std::move(folder)) {}
  // Fills all bytes of `tensor` from where `proto` says. Throws Error (no place).
  void read_into(Tensor& tensor, const onnx::TensorProto& proto);
  // Throws Error where the data file does not have these bytes: called before memory is asked for.
  void check(const onnx::TensorProto& proto, uint64_t byte_count);

 private:
  struct Range {
    std::filesystem::path file;
    uint64_t offset = 0, length = 0;
  };
  Range range_of(const onnx::TensorProto& proto, uint64_t byte_count) const;
  std::filesystem::path inside_folder(const std::string& location) const;

  std::filesystem::path folder_;
  std::map<std::string, uint64_t> read_bytes_;  // a data file
};

// The type of that number in onnx.proto's TensorProto.DataType. Throws Error naming it where deltahop has
// none.
DataType data_type_of_onnx(int number);
int onnx_number_of(DataType type);

// raw: the raw_data where it was kept out of `proto`. Throws Error (no place).
Tensor tensor_of(const onnx::TensorProto& proto, std::optional<std::string_view> raw, ExternalData& external);

}  // namespace deltahop
