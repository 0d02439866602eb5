// SPDX-License-Identifier: Apache-2.0
// Two GRU layers (40 inputs, one stream) run by the delta kernels with a wished share of changed columns;
// driven by benchmarks/peers/delta_rnn.py beside another engine, or by hand:
//   echo 'delta int8 0.9' | delta_rnn_bench HIDDEN
// Commands, a line each: delta|sequence float|int8 SPARSITY, dense float|int8, stream. Each answers with a
// JSON line.
//
// A whole step is timed: rounding, threshold test, products and gates of both layers. What the layers compute
// is not what is fed back: to choose which columns fire, the values of that many inputs and states, drawn
// anew each step, change their sign (inside the measured time), and the gates write their states beside them.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iostream>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "deltahop/base/random.h"
#include "deltahop/kernels/delta_matvec.h"
#include "deltahop/kernels/gates.h"
#include "deltahop/kernels/round_codes.h"
#include "deltahop/kernels/streaming_read.h"
#include "deltahop/run/break_even.h"

namespace {

using namespace deltahop;
using Clock = std::chrono::steady_clock;

constexpr int64_t kInputs = 40;
constexpr int kSteps = 100;             // a call
constexpr int kStepsTogether = 20;      // of a sequence, through one reading of the input weights
constexpr double kLeastSeconds = 0.03;  // calls are repeated for this long, and their median counts
constexpr float kCodeScale = 16384;     // as sessions code values

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Starts on a cache line, as the vectors like it.
template <class T>
class Aligned {
 public:
  explicit Aligned(int64_t count) : storage_(static_cast<size_t>(count) + 128 / sizeof(T)) {
    void* begin = storage_.data();
    size_t room = storage_.size() * sizeof(T);
    begin_ = static_cast<T*>(std::align(64, static_cast<size_t>(count) * sizeof(T), begin, room));
    count_ = static_cast<size_t>(count);
  }
  std::span<T> all() { return {begin_, count_}; }
  std::span<T> part(int64_t first, int64_t count) {
    return all().subspan(static_cast<size_t>(first), static_cast<size_t>(count));
  }

 private:
  std::vector<T> storage_;
  T* begin_;
  size_t count_;
};

// Values that change where told.
class Driven {
 public:
  Driven(Random& random, int64_t size) : values_(static_cast<size_t>(size)) {
    for (float& value : values_) value = static_cast<float>(random.uniform(0.1, 0.45));
  }

  // Draws which values change in each of the next steps: not timed.
  void draw(Random& random, double sparsity) {
    const auto size = static_cast<int64_t>(values_.size());
    const auto active = static_cast<int64_t>(std::lround((1 - sparsity) * static_cast<double>(size)));
    std::vector<uint32_t> all(values_.size());
    std::iota(all.begin(), all.end(), 0u);
    changes_.assign(kSteps, {});
    for (std::vector<uint32_t>& change : changes_) {
      for (int64_t i = 0; i < active; ++i) {
        std::swap(all[static_cast<size_t>(i)], all[static_cast<size_t>(random.integer(i, size - 1))]);
      }
      change.assign(all.begin(), all.begin() + active);
      std::sort(change.begin(), change.end());
    }
  }

  std::span<const float> at(int step) {
    for (const uint32_t i : changes_[static_cast<size_t>(step)]) values_[i] = -values_[i];
    return values_;
  }

 private:
  std::vector<float> values_;
  std::vector<std::vector<uint32_t>> changes_;
};

template <class W>
using DeltaOf = std::conditional_t<std::is_same_v<W, float>, float, int16_t>;

// A panel with its stream of changes.
template <class W>
struct Stream {
  using Delta = DeltaOf<W>;

  Stream(Random& random, int64_t rows, int64_t size)
      : driven(random, size), x_hat(size), all(size), indices(size + kSentSlack), deltas(size + kSentSlack) {
    std::vector<W> weights(static_cast<size_t>(rows * size));
    for (W& w : weights) {
      const double value =
          random.uniform(-1, 1) + random.uniform(-1, 1) + random.uniform(-1, 1);  // like a bell
      w = static_cast<W>(std::is_same_v<W, float> ? value / std::sqrt(static_cast<double>(size))
                                                  : 127 * value / 3);
    }
    panel = ColumnPanel<W>(rows, size, weights);
  }

  SentColumns<Delta> encode(int step) {
    const std::span<const float> x = driven.at(step);
    int64_t count;
    if constexpr (std::is_same_v<W, float>) {
      count = encode_delta(x, x_hat.all(), 0.01f, indices.all().data(), deltas.all().data());
    } else {
      count = encode_delta(x, kCodeScale, x_hat.all(), 300, indices.all().data(), deltas.all().data());
    }
    bytes += count * panel.column_bytes();
    columns += count;
    return {indices.all().data(), deltas.all().data(), count};
  }

