// SPDX-License-Identifier: Apache-2.0
// Compressed sparse columns with relative row indices [Han2016]: an entry is the number of zeros above it
// since the entry before (4 bits) and its value; a gap of 16 or more inserts entries (15, 0); a pointer for
// each column says where it starts. Zeros below a column's last entry cost nothing.
//   const auto code = Csc::encode(matrix);   // int16 [rows, columns]
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "deltahop/tensor/encodings/encoding.h"

namespace deltahop {

struct CscFormat {
  int index_bits = 4;
  int value_bits = 16;   // 4 where values are codes into a shared table
  int pointer_bits = 0;  // 0: 16, as in the chip's slices, or 32 where there are more entries than that
};

class Csc {
 public:
  struct Entry {
    uint16_t zeros_before = 0;
    int16_t value = 0;
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  // matrix: int16 [rows, columns]. Throws Error where a value does not fit value_bits, entries exceed the
  // pointers, or the shape is another.
  static Csc encode(const Tensor& matrix) { return encode(matrix, {}); }
  static Csc encode(const Tensor& matrix, CscFormat format);
  // Parts from outside: nothing is checked before decode(). column_starts: columns + 1 numbers.
  static Csc from_parts(int64_t rows, std::vector<uint32_t> column_starts, std::vector<Entry> entries,
                        CscFormat format = {});

  // Throws Error where the pointers do not rise from 0 to the number of entries, an entry lies below the last
  // row, or a zero is stored that no gap asks for.
  Tensor decode() const;
  Bits size() const;
  std::span<const Entry> entries() const { return entries_; }
  std::span<const uint32_t> column_starts() const { return column_starts_; }

 private:
  int64_t rows_ = 0;
  CscFormat format_;
  std::vector<uint32_t> column_starts_;
  std::vector<Entry> entries_;
};

// Entries, padding included, and the size, without making the code. matrix: row-major [rows, columns].
int64_t csc_entries(std::span<const int16_t> matrix, int64_t rows, int64_t columns, CscFormat format = {});
Bits csc_bits(std::span<const int16_t> matrix, int64_t rows, int64_t columns, CscFormat format = {});

}  // namespace deltahop
