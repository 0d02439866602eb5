// SPDX-License-Identifier: Apache-2.0
// What is drawn anew for each example and epoch. All of it depends on (seed, epoch, example) and on nothing
// else, so that threads and a resumed training change no number.
#pragma once

#include <span>
#include <vector>

#include "deltahop/base/random.h"
#include "deltahop/recipe/data_section.h"

namespace deltahop {

// The random numbers that belong to an example in an epoch.
Random random_of(uint64_t seed, int64_t epoch, int64_t example);

struct PictureShape {
  int64_t channels = 1, rows = 1, columns = 1;
};

// A picture [channels, rows, columns] moved and mirrored into `out`, noise added. `black`: a value a channel.
void augmented(std::span<const float> picture, const PictureShape& shape, const ArrayAugmentation& rule,
               const std::vector<float>& black, Random& random, std::span<float> out);

// Speech with a segment of one of the noises at a ratio of the list; unchanged where it or the segment is
// silent, and with the probability 1 - share.
std::vector<float> noisy(const std::vector<float>& speech, const std::vector<std::vector<float>>& noises,
                         const std::vector<double>& snr_dB, double share, Random& random);

}  // namespace deltahop