  // Columns that changed, or all of them where that is faster.
  template <class Sum>
  void add_changes(int step, std::span<Sum> memory) {
    const SentColumns<Delta> sent = encode(step);
    if (sent.count < dense_from) {
      return add_columns(panel, sent, memory);
    }
    scatter(sent, all.all());
    add_dense(panel, std::span<const Delta>(all.all()), memory);
  }

  template <class Sum>
  void add_all(int step, std::span<Sum> memory) {
    const std::span<const float> x = driven.at(step);
    bytes += panel.columns() * panel.column_bytes();
    columns += panel.columns();
    if constexpr (std::is_same_v<W, float>) {
      add_dense(panel, x, memory);
    } else {
      round_codes(x, kCodeScale, INT16_MIN, INT16_MAX, all.all());
      add_dense(panel, std::span<const Delta>(all.all()), memory);
    }
  }

  Driven driven;
  ColumnPanel<W> panel;
  Aligned<Delta> x_hat, all;
  Aligned<uint32_t> indices;
  Aligned<Delta> deltas;
  int64_t dense_from = 0;  // columns
  int64_t bytes = 0, columns = 0;
};

template <class W, class Sum>
struct Layer {
  Layer(Random& random, int64_t inputs, int64_t hidden)
      : size(hidden),
        x(random, 3 * hidden, inputs),
        h(random, 3 * hidden, hidden),
        memory(4 * hidden),
        state(hidden),
        contributions(3 * hidden * kStepsTogether) {
    for (Stream<W>* stream : {&x, &h}) {
      stream->dense_from = break_even_columns<W, Sum>(stream->panel.rows(), stream->panel.columns());
    }
    if (!std::is_same_v<W, float>) scale.assign(static_cast<size_t>(4 * hidden), 1e-9f);
  }

  // Rows [cx, z, r, ch].
  std::span<Sum> input_rows() { return memory.part(0, 3 * size); }
  std::span<Sum> state_rows() { return memory.part(size, 3 * size); }
  void gates() { gru_gates(GateSums<Sum>{memory.all(), scale, {}}, state.all()); }

  void delta_step(int step) {
    x.add_changes(step, input_rows());
    h.add_changes(step, state_rows());
    gates();
  }

  void dense_step(int step) {
    std::fill(memory.all().begin(), memory.all().end(), Sum{});
    x.add_all(step, input_rows());
    h.add_all(step, state_rows());
    gates();
  }

  // All steps of a call: the input's products for several steps at once, each weight read once for them; then
  // the state's, step by step.
  void sequence() {
    std::vector<SentList> lists(kStepsTogether);
    for (int first = 0; first < kSteps; first += kStepsTogether) {
      std::vector<StreamColumns<DeltaOf<W>, Sum>> steps;
      std::fill(contributions.all().begin(), contributions.all().end(), Sum{});
      for (int i = 0; i < kStepsTogether; ++i) {
        lists[static_cast<size_t>(i)].copy(x.encode(first + i));
        steps.push_back(
            {lists[static_cast<size_t>(i)].columns(), contributions.part(3 * size * i, 3 * size)});
      }
      add_columns_of_streams(x.panel, std::span<const StreamColumns<DeltaOf<W>, Sum>>(steps));
      for (int i = 0; i < kStepsTogether; ++i) {
        const std::span<Sum> into = input_rows(), from = contributions.part(3 * size * i, 3 * size);
        for (size_t r = 0; r < into.size(); ++r) into[r] += from[r];
        h.add_changes(first + i, state_rows());
        gates();
      }
    }
  }

  struct SentList {
    std::vector<uint32_t> indices;
    std::vector<DeltaOf<W>> deltas;
    void copy(SentColumns<DeltaOf<W>> sent) {
      indices.assign(sent.indices, sent.indices + sent.count);
      deltas.assign(sent.deltas, sent.deltas + sent.count);
    }
    SentColumns<DeltaOf<W>> columns() const {
      return {indices.data(), deltas.data(), static_cast<int64_t>(indices.size())};
    }
  };

  int64_t size;
  Stream<W> x, h;
  Aligned<Sum> memory;
  Aligned<float> state;
  Aligned<Sum> contributions;
  std::vector<float> scale;
};

enum class Mode { delta, dense, sequence };

class Network {
 public:
  virtual ~Network() = default;
  virtual std::string run(Mode mode, double sparsity) = 0;
};

template <class W, class Sum>
class TwoLayers : public Network {
 public:
  explicit TwoLayers(int64_t hidden)
      : random_(1),
        layers_{Layer<W, Sum>(random_, kInputs, hidden), Layer<W, Sum>(random_, hidden, hidden)} {}

