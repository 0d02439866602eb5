// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/batches.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "deltahop/signal/front_end.h"
#include "deltahop/train/augment.h"

namespace deltahop {
namespace {

constexpr uint64_t kOrderSalt = 0x6f72646572, kValidationNoiseSalt = 0x6e6f697365;
constexpr int64_t kWindow = 8;      // batches whose sequences are sorted together
constexpr size_t kMostWaiting = 3;  // batches made ahead

torch::Tensor as_tensor(const std::vector<int64_t>& values) {
  return torch::tensor(values, torch::TensorOptions(torch::kLong));
}

// The examples as they are, cut to the longest sequence among them. Copied by hand: LibTorch's own would
// start threads beside those that train.
Examples taken(const Examples& examples, const std::vector<int64_t>& indices) {
  const auto count = static_cast<int64_t>(indices.size());
  Examples batch;
  std::vector<int64_t> labels, lengths;
  for (const int64_t index : indices) {
    labels.push_back(examples.labels.data_ptr<int64_t>()[index]);
    if (examples.lengths.defined()) lengths.push_back(examples.lengths.data_ptr<int64_t>()[index]);
  }
  std::vector<int64_t> shape = examples.inputs.sizes().vec();
  const int64_t stride = examples.inputs[0].numel();
  shape[0] = count;
  if (!lengths.empty()) shape[1] = *std::max_element(lengths.begin(), lengths.end());
  batch.inputs = torch::empty(shape, torch::kFloat);
  const int64_t values = batch.inputs[0].numel();
  for (int64_t i = 0; i < count; ++i) {
    std::copy_n(examples.inputs.data_ptr<float>() + indices[static_cast<size_t>(i)] * stride, values,
                batch.inputs.data_ptr<float>() + i * values);
  }
  batch.labels = as_tensor(labels);
  if (!lengths.empty()) batch.lengths = as_tensor(lengths);
  return batch;
}

PictureShape picture_shape(const torch::Tensor& inputs) {
  if (inputs.dim() == 4) return {inputs.size(1), inputs.size(2), inputs.size(3)};
  return {1, 1, inputs[0].numel()};
}

// Makes the batches of an epoch, one by one, from any thread.
class BatchMaker {
 public:
  BatchMaker(const Dataset& data, const BatchOptions& options)
      : data_(data), options_(options), plan_(batch_plan(data.train, options)) {
    const auto& sound = data.section.sound;
    if (!sound || !sound->mix) return;
    if (options_.snr_dB.empty()) options_.snr_dB = sound->mix->snr_dB;
    if (options_.snr_dB.empty() && sound->mix->growing) options_.snr_dB = {sound->mix->growing->from};
  }

  int64_t count() const { return static_cast<int64_t>(plan_.size()); }

  Examples make(int64_t batch) const {
    const std::vector<int64_t>& indices = plan_[static_cast<size_t>(batch)];
    const auto& sound = data_.section.sound;
    if (sound && data_.recordings) return mixed_batch(indices);
    Examples made = taken(data_.train, indices);
    if (sound && sound->feature_noise > 0) add_noise(indices, made);
    if (!data_.section.augment.any() || made.lengths.defined()) return made;
    const PictureShape shape = picture_shape(made.inputs);
    const auto size = static_cast<size_t>(made.inputs[0].numel());
    const torch::Tensor source = made.inputs;
    made.inputs = torch::empty_like(source);
    for (size_t i = 0; i < indices.size(); ++i) {
      Random random = random_of(options_.seed, options_.epoch, indices[i]);
      augmented({source.data_ptr<float>() + i * size, size}, shape, data_.section.augment, data_.black,
                random, {made.inputs.data_ptr<float>() + i * size, size});
    }
    return made;
  }

 private:
  // PEM: noise is mixed into the sound, and the features are taken from the sum.
  Examples mixed_batch(const std::vector<int64_t>& indices) const {
    const NoiseMix& mix = *data_.section.sound->mix;
    Examples made = taken(data_.train, indices);
    const int64_t frames = made.inputs.size(1), width = made.inputs.size(2);
    for (size_t i = 0; i < indices.size(); ++i) {
      Random random = random_of(options_.seed, options_.epoch, indices[i]);
      const auto& speech = data_.recordings->train[static_cast<size_t>(indices[i])];
      const Tensor features = features_of(
          data_.front_end, noisy(speech, data_.recordings->noise, options_.snr_dB, mix.share, random));
      const auto values = features.values<float>();
      std::copy(values.begin(), values.end(),
                made.inputs.data_ptr<float>() + static_cast<int64_t>(i) * frames * width);
    }
    if (data_.section.sound->feature_noise > 0) add_noise(indices, made);
    return made;
  }

  // To the true frames only: what is behind a sequence's end stays zero.
  void add_noise(const std::vector<int64_t>& indices, Examples& batch) const {
    const int64_t frames = batch.inputs.size(1), width = batch.inputs.size(2);
    constexpr uint64_t kFeatureSalt = 0x66656174;  // other numbers than those that drew the noise
    for (size_t i = 0; i < indices.size(); ++i) {
      Random random = random_of(options_.seed ^ kFeatureSalt, options_.epoch, indices[i]);
      float* const first = batch.inputs.data_ptr<float>() + static_cast<int64_t>(i) * frames * width;
      const int64_t count = batch.lengths.data_ptr<int64_t>()[i] * width;
      std::for_each(first, first + count, [&](float& value) {
        value += static_cast<float>(data_.section.sound->feature_noise * random.normal());
      });
    }
  }

