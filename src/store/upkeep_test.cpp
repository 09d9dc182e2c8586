#include "store/upkeep.h"

#include "store/sealer.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>

#include "sys/sim/sim.h"

namespace store {
namespace {

struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "ingot-upkeep-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

Json doc_of(const std::string& text) { return Json::object({{"metadata", Json::object({})}, {"text", text}}); }

// The database is real, all else (the key file too) is simulated.
void on_machine(const Folder& folder, const std::function<void(sys::Sys&)>& body) {
  sys::SimWorld world(7);
  sys::Sys& sys = world.process("manager", "disk");
  REQUIRE(sys.disk.make_directories(folder.path).ok());
  body(sys);
}

std::unique_ptr<Store> open_store(sys::Sys& sys, const std::string& path) {
  return std::move(*Store::open(sys.loop, std::move(*open_sqlite(sys, path))));
}

void write_some(sys::Sys& sys, const std::string& path) {
  auto store = open_store(sys, path);
  REQUIRE(store->put({"secrets", "a", "s"}, doc_of("hidden-word"), 0).ok());
  REQUIRE(store->put({"widgets", "a", "w"}, doc_of("seen"), 0).ok());
  const auto gone = *store->put({"widgets", "a", "gone"}, doc_of("gone"), 0);
  REQUIRE(store->remove(gone->key, gone->revision).ok());
  REQUIRE(sys.loop.run_until([&] { return store->durable_revision() == store->revision(); }));
}

}  // namespace

TEST_CASE("a new key encrypts everything again, and the old one is forgotten") {
  Folder folder;
  on_machine(folder, [&](sys::Sys& sys) {
    const std::string path = folder.path + "/ingot.db";
    write_some(sys, path);
    const std::string before = *sys.disk.read(key_path_of(path));
    const auto rotated = rotate_sqlite_key(sys, path);
    REQUIRE(rotated.ok());
    CHECK(*rotated == 1);
    const std::string after = *sys.disk.read(key_path_of(path));
    CHECK(Sealer::parse(after)->keys() == 1);
    CHECK(Sealer::parse(after)->newest() != Sealer::parse(before)->newest());
    {
      auto store = open_store(sys, path);
      CHECK(store->get("secrets", "a", "s")->doc()["text"].string() == "hidden-word");
      CHECK(rotate_sqlite_key(sys, path).error().code == base::Code::unavailable);  // somebody has it open
    }
    REQUIRE(sys.disk.write(key_path_of(path), before, 0600).ok());
    CHECK_FALSE(check_sqlite(sys, path).ok());
  });
}

TEST_CASE("a rotation that was cut short is done again, and nothing is lost") {
  Folder folder;
  on_machine(folder, [&](sys::Sys& sys) {
    const std::string path = folder.path + "/ingot.db";
    write_some(sys, path);
    // Cut short after the new key was written: both are there, values have the old one.
    const auto both = Sealer::parse(*sys.disk.read(key_path_of(path)))->with_new_key(sys.random);
    REQUIRE(sys.disk.write(key_path_of(path), both.key_file(), 0600).ok());
    CHECK(check_sqlite(sys, path).ok());
    REQUIRE(rotate_sqlite_key(sys, path).ok());
    CHECK(Sealer::parse(*sys.disk.read(key_path_of(path)))->keys() == 1);
    CHECK(check_sqlite(sys, path).ok());
  });
}

TEST_CASE("a filled database has the revisions of its source and claims no past") {
  Folder folder;
  on_machine(folder, [&](sys::Sys& sys) {
    const std::string from = folder.path + "/from.db", to = folder.path + "/to.db";
    write_some(sys, from);
    const auto content = check_sqlite(sys, from);
    REQUIRE(content.ok());
    REQUIRE(fill_sqlite(sys, to, *content).ok());
    auto store = open_store(sys, to);
    CHECK(store->revision() == 5);  // the deletion's, which no object has
    CHECK(store->compacted_revision() == 5);
    CHECK(store->get("secrets", "a", "s")->revision == 2);
    CHECK(store->get("widgets", "a", "w")->doc()["text"].string() == "seen");
    const auto next = *store->put({"widgets", "a", "w"}, doc_of("next"), 3);
    CHECK(next->revision == 6);
    REQUIRE(sys.loop.run_until([&] { return store->durable_revision() == 6; }));
    store.reset();
    // What happens from then on is past as ever.
    store = open_store(sys, to);
    CHECK(store->compacted_revision() == 5);
    CHECK(store->history("widgets", 5)->size() == 1);
    store.reset();
    CHECK(fill_sqlite(sys, to, *content).error().code == base::Code::already_exists);
    CHECK(check_sqlite(sys, folder.path + "/none.db").error().code == base::Code::not_found);
  });
}

}  // namespace store
