// SPDX-License-Identifier: Apache-2.0
// From runs on a DRAM channel to a report: bandwidth, latency, energy, and why a stream is slower than
// streaming.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "deltahop/report/findings.h"
#include "deltahop/simulate/dram_stream.h"

namespace deltahop {

// One stream's run beside those that explain it.
struct DramResult {
  DramStream stream;
  DramRun run;
  // The sequential stream with the same number outstanding; absent where that is as many as the queues take.
  std::optional<DramRun> waiting;
};

struct DramReportSources {
  const DramPart* part = nullptr;
  const DramController* controller = nullptr;
  DramLoad load;
  const DramRun* streaming = nullptr;  // sequential, saturated, open page: the yardstick
  std::vector<DramResult> results;
  // Of a sweep over the fraction of columns kept: (fraction, a run of every column stream in order); empty
  // for none.
  std::vector<std::pair<double, std::vector<DramRun>>> sweep;
  Provenance provenance;
};

// Times a wanted byte against streaming, and its factors, which multiply to it.
struct DramSlowdown {
  double total = 1.0;
  double unused = 1.0;   // bytes moved for a byte wanted
  double waiting = 1.0;  // few requests outstanding: latency is not hidden
  double rows = 1.0;     // what is left: rows closed or another one open, turning the bus
};
DramSlowdown slowdown_of(const DramResult& result, const DramRun& streaming);

// By how much two good controllers with the same timings differ on such a stream.
double uncertainty_of(const DramStream& stream, const DramPart& part, const DramLoad& load);

Findings dram_findings(const DramReportSources& sources);
// The page of a part for 'deltahop explain'.
std::string dram_part_page(const DramPart& part);

}  // namespace deltahop
