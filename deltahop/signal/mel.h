// SPDX-License-Identifier: Apache-2.0
// Mel filterbanks in the conventions that trained networks expect: the scale, where the triangles are
// straight and how high they are differ from tool to tool, and each choice has a name here.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace deltahop {

enum class MelScale : uint8_t {
  htk,    // 2595 log10(1 + f / 700)
  slaney  // linear to 1 kHz (3 mel for 200 Hz), above 27 mel for a factor of 6.4
};
enum class MelTriangles : uint8_t {
  mel,   // straight on the mel axis: HTK, Kaldi, TensorFlow
  hertz  // straight on the frequency axis: Slaney's Auditory Toolbox, librosa
};
const std::vector<std::string>& mel_scale_names();
const std::vector<std::string>& mel_triangle_names();

double mel_of(MelScale scale, double frequency_Hz);
double hertz_of(MelScale scale, double mel);

struct MelOptions {
  int64_t bands = 40;
  MelScale scale = MelScale::htk;
  MelTriangles triangles = MelTriangles::mel;
  double low_Hz = 20;
  double high_Hz = 0;         // 0: half the rate
  bool unit_area = false;     // each triangle divided by half its width in Hz (librosa's "slaney" norm)
  bool of_magnitude = false;  // weighs magnitudes instead of powers
  int64_t first_bin = 0;      // bins below get no weight; 1 leaves out the constant part
};

// Weights of every band over the bins of a spectrum, kept as one run of bins a band.
class MelFilterbank {
 public:
  // Throws Error (place: "mel") on limits out of order, above half the rate, or a band that no bin falls
  // into.
  MelFilterbank(const MelOptions& options, double rate_Hz, int64_t fft_size);

  int64_t bands() const { return static_cast<int64_t>(runs_.size()); }
  double weight(int64_t band, int64_t bin) const;
  // out[band] = sum over bins of weight * spectrum. spectrum: [bins] powers or magnitudes, out: [bands].
  void apply(std::span<const double> spectrum, std::span<double> out) const;

 private:
  struct Run {
    int64_t first = 0;
    std::vector<double> weights;
  };
  // mels: the left end, the tip and the right end of a triangle.
  Run run_of(const MelOptions& options, const std::array<double, 3>& mels, double bin_Hz) const;

  int64_t bins_;
  std::vector<Run> runs_;
};

}  // namespace deltahop
