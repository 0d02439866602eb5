/* SPDX-License-Identifier: Apache-2.0
 * A network step by step from C: a pen draws a circle, the network says which figure it is, and only the
 * weights of what has changed are read. example_stream [network.onnx]      from the repository's root;
 * without an argument, the one that ships */
#include <math.h>
#include <stdio.h>

#include "deltahop/c_api/deltahop.h"

int main(int argc, char** argv) {
  const char* const path = argc > 1 ? argv[1] : "models/strokes.onnx";
  deltahop_options options;
  deltahop_session* session;
  deltahop_counts counts;
  double x = 1.0, y = 0.0;
  int step;
  size_t i;
  deltahop_default_options(&options);
  options.theta_x = 0.05;
  options.theta_h = 0.05;
  session = deltahop_open(path, &options);
  if (session == NULL) {
    fprintf(stderr, "%s\n", deltahop_error());
    return 1;
  }
  for (step = 0; step < 96; ++step) {
    const double angle = 0.2 * step;
    float* const frame = deltahop_input(session, 0);
    frame[0] = (float)cos(angle);
    frame[1] = (float)sin(angle);
    frame[2] = (float)(5.0 * (cos(angle) - x));
    frame[3] = (float)(5.0 * (sin(angle) - y));
    x = cos(angle);
    y = sin(angle);
    if (deltahop_step(session) != 0) {
      fprintf(stderr, "%s\n", deltahop_error());
      return 1;
    }
  }
  for (i = 0; i < deltahop_output_size(session, 0); ++i)
    printf("%.2f ", (double)deltahop_output(session, 0)[i]);
  deltahop_get_counts(session, &counts);
  printf("\n%.1f %% of the weights' columns were not sent; %.1f us a step at the median\n",
         100.0 * counts.sparsity, 1e6 * counts.latency_median_s);
  deltahop_close(session);
  return 0;
}
