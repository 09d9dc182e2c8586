#include "meta/schema_lines.h"

namespace meta {

using base::Error;
using base::Result;

Error schema_error(const SchemaLine& line, std::string message) {
  return base::invalid(std::string(line.file) + ":" + std::to_string(line.number) + ": " + std::move(message));
}

std::optional<std::string> unquote(std::string_view word) {
  if (word.size() < 2 || word.front() != '"' || word.back() != '"') return std::nullopt;
  std::string out;
  for (size_t i = 1; i + 1 < word.size(); ++i) {
    if (word[i] == '\\' && i + 2 < word.size()) ++i;
    out += word[i];
  }
  return out;
}

// One word ends at a space outside quotes. Double quotes know the backslash, single quotes do not (patterns).
static Result<std::string_view> next_word(const SchemaLine& line, std::string_view text, size_t& at) {
  const size_t start = at;
  char quote = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != 0) {
      if (c == '\\' && quote == '"') {
        ++at;
      } else if (c == quote) {
        quote = 0;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == ' ') {
      break;
    }
  }
  if (quote != 0) return schema_error(line, "a quote is not closed");
  return text.substr(start, at - start);
}

static Result<void> split_words(SchemaLine& line, std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    if (text[at] == ' ') {
      ++at;
      continue;
    }
    line.words.push_back(TRY(next_word(line, text, at)));
  }
  // `column "Name" path type` begins with a quoted word that is no description, hence only the last one counts.
  if (line.words.size() > 2) {
    if (auto description = unquote(line.words.back())) {
      line.description = *description;
      line.words.pop_back();
    }
  }
  return {};
}

// The list that a line of this depth belongs to: below the last line of each shallower level.
static std::vector<SchemaLine>* parent_at(std::vector<SchemaLine>& top, size_t depth) {
  auto* level = &top;
  for (size_t i = 0; i < depth; ++i) {
    if (level->empty()) return nullptr;
    level = &level->back().children;
  }
  return level;
}

// A description on its own line belongs to the line above it, whatever its indentation.
static SchemaLine* last_line(std::vector<SchemaLine>& top) {
  SchemaLine* last = nullptr;
  for (auto* level = &top; !level->empty(); level = &last->children) last = &level->back();
  return last;
}

Result<std::vector<SchemaLine>> read_schema_lines(std::string_view file, std::string_view text) {
  std::vector<SchemaLine> top;
  int number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view content = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    SchemaLine line{.file = file, .number = ++number, .words = {}, .description = {}, .children = {}};

    const size_t indent = content.find_first_not_of(' ');
    if (indent == std::string_view::npos || content[indent] == '#') continue;
    content.remove_prefix(indent);
    if (content.find('\t') != std::string_view::npos) return schema_error(line, "a tab: indent with two spaces");
    if (content.front() == '"') {
      const auto description = unquote(content);
      SchemaLine* above = last_line(top);
      if (!description) return schema_error(line, "a quote is not closed");
      if (!above || !above->description.empty()) return schema_error(line, "a description without a line to describe");
      above->description = *description;
      continue;
    }
    if (indent % 2 != 0) return schema_error(line, "odd indentation: two spaces a level");
    TRY(split_words(line, content));
    auto* level = parent_at(top, indent / 2);
    if (!level) return schema_error(line, "indented more than one level below the line above");
    level->push_back(std::move(line));
  }
  return top;
}

}  // namespace meta
