// SPDX-License-Identifier: Apache-2.0
// One file a command: each adds itself to the program with its options and its help.
#pragma once

#include <string>
#include <vector>

#include "deltahop/cli/console.h"

namespace CLI {
class App;
}

namespace deltahop {

// What every command may know of its surroundings.
struct Surroundings {
  Console console;
  std::vector<std::string> command_line;
  int exit_code = 0;  // set by a command whose gate failed (compare --fail-above, validate, check)
};

void add_profile(CLI::App& program, Surroundings& surroundings);
void add_simulate(CLI::App& program, Surroundings& surroundings);
void add_run(CLI::App& program, Surroundings& surroundings);
void add_calibrate(CLI::App& program, Surroundings& surroundings);
void add_bench(CLI::App& program, Surroundings& surroundings);
void add_tune(CLI::App& program, Surroundings& surroundings);
void add_train(CLI::App& program, Surroundings& surroundings);
void add_quantize(CLI::App& program, Surroundings& surroundings);
void add_export(CLI::App& program, Surroundings& surroundings);
void add_convert(CLI::App& program, Surroundings& surroundings);
void add_compare(CLI::App& program, Surroundings& surroundings);
void add_validate(CLI::App& program, Surroundings& surroundings);
void add_map(CLI::App& program, Surroundings& surroundings);
void add_dram(CLI::App& program, Surroundings& surroundings);
void add_encodings(CLI::App& program, Surroundings& surroundings);
void add_list(CLI::App& program, Surroundings& surroundings);
void add_explain(CLI::App& program, Surroundings& surroundings);
void add_check(CLI::App& program, Surroundings& surroundings);
void add_demo(CLI::App& program, Surroundings& surroundings);
void add_completion(CLI::App& program, Surroundings& surroundings);

// The whole program; returns its exit code: 0 done, 1 the user's fault or a failed gate, 2 our fault, 130
// interrupted.
int run_program(int argc, char** argv);

}  // namespace deltahop