  static bool fits(const Layer<W, Sum>& layer) {
    if constexpr (std::is_same_v<W, float>) {
      return true;
    } else {
      std::vector<int64_t> bounds(static_cast<size_t>(4 * layer.size));
      const size_t rows = static_cast<size_t>(3 * layer.size);
      add_row_bounds(layer.x.panel, 16384, std::span(bounds).first(rows));
      add_row_bounds(layer.h.panel, 16384, std::span(bounds).last(rows));
      return fits_32_bits(bounds);
    }
  }
  bool fits() const { return fits(layers_[0]) && fits(layers_[1]); }

  std::string run(Mode mode, double sparsity) override {
    std::vector<double> times;
    double total = 0;
    int64_t bytes = 0, columns = 0, all_columns = 0;
    do {
      for (Layer<W, Sum>& layer : layers_) {
        for (Stream<W>* stream : {&layer.x, &layer.h}) {
          stream->driven.draw(random_, sparsity);
          stream->bytes = stream->columns = 0;
        }
      }
      const Clock::time_point start = Clock::now();
      call(mode);
      times.push_back(seconds_since(start));
      total += times.back();
      bytes = columns = all_columns = 0;
      for (Layer<W, Sum>& layer : layers_) {
        for (const Stream<W>* stream : {&layer.x, &layer.h}) {
          bytes += stream->bytes, columns += stream->columns, all_columns += stream->panel.columns() * kSteps;
        }
      }
    } while (total < kLeastSeconds);
    std::ostringstream line;
    line << "{\"seconds_per_step\": " << median(times) / kSteps
         << ", \"read_bytes_per_step\": " << bytes / kSteps
         << ", \"sparsity\": " << 1 - static_cast<double>(columns) / static_cast<double>(all_columns)
         << ", \"sum_bits\": " << 8 * sizeof(Sum) << "}";
    return line.str();
  }

 private:
  void call(Mode mode) {
    if (mode == Mode::sequence) {
      for (Layer<W, Sum>& layer : layers_) layer.sequence();
      return;
    }
    for (int step = 0; step < kSteps; ++step) {
      for (Layer<W, Sum>& layer : layers_)
        mode == Mode::delta ? layer.delta_step(step) : layer.dense_step(step);
    }
  }

  Random random_;
  Layer<W, Sum> layers_[2];
};

std::unique_ptr<Network> bytes_network(int64_t hidden) {
  auto narrow = std::make_unique<TwoLayers<int8_t, int32_t>>(hidden);
  if (narrow->fits()) return narrow;
  return std::make_unique<TwoLayers<int8_t, int64_t>>(hidden);
}

// Bytes of the last-level cache that this thread shares; what the C library says may be the sum over the
// processor.
int64_t last_level_cache() {
  std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index3/size");
  int64_t kibibytes = 0;
  return file >> kibibytes && kibibytes > 0 ? kibibytes * 1024
                                            : std::max<int64_t>(sysconf(_SC_LEVEL3_CACHE_SIZE), 32 << 20);
}

// One-thread streaming read bandwidth over a buffer of eight times the last-level cache.
std::string stream() {
  const int64_t cache = last_level_cache();
  static const std::vector<uint64_t> buffer(static_cast<size_t>(cache), 1);
  static volatile uint64_t sum = 0;
  std::vector<double> rates;
  for (int i = 0; i < 5; ++i) {
    const Clock::time_point start = Clock::now();
    sum = sum + read_all(buffer);
    rates.push_back(static_cast<double>(buffer.size() * sizeof(uint64_t)) / seconds_since(start));
  }
  std::ostringstream line;
  line << "{\"bytes_per_second\": " << median(rates)
       << ", \"buffer_bytes\": " << buffer.size() * sizeof(uint64_t) << ", \"cache_bytes\": " << cache << "}";
  return line.str();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: delta_rnn_bench HIDDEN < commands\n";
    return 2;
  }
  const int64_t hidden = std::stoll(argv[1]);
  TwoLayers<float, float> floats(hidden);
  const std::unique_ptr<Network> bytes = bytes_network(hidden);
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string mode, kind;
    double sparsity = 0;
    words >> mode >> kind >> sparsity;
    if (mode == "end") break;
    if (mode == "stream") {
      std::cout << stream() << std::endl;
      continue;
    }
    Network& network = kind == "float" ? floats : *bytes;
    std::cout << network.run(mode == "delta"   ? Mode::delta
                             : mode == "dense" ? Mode::dense
                                               : Mode::sequence,
                             sparsity)
              << std::endl;
  }
}
