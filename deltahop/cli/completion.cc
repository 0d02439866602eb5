// SPDX-License-Identifier: Apache-2.0
// deltahop completion: a script for bash, zsh or fish, made from the program's own commands and options.
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "deltahop/cli/command.h"

namespace deltahop {
namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& program) {
  return program.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<std::string> options_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::string bash_script(const CLI::App& program) {
  std::vector<std::string> names;
  std::string cases;
  for (const CLI::App* command : commands_of(program)) {
    names.push_back(command->get_name());
    cases +=
        fmt::format("    {}) words=\"{}\" ;;\n", command->get_name(), fmt::join(options_of(*command), " "));
  }
  return fmt::format(
      "# bash completion for deltahop: source <(deltahop completion bash)\n"
      "_deltahop() {{\n"
      "  local words=\"\" current=\"${{COMP_WORDS[COMP_CWORD]}}\"\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W \"{}\" -- \"$current\"))\n    return\n  fi\n"
      "  case \"${{COMP_WORDS[1]}}\" in\n{}  esac\n"
      "  case \"$current\" in\n"
      "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$current\")) ;;\n"
      "    *) COMPREPLY=($(compgen -f -- \"$current\")) ;;\n"
      "  esac\n"
      "}}\n"
      "complete -o filenames -F _deltahop deltahop\n",
      fmt::join(names, " "), cases);
}

std::string zsh_script(const CLI::App& program) {
  return "# zsh completion for deltahop: source <(deltahop completion zsh)\nautoload -U +X bashcompinit && "
         "bashcompinit\n" +
         bash_script(program);
}

std::string fish_script(const CLI::App& program) {
  std::string text = "# fish completion for deltahop: deltahop completion fish | source\n";
  for (const CLI::App* command : commands_of(program)) {
    text += fmt::format("complete -c deltahop -n __fish_use_subcommand -a {} -d '{}'\n", command->get_name(),
                        command->get_description());
    for (const std::string& option : options_of(*command)) {
      text += fmt::format("complete -c deltahop -n '__fish_seen_subcommand_from {}' -l {}\n",
                          command->get_name(), option.substr(2));
    }
  }
  return text;
}

}  // namespace

void add_completion(CLI::App& program, Surroundings& surroundings) {
  CLI::App* command = program.add_subcommand("completion", "A completion script for your shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([shell, &program, &surroundings] {
    surroundings.console.print(*shell == "bash"  ? bash_script(program)
                               : *shell == "zsh" ? zsh_script(program)
                                                 : fish_script(program));
  });
}

}  // namespace deltahop
