// Text to tokens. Private to src/cel.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cel/parser.h"

namespace cel {

struct Token {
  enum class Kind : unsigned char { end, identifier, integer, unsigned_integer, real, string, bytes, symbol };
  Kind kind = Kind::end;
  uint32_t offset = 0;
  std::string text;  // of a string or bytes: the value; else as written

  bool is(std::string_view symbol) const { return kind == Kind::symbol && text == symbol; }
};

// The last token is the end. Mistakes are added to `mistakes`.
std::vector<Token> tokens_of(std::string_view source, std::vector<Mistake>& mistakes);

void append_utf8(std::string& out, uint32_t code_point);

}  // namespace cel
