// Shell completion and the manual page, made from the command line's own declaration.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace cli {

// A script for bash; zsh takes it after `autoload -U bashcompinit; bashcompinit`.
std::string completion_script(const CLI::App& app);
// roff for man(1).
std::string manual_page(const CLI::App& app);

}  // namespace cli
