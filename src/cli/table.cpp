#include "cli/table.h"

#include <algorithm>

namespace cli {

namespace {

bool starts_code_point(char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }

size_t columns_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), starts_code_point));
}

std::string cut(const std::string& line, size_t width) {
  if (width == 0 || columns_of(line) <= width) return line;
  size_t seen = 0, at = 0;
  for (; at < line.size(); ++at) {
    if (starts_code_point(line[at]) && seen++ == width - 1) break;
  }
  return line.substr(0, at) + "…";
}

}  // namespace

void TextTable::erase_column(size_t at) {
  for (auto& row : rows_) {
    if (at < row.size()) row.erase(row.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

void TextTable::drop_empty_columns() {
  for (size_t at = rows_.front().size(); at-- > 1;) {
    const bool used = std::any_of(rows_.begin() + 1, rows_.end(),
                                  [&](const auto& row) { return at < row.size() && !row[at].empty(); });
    if (!used) erase_column(at);
  }
}

void TextTable::drop_column(const std::string& title) {
  const auto& header = rows_.front();
  const auto found = std::find(header.begin(), header.end(), title);
  if (found != header.end()) erase_column(static_cast<size_t>(found - header.begin()));
}

std::string TextTable::text(size_t width) const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));
  }
  std::string out;
  for (size_t at = 0; at < rows_.size(); ++at) {
    const auto& row = rows_[at];
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - columns_of(row[i]) + 3, ' ');
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    line = cut(line, width);
    out += (styles_[at].empty() ? line : styles_[at] + line + "\x1b[0m") + "\n";
  }
  return out;
}

}  // namespace cli
