// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/training.h"

#include <chrono>
#include <cmath>
#include <fstream>
#include <functional>
#include <optional>

#include <fmt/format.h>
#include <unistd.h>

#include "deltahop/base/error.h"
#include "deltahop/io/load.h"
#include "deltahop/train/batches.h"
#include "deltahop/train/checkpoint.h"
#include "deltahop/train/curriculum.h"
#include "deltahop/train/evaluation.h"
#include "deltahop/train/exact_evaluation.h"
#include "deltahop/train/exported.h"
#include "deltahop/train/loss.h"
#include "deltahop/train/optimizer.h"
#include "deltahop/train/progress_numbers.h"

namespace deltahop {
namespace {

using Clock = std::chrono::steady_clock;
using Tensors = std::map<std::string, torch::Tensor>;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double resident_MiB() {
  std::ifstream statm("/proc/self/statm");
  double total = 0.0, resident = 0.0;
  statm >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1024.0 * 1024.0);
}

class Training {
 public:
  Training(const TrainingTask& task, EventWriter& events, const std::atomic<bool>& stop)
      : task_(task),
        recipe_(task.recipe),
        events_(events),
        stop_(stop),
        network_(network_of(recipe_, recipe_.network)),
        data_(data_of(recipe_, task.fold, network_)),
        graph_(network_, {.fresh_weights = recipe_.initial_weights == "fresh", .seed = recipe_.seed}),
        hooks_(make_training_hooks(recipe_, graph_, data_)),
        optimizer_(recipe_.optimizer, graph_),
        schedule_(recipe_.schedule, recipe_.optimizer.learning_rate, recipe_.epochs) {
    if (data_.train.size() == 0)
      throw Error(recipe_.data.place, "there is no training example", "check its limits");
    check_features();
    if (recipe_.loss == "ctc" && (!recipe_.teacher.network.empty() || !recipe_.teacher.variant.empty()))
      throw Error(recipe_.file.string(), "a teacher has no place beside the loss 'ctc'",
                  "leave one of them out");
    if (!recipe_.teacher.network.empty()) teacher_.emplace(network_of(recipe_, recipe_.teacher.network));
    const auto& mix = recipe_.data.sound ? recipe_.data.sound->mix : std::nullopt;
    if (mix && mix->growing) curriculum_.emplace(*mix->growing);
  }

  TrainingResult run() {
    begin();
    for (; at_.epoch < recipe_.epochs && !(curriculum_ && curriculum_->finished());
         ++at_.epoch, at_.batch = 0) {
      run_epoch();
      finish_epoch();
    }
    return export_best();
  }

 private:
  // Sound brings as many features a frame as its front end makes, whatever the network reads.
  void check_features() const {
    const Shape& wanted = network_.inputs()[0].declared;
    const int64_t made = data_.train.inputs.size(-1);
    if (data_.train.inputs.dim() != 3 || wanted.back() == kSymbolic || wanted.back() == made) return;
    throw Error(recipe_.data.place,
                fmt::format("the data have {} features a frame, the network reads {}", made, wanted.back()),
                "change the front end, or the network's input");
  }

  std::filesystem::path checkpoint_path() const { return task_.output / kCheckpointName; }

  void begin() {
    at::globalContext().setDeterministicAlgorithms(true, false);
    torch::manual_seed(recipe_.seed);
    if (!task_.from.empty()) start_from(read_checkpoint(task_.from));
    keep_best();
    const bool is_there = std::filesystem::exists(checkpoint_path());
    if (task_.resume && !is_there)
      throw Error(checkpoint_path().string(), "there is no checkpoint to go on with",
                  "leave out --resume to begin");
    if (task_.resume) restore(read_checkpoint(checkpoint_path()));
    if (is_there && !task_.resume && !task_.restart && !is_finished(read_checkpoint(checkpoint_path())))
      throw Error(checkpoint_path().string(), "holds a training that is not finished",
                  "--resume goes on with it, --restart begins anew, --output names another folder");
    events_.begin(recipe_.name, recipe_.variant, recipe_.seed, recipe_.epochs, at_.epoch, data_.provenance);
    for (const EpochRecord& record : at_.history) events_.epoch(record);
  }

