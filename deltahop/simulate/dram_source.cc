// SPDX-License-Identifier: Apache-2.0
#include "deltahop/simulate/dram_source.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/base/error.h"

namespace deltahop {
namespace {

// Wanted bytes of one access, rounded up so that random accesses of this size can lie side by side.
int64_t slot_bytes(int64_t bytes) {
  return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(bytes)));
}

}  // namespace

DramSource::DramSource(const DramStream& stream, const DramLoad& load, const DramPart& part,
                       const DramMapping& mapping)
    : stream_(stream),
      mapping_(mapping),
      random_(load.seed),
      write_fraction_(load.write_fraction),
      total_(load.requests),
      burst_bytes_(int64_t{1} << mapping.burst_shift()),
      banks_(part.banks()),
      groups_(part.bank_groups),
      rows_(part.rows) {
  const auto capacity = static_cast<int64_t>(mapping.bytes());
  access_bytes_ = stream.access_bytes == 0 ? burst_bytes_ : stream.access_bytes;
  const auto refuse = [&](std::string_view what) {
    throw Error(fmt::format("stream '{}'", stream.text),
                fmt::format("{}; the channel holds {} bytes", what, capacity));
  };
  switch (stream.kind) {
    case DramStream::Kind::random:
      if (slot_bytes(access_bytes_) > capacity) refuse("an access is larger than the memory");
      access_slots_ = mapping.bytes() / static_cast<uint64_t>(slot_bytes(access_bytes_));
      break;
    case DramStream::Kind::same_bank:
    case DramStream::Kind::rotating:
      if (access_bytes_ > burst_bytes_)
        refuse(fmt::format("an access is one burst of {} bytes at most", burst_bytes_));
      break;
    case DramStream::Kind::columns:
      column_stride_ = (stream.column_bytes + burst_bytes_ - 1) / burst_bytes_ * burst_bytes_;
      if (column_stride_ > capacity / stream.columns) {
        refuse(fmt::format("{} columns of {} bytes do not fit", stream.columns, stream.column_bytes));
      }
      break;
    case DramStream::Kind::trace:
      total_ = static_cast<int64_t>(stream.trace.size());
      for (const DramRequest& request : stream.trace) {
        if (request.address >= mapping.bytes())
          refuse(fmt::format("address {:#x} lies outside", request.address));
      }
      break;
    case DramStream::Kind::transfers:
      total_ = 0;
      for (const auto& [address, bytes] : stream.transfers) {
        if (bytes < 1 || address >= mapping.bytes() ||
            mapping.bytes() - address < static_cast<uint64_t>(bytes))
          refuse(fmt::format("{} bytes at {:#x} lie outside", bytes, address));
        total_ += bursts_of(address, bytes);
      }
      break;
    case DramStream::Kind::sequential:
      break;
  }
}

// An exact number of columns, every choice of them equally likely.
void DramSource::choose_columns() {
  const int64_t wanted =
      std::max<int64_t>(1, std::llround(stream_.kept_fraction * static_cast<double>(stream_.columns)));
  chosen_.clear();
  int64_t left = wanted;
  for (int64_t column = 0; column < stream_.columns && left > 0; ++column) {
    const double chance = static_cast<double>(left) / static_cast<double>(stream_.columns - column);
    if (left == stream_.columns - column || random_.chance(chance)) {
      chosen_.push_back(static_cast<int32_t>(column));
      --left;
    }
  }
  next_chosen_ = 0;
}

int64_t DramSource::bursts_of(uint64_t address, int64_t bytes) const {
  const int shift = mapping_.burst_shift();
  return static_cast<int64_t>(((address + static_cast<uint64_t>(bytes) - 1) >> shift) - (address >> shift) +
                              1);
}

void DramSource::take(uint64_t address, int64_t bytes) {
  const int shift = mapping_.burst_shift();
  burst_ = address >> shift;
  bursts_left_ = bursts_of(address, bytes);
  bytes_wanted_ += bytes;
}

void DramSource::begin_access() {
  write_ = write_fraction_ > 0 && random_.chance(write_fraction_);
  const int64_t index = accesses_++;
  switch (stream_.kind) {
    case DramStream::Kind::sequential:
    case DramStream::Kind::trace:
      take(static_cast<uint64_t>(index) * static_cast<uint64_t>(burst_bytes_) & (mapping_.bytes() - 1),
           burst_bytes_);
      return;
    case DramStream::Kind::random: {
      const uint64_t slot = random_.bits() & (access_slots_ - 1);  // a power of two
      take(slot * static_cast<uint64_t>(slot_bytes(access_bytes_)), access_bytes_);
      return;
    }
    case DramStream::Kind::transfers: {
      const DramTransfer& transfer = stream_.transfers[static_cast<size_t>(index)];
      take(transfer.address, transfer.bytes);
      return;
    }
    case DramStream::Kind::columns:
      if (next_chosen_ == chosen_.size()) choose_columns();
      take(static_cast<uint64_t>(chosen_[next_chosen_++] * column_stride_), stream_.column_bytes);
      return;
    case DramStream::Kind::same_bank:
      take(mapping_.address({0, index % rows_, 0}), access_bytes_);
      return;
    case DramStream::Kind::rotating: {
      // Groups first, so that neighbours never share one.
      const int64_t turn = index % banks_;
      const int64_t bank = turn % groups_ * (banks_ / groups_) + turn / groups_;
      take(mapping_.address({static_cast<int>(bank), index / banks_ % rows_, 0}), access_bytes_);
      return;
    }
  }
}

bool DramSource::next(DramRequest& request) {
  if (given_ == total_) return false;
  if (stream_.kind == DramStream::Kind::trace) {
    request = stream_.trace[static_cast<size_t>(given_++)];
    bytes_wanted_ += burst_bytes_;
    return true;
  }
  if (bursts_left_ == 0) begin_access();
  request = {burst_ << mapping_.burst_shift(), write_, 0};
  ++burst_;
  --bursts_left_;
  ++given_;
  return true;
}

}  // namespace deltahop
