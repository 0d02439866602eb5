// SPDX-License-Identifier: Apache-2.0
// Arrays of trace 3 of a convolution "conv2" are called "003/conv2/input", ".../weights", ".../bias",
// ".../output",
// ".../float_output", ".../saturated", ".../other/0"; names, formats and loop bounds lie beside them as
// ".../about" (text as bytes),
// ".../numbers" and ".../workload" (int64). The name in the middle is for people: "about" holds the true one.
#include "deltahop/run/saved_trace.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "deltahop/run/trace_fields.h"

namespace deltahop {
namespace {

constexpr int64_t kMostSaturated = int64_t{1} << 48;  // so that sums over files cannot overflow

// A file name on every system.
std::string readable(std::string_view name) {
  std::string text(name.substr(0, 80));
  for (char& c : text) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
    if (!plain) c = '_';
  }
  return text.empty() ? "layer" : text;
}

Tensor bytes_of(std::string_view text) {
  Tensor tensor(DataType::uint8, {static_cast<int64_t>(text.size())});
  std::copy(text.begin(), text.end(), tensor.values<uint8_t>().begin());
  return tensor;
}

using Parts = std::map<std::string, const Tensor*>;

// The arrays of each trace, by the last part of their names.
std::map<int64_t, Parts> by_trace(const std::map<std::string, Tensor>& arrays) {
  std::map<int64_t, Parts> traces;
  for (const auto& [key, tensor] : arrays) {
    int64_t index = -1;
    const auto [end, fault] = std::from_chars(key.data(), key.data() + key.size(), index);
    const size_t first = static_cast<size_t>(end - key.data());
    const size_t second = key.find('/', first + 1);
    if (fault != std::errc{} || index < 0 || first >= key.size() || key[first] != '/' ||
        second == std::string::npos) {
      throw Error("", fmt::format("the array '{}' belongs to no trace", key),
                  "names look like '003/conv2/input'");
    }
    if (!traces[index].emplace(key.substr(second + 1), &tensor).second)
      throw Error("", fmt::format("'{}' is there twice", key));
  }
  return traces;
}

class TraceReader {
 public:
  explicit TraceReader(const Parts& parts) : parts_(parts) {}

  void hand_out(const std::function<void(const LayerTrace&)>& listener) {
    LayerTrace trace;
    read_about(trace);
    trace_fields::read_numbers(*typed("numbers", DataType::int64, true), trace);
    if (const Tensor* workload = typed("workload", DataType::int64, false)) {
      trace.workload = trace_fields::read_workload(*workload, trace.name);
    }
    trace.input = typed("input", DataType::int16, false);
    trace.weights = typed("weights", DataType::int16, false);
    trace.bias = typed("bias", DataType::int64, false);
    trace.output = typed("output", DataType::int16, false);
    trace.float_output = take("float_output");
    if (trace.float_output != nullptr && !is_floating(trace.float_output->type()))
      throw Error("", "'float_output' is not of floats");
    if (const Tensor* saturated = typed("saturated", DataType::int64, false)) {
      if (saturated->size() != 1) throw Error("", "'saturated' is not one number");
      trace.saturated = saturated->values<int64_t>()[0];
      if (*trace.saturated < 0 || *trace.saturated > kMostSaturated)
        throw Error("", fmt::format("'saturated' is {}", *trace.saturated), "it counts results");
    }
    for (size_t i = 0; const Tensor* other = typed(fmt::format("other/{}", i), DataType::int16, false); ++i) {
      trace.other_inputs.push_back(other);
    }
    for (const auto& [part, tensor] : parts_) {
      if (taken_.count(part) == 0) throw Error("", fmt::format("nothing is called '{}' in a trace", part));
    }
    trace_fields::check(trace);
    listener(trace);
  }

 private:
  const Tensor* take(const std::string& part) {
    const auto found = parts_.find(part);
    if (found == parts_.end()) return nullptr;
    taken_.insert(part);
    return found->second;
  }
  const Tensor* typed(const std::string& part, DataType type, bool required) {
    const Tensor* tensor = take(part);
    if (tensor == nullptr && required) throw Error("", fmt::format("the array '{}' is missing", part));
    if (tensor != nullptr && tensor->type() != type) {
      throw Error("", fmt::format("'{}' is {}", part, name_of(tensor->type())),
                  fmt::format("wanted {}", name_of(type)));
    }
    return tensor;
  }
  void read_about(LayerTrace& trace) {
    const auto bytes = typed("about", DataType::uint8, true)->values<uint8_t>();
    const std::string text(bytes.begin(), bytes.end());
    const size_t line = text.find('\n');
    if (line == std::string::npos) throw Error("", "'about' does not hold operator and name");
    trace.operator_name = text.substr(0, line);
    trace.name = text.substr(line + 1);
  }

  const Parts& parts_;
  std::set<std::string> taken_;
};

}  // namespace

void TraceCollector::add(const LayerTrace& trace) {
  const std::string prefix = fmt::format("{:03}/{}/", count_++, readable(trace.name));
  const auto put = [&](std::string_view part, const Tensor* tensor) {
    if (tensor != nullptr) arrays_.emplace(prefix + std::string(part), *tensor);
  };
  const Tensor about = bytes_of(trace.operator_name + "\n" + trace.name);
  const Tensor numbers = trace_fields::numbers_of(trace);
  put("about", &about);
  put("numbers", &numbers);
  if (trace.workload) {
    const Tensor workload = trace_fields::workload_of(*trace.workload);
    put("workload", &workload);
  }
  put("input", trace.input);
  put("weights", trace.weights);
  put("bias", trace.bias);
  put("output", trace.output);
  put("float_output", trace.float_output);
  if (trace.saturated) {
    const Tensor saturated = Tensor::of<int64_t>({1}, {*trace.saturated});
    put("saturated", &saturated);
  }
  for (size_t i = 0; i < trace.other_inputs.size(); ++i)
    put(fmt::format("other/{}", i), trace.other_inputs[i]);
}

void replay(const std::map<std::string, Tensor>& arrays, std::string_view name,
            const std::function<void(const LayerTrace&)>& listener) {
  std::map<int64_t, Parts> traces;
  try {
    traces = by_trace(arrays);
    if (traces.empty()) throw Error("", "there are no traces");
    if (traces.rbegin()->first != static_cast<int64_t>(traces.size()) - 1)
      throw Error("", "traces are missing: their numbers have gaps");
  } catch (const Error& error) {
    throw Error(name, error.what());
  }
  for (const auto& [index, parts] : traces) {
    bool reading = true;  // a fault of the listener is none of the file
    try {
      TraceReader(parts).hand_out([&](const LayerTrace& trace) {
        reading = false;
        listener(trace);
      });
    } catch (const Error& error) {
      if (!reading) throw;
      throw Error(fmt::format("{}: trace {:03}", name, index), error.what());
    }
  }
}

}  // namespace deltahop
