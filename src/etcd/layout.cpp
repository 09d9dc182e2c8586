#include "etcd/layout.h"

#include "base/text.h"
#include "store/value_codec.h"
#include "wire/protobuf.h"
#include "wire/protobuf_reader.h"

namespace etcd {

using store::Key;
using store::Record;
using store::Sealer;
using wire::ProtobufReader;
using wire::ProtobufWriter;

namespace {

std::optional<Key> parse_key(std::string_view text) {
  const size_t first = text.find('/');
  const size_t second = first == std::string_view::npos ? first : text.find('/', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  return Key{std::string(text.substr(0, first)), std::string(text.substr(first + 1, second - first - 1)),
             std::string(text.substr(second + 1))};
}

struct StoredObject {
  uint64_t revision = 0, create_revision = 0, previous_revision = 0;
  std::string_view payload;
};

bool read_object(std::string_view value, StoredObject& out) {
  ProtobufReader reader(value);
  while (reader.next()) {
    if (reader.field() == 1) out.revision = reader.number();
    if (reader.field() == 2) out.create_revision = reader.number();
    if (reader.field() == 3) out.previous_revision = reader.number();
    if (reader.field() == 4) out.payload = reader.bytes();
  }
  return reader.ok() && out.revision != 0 && out.create_revision != 0;
}

}  // namespace

Layout::Layout(std::string prefix) {
  std::string_view middle = prefix;
  while (middle.starts_with('/')) middle.remove_prefix(1);
  while (middle.ends_with('/')) middle.remove_suffix(1);
  root = "/" + std::string(middle) + "/";
  revision = root + "revision";
  term = root + "term";
  leader = root + "leader";
  keys = root + "keys";
  identity = root + "identity";
}

std::optional<Key> Layout::object_of(std::string_view key) const {
  if (!key.starts_with(root)) return std::nullopt;
  key.remove_prefix(root.size());
  if (!key.starts_with("o/")) return std::nullopt;
  return parse_key(key.substr(2));
}

std::string encode_object(const Record& record, const Sealer& sealer, sys::Random& random) {
  std::string payload = store::seal_value(record, sealer, random);
  if (payload.empty()) payload = store::pack_value(record.doc);
  ProtobufWriter out;
  out.integer(1, static_cast<int64_t>(record.revision));
  out.integer(2, static_cast<int64_t>(record.create_revision));
  out.integer(3, static_cast<int64_t>(record.previous_revision));
  out.text(4, payload);
  return out.bytes();
}

Result<Record> decode_object(const Key& key, std::string_view value, const Sealer& sealer) {
  StoredObject object;
  if (!read_object(value, object)) return base::corrupt("the value of " + key.text() + " in etcd cannot be read");
  auto doc = store::unpack_value(key, object.revision, object.payload, &sealer);
  if (!doc) return std::move(doc).error().context(key.text());
  return Record{.revision = object.revision,
                .key = key,
                .previous_revision = object.previous_revision,
                .create_revision = object.create_revision,
                .doc = std::move(*doc)};
}

std::optional<uint32_t> sealed_with(std::string_view value) {
  StoredObject object;
  if (!read_object(value, object)) return std::nullopt;
  return store::key_of_value(object.payload);
}

std::string encode(const Head& head) {
  ProtobufWriter out;
  out.integer(1, static_cast<int64_t>(head.revision));
  for (const auto& one : head.deleted) {
    ProtobufWriter deleted;
    deleted.text(1, one.key.text());
    deleted.integer(2, static_cast<int64_t>(one.revision));
    out.message(2, deleted);
  }
  return out.bytes();
}

Result<Head> decode_head(std::string_view value) {
  Head out;
  bool good = true;
  ProtobufReader reader(value);
  while (reader.next()) {
    if (reader.field() == 1) out.revision = reader.number();
    if (reader.field() != 2) continue;
    auto& deleted = out.deleted.emplace_back();
    ProtobufReader inner(reader.bytes());
    while (inner.next()) {
      if (inner.field() == 1) {
        const auto key = parse_key(inner.bytes());
        good = good && key;
        if (key) deleted.key = *key;
      }
      if (inner.field() == 2) deleted.revision = inner.number();
    }
    good = good && inner.ok();
  }
  if (!good || !reader.ok()) return base::corrupt("the revision in etcd cannot be read");
  return out;
}

std::string encode(const Leader& leader) {
  ProtobufWriter out;
  out.text(1, leader.identity);
  out.text(2, leader.url);
  out.integer(3, static_cast<int64_t>(leader.term));
  return out.bytes();
}

Result<Leader> decode_leader(std::string_view value) {
  Leader out;
  ProtobufReader reader(value);
  while (reader.next()) {
    if (reader.field() == 1) out.identity = reader.bytes();
    if (reader.field() == 2) out.url = reader.bytes();
    if (reader.field() == 3) out.term = reader.number();
  }
  if (!reader.ok()) return base::corrupt("the leader in etcd cannot be read");
  return out;
}

std::string common_binding(const std::string& key) { return "ingot common value " + key; }

std::string encode_term(uint64_t term) {
  ProtobufWriter out;
  out.integer(1, static_cast<int64_t>(term));
  return out.bytes();
}

Result<uint64_t> decode_term(std::string_view value) {
  uint64_t out = 0;
  ProtobufReader reader(value);
  while (reader.next()) {
    if (reader.field() == 1) out = reader.number();
  }
  if (!reader.ok()) return base::corrupt("the term in etcd cannot be read");
  return out;
}

}  // namespace etcd