  const Dataset& data_;
  BatchOptions options_;
  std::vector<std::vector<int64_t>> plan_;
};

// Batches in order out of a queue that another thread fills.
class PrefetchedBatches : public BatchSource {
 public:
  PrefetchedBatches(const Dataset& data, const BatchOptions& options)
      : maker_(data, options), worker_([this] { work(); }) {}
  PrefetchedBatches(const PrefetchedBatches&) = delete;
  PrefetchedBatches& operator=(const PrefetchedBatches&) = delete;
  ~PrefetchedBatches() override {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    worker_.join();
  }

  int64_t count() const override { return maker_.count(); }

  bool next(Examples& batch) override {
    if (taken_ == maker_.count()) return false;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !ready_.empty() || fault_; });
    if (ready_.empty()) std::rethrow_exception(fault_);
    batch = std::move(ready_.front());
    ready_.pop_front();
    ++taken_;
    lock.unlock();
    changed_.notify_all();
    return true;
  }

 private:
  void work() {
    try {
      for (int64_t i = 0; i < maker_.count(); ++i) {
        Examples made = maker_.make(i);
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ready_.size() < kMostWaiting || stopped_; });
        if (stopped_) return;
        ready_.push_back(std::move(made));
        lock.unlock();
        changed_.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      fault_ = std::current_exception();
      changed_.notify_all();
    }
  }

  const BatchMaker maker_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Examples> ready_;
  std::exception_ptr fault_;
  bool stopped_ = false;
  int64_t taken_ = 0;   // by the thread that trains
  std::thread worker_;  // last: it uses all the others
};

class PlainBatches : public BatchSource {
 public:
  PlainBatches(Examples examples, int64_t size) : examples_(std::move(examples)), size_(size) {}
  int64_t count() const override { return (examples_.size() + size_ - 1) / size_; }
  bool next(Examples& batch) override {
    if (begin_ >= examples_.size()) return false;
    const int64_t length = std::min(size_, examples_.size() - begin_);
    batch = {examples_.inputs.narrow(0, begin_, length), examples_.labels.narrow(0, begin_, length), {}};
    if (examples_.lengths.defined()) {
      batch.lengths = examples_.lengths.narrow(0, begin_, length);
      batch.inputs = batch.inputs.narrow(1, 0, batch.lengths.max().item<int64_t>());
    }
    begin_ += length;
    return true;
  }

 private:
  Examples examples_;
  int64_t size_, begin_ = 0;
};

}  // namespace

std::vector<std::vector<int64_t>> batch_plan(const Examples& examples, const BatchOptions& options) {
  DELTAHOP_CHECK(options.size > 0);
  const int64_t n = examples.size();
  std::vector<int64_t> order =
      shuffled_indices(n, random_of(options.seed ^ kOrderSalt, options.epoch, 0).bits());
  if (examples.lengths.defined()) {
    const int64_t* const lengths = examples.lengths.data_ptr<int64_t>();
    const int64_t window = kWindow * options.size;
    for (int64_t begin = 0; begin < n; begin += window) {
      std::stable_sort(order.begin() + begin, order.begin() + std::min(n, begin + window),
                       [&](int64_t a, int64_t b) { return lengths[a] < lengths[b]; });
    }
  }
  std::vector<std::vector<int64_t>> plan;
  for (int64_t begin = 0; begin < n; begin += options.size)
    plan.emplace_back(order.begin() + begin, order.begin() + std::min(n, begin + options.size));
  if (!examples.lengths.defined()) return plan;
  const std::vector<int64_t> places = shuffled_indices(
      static_cast<int64_t>(plan.size()), random_of(options.seed ^ kOrderSalt, options.epoch, 1).bits());
  std::vector<std::vector<int64_t>> shuffled;
  for (const int64_t place : places) shuffled.push_back(std::move(plan[static_cast<size_t>(place)]));
  return shuffled;
}

std::unique_ptr<BatchSource> training_batches(const Dataset& data, const BatchOptions& options) {
  return std::make_unique<PrefetchedBatches>(data, options);
}

std::unique_ptr<BatchSource> plain_batches(const Examples& examples, int64_t size) {
  DELTAHOP_CHECK(size > 0);
  return std::make_unique<PlainBatches>(examples, size);
}

Examples noisy_validation(const Dataset& data, const std::vector<double>& snr_dB, uint64_t seed) {
  if (!data.recordings || snr_dB.empty()) return data.validation;
  Examples made = data.validation;
  made.inputs = data.validation.inputs.clone();
  const int64_t frames = made.inputs.size(1), width = made.inputs.size(2);
  for (int64_t i = 0; i < made.size(); ++i) {
    Random random = random_of(seed ^ kValidationNoiseSalt, 0, i);
    const auto& speech = data.recordings->validation[static_cast<size_t>(i)];
    const Tensor features =
        features_of(data.front_end, noisy(speech, data.recordings->noise, snr_dB, 1.0, random));
    const auto values = features.values<float>();
    std::copy(values.begin(), values.end(), made.inputs.data_ptr<float>() + i * frames * width);
  }
  return made;
}

}  // namespace deltahop
