// SPDX-License-Identifier: Apache-2.0
#include "deltahop/c_api/deltahop.h"

#include <cstring>
#include <exception>
#include <string>

#include <fmt/format.h>

#include "deltahop/base/error.h"
#include "deltahop/base/version.h"
#include "deltahop/io/load.h"
#include "deltahop/run/session.h"

struct deltahop_session {
  deltahop::Session session;
  std::string ranges;
};

namespace deltahop {
namespace {

thread_local std::string last_error;  // NOLINT: of one thread, as errno

// No exception leaves the library.
template <class Result, class Function>
Result guarded(Result on_failure, const Function& function) {
  try {
    return function();
  } catch (const std::exception& fault) {
    last_error = fault.what();
  } catch (...) {
    last_error = "a fault of deltahop itself";
  }
  return on_failure;
}

ThresholdTable thresholds_of(const deltahop_options& options, const Network& network) {
  if (options.theta_x >= 0 || options.theta_h >= 0 || options.theta_rh >= 0) {
    const auto value = [](double theta) { return theta >= 0 ? theta : 0.0; };
    return {{{"*", {value(options.theta_x), value(options.theta_h), value(options.theta_rh)}}}};
  }
  return options.thresholds != nullptr ? read_thresholds(options.thresholds) : thresholds_in(network);
}

SessionOptions session_options(const deltahop_options& options, const Network& network) {
  SessionOptions result;
  switch (options.precision) {
    case DELTAHOP_FLOAT32:
      break;
    case DELTAHOP_INT8:
      result.precision = Precision::int8;
      break;
    case DELTAHOP_INT16:
      result.precision = Precision::int16;
      break;
    default:
      throw Error("options", "the precision is none of those in deltahop.h");
  }
  result.thresholds = thresholds_of(options, network);
  result.delta = options.in_full == 0;
  result.threads = options.threads;
  result.streams = options.streams;
  result.record_ranges = options.record_ranges != 0;
  if (options.ranges != nullptr) result.ranges = parse_ranges(options.ranges, "ranges");
  return result;
}

deltahop_session* open(const char* path, const deltahop_options* given) {
  if (path == nullptr) throw Error("deltahop_open", "the path is NULL");
  deltahop_options options;
  deltahop_default_options(&options);
  if (given != nullptr) {
    if (given->size < sizeof(size_t) || given->size > sizeof options)
      throw Error("options", "their size is not set, or they are of a newer deltahop.h",
                  "start from deltahop_default_options()");
    std::memcpy(&options, given, given->size);
  }
  const Network network = load_network(path);
  return new deltahop_session{Session(network, session_options(options, network)), {}};
}

const SessionPort* port(const std::vector<SessionPort>& ports, size_t index) {
  return index < ports.size() ? &ports[index] : nullptr;
}

}  // namespace
}  // namespace deltahop

using deltahop::guarded;
using deltahop::port;

extern "C" {

const char* deltahop_version(void) { return deltahop::kVersion.data(); }
const char* deltahop_error(void) { return deltahop::last_error.c_str(); }

void deltahop_default_options(deltahop_options* options) {
  if (options == nullptr) return;
  *options = {sizeof(deltahop_options), DELTAHOP_FLOAT32, nullptr, -1, -1, -1, 0, 1, 1, 0, nullptr};
}

deltahop_session* deltahop_open(const char* path, const deltahop_options* options) {
  return guarded<deltahop_session*>(nullptr, [&] { return deltahop::open(path, options); });
}
void deltahop_close(deltahop_session* session) { delete session; }

size_t deltahop_input_count(const deltahop_session* session) { return session->session.inputs().size(); }
const char* deltahop_input_name(const deltahop_session* session, size_t index) {
  const auto* own = port(session->session.inputs(), index);
  return own != nullptr ? own->name.c_str() : nullptr;
}
size_t deltahop_input_size(const deltahop_session* session, size_t index) {
  const auto* own = port(session->session.inputs(), index);
  return own != nullptr ? static_cast<size_t>(own->size) : 0;
}
float* deltahop_input(deltahop_session* session, size_t index) {
  return port(session->session.inputs(), index) != nullptr ? session->session.input(index).data() : nullptr;
}
int deltahop_input_is_state(const deltahop_session* session, size_t index) {
  const auto* own = port(session->session.inputs(), index);
  return own != nullptr && own->is_loop ? 1 : 0;
}

size_t deltahop_output_count(const deltahop_session* session) { return session->session.outputs().size(); }
const char* deltahop_output_name(const deltahop_session* session, size_t index) {
  const auto* own = port(session->session.outputs(), index);
  return own != nullptr ? own->name.c_str() : nullptr;
}
size_t deltahop_output_size(const deltahop_session* session, size_t index) {
  const auto* own = port(session->session.outputs(), index);
  return own != nullptr ? static_cast<size_t>(own->size) : 0;
}
const float* deltahop_output(const deltahop_session* session, size_t index) {
  return port(session->session.outputs(), index) != nullptr ? session->session.output(index).data() : nullptr;
}

int deltahop_step(deltahop_session* session) {
  return guarded(-1, [&] {
    session->session.step();
    return 0;
  });
}
int deltahop_reset(deltahop_session* session) {
  return guarded(-1, [&] {
    session->session.reset();
    return 0;
  });
}
int deltahop_clear_counts(deltahop_session* session) {
  return guarded(-1, [&] {
    session->session.clear_statistics();
    return 0;
  });
}
int deltahop_get_counts(const deltahop_session* session, deltahop_counts* counts) {
  return guarded(-1, [&] {
    const deltahop::SessionStatistics own = session->session.statistics();
    const deltahop::LatencySummary latency = session->session.latency();
    *counts = {own.steps,      own.dense_bytes(), own.sent_bytes(), own.read_bytes(),
               own.sparsity(), latency.median_s,  latency.p99_s,    latency.max_s};
    return 0;
  });
}

size_t deltahop_state_size(const deltahop_session* session) {
  return guarded<size_t>(0, [&] { return session->session.save().size(); });
}
int deltahop_save(const deltahop_session* session, void* bytes, size_t size) {
  return guarded(-1, [&] {
    const std::string state = session->session.save();
    if (bytes == nullptr || size < state.size())
      throw deltahop::Error("deltahop_save", fmt::format("{} bytes are too few", size),
                            fmt::format("it takes {}", state.size()));
    std::memcpy(bytes, state.data(), state.size());
    return 0;
  });
}
int deltahop_restore(deltahop_session* session, const void* bytes, size_t size) {
  return guarded(-1, [&] {
    if (bytes == nullptr) throw deltahop::Error("deltahop_restore", "the bytes are NULL");
    session->session.restore({static_cast<const char*>(bytes), size});
    return 0;
  });
}

const char* deltahop_ranges(deltahop_session* session) {
  return guarded<const char*>(nullptr, [&] {
    session->ranges = deltahop::text_of(session->session.ranges());
    return session->ranges.c_str();
  });
}

}  // extern "C"
