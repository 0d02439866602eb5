// SPDX-License-Identifier: Apache-2.0
// How many requests a second the DRAM channel takes, source and statistics included.
#include <benchmark/benchmark.h>

#include "deltahop/simulate/dram_stream.h"

namespace deltahop {
namespace {

constexpr int64_t kRequests = 1'000'000;

void stream(benchmark::State& state, const char* part_name, const char* text, DramPage page, double writes) {
  const DramPart part = load_dram_part(part_name);
  const DramStream stream = parse_dram_stream(text);
  const DramController controller{.page = page};
  for (auto _ : state) {
    const DramRun run =
        run_dram_stream(part, controller, stream, {.requests = kRequests, .write_fraction = writes});
    benchmark::DoNotOptimize(run.clocks);
  }
  state.SetItemsProcessed(state.iterations() * kRequests);
}

BENCHMARK_CAPTURE(stream, ddr3_sequential, "ddr3_1600_2gb_x16", "sequential", DramPage::open, 0.0);
BENCHMARK_CAPTURE(stream, ddr3_columns, "ddr3_1600_2gb_x16", "columns:2304:0.1", DramPage::open, 0.0);
BENCHMARK_CAPTURE(stream, ddr3_random, "ddr3_1600_2gb_x16", "random", DramPage::open, 0.0);
BENCHMARK_CAPTURE(stream, ddr3_random_closed, "ddr3_1600_2gb_x16", "random", DramPage::closed, 0.0);
BENCHMARK_CAPTURE(stream, ddr3_random_mixed, "ddr3_1600_2gb_x16", "random", DramPage::open, 0.3);
BENCHMARK_CAPTURE(stream, ddr3_same_bank, "ddr3_1600_2gb_x16", "same-bank", DramPage::open, 0.0);
BENCHMARK_CAPTURE(stream, ddr4_sequential, "ddr4_2400_4gb_x8", "sequential", DramPage::open, 0.0);
BENCHMARK_CAPTURE(stream, ddr4_random, "ddr4_2400_4gb_x8", "random", DramPage::open, 0.0);

}  // namespace
}  // namespace deltahop
