#include "cli/console_command.h"

#include <cstdio>
#include <memory>

#include "base/text.h"
#include "sys/fiber.h"

namespace cli {

using base::Code;
using base::Result;

namespace {

constexpr base::Duration look_gap = base::milliseconds(500);  // how soon a signal is noticed
constexpr const char* help =
    "\r\n[~. leaves, ~B sends a break, ~~ types a ~, ~? is this; each at the start of a line]\r\n";

struct Shared {
  bool leaving = false, over = false;
};

// Until the keyboard ends: what is typed through a pipe ends before the console does.
void type_all(sys::Keyboard& keyboard, metal::Console& console, Shared& shared) {
  ConsoleKeys keys;
  while (!shared.over) {
    const auto typed = keyboard.read();
    if (!typed || typed->empty() || shared.over) return;
    if (!keyboard.is_terminal()) {
      console.type(*typed);
      continue;
    }
    for (std::string_view left = *typed; !left.empty() && !shared.leaving;) {
      const auto taken = keys.take(left);
      left.remove_prefix(taken.used);
      if (!taken.keys.empty()) console.type(taken.keys);
      if (taken.order == ConsoleKeys::Order::leave) shared.leaving = true;
      if (taken.order == ConsoleKeys::Order::send_break) console.send_break();
      if (taken.order == ConsoleKeys::Order::explain) std::fputs(help, stderr);
    }
  }
}

Result<void> show_all(sys::Sys& sys, metal::Console& console, const ConsoleFlags& flags, const Shared& shared) {
  while (!shared.leaving) {
    const auto text = console.read(look_gap);
    if (!text && text.error().code == Code::timeout) continue;
    if (!text) return text.error();
    std::fwrite(text->data(), 1, text->size(), stdout);
    std::fflush(stdout);
    if (!flags.output.empty()) TRY(sys.disk.append(flags.output, *text));
  }
  return {};
}

}  // namespace

ConsoleKeys::Taken ConsoleKeys::take(std::string_view typed) {
  Taken out;
  for (const char key : typed) {
    ++out.used;
    if (tilde_) {
      tilde_ = line_start_ = false;
      if (key == '.') out.order = Order::leave;
      if (key == 'B') out.order = Order::send_break;
      if (key == '?') out.order = Order::explain;
      if (out.order != Order::none) {
        line_start_ = true;
        return out;
      }
      out.keys += '~';
      if (key == '~') continue;
    } else if (line_start_ && key == '~') {
      tilde_ = true;
      continue;
    }
    out.keys += key;
    line_start_ = key == '\r' || key == '\n';
  }
  return out;
}

Result<void> run_console(sys::RealSystem& system, metal::Bmc& bmc, const std::string& name, const ConsoleFlags& flags) {
  sys::Sys& sys = system.sys();
  auto shared = std::make_shared<Shared>();
  const auto console = TRY(bmc.open_console(flags.take_over));
  // A signal leaves in good order: a console that is not given back locks others out for a minute.
  system.on_stop_signal([shared] { shared->leaving = true; });
  std::unique_ptr<sys::Keyboard> keyboard;
  sys::Fiber typing;
  std::fprintf(stderr, "[console of %s%s]\n", name.c_str(), flags.read_only ? ", read-only" : "");
  if (!flags.read_only) {
    keyboard = system.keyboard();
    if (keyboard->is_terminal()) std::fputs(help, stderr);
    typing = sys::spawn(sys.loop, "keyboard", [&] { type_all(*keyboard, *console, *shared); });
  }
  auto shown = show_all(sys, *console, flags, *shared);
  shared->over = true;
  typing.cancel();
  (void)typing.join();
  keyboard.reset();  // the terminal is as it was
  std::fputs("\n[console closed]\n", stderr);
  console->close();
  return shown;
}

}  // namespace cli
