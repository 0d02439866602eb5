// SPDX-License-Identifier: Apache-2.0
// deltahop-train: what `deltahop train` starts.
#include <cstdio>

int main() {
  std::fputs("error: deltahop-train: call it as 'deltahop train recipe.yaml'\n", stderr);
  return 1;
}
