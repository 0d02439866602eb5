// SPDX-License-Identifier: Apache-2.0
#include "deltahop/train/program.h"

#include <charconv>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "deltahop/base/error.h"
#include "deltahop/train/training.h"

namespace deltahop {
namespace {

constexpr int kUserFault = 1, kOurFault = 2, kInterrupted = 130;

std::atomic<bool> stop_wanted{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler may set it

extern "C" void want_stop(int) { stop_wanted.store(true); }

struct Arguments {
  std::string recipe;
  RecipeChoice choice;
  std::string output, from, teacher;
  int64_t fold = 0;
  bool resume = false, restart = false;
};

int64_t whole_number(const std::string& option, const std::string& text) {
  int64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size() || value < 0)
    throw Error(option, fmt::format("'{}' is not a whole number from 0 on", text));
  return value;
}

Arguments read_arguments(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  Arguments arguments;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const auto value = [&] {
      if (i + 1 == words.size()) throw Error(word, "wants a value");
      return words[++i];
    };
    if (word == "--variant")
      arguments.choice.variant = value();
    else if (word == "--set")
      arguments.choice.settings.push_back(value());
    else if (word == "--output")
      arguments.output = value();
    else if (word == "--from")
      arguments.from = value();
    else if (word == "--teacher")
      arguments.teacher = value();
    else if (word == "--fold")
      arguments.fold = whole_number(word, value());
    else if (word == "--resume")
      arguments.resume = true;
    else if (word == "--restart")
      arguments.restart = true;
    else if (!word.starts_with("-") && arguments.recipe.empty())
      arguments.recipe = word;
    else
      throw Error(word, "is no argument of deltahop-train", "call it as 'deltahop train recipe.yaml'");
  }
  if (arguments.recipe.empty() || arguments.output.empty())
    throw Error("deltahop-train", "wants a recipe and --output", "call it as 'deltahop train recipe.yaml'");
  return arguments;
}

void run(const Arguments& arguments, EventWriter& events) {
  TrainingTask task;
  task.recipe = read_recipe(arguments.recipe, arguments.choice);
  if (!arguments.teacher.empty()) task.recipe.teacher.network = arguments.teacher;
  if (task.recipe.teacher.network.empty() && !task.recipe.teacher.variant.empty())
    throw Error("--teacher", fmt::format("the trained variant '{}' is wanted", task.recipe.teacher.variant));
  task.output = arguments.output;
  task.from = arguments.from;
  task.fold = arguments.fold;
  task.resume = arguments.resume;
  task.restart = arguments.restart;
  train(task, events, stop_wanted);
}

}  // namespace

int run_training_program(int argc, char** argv) {
  std::signal(SIGINT, want_stop);
  std::signal(SIGTERM, want_stop);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of writing, not the end
  EventWriter events(STDOUT_FILENO);
  const auto fail = [&](const std::string& text, int code) {
    events.fault(text, code);
    return code;
  };
  try {
    run(read_arguments(argc, argv), events);
    return 0;
  } catch (const Interrupted& stopped) {
    return fail(stopped.what(), kInterrupted);
  } catch (const Error& error) {
    return fail(error.what(), kUserFault);
  } catch (const std::bad_alloc&) {
    return fail("not enough memory; try a smaller batch", kUserFault);
  } catch (const c10::Error& fault) {
    return fail(fault.what_without_backtrace(), kOurFault);
  } catch (const std::exception& fault) {
    return fail(fault.what(), kOurFault);
  }
}

}  // namespace deltahop
