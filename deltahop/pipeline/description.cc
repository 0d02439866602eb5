// SPDX-License-Identifier: Apache-2.0
#include "deltahop/pipeline/description.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "deltahop/base/embedded.h"
#include "deltahop/base/error.h"
#include "deltahop/base/files.h"

namespace deltahop {

std::vector<EmbeddedFile> embedded_pipeline();  // generated: see cmake/catalog.cmake

namespace {

// A description is a page of text; anything larger is another file.
constexpr uint64_t kMostBytes = 1 << 20;

const EmbeddedFile* shipped(const std::vector<EmbeddedFile>& files, std::string_view name) {
  const std::string path = fmt::format("zoo/{}.yaml", name);
  const auto found =
      std::find_if(files.begin(), files.end(), [&](const EmbeddedFile& file) { return file.path == path; });
  return found == files.end() ? nullptr : &*found;
}

bool looks_like_a_file(const std::string& path_or_name) {
  return path_or_name.ends_with(".yaml") || path_or_name.ends_with(".yml") ||
         path_or_name.find('/') != std::string::npos;
}

int64_t samples_of(const Config& config, std::string_view key, int64_t rate_Hz) {
  const double samples = config.quantity<Seconds>(key).number() * static_cast<double>(rate_Hz);
  if (samples >= 1 && samples <= 1 << 20) return std::llround(samples);
  if (config.has(key)) config.fault(key, fmt::format("{} is not between one sample and 2^20", key));
  return 1;
}

Window window_of(const Config& config, std::string_view key) {
  const auto& names = window_names();
  const std::string word = config.choice(key, names, names.front());
  const auto found = std::find(names.begin(), names.end(), word);
  return found == names.end() ? Window::rectangular : static_cast<Window>(found - names.begin());
}

PipelineStage stage_of(const Config& config) {
  PipelineStage stage;
  if (config.has("spectral_mask") == config.has("frames")) {
    config.fault({}, "a stage is either a spectral_mask or frames",
                 "write for example 'spectral_mask: net.onnx'");
    return stage;
  }
  stage.kind = config.has("frames") ? StageKind::frames : StageKind::spectral_mask;
  stage.network = config.text(stage.kind == StageKind::frames ? "frames" : "spectral_mask");
  const Config loops = config.section("loops");
  for (const std::string& input : loops.keys()) stage.loops.push_back({input, loops.text(input)});
  return stage;
}

}  // namespace

std::vector<std::string> pipeline_names() {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : embedded_pipeline())
    names.push_back(std::filesystem::path(file.path).stem().string());
  return names;
}

bool is_pipeline(const std::string& path_or_name) {
  if (!looks_like_a_file(path_or_name)) return shipped(embedded_pipeline(), path_or_name) != nullptr;
  if (!path_or_name.ends_with(".yaml") && !path_or_name.ends_with(".yml")) return false;
  std::error_code fault;
  if (std::filesystem::file_size(path_or_name, fault) > kMostBytes && !fault) return false;
  const auto keys = Config::from_text(read_file(path_or_name, kMostBytes), path_or_name).keys();
  return std::find(keys.begin(), keys.end(), "pipeline") != keys.end();
}

PipelineDescription read_pipeline(const Config& config) {
  PipelineDescription description;
  description.name = config.text("pipeline");
  description.summary = config.text("summary", "");
  description.citation = config.text("citation", "");
  const double rate = config.quantity<Hertz>("rate").number();
  if (rate >= 1 && rate <= 1 << 20 && rate == std::floor(rate)) {
    description.rate_Hz = static_cast<int64_t>(rate);
  } else if (config.has("rate")) {
    config.fault("rate", "the rate is not a whole number of Hz between 1 and 2^20");
  }
  description.frame = samples_of(config, "frame", description.rate_Hz);
  description.hop = samples_of(config, "hop", description.rate_Hz);
  if (description.hop > description.frame) config.fault("hop", "the hop is longer than the frame");
  if (description.frame % 2 != 0)
    config.fault("frame", fmt::format("the frame has {} samples", description.frame), "take an even number");
  description.window = window_of(config, "window");
  description.synthesis_window = window_of(config, "synthesis_window");
  for (const Config& stage : config.list("stages")) description.stages.push_back(stage_of(stage));
  if (description.stages.empty()) config.fault({}, "there are no stages");
  return description;
}

PipelineDescription load_pipeline_description(const std::string& path_or_name) {
  const auto files = embedded_pipeline();
  const EmbeddedFile* const known = looks_like_a_file(path_or_name) ? nullptr : shipped(files, path_or_name);
  const Config config = known != nullptr
                            ? Config::from_text(known->content, path_or_name)
                            : Config::from_text(read_file(path_or_name, kMostBytes), path_or_name);
  PipelineDescription description = read_pipeline(config);
  config.finish();
  return description;
}

}  // namespace deltahop
