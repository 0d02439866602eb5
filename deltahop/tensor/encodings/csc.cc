// SPDX-License-Identifier: Apache-2.0
#include "deltahop/tensor/encodings/csc.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

void check_format(const CscFormat& format) {
  const bool sane = format.index_bits >= 1 && format.index_bits <= 16 && format.value_bits >= 1 &&
                    format.value_bits <= 16 && format.pointer_bits >= 0 && format.pointer_bits <= 32;
  if (!sane) throw Error("CSC", "indices and values must have 1 to 16 bits, pointers at most 32");
}

int64_t pointer_bits(const CscFormat& format, int64_t entries) {
  if (format.pointer_bits == 0) return entries < (int64_t{1} << 16) ? 16 : 32;
  if (entries >= (int64_t{1} << format.pointer_bits)) {
    throw Error("CSC",
                fmt::format("{} entries need wider pointers than {} bits", entries, format.pointer_bits));
  }
  return format.pointer_bits;
}

Bits size_of(const CscFormat& format, int64_t entries, int64_t columns) {
  return Bits(entries * (format.index_bits + format.value_bits) +
              (columns + 1) * pointer_bits(format, entries));
}

}  // namespace

int64_t csc_entries(std::span<const int16_t> matrix, int64_t rows, int64_t columns, CscFormat format) {
  check_format(format);
  DELTAHOP_CHECK(rows >= 0 && columns >= 0 && static_cast<int64_t>(matrix.size()) == rows * columns);
  constexpr int64_t kBlock =
      512;  // columns at a time: rows are read in memory order, state stays on the stack
  std::array<int64_t, kBlock> next_row;
  int64_t entries = 0;
  for (int64_t first = 0; first < columns; first += kBlock) {
    const int64_t count = std::min(kBlock, columns - first);
    next_row.fill(0);
    for (int64_t row = 0; row < rows; ++row) {
      const int16_t* values = matrix.data() + row * columns + first;
      for (int64_t i = 0; i < count; ++i) {
        if (values[i] == 0) continue;
        int64_t& next = next_row[static_cast<size_t>(i)];
        entries += 1 + ((row - next) >> format.index_bits);
        next = row + 1;
      }
    }
  }
  return entries;
}

Bits csc_bits(std::span<const int16_t> matrix, int64_t rows, int64_t columns, CscFormat format) {
  return size_of(format, csc_entries(matrix, rows, columns, format), columns);
}

Csc Csc::encode(const Tensor& matrix, CscFormat format) {
  check_format(format);
  if (matrix.rank() != 2) throw Error("CSC", "wants a matrix [rows, columns]");
  const auto values = matrix.values<int16_t>();
  const int64_t rows = matrix.dim(0);
  const int64_t columns = matrix.dim(1);
  const int64_t gap = int64_t{1} << format.index_bits;
  const int64_t highest = (int64_t{1} << (format.value_bits - 1)) - 1;
  Csc code;
  code.rows_ = rows;
  code.format_ = format;
  code.column_starts_.push_back(0);
  for (int64_t column = 0; column < columns; ++column) {
    int64_t zeros = 0;
    for (int64_t row = 0; row < rows; ++row) {
      const int16_t value = values[static_cast<size_t>(row * columns + column)];
      if (value == 0) {
        ++zeros;
        continue;
      }
      if (value > highest || value < -highest - 1) {
        throw Error("CSC", fmt::format("the value {} does not fit {} bits", value, format.value_bits));
      }
      for (; zeros >= gap; zeros -= gap) code.entries_.push_back({static_cast<uint16_t>(gap - 1), 0});
      code.entries_.push_back({static_cast<uint16_t>(zeros), value});
      zeros = 0;
    }
    if (code.entries_.size() > std::numeric_limits<uint32_t>::max()) throw Error("CSC", "too many entries");
    code.column_starts_.push_back(static_cast<uint32_t>(code.entries_.size()));
  }
  pointer_bits(format, static_cast<int64_t>(code.entries_.size()));  // throws where they are too narrow
  return code;
}

Csc Csc::from_parts(int64_t rows, std::vector<uint32_t> column_starts, std::vector<Entry> entries,
                    CscFormat format) {
  check_format(format);
  Csc code;
  code.rows_ = rows;
  code.format_ = format;
  code.column_starts_ = std::move(column_starts);
  code.entries_ = std::move(entries);
  return code;
}

Bits Csc::size() const {
  return size_of(format_, static_cast<int64_t>(entries_.size()),
                 static_cast<int64_t>(column_starts_.size()) - 1);
}

Tensor Csc::decode() const {
  constexpr int64_t kMostElements = int64_t{1} << 31;  // the matrix may be far larger than its code
  const auto columns = static_cast<int64_t>(column_starts_.size()) - 1;
  if (columns < 0 || rows_ < 0) throw Error("CSC", "a bad shape");
  if (columns > 0 && rows_ > kMostElements / columns) throw Error("CSC", "the matrix is too large");
  if (column_starts_.front() != 0 || column_starts_.back() != entries_.size()) {
    throw Error("CSC", "the column pointers do not cover the entries");
  }
  if (!std::is_sorted(column_starts_.begin(), column_starts_.end()))
    throw Error("CSC", "the column pointers fall");
  Tensor matrix = Tensor::zeros(DataType::int16, {rows_, columns});
  const auto values = matrix.values<int16_t>();
  const auto widest = static_cast<uint16_t>((int64_t{1} << format_.index_bits) - 1);
  for (int64_t column = 0; column < columns; ++column) {
    int64_t row = 0;
    const uint32_t end = column_starts_[static_cast<size_t>(column) + 1];
    for (uint32_t i = column_starts_[static_cast<size_t>(column)]; i < end; ++i) {
      const Entry& entry = entries_[i];
      if (entry.zeros_before > widest)
        throw Error("CSC", fmt::format("entry {} has an index that is too wide", i));
      if (entry.value == 0 && (entry.zeros_before != widest || i + 1 == end)) {
        throw Error("CSC", fmt::format("entry {} stores a zero that no gap asks for", i));
      }
      row += entry.zeros_before;
      if (row >= rows_) throw Error("CSC", fmt::format("entry {} lies below the last row", i));
      values[static_cast<size_t>(row * columns + column)] = entry.value;
      ++row;
    }
  }
  return matrix;
}

static_assert(Encoding<Csc>);

}  // namespace deltahop
