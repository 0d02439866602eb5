/* SPDX-License-Identifier: Apache-2.0
 * The C interface, used from C: run from the repository's root. Prints what fails; exit code 0 where nothing
 * does. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deltahop/c_api/deltahop.h"

static int failures = 0;

#define CHECK(condition)                                                                    \
  do {                                                                                      \
    if (!(condition)) {                                                                     \
      fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, deltahop_error()); \
      ++failures;                                                                           \
    }                                                                                       \
  } while (0)

static const char* const kModel = "models/strokes.onnx";

/* A pen that goes round, and rests every third step. */
static void write_frame(deltahop_session* session, int step) {
  float* const frame = deltahop_input(session, 0);
  const double angle = 0.2 * (step - step / 3);
  frame[0] = (float)cos(angle);
  frame[1] = (float)sin(angle);
  frame[2] = (float)-sin(angle);
  frame[3] = (float)cos(angle);
}

static void run_steps(deltahop_session* session, int from, int to) {
  int step;
  for (step = from; step < to; ++step) {
    write_frame(session, step);
    CHECK(deltahop_step(session) == 0);
  }
}

static void test_ports(void) {
  deltahop_session* const session = deltahop_open(kModel, NULL);
  CHECK(session != NULL);
  if (session == NULL) return;
  CHECK(deltahop_input_count(session) == 1);
  CHECK(strcmp(deltahop_input_name(session, 0), "pen") == 0);
  CHECK(deltahop_input_size(session, 0) == 4);
  CHECK(deltahop_input_is_state(session, 0) == 0);
  CHECK(deltahop_output_count(session) == 1);
  CHECK(deltahop_output_size(session, 0) == 4);
  CHECK(deltahop_input(session, 1) == NULL);
  CHECK(deltahop_output(session, 1) == NULL);
  CHECK(deltahop_output_name(session, 7) == NULL);
  deltahop_close(session);
  deltahop_close(NULL);
}

static void test_counts(void) {
  deltahop_options options;
  deltahop_session* session;
  deltahop_counts counts;
  deltahop_default_options(&options);
  options.theta_x = 0.05;
  options.theta_h = 0.05;
  session = deltahop_open(kModel, &options);
  CHECK(session != NULL);
  if (session == NULL) return;
  run_steps(session, 0, 100);
  CHECK(deltahop_get_counts(session, &counts) == 0);
  CHECK(counts.steps == 100);
  CHECK(counts.sent_bytes < counts.dense_bytes);
  CHECK(counts.read_bytes >= counts.sent_bytes);
  CHECK(counts.sparsity > 0.2 && counts.sparsity < 1.0);
  CHECK(counts.latency_median_s > 0 && counts.latency_median_s <= counts.latency_max_s);
  CHECK(deltahop_clear_counts(session) == 0);
  CHECK(deltahop_get_counts(session, &counts) == 0);
  CHECK(counts.steps == 0 && counts.sent_bytes == 0 && counts.latency_max_s == 0);
  deltahop_close(session);
}

static void test_state(void) {
  deltahop_session* const first = deltahop_open(kModel, NULL);
  deltahop_session* const second = deltahop_open(kModel, NULL);
  size_t size;
  char* bytes;
  CHECK(first != NULL && second != NULL);
  if (first == NULL || second == NULL) return;
  run_steps(first, 0, 20);
  size = deltahop_state_size(first);
  bytes = malloc(size);
  CHECK(deltahop_save(first, bytes, size - 1) == -1);
  CHECK(deltahop_save(first, bytes, size) == 0);
  CHECK(deltahop_restore(second, bytes, size) == 0);
  run_steps(first, 20, 40);
  run_steps(second, 20, 40);
  CHECK(memcmp(deltahop_output(first, 0), deltahop_output(second, 0), 4 * sizeof(float)) == 0);
  bytes[size - 1] ^= 1;
  CHECK(deltahop_restore(second, bytes, size) == -1);
  CHECK(strstr(deltahop_error(), "damaged") != NULL);
  CHECK(deltahop_reset(first) == 0);
  CHECK(deltahop_reset(second) == 0);
  run_steps(first, 0, 1);
  run_steps(second, 0, 1);
  CHECK(memcmp(deltahop_output(first, 0), deltahop_output(second, 0), 4 * sizeof(float)) == 0);
  free(bytes);
  deltahop_close(first);
  deltahop_close(second);
}

static void test_integers(void) {
  deltahop_options options;
  deltahop_session *exact, *rounded;
  int i;
  deltahop_default_options(&options);
  options.record_ranges = 1;
  exact = deltahop_open(kModel, &options);
  CHECK(exact != NULL);
  if (exact == NULL) return;
  run_steps(exact, 0, 50);
  deltahop_default_options(&options);
  options.precision = DELTAHOP_INT8;
  CHECK(deltahop_open(kModel, &options) == NULL);
  CHECK(strstr(deltahop_error(), "range") != NULL);
  options.ranges = deltahop_ranges(exact);
  rounded = deltahop_open(kModel, &options);
  CHECK(rounded != NULL);
  if (rounded == NULL) return;
  run_steps(rounded, 0, 50);
  for (i = 0; i < 4; ++i) CHECK(fabsf(deltahop_output(exact, 0)[i] - deltahop_output(rounded, 0)[i]) < 0.2F);
  deltahop_close(exact);
  deltahop_close(rounded);
}

static void test_faults(void) {
  deltahop_options options;
  CHECK(deltahop_open("no_such_file.onnx", NULL) == NULL);
  CHECK(strcmp(deltahop_error(), "no_such_file.onnx: no such file; check the path") == 0);
  CHECK(deltahop_open(NULL, NULL) == NULL);
  deltahop_default_options(&options);
  options.size = 0;
  CHECK(deltahop_open(kModel, &options) == NULL);
  deltahop_default_options(&options);
  options.thresholds = "no_such_file.txt";
  CHECK(deltahop_open(kModel, &options) == NULL);
  CHECK(deltahop_version()[0] >= '0' && deltahop_version()[0] <= '9');
}

int main(void) {
  test_ports();
  test_counts();
  test_state();
  test_integers();
  test_faults();
  if (failures != 0) fprintf(stderr, "%d checks failed\n", failures);
  return failures == 0 ? 0 : 1;
}
