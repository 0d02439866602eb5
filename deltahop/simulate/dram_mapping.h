// SPDX-License-Identifier: Apache-2.0
// How an address becomes bank, row and column. The fields from the most significant bit to the least, with
// the bits of a field where it is split:
//   row-bank-column            a row is filled before the next bank is used
//   row-bank-column-group      neighbouring bursts lie in different bank groups
//   row-column:3-bank-column   split: the piece without a number takes the bits that are left
// Below the last field lies the place within a burst. Where a part has one bank group, "group" may be left
// out.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "deltahop/hardware/dram_part.h"

namespace deltahop {

struct DramPlace {
  int bank = 0;  // over all groups: group * banks_per_group + bank
  int64_t row = 0;
  int64_t column = 0;  // in bursts
  bool operator==(const DramPlace&) const = default;
};

class DramMapping {
 public:
  // Empty text takes the part's own. `chips` of them, a power of two, lie side by side. Throws Error.
  DramMapping(std::string_view text, const DramPart& part, int chips);

  DramPlace place(uint64_t address) const {
    if (!is_whole_) return split_place(address);
    const auto field = [&](Field which) { return address >> whole_shift_[which] & whole_mask_[which]; };
    return {static_cast<int>(field(kGroup) << bank_bits_ | field(kBank)), static_cast<int64_t>(field(kRow)),
            static_cast<int64_t>(field(kColumn))};
  }
  uint64_t address(const DramPlace& place) const;  // of the burst's first byte
  uint64_t bytes() const { return uint64_t{1} << address_bits_; }
  int burst_shift() const { return burst_shift_; }  // address >> this counts bursts

 private:
  enum Field : uint8_t { kRow, kGroup, kBank, kColumn };
  struct Piece {
    Field field = kRow;
    int bits = 0;
    int address_shift = 0, field_shift = 0;
  };
  static constexpr int kMostPieces = 16;
  DramPlace split_place(uint64_t address) const;
  void add_piece(std::string_view text, std::string_view piece, const std::array<int, 4>& field_bits);
  void settle(std::string_view text, const std::array<int, 4>& field_bits);

  std::array<Piece, kMostPieces> pieces_{};
  // Where no field is split: one shift and one mask each.
  bool is_whole_ = false;
  std::array<int, 4> whole_shift_{};
  std::array<uint64_t, 4> whole_mask_{};
  int piece_count_ = 0;
  int burst_shift_ = 0, address_bits_ = 0, bank_bits_ = 0;
};

}  // namespace deltahop
