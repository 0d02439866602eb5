// SPDX-License-Identifier: Apache-2.0
// The thresholds of delta networks [Neil2017]: what a signal must have changed by since it was last sent. As
// text, one line a layer, `gru1 theta_x=0.1 theta_h=0.2 theta_rh=0`: a side file, or the metadata of an ONNX
// file under kThresholdsKey, in which they travel with the network.
// The rule everywhere: d = s - sent; it is sent if d != 0 and |d| >= theta; then `sent` is s (where d had to
// be clamped to its integer type: it grows by what was sent).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/network/network.h"

namespace deltahop {

inline constexpr const char* kThresholdsKey = "deltahop.delta_thresholds";

// In the units of the values.
struct DeltaThresholds {
  double input = 0.0;         // theta_x
  double hidden = 0.0;        // theta_h
  double reset_hidden = 0.0;  // theta_rh, of r*h: GRUs with linear_before_reset = 0 only
  friend bool operator==(const DeltaThresholds&, const DeltaThresholds&) = default;
};

struct ThresholdTable {
  std::map<std::string, DeltaThresholds> by_node;  // "*": all nodes that have no line of their own

  bool empty() const { return by_node.empty(); }
  DeltaThresholds of(const std::string& node_name) const;
  friend bool operator==(const ThresholdTable&, const ThresholdTable&) = default;
};

// Lines end with a newline or ';', '#' begins a comment, names with blanks or signs stand in double quotes.
// Throws Error with the line as place on unknown or doubled words and on numbers that are no thresholds.
ThresholdTable parse_thresholds(std::string_view text, std::string_view place);
std::string text_of(const ThresholdTable& table);  // what parse_thresholds() reads back exactly

ThresholdTable read_thresholds(const std::filesystem::path& path);  // Throws Error, the path in front.

// The nodes that may bear thresholds: recurrent layers, and products by a constant matrix.
std::vector<std::string> delta_node_names(const Network& network);
// Throws Error, with a suggestion, on a name that is none of delta_node_names().
void check_thresholds(const ThresholdTable& table, const Network& network, std::string_view place);

// What the network's metadata says, checked; empty where it says nothing. Throws Error.
ThresholdTable thresholds_in(const Network& network);
// The same network with these in its metadata (without the entry for an empty table). Throws Error on unknown
// names.
Network with_thresholds(const Network& network, const ThresholdTable& table);

}  // namespace deltahop
