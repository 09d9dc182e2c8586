#include "agent/grub_script.h"

#include <utility>

namespace agent {

using base::Code;
using base::Error;
using base::Layer;
using base::Result;

namespace {

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '?';
}

Error broken(const char* what) {
  return Error{Code::unsupported, std::string("GRUB's configuration has ") + what + " that does not end", Layer::agent};
}

void add(GrubWord& word, char c) {
  if (word.empty() || word.back().is_variable) word.push_back({});
  word.back().text += c;
}

// At a '$': the variable, or the sign itself.
size_t add_variable(GrubWord& word, std::string_view text, size_t at) {
  const bool braces = at + 1 < text.size() && text[at + 1] == '{';
  const size_t from = at + (braces ? 2 : 1);
  size_t to = from;
  while (to < text.size() && is_name(text[to])) ++to;
  const bool closed = !braces || (to < text.size() && text[to] == '}');
  if (to == from || !closed) {
    add(word, '$');
    return at + 1;
  }
  word.push_back({std::string(text.substr(from, to - from)), true});
  return to + (braces ? 1 : 0);
}

struct Command {
  std::vector<GrubWord> words;
  char end = '\n';  // or '{' or '}'
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  bool at_end() const { return at_ >= text_.size(); }

  // Up to a line end, semicolon or brace.
  Result<Command> next() {
    Command out;
    while (!at_end()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\r') {
        ++at_;
      } else if (c == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') {
        at_ += 2;
      } else if (c == '#') {
        while (!at_end() && text_[at_] != '\n') ++at_;
      } else if (c == '\n' || c == ';') {
        ++at_;
        return out;
      } else if (c == '{' || c == '}') {
        ++at_;
        out.end = c;
        return out;
      } else {
        out.words.push_back(TRY(word()));
      }
    }
    return out;
  }

 private:
  Result<GrubWord> word() {
    GrubWord out;
    out.push_back({});  // an empty pair of quotes is a word, too
    while (!at_end()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';') break;
      if (c == '\'') {
        TRY(single_quoted(out));
      } else if (c == '"') {
        TRY(double_quoted(out));
      } else if (c == '\\' && at_ + 1 < text_.size()) {
        add(out, text_[at_ + 1]);
        at_ += 2;
      } else if (c == '$') {
        at_ = add_variable(out, text_, at_);
      } else {
        add(out, c);
        ++at_;
      }
    }
    if (out.size() > 1 && out[0].text.empty() && !out[0].is_variable) out.erase(out.begin());
    return out;
  }
  Result<void> single_quoted(GrubWord& out) {
    const size_t end = text_.find('\'', at_ + 1);
    if (end == std::string_view::npos) return broken("a quote");
    for (const char c : text_.substr(at_ + 1, end - at_ - 1)) add(out, c);
    at_ = end + 1;
    return {};
  }
  Result<void> double_quoted(GrubWord& out) {
    for (++at_; !at_end() && text_[at_] != '"';) {
      const char c = text_[at_];
      if (c == '\\' && at_ + 1 < text_.size()) {
        const char next = text_[at_ + 1];
        if (next != '"' && next != '\\' && next != '$') add(out, c);
        if (next != '\n') add(out, next);
        at_ += 2;
      } else if (c == '$') {
        at_ = add_variable(out, text_, at_);
      } else {
        add(out, c);
        ++at_;
      }
    }
    if (at_end()) return broken("a quote");
    ++at_;
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
};

std::string plain(const GrubWord& word) {
  std::string out;
  for (const auto& part : word) out += part.is_variable ? "$" + part.text : part.text;
  return out;
}