  static bool is_finished(const Checkpoint& checkpoint) {
    const ProgressNumbers numbers = progress_numbers(checkpoint.numbers);
    return numbers.epoch >= numbers.epochs;
  }

  void run_epoch() {
    started_ = Clock::now();
    hooks_->begin_epoch(at_.epoch);
    graph_.set_training(true);
    BatchOptions options{recipe_.batch, recipe_.seed, at_.epoch, {}};
    if (curriculum_) options.snr_dB = curriculum_->snr_dB();
    const auto batches = training_batches(data_, options);
    if (at_.batch == 0) at_.loss = at_.cost = at_.right = at_.seen = 0.0;
    int64_t index = 0;
    for (Examples batch; batches->next(batch); ++index) {
      if (index < at_.batch) continue;  // an interrupted epoch goes on where it stopped
      if (stop_.load()) interrupt();
      step(batch);
      at_.batch = index + 1;
      if (seconds_since(told_) > 0.2) {
        told_ = Clock::now();
        events_.progress(at_.epoch, at_.batch, batches->count(), running_metrics());
      }
    }
    hooks_->end_epoch();
  }

  void step(const Examples& batch) {
    optimizer_.clear_gradients();
    hooks_->begin_batch(batch);
    const Judgement judgement =
        judged(recipe_.loss, graph_.forward(batch.inputs, batch.lengths, *hooks_), batch);
    torch::Tensor loss = judgement.loss;
    if (teacher_)
      loss = (1.0 - recipe_.teacher.weight) * loss +
             recipe_.teacher.weight * teacher_loss(batch, judgement.scores);
    const torch::Tensor cost = hooks_->cost();
    if (cost.defined()) loss = loss + cost;
    const double value = loss.item<double>();
    if (!std::isfinite(value)) stop_for(value, batch);
    loss.backward();
    optimizer_.step(schedule_.rate(at_.epoch));
    const double count = static_cast<double>(batch.size());
    at_.loss += judgement.loss.item<double>() * count;
    if (cost.defined()) at_.cost += cost.item<double>() * count;
    at_.right += static_cast<double>(judgement.right);
    at_.seen += count;
  }

  torch::Tensor teacher_loss(const Examples& batch, const torch::Tensor& scores) {
    ForwardHooks nothing;
    torch::Tensor wanted;
    {
      const torch::NoGradGuard guard;
      wanted = judged_scores(teacher_->forward(batch.inputs, batch.lengths, nothing), batch.lengths);
    }
    return distillation_loss(recipe_.teacher, scores, wanted);
  }

  [[noreturn]] void stop_for(double loss, const Examples& batch) {
    const std::string maker = first_unfinite_node(graph_, batch, *hooks_);
    throw Error(fmt::format("epoch {}, batch {}", at_.epoch + 1, at_.batch + 1),
                fmt::format("the loss is {}; the first numbers that are not finite come from {}", loss,
                            maker.empty() ? "the loss itself" : maker),
                "a smaller learning_rate, or a gradient_clip, keeps weights from running away");
  }

  Metrics running_metrics() const {
    Metrics metrics = {{"loss", at_.loss / at_.seen},
                       {"accuracy", at_.right / at_.seen},
                       {"learning_rate", schedule_.rate(at_.epoch)}};
    if (at_.cost != 0.0) metrics["cost"] = at_.cost / at_.seen;
    return metrics;
  }

  void finish_epoch() {
    EpochRecord record;
    record.epoch = at_.epoch;
    record.metrics = running_metrics();
    const Metrics validation = evaluated(graph_, *hooks_, validation_examples(), recipe_.loss, recipe_.batch);
    for (const auto& [name, value] : validation)
      record.metrics[name == "loss" || name == "accuracy" ? "validation_" + name : name] = value;
    judge(validation, record);
    record.seconds = seconds_since(started_);
    record.memory_MiB = resident_MiB();
    at_.history.push_back(record);
    events_.epoch(record);
    ProgressNumbers next = at_;
    ++next.epoch;
    next.batch = 0;
    save(next);
  }

  Examples validation_examples() const {
    return curriculum_ ? noisy_validation(data_, curriculum_->snr_dB(), recipe_.seed) : data_.validation;
  }

