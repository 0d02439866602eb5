/* SPDX-License-Identifier: Apache-2.0
 * A C program against the installed header and library; exit code 0 where they answer. */
#include <deltahop.h>
#include <string.h>

int main(void) {
  if (deltahop_open("no_such_file.onnx", 0) != 0) return 1;
  return strstr(deltahop_error(), "no_such_file.onnx") != 0 ? 0 : 1;
}
