// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include <unistd.h>

#include "deltahop/train/program.h"

namespace {

// As in cli/main.cc: threads that wait for each other by spinning are slow beside other work, and the policy
// is read before main begins.
void wait_asleep(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  if (::setenv("OMP_WAIT_POLICY", "passive", 1) == 0) ::execv("/proc/self/exe", argv);
}

}  // namespace

int main(int argc, char** argv) {
  wait_asleep(argv);
  return deltahop::run_training_program(argc, argv);
}