  // Keeps the best weights: by validation accuracy, then loss, of the epochs in which the constraints hold in
  // full; the last ones where nothing validates.
  void judge(const Metrics& validation, EpochRecord& record) {
    if (validation.empty()) {
      record.is_best = true;
      return keep_best();
    }
    const double accuracy = validation.at("accuracy"), loss = validation.at("loss");
    schedule_.note(loss);
    const bool settled = at_.epoch >= std::min(hooks_->settled_from(), recipe_.epochs - 1);
    const bool better = !at_.has_best || accuracy > at_.best_accuracy ||
                        (accuracy == at_.best_accuracy && loss < at_.best_loss);
    auto advice = SnrCurriculum::Advice::go_on;
    if (curriculum_) advice = curriculum_->observe(accuracy);
    record.is_best = curriculum_ ? advice == SnrCurriculum::Advice::keep
                                 : recipe_.exports.keep == "last" || (settled && better);
    if (record.is_best) {
      at_.has_best = true;
      at_.best_accuracy = accuracy;
      at_.best_loss = loss;
      keep_best();
    }
    if (advice == SnrCurriculum::Advice::next_stage) take_best();
  }

  void for_each_learnt(const std::function<void(const std::string&, torch::Tensor&)>& visit) {
    for (auto& parameter : graph_.parameters()) visit(parameter.name, parameter.value);
    for (auto& buffer : graph_.buffers()) visit(buffer.name, buffer.value);
  }
  void keep_best() {
    for_each_learnt(
        [&](const std::string& name, torch::Tensor& value) { best_[name] = value.detach().clone(); });
  }
  void take_best() {
    const torch::NoGradGuard guard;
    for_each_learnt([&](const std::string& name, torch::Tensor& value) { value.copy_(best_.at(name)); });
  }

  void save(ProgressNumbers numbers) {
    numbers.epochs = curriculum_ && curriculum_->finished() ? numbers.epoch : recipe_.epochs;
    numbers.schedule = schedule_.state();
    numbers.hooks = hooks_->state();
    if (curriculum_) numbers.curriculum = curriculum_->state();
    Checkpoint checkpoint{recipe_.resolved, text_of(numbers), {}};
    for_each_learnt(
        [&](const std::string& name, torch::Tensor& value) { checkpoint.tensors["now/" + name] = value; });
    for (const auto& [name, value] : best_) checkpoint.tensors["best/" + name] = value;
    for (const auto& [name, value] : optimizer_.state()) checkpoint.tensors["optimizer/" + name] = value;
    checkpoint.tensors["generator"] = at::globalContext().defaultGenerator(at::kCPU).get_state();
    try {
      write_checkpoint(checkpoint, checkpoint_path());
    } catch (const Error& error) {
      const bool earlier = std::filesystem::exists(checkpoint_path());
      throw Error(error.what(),
                  earlier ? "the checkpoint before this one is whole" : "there is no checkpoint yet",
                  earlier ? "make room, then --resume goes on with it" : "make room, then begin again");
    }
  }

  void take(const Checkpoint& checkpoint, const std::string& prefix) {
    const torch::NoGradGuard guard;
    for_each_learnt([&](const std::string& name, torch::Tensor& value) {
      const auto found = checkpoint.tensors.find(prefix + name);
      if (found == checkpoint.tensors.end() || found->second.sizes() != value.sizes())
        throw Error("checkpoint", fmt::format("it has no fitting weights '{}'", name),
                    "it belongs to another network");
      value.copy_(found->second);
    });
  }

  void start_from(const Checkpoint& checkpoint) { take(checkpoint, "best/"); }

  void restore(const Checkpoint& checkpoint) {
    const std::string place = checkpoint_path().string();
    if (checkpoint.recipe != recipe_.resolved)
      throw Error(place, "was made by another recipe, or by other options",
                  "give the recipe and options it was begun with, or --restart");
    take(checkpoint, "best/");
    keep_best();
    take(checkpoint, "now/");
    at_ = progress_numbers(checkpoint.numbers);
    schedule_.set_state(at_.schedule);
    hooks_->set_state(at_.hooks);
    if (curriculum_) curriculum_->restore(at_.curriculum);
    Tensors moments;
    for (const auto& [name, value] : checkpoint.tensors)
      if (name.starts_with("optimizer/")) moments[name.substr(10)] = value;
    optimizer_.set_state(moments);
    const auto generator = checkpoint.tensors.find("generator");
    if (generator == checkpoint.tensors.end()) throw Error(place, "holds no state of the random numbers");
    at::Generator own = at::globalContext().defaultGenerator(at::kCPU);
    own.set_state(generator->second);
  }

