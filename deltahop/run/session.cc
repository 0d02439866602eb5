// SPDX-License-Identifier: Apache-2.0
#include "deltahop/run/session.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include <fmt/format.h>

#include "deltahop/run/one_step.h"
#include "deltahop/run/session_plan.h"

namespace deltahop {
namespace {

// The frame around a saved state: this, the content's length and checksum, then the content, which begins
// with the layout's checksum.
constexpr char kMagic[8] = {'D', 'H', 'S', 'T', 'A', 'T', 'E', '1'};
struct StateHeader {
  char magic[sizeof kMagic];
  uint64_t layout, length, checksum;
};

// FNV-1a over words of eight bytes, the rest byte by byte: finds damage, no forgery.
uint64_t checksum(std::string_view bytes, uint64_t hash = 0xcbf29ce484222325U) {
  constexpr uint64_t kPrime = 0x100000001b3U;
  for (; bytes.size() >= sizeof hash; bytes.remove_prefix(sizeof hash)) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    hash = (hash ^ word) * kPrime;
    hash ^= hash >> 32;
  }
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * kPrime;
  return hash;
}

uint64_t fingerprint(const SessionPlan& plan) {
  uint64_t hash = checksum(plan.layout_text());
  for (const Value& value : plan.network().values()) {
    if (value.constant == nullptr) continue;
    const auto bytes = value.constant->bytes();
    hash = checksum({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, hash);
  }
  return hash;
}

std::vector<SessionPort> ports(const SessionPlan& plan, bool of_inputs) {
  const Network& network = plan.network();
  std::vector<SessionPort> result;
  const size_t count = of_inputs ? network.inputs().size() : network.outputs().size();
  for (size_t i = 0; i < count; ++i) {
    const Value& value = network.value(of_inputs ? network.inputs()[i].value : network.outputs()[i]);
    SessionPort port{value.name, *value.shape, element_count(*value.shape), false};
    port.is_loop = std::any_of(plan.loops().begin(), plan.loops().end(), [&](const LoopIndices& loop) {
      return (of_inputs ? loop.input : loop.output) == i;
    });
    result.push_back(std::move(port));
  }
  return result;
}

void check_options(const Network& network, const SessionOptions& options) {
  if (options.streams < 1) throw Error("streams", "must be at least 1");
  if (options.threads < 1) throw Error("threads", "must be at least 1");
  if (options.thresholds.empty()) return;
  std::vector<std::string> names;
  for (const Node& node : network.nodes()) names.push_back(node.name);
  for (const auto& [name, thresholds] : options.thresholds.by_node) {
    if (name != "*" && std::find(names.begin(), names.end(), name) == names.end())
      throw Error("thresholds", fmt::format("the network has no layer '{}'", name), suggest(name, names));
  }
}

}  // namespace

std::string_view name_of(Precision precision) {
  static constexpr std::string_view kNames[] = {"float32", "int8", "int16", "edge_drnn"};
  return kNames[static_cast<size_t>(precision)];
}

struct Session::State {
  State(OneStep one_step, std::vector<LoopIndices> indices, const SessionOptions& options)
      : plan(std::move(one_step), std::move(indices), options),
        inputs(ports(plan, true)),
        outputs(ports(plan, false)),
        layout(fingerprint(plan)) {
    for (const LoopIndices& loop : plan.loops())
      loops.push_back({inputs[loop.input].name, outputs[loop.output].name});
  }

  SessionPlan plan;
  std::vector<SessionPort> inputs, outputs;
  std::vector<StateLoop> loops;
  uint64_t layout;
  LatencyRecorder latency;
  int64_t steps = 0;
};

Session::Session(const Network& network, const SessionOptions& options) {
  check_options(network, options);
  OneStep one_step = one_step_of(network, options.streams);
  std::vector<LoopIndices> loops = deltahop::find_loops(one_step.network, options.loops, options.find_loops);
  state_ = std::make_unique<State>(std::move(one_step), std::move(loops), options);
}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

const std::vector<SessionPort>& Session::inputs() const { return state_->inputs; }
const std::vector<SessionPort>& Session::outputs() const { return state_->outputs; }
std::span<float> Session::input(size_t index) { return state_->plan.input(index); }
std::span<const float> Session::output(size_t index) const { return state_->plan.output(index); }

void Session::step() {
  const auto start = std::chrono::steady_clock::now();
  state_->plan.run();
  const auto end = std::chrono::steady_clock::now();
  state_->latency.add(std::chrono::duration<double>(end - start).count());
  ++state_->steps;
}

void Session::step(std::span<const float> frame) {
  const std::span<float> place = input(0);
  if (frame.size() != place.size()) {
    throw Error(fmt::format("input '{}'", inputs()[0].name),
                fmt::format("a frame of {} values does not fit, it takes {}", frame.size(), place.size()));
  }
  std::copy(frame.begin(), frame.end(), place.begin());
  step();
}

void Session::reset() { state_->plan.reset(); }

void Session::clear_statistics() {
  for (DeltaEngine* engine : state_->plan.engines()) engine->clear_statistics();
  state_->latency.reset();
  state_->steps = 0;
}

std::string Session::save() const {
  StateWriter writer;
  state_->plan.save(writer);
  StateHeader header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.layout = state_->layout;
  header.length = writer.bytes().size();
  header.checksum = checksum(writer.bytes());
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  return bytes + writer.bytes();
}

void Session::restore(std::string_view bytes) {
  const auto fail = [](std::string_view what, std::string_view hint) {
    return Error("saved state", what, hint);
  };
  StateHeader header{};
  if (bytes.size() < sizeof header) throw fail("is cut off", "save it again");
  std::memcpy(&header, bytes.data(), sizeof header);
  bytes.remove_prefix(sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0)
    throw fail("is none, or of another version", "states are made by save()");
  if (header.layout != state_->layout)
    throw fail("is of another network or other options",
               "make the session as it was when the state was saved");
  if (header.length != bytes.size() || header.length != state_size())
    throw fail("is cut off or too long", "save it again");
  if (header.checksum != checksum(bytes)) throw fail("is damaged", "save it again");
  StateReader reader(bytes);
  state_->plan.restore(reader);
  DELTAHOP_CHECK(reader.is_done());
}

uint64_t Session::state_size() const {
  StateWriter writer;
  state_->plan.save(writer);
  return writer.bytes().size();
}

SessionStatistics Session::statistics() const {
  SessionStatistics result;
  result.steps = state_->steps;
  for (const DeltaEngine* engine : state_->plan.engines()) engine->add_statistics(result.streams);
  return result;
}

LatencySummary Session::latency() const { return state_->latency.summary(); }

Ranges Session::ranges() const {
  Ranges result;
  for (const DeltaEngine* engine : state_->plan.engines()) engine->add_ranges(result);
  return result;
}

const std::vector<std::string>& Session::allocating_nodes() const { return state_->plan.allocating_nodes(); }
const std::vector<StateLoop>& Session::loops() const { return state_->loops; }

}  // namespace deltahop
