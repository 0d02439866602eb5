// SPDX-License-Identifier: Apache-2.0
// Parses a mapping's text and applies it.
#include "deltahop/simulate/dram_mapping.h"

#include <bit>
#include <charconv>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

const std::vector<std::string> kFieldNames = {"row", "group", "bank", "column"};

int bits_of(int64_t count) { return std::countr_zero(static_cast<uint64_t>(count)); }

std::string place_of(std::string_view text) { return fmt::format("mapping '{}'", text); }

}  // namespace

DramMapping::DramMapping(std::string_view text, const DramPart& part, int chips) {
  if (text.empty()) text = part.mapping;
  if (chips < 1 || chips > 64 || !std::has_single_bit(static_cast<unsigned>(chips)))
    throw Error("chips", fmt::format("{} is no power of two in 1..64", chips));
  bank_bits_ = bits_of(part.banks_per_group);
  const std::array<int, 4> field_bits = {bits_of(part.rows), bits_of(part.bank_groups), bank_bits_,
                                         bits_of(part.bursts_per_row())};
  burst_shift_ = bits_of(part.burst_bytes() * chips);
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find('-', begin), text.size());
    add_piece(text, text.substr(begin, end - begin), field_bits);
    begin = end + 1;
  }
  settle(text, field_bits);
}

void DramMapping::add_piece(std::string_view text, std::string_view piece,
                            const std::array<int, 4>& field_bits) {
  const size_t colon = piece.find(':');
  const std::string name(piece.substr(0, colon));
  Piece made;
  made.bits = -1;  // what is left
  size_t field = 0;
  while (field < kFieldNames.size() && kFieldNames[field] != name) ++field;
  if (field == kFieldNames.size())
    throw Error(place_of(text), fmt::format("'{}' is no field", name), suggest(name, kFieldNames));
  made.field = static_cast<Field>(field);
  if (colon != std::string_view::npos) {
    const std::string_view digits = piece.substr(colon + 1);
    const auto [stop, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), made.bits);
    if (fault != std::errc() || stop != digits.data() + digits.size() || made.bits < 1 ||
        made.bits > field_bits[field]) {
      throw Error(place_of(text),
                  fmt::format("'{}': '{}' is no number of bits in 1..{}", piece, digits, field_bits[field]));
    }
  }
  if (piece_count_ == kMostPieces)
    throw Error(place_of(text), fmt::format("more than {} pieces", kMostPieces));
  pieces_[static_cast<size_t>(piece_count_++)] = made;
}

// Gives the open pieces their bits and every piece its place, from the least significant up.
void DramMapping::settle(std::string_view text, const std::array<int, 4>& field_bits) {
  std::array<int, 4> left = field_bits;
  std::array<int, 4> open = {};
  for (int i = 0; i < piece_count_; ++i) {
    const Piece& piece = pieces_[static_cast<size_t>(i)];
    if (piece.bits < 0) {
      if (++open[piece.field] > 1) {
        throw Error(place_of(text),
                    fmt::format("'{}' comes twice without a number of bits", kFieldNames[piece.field]),
                    "write for example column:3");
      }
    } else {
      left[piece.field] -= piece.bits;
    }
  }
  for (size_t field = 0; field < field_bits.size(); ++field) {
    if (left[field] < 0 || (left[field] > 0 && open[field] == 0)) {
      throw Error(place_of(text), fmt::format("'{}' has {} bits here, the part has {}", kFieldNames[field],
                                              field_bits[field] - left[field], field_bits[field]));
    }
  }
  int address_shift = burst_shift_;
  std::array<int, 4> field_shift = {};
  for (int i = piece_count_ - 1; i >= 0; --i) {
    Piece& piece = pieces_[static_cast<size_t>(i)];
    if (piece.bits < 0) piece.bits = left[piece.field];
    piece.address_shift = address_shift;
    piece.field_shift = field_shift[piece.field];
    address_shift += piece.bits;
    field_shift[piece.field] += piece.bits;
  }
  address_bits_ = address_shift;
  is_whole_ = true;
  for (int i = 0; i < piece_count_; ++i) {
    const Piece& piece = pieces_[static_cast<size_t>(i)];
    is_whole_ = is_whole_ && piece.bits == field_bits[piece.field];
    whole_shift_[piece.field] = piece.address_shift;
    whole_mask_[piece.field] = (uint64_t{1} << piece.bits) - 1;
  }
}

DramPlace DramMapping::split_place(uint64_t address) const {
  std::array<uint64_t, 4> fields = {};
  for (int i = 0; i < piece_count_; ++i) {
    const Piece& piece = pieces_[static_cast<size_t>(i)];
    const uint64_t mask = (uint64_t{1} << piece.bits) - 1;
    fields[piece.field] |= ((address >> piece.address_shift) & mask) << piece.field_shift;
  }
  return {static_cast<int>((fields[kGroup] << bank_bits_) | fields[kBank]),
          static_cast<int64_t>(fields[kRow]), static_cast<int64_t>(fields[kColumn])};
}

uint64_t DramMapping::address(const DramPlace& place) const {
  const auto bank = static_cast<uint64_t>(place.bank);
  const std::array<uint64_t, 4> fields = {static_cast<uint64_t>(place.row), bank >> bank_bits_,
                                          bank & ((uint64_t{1} << bank_bits_) - 1),
                                          static_cast<uint64_t>(place.column)};
  uint64_t address = 0;
  for (int i = 0; i < piece_count_; ++i) {
    const Piece& piece = pieces_[static_cast<size_t>(i)];
    const uint64_t mask = (uint64_t{1} << piece.bits) - 1;
    address |= ((fields[piece.field] >> piece.field_shift) & mask) << piece.address_shift;
  }
  return address;
}

}  // namespace deltahop
