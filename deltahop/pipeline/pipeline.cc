// SPDX-License-Identifier: Apache-2.0
#include "deltahop/pipeline/pipeline.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/io/load.h"

namespace deltahop {
namespace {

// What each network is told: its own loops, and those thresholds whose nodes it has.
std::vector<SessionOptions> split_options(const PipelineDescription& description,
                                          const std::vector<Network>& networks,
                                          const SessionOptions& options) {
  std::vector<SessionOptions> split;
  std::vector<std::string> all_names;
  for (size_t i = 0; i < networks.size(); ++i) {
    SessionOptions own = options;
    own.loops = description.stages[i].loops;
    const auto names = delta_node_names(networks[i]);
    std::erase_if(own.thresholds.by_node, [&](const auto& line) {
      return line.first != "*" && std::find(names.begin(), names.end(), line.first) == names.end();
    });
    all_names.insert(all_names.end(), names.begin(), names.end());
    split.push_back(std::move(own));
  }
  for (const auto& [name, thresholds] : options.thresholds.by_node) {
    if (name != "*" && std::find(all_names.begin(), all_names.end(), name) == all_names.end())
      throw Error(description.name, fmt::format("no network has a node '{}' for thresholds", name),
                  suggest(name, all_names));
  }
  return split;
}

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Pipeline::Ports Pipeline::ports_of(const Session& session, const std::string& network, int64_t wanted) {
  const auto only = [&](const std::vector<SessionPort>& ports, std::string_view word) {
    std::vector<size_t> free;
    for (size_t i = 0; i < ports.size(); ++i) {
      const bool is_state = std::any_of(
          session.loops().begin(), session.loops().end(),
          [&](const StateLoop& loop) { return loop.input == ports[i].name || loop.output == ports[i].name; });
      if (!is_state) free.push_back(i);
    }
    if (free.size() != 1)
      throw Error(network, fmt::format("has {} {}s beside its states", free.size(), word),
                  "name its loops in the pipeline");
    if (ports[free[0]].size != wanted)
      throw Error(network,
                  fmt::format("its {} '{}' has {} values, where a frame gives {}", word, ports[free[0]].name,
                              ports[free[0]].size, wanted),
                  "check the frame of the pipeline");
    return free[0];
  };
  return {only(session.inputs(), "input"), only(session.outputs(), "output")};
}

Pipeline::Pipeline(const PipelineDescription& description, const std::vector<Network>& networks,
                   const SessionOptions& options)
    : description_(description),
      framer_({.length = description.frame, .hop = description.hop, .padding = Padding::past}),
      fft_(description.frame),
      sums_(description.frame, description.hop),
      window_(window_weights(description.window, description.frame)),
      synthesis_window_(window_weights(description.synthesis_window, description.frame)),
      samples_(static_cast<size_t>(description.frame)),
      frame_(static_cast<size_t>(description.frame)),
      spectrum_(static_cast<size_t>(fft_.bins())) {
  DELTAHOP_CHECK(networks.size() == description.stages.size());
  const auto split = split_options(description, networks, options);
  for (size_t i = 0; i < networks.size(); ++i) {
    const PipelineStage& stage = description.stages[i];
    sessions_.emplace_back(networks[i], split[i]);
    const int64_t wanted = stage.kind == StageKind::frames ? description.frame : fft_.bins();
    ports_.push_back(ports_of(sessions_.back(), stage.network, wanted));
  }
}

void Pipeline::mask(Session& session, const Ports& ports) {
  fft_.forward(samples_, spectrum_);
  std::transform(spectrum_.begin(), spectrum_.end(), session.input(ports.input).begin(),
                 [](const std::complex<double>& value) { return static_cast<float>(std::abs(value)); });
  session.step();
  const auto factors = session.output(ports.output);
  for (size_t bin = 0; bin < spectrum_.size(); ++bin) spectrum_[bin] *= static_cast<double>(factors[bin]);
  fft_.inverse(spectrum_, samples_);
}

// samples_ holds the frame between stages.
void Pipeline::hop(std::vector<float>& out) {
  for (size_t i = 0; i < samples_.size(); ++i) samples_[i] = static_cast<double>(frame_[i]) * window_[i];
  for (size_t i = 0; i < sessions_.size(); ++i) {
    Session& session = sessions_[i];
    if (description_.stages[i].kind == StageKind::spectral_mask) {
      mask(session, ports_[i]);
      continue;
    }
    std::transform(samples_.begin(), samples_.end(), session.input(ports_[i].input).begin(),
                   [](double sample) { return static_cast<float>(sample); });
    session.step();
    const auto made = session.output(ports_[i].output);
    std::copy(made.begin(), made.end(), samples_.begin());
  }
  for (size_t i = 0; i < samples_.size(); ++i) samples_[i] *= synthesis_window_[i];
  finished_.clear();
  sums_.add(samples_, finished_);
  for (const double sample : finished_) out.push_back(static_cast<float>(sample));
}

void Pipeline::push(std::span<const float> samples, std::vector<float>& out) {
  taken_ += static_cast<int64_t>(samples.size());
  framer_.push(samples);
  while (framer_.next(frame_)) {
    const double start = now_s();
    hop(out);
    latency_.add(now_s() - start);
  }
}

void Pipeline::finish(std::vector<float>& out) {
  // Zeros to the end of the hop, then until the last frame with a sample in it has left.
  const int64_t hop = description_.hop;
  const int64_t hops = (taken_ + delay_samples() + hop - 1) / hop;
  const int64_t zeros = hops * hop - taken_;
  const auto surplus = static_cast<size_t>(hops * hop - taken_ - delay_samples());
  push(std::vector<float>(static_cast<size_t>(zeros)), out);
  out.resize(out.size() - surplus);
}

void Pipeline::reset() {
  framer_.reset();
  sums_.reset();
  taken_ = 0;
  for (Session& session : sessions_) session.reset();
}

void Pipeline::clear_statistics() {
  for (Session& session : sessions_) session.clear_statistics();
  latency_.reset();
}

std::vector<float> Pipeline::whole(std::span<const float> samples) {
  reset();
  std::vector<float> out;
  push(samples, out);
  finish(out);
  out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(delay_samples()));
  return out;
}

std::vector<Network> load_networks(const PipelineDescription& description, const std::string& path_or_name,
                                   const std::string& networks) {
  const std::filesystem::path folder =
      networks.empty() ? std::filesystem::path(path_or_name).parent_path() : std::filesystem::path(networks);
  std::vector<Network> loaded;
  for (const PipelineStage& stage : description.stages) {
    const Network network = load_network((folder / stage.network).string());
    loaded.push_back(network.bound(input_shapes(network)));
  }
  return loaded;
}

Pipeline load_pipeline(const std::string& path_or_name, const std::string& networks,
                       const SessionOptions& options) {
  const PipelineDescription description = load_pipeline_description(path_or_name);
  return Pipeline(description, load_networks(description, path_or_name, networks), options);
}

}  // namespace deltahop
