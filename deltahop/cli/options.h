// SPDX-License-Identifier: Apache-2.0
// The options that several commands share, and what they open.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "deltahop/cli/command.h"
#include "deltahop/io/samples.h"
#include "deltahop/network/network.h"

namespace CLI {
class Option;
}

namespace deltahop {

struct NetworkOptions {
  std::string network;  // a path or a zoo name
  std::string weights;  // a file or folder for a network that names its weights
  uint64_t seed = 1;
  int threads = 0;  // 0: as many as there are processors
  const CLI::Option* seed_option = nullptr;

  void add_to(CLI::App& command);
  void add_source_to(CLI::App& command);  // without --threads, for a command that runs nothing
  // Loaded, with the seed applied; the place of every fault is the file. draws_more: the command draws other
  // random numbers than missing weights; without, --seed is refused for a network that brings its weights.
  Network load(bool draws_more = false) const;
  bool seed_is_given() const;
  int thread_count() const;
};

// For inputs whose dimensions the network leaves open.
struct SizeOptions {
  std::vector<std::string> sizes;  // name=number

  void add_to(CLI::App& command);
  // Bound to these sizes; a batch that is open becomes 1. Throws Error on names that no dimension has.
  Network bound(const Network& network) const;
};

struct InputOptions {
  std::string input, labels;
  int64_t limit = -1;
  std::vector<std::string> preprocess;  // key=value, as in a preprocessing file
  std::string preprocessing_file;

  void add_to(CLI::App& command);
  void add_preparation_to(CLI::App& command);  // --preprocess and --preprocessing only, after --input
};

// The inputs of one run: opened once, loaded one by one in the network's shape.
class Inputs {
 public:
  // Binds nothing: `shape` is the network's input shape. Throws Error where pictures come without declared
  // preprocessing.
  Inputs(const InputOptions& options, const Network& network, Shape shape);

  int64_t size() const { return source_->size(); }
  struct Loaded {
    std::string name;
    std::vector<Tensor> tensors;  // one: networks with several inputs are refused
    std::optional<int64_t> label;
  };
  Loaded load(int64_t index) const;
  std::string description() const;
  const Preprocessing& preprocessing() const { return preprocessing_; }

 private:
  std::unique_ptr<SampleSource> source_;
  Preprocessing preprocessing_;
  Shape shape_;
};

struct ReportOptions {
  bool json = false;
  std::string output;  // a folder: report.html, report.json, layers.csv
  std::string html, csv, json_file, svg;

  void add_to(CLI::App& command);
  void add_forms_to(CLI::App& command);  // without the folder, for a command whose --output is another one
  void add_svg_to(CLI::App& command);    // for commands whose Renderings have a picture
};

// Options that would do nothing are refused by name, never ignored: with `option`, none of `others` may stand
// on the command line.
void exclude(CLI::App& command, const std::string& option, const std::vector<std::string>& others);

// The same for --seed where nothing is random.
[[noreturn]] void refuse_seed();

// The network bound to the shapes that its inputs have when the batch is one.
Network bound_to_one(const Network& network);

}  // namespace deltahop
