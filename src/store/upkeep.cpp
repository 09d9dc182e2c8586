#include "store/upkeep.h"

#include "store/sqlite_writer.h"

namespace store {
namespace {

constexpr size_t batch_records = 1000;

Result<std::optional<Sealer>> read_keys(sys::Sys& sys, const std::string& path) {
  if (!sys.disk.exists(key_path_of(path))) return std::optional<Sealer>();
  const std::string text = TRY(sys.disk.read(key_path_of(path)));
  auto sealer = Sealer::parse(text);
  if (!sealer) return std::move(sealer).error().context(key_path_of(path));
  return std::optional<Sealer>(std::move(*sealer));
}

Result<std::unique_ptr<SqliteWriter>> open_existing(sys::Sys& sys, const std::string& path) {
  if (!sys.disk.exists(path)) return base::not_found("there is no database " + path);
  return SqliteWriter::open(path).context(path);
}

}  // namespace

std::string key_path_of(const std::string& path) { return path + ".key"; }

Result<void> fill_sqlite(sys::Sys& sys, const std::string& path, const Engine::Loaded& content) {
  if (!sys.disk.exists(path)) TRY(sys.disk.write(path, "", 0600));
  auto writer = TRY(SqliteWriter::open(path).context(path));
  auto keys = TRY(read_keys(sys, path));
  const auto present = TRY(writer->load(keys ? &*keys : nullptr));
  if (present.revision != 0) {
    return Error{.code = base::Code::already_exists,
                 .message = path + " holds data already",
                 .layer = base::Layer::api,
                 .fix = "name a file that does not exist"};
  }
  if (!keys) {
    keys = Sealer::generate(sys.random);
    TRY(sys.disk.write(key_path_of(path), keys->key_file(), 0600));
  }
  std::vector<Write> batch;
  for (size_t i = 0; i < content.objects.size(); ++i) {
    Record record = content.objects[i];
    record.previous_revision = 0;  // the first that this database sees
    std::string sealed = seal_value(record, *keys, sys.random);
    batch.push_back({std::move(record), std::move(sealed)});
    if (batch.size() < batch_records && i + 1 < content.objects.size()) continue;
    TRY(writer->write(batch));
    batch.clear();
  }
  return writer->set_floor(content.revision);
}

Result<size_t> rotate_sqlite_key(sys::Sys& sys, const std::string& path) {
  auto writer = TRY(open_existing(sys, path));
  const auto present = TRY(read_keys(sys, path));
  const Sealer keys = present ? present->with_new_key(sys.random) : Sealer::generate(sys.random);
  TRY(sys.disk.write(key_path_of(path), keys.key_file(), 0600));
  const size_t count = TRY(writer->reseal(keys, sys.random));
  TRY(sys.disk.write(key_path_of(path), keys.newest_only().key_file(), 0600));
  return count;
}

Result<Engine::Loaded> check_sqlite(sys::Sys& sys, const std::string& path) {
  auto writer = TRY(open_existing(sys, path));
  TRY(writer->check_pages());
  const auto keys = TRY(read_keys(sys, path));
  return writer->load(keys ? &*keys : nullptr);
}

}  // namespace store
