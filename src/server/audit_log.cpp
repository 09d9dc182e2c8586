#include "server/audit_log.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "sys/log_files.h"

namespace server {
namespace {

using base::Result;

constexpr size_t pending_bytes_max = 64u << 20;
constexpr unsigned file_mode = 0600;
constexpr size_t write_bytes_max = 4u << 20;  // of lines that are appended in one go

struct FilePath {
  std::string directory, stem, extension;  // extension with its dot
};

FilePath split_path(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const size_t dot = name.rfind('.');
  FilePath out;
  out.directory = slash == std::string::npos ? "." : path.substr(0, std::max<size_t>(slash, 1));
  out.stem = name.substr(0, dot);
  if (dot != std::string::npos) out.extension = name.substr(dot);
  return out;
}

// "audit-2026-01-02T15-04-05.000.log", in UTC: names sort by time.
std::string backup_name(const FilePath& file, base::Time now) {
  std::string stamp = base::rfc3339_micro(now);
  stamp = base::replace_all(stamp.substr(0, 23), ":", "-");
  return file.stem + "-" + stamp + file.extension;
}

std::optional<base::Time> backup_time(const FilePath& file, const std::string& name) {
  const size_t stamp_size = 23;
  if (name.size() != file.stem.size() + 1 + stamp_size + file.extension.size()) return std::nullopt;
  if (!name.starts_with(file.stem + "-") || !name.ends_with(file.extension)) return std::nullopt;
  std::string stamp = name.substr(file.stem.size() + 1, stamp_size);
  for (const size_t colon : {size_t{13}, size_t{16}}) {
    if (stamp[colon] != '-') return std::nullopt;
    stamp[colon] = ':';
  }
  return base::parse_rfc3339(stamp + "Z");
}

}  // namespace

struct AuditLog::State : std::enable_shared_from_this<State> {
  State(sys::Sys& s, AuditOptions o) : sys(s), options(std::move(o)) {}

  sys::Sys& sys;
  sys::LogFiles& files = sys::LogFiles::of(sys.disk);
  AuditOptions options;
  std::string pending;
  bool complained = false, ended = false;
  // The piece that is under way. Who claims it writes it: a worker, or at the end the log itself.
  struct Piece {
    std::string lines;
    std::atomic<bool> claimed = false;
  };
  std::shared_ptr<Piece> piece;
  // Of the worker alone.
  std::optional<uint64_t> file_bytes;

  void flush();
  Result<void> put(std::string_view lines, base::Time now);
  Result<void> change_file(base::Time now);
};

AuditLog::AuditLog(sys::Sys& sys, AuditOptions options) : state_(std::make_shared<State>(sys, std::move(options))) {}

AuditLog::~AuditLog() {
  State& state = *state_;
  state.ended = true;
  std::string rest;
  if (state.piece && !state.piece->claimed.exchange(true)) rest = state.piece->lines;
  rest += state.pending;
  if (rest.empty()) return;
  if (state.options.print) state.options.print(rest);
  if (!state.options.path.empty()) (void)state.files.append_line(state.options.path, rest, file_mode);
}

const AuditPolicy& AuditLog::policy() const { return state_->options.policy; }

void AuditLog::write(const base::Json& event) {
  State& state = *state_;
  if (state.pending.size() > pending_bytes_max) {
    if (!std::exchange(state.complained, true)) {
      base::log::error("the audit log cannot keep up and loses entries", {{"path", state.options.path}});
    }
    return;
  }
  event.dump_to(state.pending);
  state.pending += '\n';
  state.flush();
}

// One piece is under way at a time, so the worker has the file to itself.
void AuditLog::State::flush() {
  if (piece || pending.empty()) return;
  piece = std::make_shared<Piece>();
  size_t end = pending.size();
  if (end > write_bytes_max) end = pending.find('\n', write_bytes_max) + 1;
  piece->lines = pending.substr(0, end);
  pending.erase(0, end);
  auto result = std::make_shared<Result<void>>();
  const auto self = shared_from_this();
  const auto work = [self, result, mine = piece, now = sys.loop.now()] {
    if (!mine->claimed.exchange(true)) *result = self->put(mine->lines, now);
  };
  sys.offload.run(work, [self, result] {
    self->piece.reset();
    if (!*result) {
      base::log::error("the audit log cannot be written", {{"error", result->error().text()}});
    } else if (self->pending.empty()) {
      self->complained = false;
    }
    if (!self->ended) self->flush();
  });
}

Result<void> AuditLog::State::put(std::string_view lines, base::Time now) {
  if (options.print) options.print(lines);
  if (options.path.empty()) return {};
  if (!file_bytes) {
    file_bytes = 0;
    if (sys.disk.exists(options.path)) file_bytes = TRY(sys.disk.open(options.path, false))->size();
  }
  const bool full =
      options.file_bytes_max > 0 && *file_bytes > 0 && *file_bytes + lines.size() > options.file_bytes_max;
  if (full) TRY(change_file(now));
  TRY(files.append_line(options.path, lines, file_mode));
  *file_bytes += lines.size();
  return {};
}

Result<void> AuditLog::State::change_file(base::Time now) {
  const FilePath file = split_path(options.path);
  TRY(files.rename(options.path, file.directory + "/" + backup_name(file, now)));
  file_bytes = 0;
  std::vector<std::pair<base::Time, std::string>> backups;
  for (auto& name : TRY(sys.disk.list(file.directory))) {
    if (const auto made = backup_time(file, name)) backups.emplace_back(*made, std::move(name));
  }
  std::sort(backups.rbegin(), backups.rend());
  for (size_t i = 0; i < backups.size(); ++i) {
    const auto& [made, name] = backups[i];
    const bool old = options.backup_age_max > base::Duration::zero() && now - made > options.backup_age_max;
    const bool many = options.backups_max > 0 && i >= options.backups_max;
    if (old || many) TRY(sys.disk.remove(file.directory + "/" + name));
  }
  return {};
}

}  // namespace server
