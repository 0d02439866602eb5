// SPDX-License-Identifier: Apache-2.0
// Frames of sensors as plain numbers: CSV with a row a frame, and raw 32-bit floats, little-endian.
#pragma once

#include <string_view>
#include <vector>

namespace deltahop {

// Row after row; a first line of names is left out. Throws Error (place: `name`, and the line) on rows of
// other than numbers and on rows of unequal length.
std::vector<float> parse_csv_frames(std::string_view text, std::string_view name);
// Throws Error (place: `name`) where the bytes are no whole floats, or one is no number.
std::vector<float> parse_raw_frames(std::string_view bytes, std::string_view name);

// True for rows of numbers; a list of pictures has words in every row. Throws Error on what is no table.
bool holds_csv_frames(std::string_view text, std::string_view name);

}  // namespace deltahop
