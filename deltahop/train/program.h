// SPDX-License-Identifier: Apache-2.0
// The program deltahop-train: one training, told in events on standard output. `deltahop train` starts it.
#pragma once

namespace deltahop {

// Returns the exit code: 0 done, 1 the user's fault, 2 our fault, 130 interrupted. Every fault is an event,
// too.
int run_training_program(int argc, char** argv);

}  // namespace deltahop