  [[noreturn]] void interrupt() {
    save(at_);
    throw Interrupted(fmt::format("stopped in epoch {} of {}, after {} batches; --resume goes on from there",
                                  at_.epoch + 1, recipe_.epochs, at_.batch));
  }

  TrainingResult export_best() {
    take_best();
    hooks_->begin_epoch(recipe_.epochs);
    TrainingResult result;
    for (const auto& [examples, prefix] :
         {std::pair(&data_.validation, "validation_"), std::pair(&data_.test, "test_")}) {
      for (const auto& [name, value] : evaluated(graph_, *hooks_, *examples, recipe_.loss, recipe_.batch))
        result.metrics[prefix + name] = value;
    }
    result.file = task_.output / recipe_.exports.file;
    save_onnx(exported(recipe_, data_, hooks_->finished(graph_.to_network())), result.file);
    evaluate_file(result);
    events_.done(result.file.string(), result.metrics);
    return result;
  }

  // What the file itself does with the test, as integers compute it; of delta networks at further thresholds,
  // too. Where the file has formats, the figures of the test are those: in training biases are not rounded.
  void evaluate_file(TrainingResult& result) {
    const Network model = load_network(result.file.string());
    if (data_.test.size() == 0 || recipe_.loss == "ctc" || !is_integer_model(model)) return;
    const ExactEvaluation exact = evaluate_exactly(model, data_.test);
    if (carries_formats(model)) {
      std::erase_if(result.metrics, [](const auto& each) { return each.first.starts_with("test_"); });
      for (const auto& [name, value] : exact.shares()) result.metrics["test_" + name] = value;
    }
    for (const auto& [name, value] : exact.metrics()) result.metrics[name] = value;
    for (const ConstraintSection& section : recipe_.constraints) {
      for (const double theta : section.test_thresholds) {
        const ThresholdTable table{{{"*", {.input = theta, .hidden = theta}}}};
        const ExactEvaluation at = evaluate_exactly(model, data_.test, &table);
        result.metrics[fmt::format("exact_accuracy_at_{}", theta)] = at.accuracy();
        result.metrics[fmt::format("exact_read_weights_fraction_at_{}", theta)] = at.read_weights_fraction();
      }
    }
  }

  const TrainingTask& task_;
  const Recipe& recipe_;
  EventWriter& events_;
  const std::atomic<bool>& stop_;
  Network network_;
  Dataset data_;
  TrainableGraph graph_;
  std::unique_ptr<TrainingHooks> hooks_;
  Optimizer optimizer_;
  Schedule schedule_;
  std::optional<TrainableGraph> teacher_;
  std::optional<SnrCurriculum> curriculum_;
  ProgressNumbers at_;
  Tensors best_;
  Clock::time_point started_, told_;
};

}  // namespace

Network network_of(const Recipe& recipe, const std::string& name) {
  const std::filesystem::path beside = recipe.beside(name);
  return load_network(std::filesystem::exists(beside) ? beside.string() : name,
                      {.seed = recipe.seed, .weights = ""});
}

Dataset data_of(const Recipe& recipe, int64_t fold, const Network& network) {
  DataRequest request;
  request.input_shape = input_shapes(network).at(0);
  const auto stored = network.metadata().find("preprocessing");
  if (stored != network.metadata().end())
    request.preprocessing = parse_preprocessing(stored->second, "preprocessing");
  request.seed = recipe.seed;
  request.fold = fold;
  request.threads = recipe.threads;
  return load_dataset(recipe.data, request);
}

TrainingResult train(const TrainingTask& task, EventWriter& events, const std::atomic<bool>& stop) {
  at::set_num_threads(task.recipe.threads);
  return Training(task, events, stop).run();
}

}  // namespace deltahop
