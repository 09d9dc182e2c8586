#include "cli/store_commands.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>

#include "base/text.h"
#include "cli/identity.h"
#include "cli/session.h"
#include "etcd/replica.h"
#include "etcd/upkeep.h"
#include "store/upkeep.h"

namespace cli {

using base::Result;
using store::Engine;

namespace {

struct StoreName {
  bool is_etcd = false;
  std::string where;  // file or prefix
  std::string text() const { return (is_etcd ? "etcd:" : "sqlite:") + where; }
};

Result<StoreName> parse_store(const std::string& text, const StoreCommandFlags& flags) {
  if (text.starts_with("sqlite:") && text.size() > 7) return StoreName{false, text.substr(7)};
  if (text.starts_with("etcd:")) return StoreName{true, text.size() > 5 ? text.substr(5) : flags.etcd.prefix};
  return base::invalid(base::quoted(text) + " is not sqlite:FILE or etcd:PREFIX");
}

Result<store::Sealer> read_master(sys::Sys& sys, const StoreCommandFlags& flags) {
  const std::string text = TRY(sys.disk.read(flags.key_file).context("--store-key"));
  auto sealer = store::Sealer::parse(text);
  return std::move(sealer).context(flags.key_file);
}

// The key of the destination may be made here.
Result<store::Sealer> make_master(sys::Sys& sys, const StoreCommandFlags& flags) {
  if (sys.disk.exists(flags.key_file)) return read_master(sys, flags);
  auto made = store::Sealer::generate(sys.random);
  TRY(sys.disk.write(flags.key_file, made.key_file(), 0600).context("--store-key"));
  return made;
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

Result<Engine::Loaded> read_store(sys::Sys& sys, const StoreName& name, const StoreCommandFlags& flags) {
  if (!name.is_etcd) return store::check_sqlite(sys, name.where);
  const auto api = TRY(connect_etcd(sys, flags.etcd));
  const auto master = TRY(read_master(sys, flags));
  return etcd::read_all(*api, master, name.where);
}

std::string summary(const Engine::Loaded& content) {
  std::map<std::string, size_t> counts;
  for (const auto& record : content.objects) ++counts[record.key.resource];
  std::string out =
      std::to_string(content.objects.size()) + " objects, revision " + std::to_string(content.revision) + "\n";
  for (const auto& [resource, count] : counts) out += "  " + std::to_string(count) + " " + resource + "\n";
  return out;
}

Result<void> same(const Engine::Loaded& before, const Engine::Loaded& after) {
  std::map<store::Key, const store::Record*> wanted;
  for (const auto& record : before.objects) wanted[record.key] = &record;
  for (const auto& record : after.objects) {
    const auto found = wanted.find(record.key);
    const bool fits = found != wanted.end() && found->second->revision == record.revision &&
                      found->second->create_revision == record.create_revision && found->second->doc == record.doc;
    if (!fits) return base::corrupt(record.key.text() + " is not the same after the copy");
    wanted.erase(found);
  }
  if (!wanted.empty()) return base::corrupt(wanted.begin()->first.text() + " is missing after the copy");
  if (before.revision != after.revision) return base::corrupt("the revision is not the same after the copy");
  return {};
}

Result<void> nobody_leads(etcd::Api& api, const std::string& prefix) {
  const auto leader = TRY(etcd::present_leader(api, prefix));
  if (!leader) return {};
  return base::Error{.code = base::Code::conflict,
                     .message = leader->identity + " serves from there",
                     .layer = base::Layer::api,
                     .fix = "stop all processes that use it first"};
}

// Who the API is (its authority, the key of tokens) goes along, so that kubeconfigs stay good.
Result<bool> copy_identity(sys::Sys& sys, const StoreName& from, const StoreName& to, const StoreCommandFlags& flags) {
  if (from.is_etcd == to.is_etcd) return false;
  const auto api = TRY(connect_etcd(sys, flags.etcd));
  const auto master = TRY(read_master(sys, flags));
  const std::string key = etcd::Layout((from.is_etcd ? from : to).where).identity;
  if (to.is_etcd) {
    const std::string folder = folder_of(from.where);
    if (!sys.disk.exists(folder + "/pki/ca.key")) return false;
    const auto identity = TRY(fresh_identity(sys, folder));
    TRY(etcd::common_value(sys, *api, master, key, [&]() -> Result<std::string> { return common_part(identity); }));
    return true;
  }
  const auto there = TRY(api->range({.key = key}, base::seconds(10)));
  if (there.items.empty()) return false;
  const std::string text = TRY(etcd::common_value(
      sys, *api, master, key, []() -> Result<std::string> { return base::not_found("the identity went away"); }));
  Identity identity;
  TRY(take_common_part(text, identity));
  TRY(save_identity(sys, folder_of(to.where), identity));
  return true;
}

}  // namespace

Result<std::string> check_store(sys::Sys& sys, const StoreCommandFlags& flags) {
  const auto name = TRY(parse_store(flags.store, flags));
  const auto content = TRY(read_store(sys, name, flags));
  for (const auto& record : content.objects) {
    const auto doc = base::parse_json(record.doc);
    if (!doc) return std::move(doc).error().context(record.key.text());
  }
  return name.text() + " is good: " + summary(content);
}

Result<std::string> copy_store(sys::Sys& sys, const StoreCommandFlags& flags) {
  const auto from = TRY(parse_store(flags.from, flags).context("--from"));
  const auto to = TRY(parse_store(flags.to, flags).context("--to"));
  if (from.is_etcd == to.is_etcd && from.where == to.where) return base::invalid("--from and --to are the same");
  if (from.is_etcd) {
    const auto api = TRY(connect_etcd(sys, flags.etcd));
    TRY(nobody_leads(*api, from.where));
  }
  auto content = TRY(read_store(sys, from, flags).context("--from"));
  if (to.is_etcd) {
    const auto api = TRY(connect_etcd(sys, flags.etcd));
    const auto master = TRY(make_master(sys, flags));
    TRY(etcd::fill(sys, *api, master, to.where, content).context("--to"));
  } else {
    TRY(sys.disk.make_directories(folder_of(to.where), 0700));
    TRY(store::fill_sqlite(sys, to.where, content).context("--to"));
  }
  const auto copied = TRY(read_store(sys, to, flags).context("--to"));
  TRY(same(content, copied));
  const bool identity = TRY(copy_identity(sys, from, to, flags));
  return "copied and compared: " + summary(content) +
         (identity ? "the certificate authority and the key of tokens came along: kubeconfigs stay good\n" : "");
}

Result<std::string> rotate_store_key(sys::Sys& sys, const StoreCommandFlags& flags) {
  const auto name = TRY(parse_store(flags.store, flags));
  size_t count = 0;
  if (name.is_etcd) {
    const auto api = TRY(connect_etcd(sys, flags.etcd));
    const auto master = TRY(read_master(sys, flags));
    count = TRY(etcd::rotate_key(sys, *api, master, name.where));
  } else {
    count = TRY(store::rotate_sqlite_key(sys, name.where));
  }
  return "a new key seals everything now; " + std::to_string(count) + " values were written again\n";
}

StoreCommands add_store_commands(CLI::App& app, StoreCommandFlags& flags) {
  auto* store = app.add_subcommand("store", "Check, move or re-encrypt the data that ingot serve keeps");
  store->require_subcommand(1);
  store->footer(
      "A store is sqlite:FILE (DATA-DIR/ingot.db) or etcd:PREFIX (\"etcd:\" alone: --etcd-prefix).\n"
      "Examples:\n  ingot store check sqlite:/var/lib/ingot/ingot.db\n"
      "  ingot store copy --from sqlite:/var/lib/ingot/ingot.db --to etcd: --etcd-endpoints http://10.0.0.1:2379 \\\n"
      "    --store-key /var/lib/ingot/store.key\n"
      "  ingot store rotate-key etcd: --etcd-endpoints http://10.0.0.1:2379 --store-key /var/lib/ingot/store.key");
  StoreCommands out;
  out.check = store->add_subcommand("check", "Read everything and say what is there");
  out.copy = store->add_subcommand("copy", "Move everything to an empty store; stop all processes first");
  out.rotate = store->add_subcommand("rotate-key", "Encrypt Secrets with a new key and forget the old one");
  out.check->add_option("STORE", flags.store, "sqlite:FILE or etcd:PREFIX")->required();
  out.rotate->add_option("STORE", flags.store, "sqlite:FILE (no process may run) or etcd:PREFIX")->required();
  out.copy->add_option("--from", flags.from, "sqlite:FILE or etcd:PREFIX")->required();
  out.copy->add_option("--to", flags.to, "sqlite:FILE or etcd:PREFIX, with nothing in it")->required();
  for (auto* command : {out.check, out.copy, out.rotate}) {
    add_etcd_flags(*command, flags.etcd);
    command->add_option("--store-key", flags.key_file, "File of the key that seals what is secret in etcd")
        ->capture_default_str();
  }
  return out;
}

int run_store_command(sys::RealSystem& system, const StoreCommands& commands, const StoreCommandFlags& flags) {
  const auto done = commands.check->parsed()  ? check_store(system.sys(), flags)
                    : commands.copy->parsed() ? copy_store(system.sys(), flags)
                                              : rotate_store_key(system.sys(), flags);
  if (!done) return fail(done.error());
  std::fputs(done->c_str(), stdout);
  return 0;
}

}  // namespace cli
