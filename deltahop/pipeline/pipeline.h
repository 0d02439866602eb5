// SPDX-License-Identifier: Apache-2.0
// Sound through streaming networks, frame by frame: what a noise suppressor does. Any pieces in, the same
// numbers out.
//   Pipeline pipeline(load_pipeline("dtln", "models/dtln", {}));
//   const std::vector<float> enhanced = pipeline.whole(noisy);
#pragma once

#include <complex>
#include <span>
#include <string>
#include <vector>

#include "deltahop/pipeline/description.h"
#include "deltahop/run/session.h"
#include "deltahop/signal/framing.h"
#include "deltahop/signal/stft.h"

namespace deltahop {

class Pipeline {
 public:
  // networks: one a stage, in order. options.loops is not used: each stage has its own. A threshold line
  // belongs to the networks that have such a node; throws Error on one that belongs to none, and where sizes
  // do not fit.
  Pipeline(const PipelineDescription& description, const std::vector<Network>& networks,
           const SessionOptions& options = {});

  const PipelineDescription& description() const { return description_; }
  // Samples by which the output of push() is late.
  int64_t delay_samples() const { return description_.frame - description_.hop; }

  // Appends the output of every hop that is complete.
  void push(std::span<const float> samples, std::vector<float>& out);
  // The end of a recording: appends the rest, so that as many samples came out as went in, and
  // delay_samples() more. What was counted can be asked; reset() before the next recording.
  void finish(std::vector<float>& out);
  void reset();             // states and sums
  void clear_statistics();  // counts, times and ranges, which reset() keeps

  // A whole recording from the start; as long as it was, and in step with it.
  std::vector<float> whole(std::span<const float> samples);

  size_t stages() const { return sessions_.size(); }
  const Session& session(size_t stage) const { return sessions_.at(stage); }
  // Time of a hop from its samples to the sum, transforms included.
  LatencySummary latency() const { return latency_.summary(); }

 private:
  struct Ports {
    size_t input = 0, output = 0;
  };
  static Ports ports_of(const Session& session, const std::string& network, int64_t wanted);
  void hop(std::vector<float>& out);
  void mask(Session& session, const Ports& ports);

  PipelineDescription description_;
  std::vector<Session> sessions_;
  std::vector<Ports> ports_;
  Framer framer_;
  RealFft fft_;
  OverlapAdd sums_;
  std::vector<double> window_, synthesis_window_, samples_;
  std::vector<float> frame_;
  std::vector<std::complex<double>> spectrum_;
  std::vector<double> finished_;  // samples that left the sums
  int64_t taken_ = 0;             // samples since the start
  LatencyRecorder latency_;
};

// A pipeline by name or YAML path; its networks lie in `networks`, or beside the YAML where that is empty.
// Symbolic batches become one. Throws Error.
Pipeline load_pipeline(const std::string& path_or_name, const std::string& networks,
                       const SessionOptions& options);
// The networks alone, for several pipelines over them.
std::vector<Network> load_networks(const PipelineDescription& description, const std::string& path_or_name,
                                   const std::string& networks);

}  // namespace deltahop
