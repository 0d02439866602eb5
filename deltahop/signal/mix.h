// SPDX-License-Identifier: Apache-2.0
// Speech with noise mixed in at a given ratio of powers, and how good a cleaned signal is.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "deltahop/base/random.h"

namespace deltahop {

double mean_power(std::span<const float> samples);

// speech + g noise with g = sqrt(P_speech / (P_noise 10^(snr/10))), P the mean power [Braun2017]. Both of one
// length. Throws Error (place: "mix") where one of them is silent or the lengths differ.
std::vector<float> mixed(std::span<const float> speech, std::span<const float> noise, double snr_dB);

// `length` samples from a random place; a shorter recording is repeated from its start.
std::vector<float> noise_segment(std::span<const float> noise, int64_t length, Random& random);

// Scale-invariant signal-to-distortion ratio [LeRoux2019] of `estimate`, means taken off:
// 10 log10 |a s|^2 / |e - a s|^2 with a = <e, s> / |s|^2. Infinite for an estimate that is the reference but
// for a factor, minus infinity for silence. Throws Error (place: "SI-SDR") where the lengths differ or the
// reference is silent.
double si_sdr_dB(std::span<const float> estimate, std::span<const float> reference);

}  // namespace deltahop
