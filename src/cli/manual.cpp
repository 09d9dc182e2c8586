#include "cli/manual.h"

#include <CLI/CLI.hpp>

#include "base/text.h"

namespace cli {

namespace {

std::vector<const CLI::App*> subcommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}
std::vector<const CLI::Option*> options(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return !option->get_positional(); });
}

std::vector<std::string> words_of(const CLI::App& app) {
  std::vector<std::string> out;
  for (const auto* sub : subcommands(app)) out.push_back(sub->get_name());
  for (const auto* option : options(app)) {
    for (const auto& name : option->get_lnames()) out.push_back("--" + name);
  }
  return out;
}

// One case per command line prefix: "get kubeconfig".
void add_cases(const CLI::App& app, const std::string& prefix, std::string& out) {
  out += "    \"" + prefix + "\") words=\"" + base::join(words_of(app), " ") + "\" ;;\n";
  for (const auto* sub : subcommands(app)) {
    add_cases(*sub, prefix.empty() ? sub->get_name() : prefix + " " + sub->get_name(), out);
  }
}

std::string roff(std::string_view text) {
  std::string out = base::replace_all(std::string(text), "\\", "\\e");
  out = base::replace_all(std::move(out), "-", "\\-");
  if (out.starts_with(".") || out.starts_with("'")) out.insert(0, "\\&");
  return base::replace_all(std::move(out), "\n", "\n.br\n");
}

void add_command(const CLI::App& app, const std::string& name, std::string& out) {
  out += ".SS " + roff(name) + "\n" + roff(app.get_description()) + "\n";
  for (const auto* option : options(app)) {
    out += ".TP\n.B " + roff(option->get_name()) + "\n" + roff(option->get_description());
    if (!option->get_default_str().empty()) out += " (default " + roff(option->get_default_str()) + ")";
    out += "\n";
  }
  if (!app.get_footer().empty()) out += ".PP\n" + roff(app.get_footer()) + "\n";
  for (const auto* sub : subcommands(app)) add_command(*sub, name + " " + sub->get_name(), out);
}

}  // namespace

std::string completion_script(const CLI::App& app) {
  std::string out =
      "# Completion for ingot: source <(ingot completion)\n"
      "_ingot() {\n"
      "  local word words command=\"\" current=\"${COMP_WORDS[COMP_CWORD]}\"\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$word\" in -*) break ;; *) command=\"${command:+$command }$word\" ;; esac\n"
      "  done\n"
      "  case \"$command\" in\n";
  add_cases(app, "", out);
  out +=
      "    *) words=\"\" ;;\n"
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "}\n"
      "complete -o default -F _ingot ingot\n";
  return out;
}

std::string manual_page(const CLI::App& app) {
  std::string out = ".TH INGOT 1\n.SH NAME\ningot \\- " + roff(app.get_description()) +
                    "\n.SH SYNOPSIS\n.B ingot\n.I COMMAND\n[options]\n.SH COMMANDS\n";
  for (const auto* sub : subcommands(app)) add_command(*sub, sub->get_name(), out);
  return out +
         ".SH ENVIRONMENT\n.TP\n.B KUBECONFIG\nThe manager's kubeconfig for the commands that ask it.\n"
         ".SH EXIT STATUS\n0 good, 1 failed, 2 wrong usage, 130 interrupted.\n";
}

}  // namespace cli
