// SPDX-License-Identifier: Apache-2.0
// What a sound pipeline is made of, as YAML: frames of sound go through networks one after another and are
// added up to sound again. `zoo/` holds those that ship; their networks lie in a folder that the user names.
//   pipeline: DTLN
//   rate: 16 kHz
//   frame: 32 ms
//   hop: 8 ms
//   stages:
//     - spectral_mask: model_1.onnx           # magnitudes of the frame in, factors for its spectrum out
//       loops: {input_3: tf_op_layer_stack_2} # a state input and the output that feeds it
//     - frames: model_2.onnx                  # samples of the frame in, samples out
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "deltahop/base/config.h"
#include "deltahop/run/session.h"
#include "deltahop/signal/window.h"

namespace deltahop {

enum class StageKind : uint8_t {
  spectral_mask,  // the network's output multiplies the spectrum; the phase stays
  frames          // the network turns samples into samples
};

struct PipelineStage {
  StageKind kind = StageKind::frames;
  std::string network;  // file name, relative to the folder of the networks
  std::vector<StateLoop> loops = {};
};

struct PipelineDescription {
  std::string name;
  std::string summary, citation;
  int64_t rate_Hz = 16000;
  int64_t frame = 512, hop = 128;                 // samples; hop <= frame
  Window window = Window::rectangular;            // on what enters the first stage
  Window synthesis_window = Window::rectangular;  // on what leaves the last one
  std::vector<PipelineStage> stages;
};

// True for YAML with a key `pipeline`, and for the name of one that ships.
bool is_pipeline(const std::string& path_or_name);
std::vector<std::string> pipeline_names();  // those that ship

// Faults are noted in `config`: the caller asks config.finish().
PipelineDescription read_pipeline(const Config& config);
// Throws Error naming file and line.
PipelineDescription load_pipeline_description(const std::string& path_or_name);

}  // namespace deltahop
