/* SPDX-License-Identifier: Apache-2.0
 * deltahop in C: a network that runs step by step on a stream and reads only the weights of what has changed.
 *   deltahop_session* session = deltahop_open("net.onnx", NULL);
 *   memcpy(deltahop_input(session, 0), frame, deltahop_input_size(session, 0) * sizeof(float));
 *   if (deltahop_step(session) != 0) puts(deltahop_error());
 * The interface only grows: what stands here keeps its meaning and its layout. A session is for one thread at
 * a time; different sessions do not know of each other. */
#ifndef DELTAHOP_H
#define DELTAHOP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct deltahop_session deltahop_session;

/* What products are computed in. */
enum deltahop_precision { DELTAHOP_FLOAT32 = 0, DELTAHOP_INT8 = 1, DELTAHOP_INT16 = 2 };

typedef struct deltahop_options {
  size_t size; /* of this structure, set by deltahop_default_options(): newer libraries know older callers by
                  it */
  enum deltahop_precision precision;
  /* A file of thresholds, one line a layer: "gru1 theta_x=0.1 theta_h=0.2". NULL: what the network carries.
   */
  const char* thresholds;
  /* For all layers, in units of the values; used in place of the above where one of them is not negative. */
  double theta_x, theta_h, theta_rh;
  int in_full;        /* not 0: every product in full, no thresholds */
  int threads;        /* for one product */
  int64_t streams;    /* independent streams side by side: the batch of the network */
  int record_ranges;  /* not 0: keep the ranges that integers need, see deltahop_ranges() */
  const char* ranges; /* for integers: what deltahop_ranges() of a float session gave, or `deltahop run
                         --write-ranges`; or NULL */
} deltahop_options;

typedef struct deltahop_counts {
  int64_t steps;
  int64_t dense_bytes, sent_bytes, read_bytes; /* of weights, over all steps: in full, changed, really read */
  double sparsity;                             /* share of columns not sent, weighted by their weights */
  double latency_median_s, latency_p99_s, latency_max_s;
} deltahop_counts;

const char* deltahop_version(void); /* "0.1.0" */

/* Why the last call of this thread failed, in one line; "" where none has. Valid until the next failure. */
const char* deltahop_error(void);

void deltahop_default_options(deltahop_options* options);

/* An ONNX file; options NULL for the defaults. NULL on failure. */
deltahop_session* deltahop_open(const char* path, const deltahop_options* options);
void deltahop_close(deltahop_session* session); /* NULL is fine */

/* Indices beyond the count give NULL or 0. Names live as long as the session. */
size_t deltahop_input_count(const deltahop_session* session);
const char* deltahop_input_name(const deltahop_session* session, size_t index);
size_t deltahop_input_size(const deltahop_session* session, size_t index); /* floats */
/* Where the next frame is to be written; stays as it is until it is written again. An input that an output
 * feeds holds the state before the step. */
float* deltahop_input(deltahop_session* session, size_t index);
int deltahop_input_is_state(const deltahop_session* session, size_t index);

size_t deltahop_output_count(const deltahop_session* session);
const char* deltahop_output_name(const deltahop_session* session, size_t index);
size_t deltahop_output_size(const deltahop_session* session, size_t index);
const float* deltahop_output(const deltahop_session* session, size_t index); /* of the last step */

/* The following return 0, or -1 on failure. */
int deltahop_step(deltahop_session* session);
int deltahop_reset(deltahop_session* session); /* to the start of a stream; counts stay */
int deltahop_clear_counts(
    deltahop_session* session); /* counts, times and ranges start anew; the stream goes on */
int deltahop_get_counts(const deltahop_session* session, deltahop_counts* counts);

/* The state between two steps, to go on from later, in this process or another one. save writes state_size
 * bytes; restore takes them back into a session of the same network and options, or refuses and changes
 * nothing. */
size_t deltahop_state_size(const deltahop_session* session);
int deltahop_save(const deltahop_session* session, void* bytes, size_t size);
int deltahop_restore(deltahop_session* session, const void* bytes, size_t size);

/* The largest values that a session with record_ranges has met, as text for deltahop_options; NULL on
 * failure. Valid until the next call for this session. */
const char* deltahop_ranges(deltahop_session* session);

#ifdef __cplusplus
}
#endif

#endif
