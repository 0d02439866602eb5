// SPDX-License-Identifier: Apache-2.0
// A million requests of every kind on every part: no command may break a rule of the part.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "deltahop/base/random.h"
#include "deltahop/simulate/dram_channel.h"
#include "deltahop/simulate/dram_checker.h"

namespace deltahop {
namespace {

constexpr int64_t kRequests = 1'000'000;

struct Setting {
  std::string part;
  DramPage page = DramPage::open;
  int64_t requests = kRequests;
};

// Bursts in a row and jumps, reads and writes, stretches of saturation and of idleness.
class Traffic {
 public:
  explicit Traffic(uint64_t bytes) : bytes_(bytes) {}
  DramRequest next(int64_t now, int64_t step) {
    address_ = (random_.chance(0.5) ? address_ + static_cast<uint64_t>(step) : random_.bits()) & (bytes_ - 1);
    if (random_.chance(0.001)) idles_ = !idles_;
    const int64_t gap = idles_ ? random_.integer(0, random_.chance(0.01) ? 20'000 : 60) : 0;
    if (random_.chance(0.01)) write_share_ = random_.uniform();
    return {address_, random_.chance(write_share_), now + gap};
  }

 private:
  Random random_{7};
  uint64_t bytes_, address_ = 0;
  double write_share_ = 0.3;
  bool idles_ = false;
};

class DramRules : public testing::TestWithParam<Setting> {};

TEST_P(DramRules, no_constraint_is_violated) {
  const DramPart part = load_dram_part(GetParam().part);
  DramChannel channel(part, {.page = GetParam().page});
  DramChecker checker(part);
  channel.watch([&](const DramCommand& command) { checker.check(command); });
  Traffic traffic(channel.mapping().bytes());
  DramCompletion completion;
  int64_t completed = 0, latest = 0;
  for (int64_t i = 0; i < GetParam().requests; ++i) {
    const DramRequest request = traffic.next(channel.now(), channel.burst_bytes());
    while (!channel.push(request, static_cast<uint64_t>(i))) ASSERT_TRUE(channel.step());
    while (channel.next_completion(completion)) {
      ++completed;
      ASSERT_GE(completion.clock, latest);
      latest = completion.clock;
    }
  }
  const int64_t end = channel.finish();
  while (channel.next_completion(completion)) ++completed;
  checker.finish(end);
  EXPECT_EQ(checker.violations(), 0) << checker.messages().front();
  EXPECT_EQ(completed, GetParam().requests);
  const DramCounters counters = channel.counters(end);
  EXPECT_EQ(counters.reads + counters.writes + counters.forwarded, GetParam().requests);
  EXPECT_GT(counters.row_hits, 0);
  EXPECT_GT(counters.row_misses + counters.row_conflicts, 0);
  EXPECT_LE(counters.active_clocks, end);
}

std::vector<Setting> settings() {
  std::vector<Setting> all;
  for (const std::string& part : dram_part_names()) {
    all.push_back({part, DramPage::open});
    all.push_back({part, DramPage::closed, kRequests / 10});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Parts, DramRules, testing::ValuesIn(settings()), [](const auto& setting) {
  return setting.param.part + (setting.param.page == DramPage::open ? "_open" : "_closed");
});

}  // namespace
}  // namespace deltahop
