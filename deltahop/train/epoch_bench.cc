// SPDX-License-Identifier: Apache-2.0
// Whole epochs of two recipes with their data path, batches made by a second thread: the delta GRU with its
// constraints beside LibTorch's own GRU, the convolutions with dual-copy rounding beside those without. A
// repetition is the next epoch of the same training; `resident_MiB` and `peak_MiB` are the process's after
// it.
//   DELTAHOP_DATA=... deltahop_train_bench --benchmark_filter=epoch
//   --benchmark_enable_random_interleaving=true --benchmark_repetitions=9
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/rnn.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adamw.h>

#include <cstdlib>
#include <fstream>

#include <benchmark/benchmark.h>

#include "deltahop/train/batches.h"
#include "deltahop/train/hooks.h"
#include "deltahop/train/loss.h"
#include "deltahop/train/optimizer.h"
#include "deltahop/train/training.h"

namespace deltahop {
namespace {

Recipe recipe_of(const std::string& name, const std::string& variant) {
  return read_recipe(std::string(DELTAHOP_SOURCE_DIR) + "/recipes/" + name,
                     {.variant = variant, .settings = {}});
}

// Of /proc/self/status: "VmRSS", "VmHWM".
double status_MiB(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kB = 0;
    if (word == field + ":" && status >> kB) return kB / 1024;
  }
  return 0;
}

class Epochs {
 public:
  explicit Epochs(const Recipe& recipe)
      : recipe_(recipe), network_(network_of(recipe, recipe.network)), data_(data_of(recipe, 0, network_)) {}
  virtual ~Epochs() = default;

  void run() {
    at::set_num_threads(recipe_.threads);
    begin(epoch_);
    const auto batches = training_batches(data_, {recipe_.batch, recipe_.seed, epoch_, {}});
    for (Examples batch; batches->next(batch);) step(batch);
    ++epoch_;
  }

 protected:
  virtual void begin(int64_t epoch) = 0;
  virtual void step(const Examples& batch) = 0;

  const Recipe recipe_;
  const Network network_;
  const Dataset data_;

 private:
  int64_t epoch_ = 0;
};

// As deltahop-train does it.
class RecipeEpochs final : public Epochs {
 public:
  explicit RecipeEpochs(const Recipe& recipe)
      : Epochs(recipe),
        graph_(network_, {.fresh_weights = true, .seed = recipe.seed}),
        hooks_(make_training_hooks(recipe, graph_, data_)),
        optimizer_(recipe.optimizer, graph_) {}

 private:
  void begin(int64_t epoch) override {
    hooks_->begin_epoch(epoch);
    graph_.set_training(true);
  }
  void step(const Examples& batch) override {
    optimizer_.clear_gradients();
    hooks_->begin_batch(batch);
    torch::Tensor loss =
        judged(recipe_.loss, graph_.forward(batch.inputs, batch.lengths, *hooks_), batch).loss;
    if (hooks_->cost().defined()) loss = loss + hooks_->cost();
    benchmark::DoNotOptimize(loss.item<double>());  // the trainer looks whether it is finite
    loss.backward();
    optimizer_.step(recipe_.optimizer.learning_rate);
  }

  TrainableGraph graph_;
  std::unique_ptr<TrainingHooks> hooks_;
  Optimizer optimizer_;
};

// The recipe's network as a user of LibTorch writes it: nn::GRU, nn::Linear, optim::AdamW.
class LibtorchGruEpochs final : public Epochs {
 public:
  explicit LibtorchGruEpochs(const Recipe& recipe)
      : Epochs(recipe),
        gru_(torch::nn::GRUOptions(data_.train.inputs.size(2), kUnits)),
        head_(kUnits, static_cast<int64_t>(data_.class_names.size())),
        parameters_(gru_->parameters()),
        optimizer_(with_head(), torch::optim::AdamWOptions(recipe.optimizer.learning_rate)
                                    .weight_decay(recipe.optimizer.weight_decay)) {}

 private:
  static constexpr int64_t kUnits = 96;  // of recipes/networks/spoken_digits.yaml

  std::vector<torch::Tensor> with_head() {
    for (const torch::Tensor& each : head_->parameters()) parameters_.push_back(each);
    return parameters_;
  }
  void begin(int64_t) override {}
  void step(const Examples& batch) override {
    optimizer_.zero_grad();
    const torch::Tensor out = std::get<0>(gru_->forward(batch.inputs.transpose(0, 1)));
    const torch::Tensor last = out.index({batch.lengths - 1, torch::arange(batch.size())});
    const torch::Tensor loss = classification_loss(recipe_.loss, head_->forward(last), batch.labels);
    benchmark::DoNotOptimize(loss.item<double>());
    loss.backward();
    torch::nn::utils::clip_grad_norm_(parameters_, recipe_.optimizer.gradient_clip);
    optimizer_.step();
  }

  torch::nn::GRU gru_;
  torch::nn::Linear head_;
  std::vector<torch::Tensor> parameters_;
  torch::optim::AdamW optimizer_;
};

template <class Kind>
void run(benchmark::State& state, const std::string& file, const std::string& variant) {
  if (std::getenv("DELTAHOP_DATA") == nullptr)
    return state.SkipWithError("skipped: DELTAHOP_DATA is not set");
  static std::map<std::string, std::unique_ptr<Epochs>> trainings;  // go on from repetition to repetition
  std::unique_ptr<Epochs>& training = trainings[variant];
  if (!training) training = std::make_unique<Kind>(recipe_of(file, variant));
  for (auto _ : state) training->run();
  state.counters["resident_MiB"] = status_MiB("VmRSS");
  state.counters["peak_MiB"] = status_MiB("VmHWM");
}

void epoch_libtorch_gru(benchmark::State& state) {
  run<LibtorchGruEpochs>(state, "spoken_digits.yaml", "plain");
}
void epoch_delta_gru(benchmark::State& state) { run<RecipeEpochs>(state, "spoken_digits.yaml", "cost"); }
void epoch_float_convolutions(benchmark::State& state) {
  run<RecipeEpochs>(state, "mnist_cnn.yaml", "float_more");
}
void epoch_rounded_convolutions(benchmark::State& state) {
  run<RecipeEpochs>(state, "mnist_cnn.yaml", "fixed8");
}

BENCHMARK(epoch_libtorch_gru)->Iterations(1)->UseRealTime()->Unit(benchmark::kSecond);
BENCHMARK(epoch_delta_gru)->Iterations(1)->UseRealTime()->Unit(benchmark::kSecond);
BENCHMARK(epoch_float_convolutions)->Iterations(1)->UseRealTime()->Unit(benchmark::kSecond);
BENCHMARK(epoch_rounded_convolutions)->Iterations(1)->UseRealTime()->Unit(benchmark::kSecond);

}  // namespace
}  // namespace deltahop
