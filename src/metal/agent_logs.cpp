#include "metal/agent_logs.h"

#include <algorithm>

#include "base/text.h"
#include "wire/gzip.h"
#include "wire/tar.h"

namespace metal {

using base::Result;

namespace {

constexpr size_t files_max = 1000;
constexpr size_t unpacked_bytes_max = 64u << 20;
constexpr size_t secret_bytes_min = 8;  // shorter ones would tear holes into other words

std::string plain(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    const auto value = static_cast<unsigned char>(c);
    if ((value < 0x20 && c != '\n' && c != '\t') || value == 0x7f) c = '?';
  }
  return out;
}

// Sorts by time.
std::string stamp(base::Time at) { return base::replace_all(base::rfc3339(at), ":", ""); }

}  // namespace

Result<std::string> agent_log_text(const std::string& packed, const std::vector<std::string>& secrets,
                                   size_t bytes_max) {
  const auto bytes = base::unbase64(packed);
  if (!bytes) return base::invalid("the agent's log is not base64");
  const std::string archive = TRY(wire::gunzip(*bytes, unpacked_bytes_max).context("the agent's log"));
  std::string out;
  const auto files = TRY(wire::read_tar(archive, files_max).context("the agent's log"));
  const size_t share = bytes_max / std::max<size_t>(files.size(), 1);
  for (const auto& file : files) {
    std::string text = file.bytes;
    for (const auto& secret : secrets) {
      if (secret.size() >= secret_bytes_min) text = base::replace_all(text, secret, "***");
    }
    if (text.size() > share) text.erase(0, text.size() - share);
    out += "==> " + plain(file.path) + " <==\n" + plain(text);
    if (!out.ends_with('\n')) out += '\n';
  }
  return out;
}

Result<void> AgentLogs::keep(const std::string& ns, const std::string& name, const std::string& what,
                             std::string_view text) {
  const std::string folder = dir_ + "/" + ns + "/" + name;
  TRY(sys_.disk.make_directories(folder, 0700));
  TRY(sys_.disk.write(folder + "/" + stamp(sys_.loop.now()) + "-" + what + ".log", text, 0600));
  auto files = TRY(sys_.disk.list(folder));
  const std::string oldest = stamp(sys_.loop.now() - limits_.age);
  for (size_t i = 0; i < files.size(); ++i) {
    if (files.size() - i > limits_.logs_per_host || files[i] < oldest) TRY(sys_.disk.remove(folder + "/" + files[i]));
  }
  return {};
}

}  // namespace metal