class Reader {
 public:
  Result<void> take(Command command) {
    while (!command.words.empty() && is_control(plain(command.words[0]))) {
      control(plain(command.words[0]));
      command.words.erase(command.words.begin());
    }
    if (command.end == '}') {
      simple(command);
      if (blocks_.empty()) return Error{Code::unsupported, "GRUB's configuration has a '}' too many", Layer::agent};
      leave();
    } else if (command.end == '{') {
      enter(command);
    } else {
      simple(command);
    }
    return {};
  }
  Result<GrubScript> finish() {
    if (!blocks_.empty()) return broken("a block");
    return std::move(script_);
  }

 private:
  enum class Block : unsigned char { entry, submenu, other };

  static bool is_control(std::string_view word) {
    for (const std::string_view known : {"if", "then", "elif", "else", "fi", "while", "until", "for", "do", "done"}) {
      if (word == known) return true;
    }
    return false;
  }
  void control(std::string_view word) {
    if (word == "if" || word == "while" || word == "until" || word == "for") ++conditions_;
    if ((word == "fi" || word == "done") && conditions_ > 0) --conditions_;
  }

  void enter(const Command& command) {
    const std::string name = command.words.empty() ? "" : plain(command.words[0]);
    const bool submenu = name == "submenu";
    if (name != "menuentry" && !submenu) {
      blocks_.push_back(Block::other);
      return;
    }
    blocks_.push_back(submenu ? Block::submenu : Block::entry);
    if (blocks_.size() > 1) return;
    GrubEntry entry;
    entry.is_submenu = submenu;
    entry.conditional = conditions_ > 0;
    if (command.words.size() > 1) entry.title = plain(command.words[1]);
    for (size_t i = 2; i + 1 < command.words.size(); ++i) {
      const std::string option = plain(command.words[i]);
      if (option == "--id" || option == "$menuentry_id_option") entry.id = plain(command.words[i + 1]);
    }
    script_.entries.push_back(std::move(entry));
  }
  void leave() { blocks_.pop_back(); }

  void simple(const Command& command) {
    if (command.words.empty()) return;
    const std::string name = plain(command.words[0]);
    if (name == "set" && command.words.size() > 1) set(command.words[1]);
    if (name == "configfile" || name == "source" || name == "normal") script_.leads_elsewhere = true;
    if (name == "blscfg") script_.reads_bls = true;
    const bool kernel = name == "linux" || name == "linuxefi" || name == "linux16";
    const bool initrd = name == "initrd" || name == "initrdefi" || name == "initrd16";
    if (!kernel && !initrd) return;
    // In a submenu's entries, which nobody can choose here, it does not matter.
    const bool in_entry = !blocks_.empty() && blocks_[0] == Block::entry;
    if (!blocks_.empty() && blocks_[0] == Block::submenu) return;
    GrubEntry& entry = in_entry ? script_.entries.back() : script_.outside;
    const bool in_function = in_entry ? blocks_.size() > 1 : !blocks_.empty();
    entry.conditional = entry.conditional || conditions_ > 0 || in_function;
    auto& place = kernel ? entry.kernels : entry.initrds;
    place.emplace_back(command.words.begin() + 1, command.words.end());
  }

  // default=VALUE
  void set(const GrubWord& assignment) {
    constexpr std::string_view name = "default=";
    if (assignment[0].is_variable || !assignment[0].text.starts_with(name)) return;
    GrubWord value = assignment;
    value[0].text.erase(0, name.size());
    if (value[0].text.empty() && value.size() > 1) value.erase(value.begin());
    script_.defaults.push_back(std::move(value));
  }

  GrubScript script_;
  std::vector<Block> blocks_;
  int conditions_ = 0;
};

}  // namespace

Result<GrubScript> parse_grub_script(std::string_view text) {
  Lexer lexer(text);
  Reader reader;
  while (!lexer.at_end()) {
    Command command = TRY(lexer.next());
    TRY(reader.take(std::move(command)));
  }
  return reader.finish();
}

GrubWord grub_word(std::string_view text) {
  GrubWord out;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '$') {
      at = add_variable(out, text, at);
    } else {
      add(out, text[at++]);
    }
  }
  return out;
}

}  // namespace agent
