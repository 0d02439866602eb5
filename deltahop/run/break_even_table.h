// SPDX-License-Identifier: Apache-2.0
// What was measured on a machine: for each shape of convolution the time against the share of zeros, and so
// the share from which skipping them is faster. Kept in a text file from run to run, keyed by processor and
// shape.
//   BreakEvenTable table = BreakEvenTable::read(break_even_file());
//   table.apply(network);
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "deltahop/run/sparse_network.h"

namespace deltahop {

// What tells processors apart: model, revision and instruction sets. "unknown" where the system does not say.
std::string processor_name();
// $XDG_CACHE_HOME/deltahop/break_even.txt, or below ~/.cache. Throws Error where neither has a place.
std::filesystem::path break_even_file();

// "u8 1 3x3/1x1 64->128 56x56 -> 54x54 ...": kind of numbers, threads, and every bound of the loops.
std::string break_even_key(const SparseLayer& layer, int threads);

class BreakEvenTable {
 public:
  // Throws Error (place: `name`:line) on anything that write() would not have written. A table of another
  // version is empty: its measurements are of other kernels.
  static BreakEvenTable parse(std::string_view text, std::string_view name);
  // The file's table; an empty one where there is no file.
  static BreakEvenTable read(const std::filesystem::path& path);
  std::string text() const;

  // Of this processor.
  const BreakEvenCurve* find(const std::string& key) const;
  void set(const std::string& key, BreakEvenCurve curve);
  size_t size() const;  // entries of all processors

  // Gives the network's layers what is known. Returns the layers that are not.
  std::vector<size_t> apply(SparseNetwork& network, int threads) const;

 private:
  std::map<std::string, std::map<std::string, BreakEvenCurve>> curves_;  // by processor and key
};

}  // namespace deltahop
