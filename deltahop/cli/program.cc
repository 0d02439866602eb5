// SPDX-License-Identifier: Apache-2.0
// The program: its commands, and the one place where errors become a line and an exit code.
#include <algorithm>
#include <csignal>
#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "deltahop/base/error.h"
#include "deltahop/base/version.h"
#include "deltahop/cli/command.h"

namespace deltahop {
namespace {

constexpr int kUserFault = 1;
constexpr int kOurFault = 2;
constexpr int kReaderGone = 128 + SIGPIPE;  // as a shell counts a program that SIGPIPE ended

// Files are written beside their place and renamed at the end, so stopping at once leaves nothing
// half-written.
extern "C" void stop_at_once(int signal) {
  constexpr char kText[] = "\nstopped: nothing was half-written\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kText, sizeof kText - 1);
  ::_exit(128 + signal);
}

std::vector<std::string> command_names(const CLI::App& program) {
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

// Every option of the program and of the command on the line: the candidates for "did you mean".
std::vector<std::string> option_names(const CLI::App& program) {
  std::vector<std::string> names;
  const auto collect = [&](const CLI::App& app) {
    for (const CLI::Option* option : app.get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  };
  collect(program);
  for (const CLI::App* command : program.get_subcommands()) collect(*command);
  return names;
}

int report_fault(const Surroundings& surroundings, std::string_view text, int code) {
  const char* const red = surroundings.console.colour() ? "\033[31m" : "";
  const char* const plain = surroundings.console.colour() ? "\033[0m" : "";
  fmt::print(stderr, "{}error:{} {}\n", red, plain, text);
  return code;
}

int report_usage_fault(const CLI::App& program, const Surroundings& surroundings,
                       const CLI::ParseError& fault) {
  std::string text = fault.what();
  std::replace(text.begin(), text.end(), '\n', ' ');
  std::string hint = "see 'deltahop --help'";
  if (!program.get_subcommands().empty())
    hint = fmt::format("see 'deltahop {} --help'", program.get_subcommands().front()->get_name());
  // The words that were not understood: name the nearest one that would have been.
  const auto& words = surroundings.command_line;
  const std::vector<std::string> options = option_names(program);
  const std::vector<std::string> commands = command_names(program);
  for (size_t i = 1; i < words.size(); ++i) {
    const std::string word = words[i].substr(0, words[i].find('='));
    const bool is_option = word.starts_with("--");
    const auto& known = is_option ? options : commands;
    if ((!is_option && i > 1) || std::find(known.begin(), known.end(), word) != known.end()) continue;
    const std::string near = nearest_word(word, known);
    text = is_option ? fmt::format("'{}' is no option here", word) : fmt::format("'{}' is no command", word);
    if (!near.empty()) hint = fmt::format("did you mean '{}'?", near);
    break;
  }
  return report_fault(surroundings, fmt::format("{}; {}", text, hint), kUserFault);
}

}  // namespace

int run_program(int argc, char** argv) {
  Surroundings surroundings;
  surroundings.command_line.assign(argv, argv + argc);
  std::signal(SIGINT, stop_at_once);
  std::signal(SIGTERM, stop_at_once);
  std::signal(SIGPIPE, SIG_IGN);

  CLI::App program(
      "deltahop: run, compress and simulate neural networks on data-driven accelerators.\n"
      "Most of a network's arithmetic multiplies by zero; this says how much, and what skipping it is "
      "worth.\n\n"
      "  deltahop demo                                          everything, on a small network that ships\n"
      "  deltahop profile vgg16                                 shapes, weights and MACs of a known network\n"
      "  deltahop simulate net.onnx --on nullhop --input pics/  cycles, bytes, joules, accuracy, a report\n",
      "deltahop");
  program.set_version_flag("--version", std::string(kVersion));
  program.add_flag("-q,--quiet", surroundings.console.quiet, "No progress and no notes on standard error");
  program.require_subcommand(1);
  program.fallthrough();
  program.footer("Exit codes: 0 done; 1 wrong input, or a check that failed; 2 a fault of deltahop itself.");
  add_profile(program, surroundings);
  add_simulate(program, surroundings);
  add_run(program, surroundings);
  add_bench(program, surroundings);
  add_calibrate(program, surroundings);
  add_tune(program, surroundings);
  add_train(program, surroundings);
  add_quantize(program, surroundings);
  add_convert(program, surroundings);
  add_export(program, surroundings);
  add_compare(program, surroundings);
  add_validate(program, surroundings);
  add_map(program, surroundings);
  add_dram(program, surroundings);
  add_encodings(program, surroundings);
  add_list(program, surroundings);
  add_explain(program, surroundings);
  add_check(program, surroundings);
  add_demo(program, surroundings);
  add_completion(program, surroundings);

  try {
    program.parse(argc, argv);
    return surroundings.exit_code;
  } catch (const CLI::Success& answered) {  // --help, --version
    return program.exit(answered);
  } catch (const ReaderGone&) {  // `deltahop explain nullhop | head -1` has had what it wanted
    return kReaderGone;
  } catch (const CLI::ParseError& fault) {
    return report_usage_fault(program, surroundings, fault);
  } catch (const Error& error) {
    surroundings.console.clear_progress();
    return report_fault(surroundings, error.what(), kUserFault);
  } catch (const std::bad_alloc&) {
    return report_fault(surroundings,
                        "not enough memory; try fewer inputs (--limit) or fewer threads (--threads 1)",
                        kUserFault);
  } catch (const std::exception& fault) {
    surroundings.console.clear_progress();
    return report_fault(surroundings, fault.what(), kOurFault);
  }
}

}  // namespace deltahop
