// SPDX-License-Identifier: Apache-2.0
#include "deltahop/cli/command.h"

int main(int argc, char** argv) { return deltahop::run_program(argc, argv); }
