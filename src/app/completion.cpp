// Completion scripts, made from the commands themselves: they can't fall behind them.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/command.hpp"

namespace weft::app {

namespace {

std::vector<std::string> options_of(const CLI::App& command) {
    std::vector<std::string> out;
    for (const auto* option : command.get_options()) {
        for (const auto& name : option->get_lnames()) out.push_back("--" + name);
    }
    return out;
}

std::vector<std::string> words_of(const CLI::App& command) {
    auto out = options_of(command);
    for (const auto* sub : command.get_subcommands([](const CLI::App*) { return true; }))
        out.push_back(sub->get_name());
    return out;
}

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

/// What is not an option or a command is a file, in every command.
std::string bash(const CLI::App& root) {
    std::string cases;
    std::vector<std::string> names{"help"};
    for (const auto* sub : root.get_subcommands([](const CLI::App*) { return true; })) {
        names.push_back(sub->get_name());
        cases += fmt::format("    {}) words=\"{}\" ;;\n", sub->get_name(), joined(words_of(*sub)));
    }
    return fmt::format(R"(_weft() {{
  local words= word=${{COMP_WORDS[COMP_CWORD]}}
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "{0}" -- "$word"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
    help) words="{0}" ;;
{1}  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  if ((${{#COMPREPLY[@]}} == 0)); then COMPREPLY=($(compgen -f -- "$word")); fi
}}
complete -o filenames -F _weft weft ./weft
)",
                       joined(names), cases);
}

std::string zsh(const CLI::App& root) {
    return "autoload -U +X bashcompinit && bashcompinit\n" + bash(root);
}

/// In single quotes, as fish reads them.
std::string in_quotes(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out + "'";
}

std::string fish(const CLI::App& root) {
    std::string out;
    for (const auto* sub : root.get_subcommands([](const CLI::App*) { return true; })) {
        const auto& name = sub->get_name();
        out += fmt::format("complete -c weft -n __fish_use_subcommand -f -a {} -d {}\n", name,
                           in_quotes(sub->get_description()));
        for (const auto* option : sub->get_options()) {
            for (const auto& long_name : option->get_lnames()) {
                out += fmt::format("complete -c weft -n '__fish_seen_subcommand_from {}' -l {} -d {}\n", name,
                                   long_name, in_quotes(option->get_description()));
            }
        }
        for (const auto* inner : sub->get_subcommands([](const CLI::App*) { return true; })) {
            out += fmt::format("complete -c weft -n '__fish_seen_subcommand_from {}' -f -a {} -d {}\n", name,
                               inner->get_name(), in_quotes(inner->get_description()));
        }
    }
    return out;
}

}  // namespace

void define_completion(CLI::App& command, int& status) {
    auto shell = std::make_shared<std::string>();
    command.add_option("shell", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
    command.footer("For bash: weft completion bash > ~/.local/share/bash-completion/completions/weft");
    command.callback([&command, &status, shell] {
        const CLI::App& root = *command.get_parent();
        fmt::print("{}", *shell == "bash" ? bash(root) : *shell == "zsh" ? zsh(root) : fish(root));
        status = exit_done;
    });
}

}  // namespace weft::app
