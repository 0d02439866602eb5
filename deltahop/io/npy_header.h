// SPDX-License-Identifier: Apache-2.0
// The header of a NumPy array file and the conversion of its bytes, for readers that take one sample at a
// time.
#pragma once

#include <string_view>

#include "deltahop/tensor/tensor.h"

namespace deltahop {

struct NpyHeader {
  DataType type = DataType::float32;
  bool big_endian = false;
  bool fortran_order = false;
  Shape shape;
  uint64_t data_offset = 0;  // of the first element, from the start of the file
};

// Throws Error (place: `name`) where no tensor can have this shape.
void require_countable(const Shape& shape, std::string_view name);

bool is_npy(std::string_view content);
// `start` holds at least the header. Throws Error (place: `name`) on a broken header or a type that no tensor
// can hold.
NpyHeader parse_npy_header(std::string_view start, std::string_view name);
// Elements in file order as a tensor of `shape`; bytes.size() must be that of the elements.
Tensor npy_elements(std::string_view bytes, const NpyHeader& header, Shape shape);
// Elements lie in file order with the first index fastest: turned to row-major.
Tensor from_fortran_order(const Tensor& stored, const Shape& shape);

}  // namespace deltahop
