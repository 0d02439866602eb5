// SPDX-License-Identifier: Apache-2.0
// Where a stream's addresses come from: one burst after the other.
#pragma once

#include <cstdint>
#include <vector>

#include "deltahop/base/random.h"
#include "deltahop/simulate/dram_mapping.h"
#include "deltahop/simulate/dram_stream.h"

namespace deltahop {

class DramSource {
 public:
  // Throws Error where the stream does not fit the part.
  DramSource(const DramStream& stream, const DramLoad& load, const DramPart& part,
             const DramMapping& mapping);

  // False where the stream has ended.
  bool next(DramRequest& request);
  int64_t total() const { return total_; }  // requests to come in all
  // By the requests given out so far: an access that was cut short counts as far as it came.
  int64_t bytes_wanted() const { return bytes_wanted_ - bursts_left_ * burst_bytes_; }

 private:
  void begin_access();
  void choose_columns();
  int64_t bursts_of(uint64_t address, int64_t bytes) const;
  void take(uint64_t address, int64_t bytes);

  const DramStream& stream_;
  const DramMapping& mapping_;
  Random random_;
  double write_fraction_ = 0.0;
  int64_t total_ = 0, given_ = 0, accesses_ = 0, bytes_wanted_ = 0;
  int64_t burst_bytes_ = 0, access_bytes_ = 0, column_stride_ = 0;
  int banks_ = 0, groups_ = 0;
  int64_t rows_ = 0;
  uint64_t access_slots_ = 0;  // places for a random access
  // The access under way: bursts still to read.
  uint64_t burst_ = 0;
  int64_t bursts_left_ = 0;
  bool write_ = false;
  std::vector<int32_t> chosen_;  // columns of this step
  size_t next_chosen_ = 0;
};

}  // namespace deltahop
