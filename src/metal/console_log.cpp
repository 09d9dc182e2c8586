#include "metal/console_log.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "sys/log_files.h"

namespace metal {

using base::Result;

namespace {

constexpr size_t newest_max = 20;
constexpr size_t secret_bytes_min = 4;
constexpr size_t shown_max = 120;
constexpr size_t random_run = 16;  // so many letters and digits without a break are no word
constexpr unsigned file_mode = 0600, folder_mode = 0700;

bool is_run(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '+' || c == '='; }

}  // namespace

void ConsoleLines::end_line(std::vector<std::string>& out) {
  returned_ = false;
  while (line_.ends_with(' ')) line_.pop_back();
  if (!line_.empty()) out.push_back(std::move(line_));
  line_.clear();
}

// ECMA-48: ESC [ parameters final; ESC ] (and P, X, ^, _) a string up to BEL or ESC \; else ESC and one more.
void ConsoleLines::escape(char byte, std::vector<std::string>& out) {
  if (state_ == State::escape) {
    if (byte >= 0x20 && byte < 0x30) return;  // one more is to come
    state_ = byte == '['                                                      ? State::control
             : std::string_view("]PX^_").find(byte) != std::string_view::npos ? State::string
                                                                              : State::text;
    return;
  }
  if (state_ == State::string) {
    if (byte == '\a') state_ = State::text;
    if (byte == '\x1b') state_ = State::escape;
    return;
  }
  if (byte < 0x40 || byte > 0x7e) return;
  state_ = State::text;
  if (byte == 'H' || byte == 'f' || byte == 'J') end_line(out);
}

std::vector<std::string> ConsoleLines::take(std::string_view bytes) {
  std::vector<std::string> out;
  for (const char byte : bytes) {
    if (state_ != State::text) {
      escape(byte, out);
    } else if (byte == '\x1b') {
      state_ = State::escape;
    } else if (byte == '\n') {
      end_line(out);
    } else if (byte == '\r') {
      returned_ = true;
    } else if (byte == '\b') {
      if (!line_.empty()) line_.pop_back();
    } else if (byte == '\t' || static_cast<unsigned char>(byte) >= 0x20) {
      if (std::exchange(returned_, false)) line_.clear();
      const bool plain = byte >= 0x20 && byte < 0x7f;
      line_ += plain ? byte : byte == '\t' ? ' ' : '?';
      if (line_.size() >= line_bytes_max) end_line(out);
    }
  }
  return out;
}

std::string ConsoleLines::rest() {
  std::vector<std::string> out;
  end_line(out);
  return out.empty() ? std::string() : out[0];
}

std::string console_line_for_all(std::string_view line) {
  const std::string low = base::lower(line);
  for (const char* word : {"password", "passwd", "passphrase", "secret", "token"})
    if (low.find(word) != std::string::npos) return "(a line with a " + std::string(word) + " in it)";
  std::string out;
  for (size_t at = 0; at < line.size();) {
    const auto end = std::find_if_not(line.begin() + std::ptrdiff_t(at), line.end(), is_run);
    const std::string_view run = line.substr(at, size_t(end - line.begin()) - at);
    const bool digits = std::any_of(run.begin(), run.end(), [](char c) { return c >= '0' && c <= '9'; });
    out += run.size() >= random_run && digits ? std::string("***") : std::string(run);
    at += run.size();
    if (at < line.size()) out += line[at++];
  }
  if (out.size() > shown_max) out = out.substr(0, shown_max) + "...";
  return out;
}

Result<void> ConsoleLog::begin() {
  TRY(sys_.disk.make_directories(folder_, folder_mode));
  const auto there = sys_.disk.read(folder_ + "/console.log", 2 * bytes_max);
  written_ = there ? there->size() : sys_.disk.exists(folder_ + "/console.log") ? bytes_max : 0;
  return {};
}

void ConsoleLog::line(std::string text) {
  for (const auto& secret : secrets_)
    if (secret.size() >= secret_bytes_min) text = base::replace_all(text, secret, "***");
  unwritten_ += base::rfc3339(sys_.loop.now()) + " " + text + "\n";
  newest_.push_back(std::move(text));
  if (newest_.size() > newest_max) newest_.pop_front();
}

void ConsoleLog::add(std::string_view bytes, std::vector<std::string> secrets) {
  secrets_ = std::move(secrets);
  for (auto& text : lines_.take(bytes)) line(std::move(text));
}

Result<void> ConsoleLog::flush(bool last) {
  if (last) {
    if (auto text = lines_.rest(); !text.empty()) line(std::move(text));
  }
  if (unwritten_.empty()) return {};
  const std::string bytes = std::exchange(unwritten_, {});
  auto& files = sys::LogFiles::of(sys_.disk);
  const std::string path = folder_ + "/console.log";
  if (written_ + bytes.size() > bytes_max && written_ > 0) {
    TRY(files.rename(path, path + ".1"));
    written_ = 0;
  }
  TRY(files.append_line(path, bytes, file_mode));
  written_ += bytes.size();
  return {};
}

}  // namespace metal
