// The engine that ships: everything queued while one batch is being written makes the next one (group commit), so the
// rate follows the load and a lone write waits for one fsync.
#include <deque>
#include <optional>

#include "base/log.h"
#include "store/sqlite_writer.h"
#include "store/store.h"
#include "store/upkeep.h"

namespace store {
namespace {

constexpr size_t batch_max = 1024;
constexpr int checkpoint_from_pages = 1024;  // 8 MiB

class SqliteEngine : public Engine {
 public:
  SqliteEngine(sys::Sys& sys, std::string path, std::unique_ptr<SqliteWriter> writer)
      : sys_(sys), path_(std::move(path)), writer_(std::move(writer)) {}
  ~SqliteEngine() override { *alive_ = false; }

  Result<Loaded> load() override;
  void commit(Record record, std::function<void(Result<void>)> done) override;

 private:
  struct Waiting {
    Write write;
    std::function<void(Result<void>)> done;
  };
  // One trip to the writer's thread. Keeps the connections open until it is back, also when the engine is gone.
  struct Batch {
    std::shared_ptr<SqliteWriter> writer;
    std::vector<Write> writes;
    std::vector<std::function<void(Result<void>)>> done;
    Result<void> result;
    int wal_pages = 0;
  };
  std::string key_path() const { return key_path_of(path_); }
  void start();
  void finished(Batch& batch);
  void checkpoint(int wal_pages);

  sys::Sys& sys_;
  std::string path_;
  std::shared_ptr<SqliteWriter> writer_;
  std::optional<Sealer> sealer_;
  std::deque<Waiting> queue_;
  bool starting_ = false, writing_ = false, checkpointing_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

Result<Engine::Loaded> SqliteEngine::load() {
  const auto key_fix = "restore " + key_path() + "; without it the Secrets in the database cannot be read";
  if (sys_.disk.exists(key_path())) {
    auto sealer = Sealer::parse(TRY(sys_.disk.read(key_path())));
    if (!sealer) return std::move(sealer).error().context(key_path()).with_fix(key_fix);
    sealer_ = std::move(*sealer);
  }
  auto loaded = writer_->load(sealer_ ? &*sealer_ : nullptr);
  if (!loaded) {
    if (!writer_->has_sealed() || !loaded.error().fix.empty()) return loaded;
    return std::move(loaded).error().with_fix(key_fix);
  }
  if (!sealer_) {
    sealer_ = Sealer::generate(sys_.random);
    TRY(sys_.disk.write(key_path(), sealer_->key_file(), 0600));
  }
  return loaded;
}

void SqliteEngine::commit(Record record, std::function<void(Result<void>)> done) {
  CHECK_THAT(sealer_.has_value(), "commit before load");
  std::string sealed = seal_value(record, *sealer_, sys_.random);
  queue_.push_back({{std::move(record), std::move(sealed)}, std::move(done)});
  if (starting_ || writing_) return;
  // At the end of this round of the loop, so that what the round still writes comes along.
  starting_ = true;
  sys_.loop.post([this, alive = alive_] {
    if (!*alive) return;
    starting_ = false;
    start();
  });
}

void SqliteEngine::start() {
  if (writing_ || queue_.empty()) return;
  writing_ = true;
  auto batch = std::make_shared<Batch>();
  batch->writer = writer_;
  while (!queue_.empty() && batch->writes.size() < batch_max) {
    batch->writes.push_back(std::move(queue_.front().write));
    batch->done.push_back(std::move(queue_.front().done));
    queue_.pop_front();
  }
  sys_.offload.run(
      [batch] {
        batch->result = batch->writer->write(batch->writes);
        batch->wal_pages = batch->writer->wal_pages();
      },
      [this, batch, alive = alive_] {
        if (*alive) finished(*batch);
      });
}

void SqliteEngine::finished(Batch& batch) {
  writing_ = false;
  if (!batch.result) {
    // What was queued meanwhile builds on the lost batch.
    for (auto& waiting : queue_) batch.done.push_back(std::move(waiting.done));
    queue_.clear();
    base::log::error("the store could not write",
                     {{"error", batch.result.error().text()}, {"writes", batch.done.size()}});
  }
  const auto alive = alive_;
  for (auto& done : batch.done) {
    done(batch.result);
    if (!*alive) return;
  }
  start();
  checkpoint(batch.wal_pages);
}

void SqliteEngine::checkpoint(int wal_pages) {
  if (checkpointing_ || wal_pages < checkpoint_from_pages) return;
  checkpointing_ = true;
  const auto result = std::make_shared<Result<bool>>(false);
  sys_.offload.run([writer = writer_, result] { *result = writer->checkpoint(); },
                   [this, result, alive = alive_] {
                     if (!*result) base::log::warn("checkpoint failed", {{"error", result->error().text()}});
                     if (*alive) checkpointing_ = false;
                   });
}

}  // namespace

Result<std::unique_ptr<Engine>> open_sqlite(sys::Sys& sys, const std::string& path) {
  // Made empty first, for the mode: the write-ahead log takes it over.
  if (!sys.disk.exists(path)) TRY(sys.disk.write(path, "", 0600));
  auto writer = SqliteWriter::open(path);
  if (!writer) return std::move(writer).error().context("opening " + path);
  return std::unique_ptr<Engine>(std::make_unique<SqliteEngine>(sys, path, std::move(*writer)));
}

}  // namespace store
