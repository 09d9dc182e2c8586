// Lines, words and indentation of the `.schema` language; what they mean is schema_text.cpp's business.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace meta {

struct SchemaLine {
  std::string_view file;
  int number = 0;                       // from 1
  std::vector<std::string_view> words;  // without the description; quotes are kept
  std::string description;              // the "..." at the end of the line or on a line of its own below
  std::vector<SchemaLine> children;
};

// Errors name file and line.
base::Result<std::vector<SchemaLine>> read_schema_lines(std::string_view file, std::string_view text);
base::Error schema_error(const SchemaLine& line, std::string message);
// The text of a "..." word: \" and \\ are unescaped. nullopt when it is not one.
std::optional<std::string> unquote(std::string_view word);

}  // namespace meta
