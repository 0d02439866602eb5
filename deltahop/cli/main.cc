// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include <unistd.h>

#include "deltahop/cli/command.h"

namespace {

// OpenMP's threads, which oneDNN works with, wait for each other by spinning. On a machine with other work
// that makes a convolution ten times slower and more (docs/decisions/0012). The policy is read before main
// begins, so the program starts once more. A policy of the user's stands.
void wait_asleep(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  if (::setenv("OMP_WAIT_POLICY", "passive", 1) == 0) ::execv("/proc/self/exe", argv);
  // Returns only where there is no /proc: then they spin.
}

}  // namespace

int main(int argc, char** argv) {
  wait_asleep(argv);
  return deltahop::run_program(argc, argv);
}
