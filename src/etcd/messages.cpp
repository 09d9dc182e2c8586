#include "etcd/messages.h"

#include "wire/protobuf.h"
#include "wire/protobuf_reader.h"

namespace etcd {

using wire::ProtobufReader;
using wire::ProtobufWriter;

namespace {

void put_text(ProtobufWriter& out, int field, const std::string& value) {
  if (!value.empty()) out.text(field, value);
}
void put_number(ProtobufWriter& out, int field, int64_t value) {
  if (value != 0) out.integer(field, value);
}

ProtobufWriter message_of(const RangeRequest& request) {
  ProtobufWriter out;
  out.text(1, request.key);
  put_text(out, 2, request.end);
  put_number(out, 3, request.limit);
  put_number(out, 4, request.revision);
  return out;
}

ProtobufWriter message_of(const Compare& compare) {
  ProtobufWriter out;  // result 0 is EQUAL
  switch (compare.what) {
    case Compare::What::create_revision:
      out.integer(2, 1);
      out.text(3, compare.key);
      out.integer(5, compare.number);
      break;
    case Compare::What::mod_revision:
      out.integer(2, 2);
      out.text(3, compare.key);
      out.integer(6, compare.number);
      break;
    case Compare::What::value:
      out.integer(2, 3);
      out.text(3, compare.key);
      out.text(7, compare.value);
      break;
  }
  return out;
}

ProtobufWriter message_of(const Op& op) {
  ProtobufWriter inner;
  inner.text(1, op.key);
  ProtobufWriter out;
  switch (op.kind) {
    case Op::Kind::range:
      out.message(1, inner);
      break;
    case Op::Kind::put:
      inner.text(2, op.value);
      put_number(inner, 3, op.lease);
      out.message(2, inner);
      break;
    case Op::Kind::remove:
      out.message(3, inner);
      break;
  }
  return out;
}

Error broken(const char* what) { return base::corrupt(std::string("etcd's ") + what + " cannot be read"); }

bool read_item(std::string_view message, KeyValue& out) {
  ProtobufReader reader(message);
  while (reader.next()) {
    switch (reader.field()) {
      case 1:
        out.key = reader.bytes();
        break;
      case 2:
        out.create_revision = reader.signed_number();
        break;
      case 3:
        out.mod_revision = reader.signed_number();
        break;
      case 5:
        out.value = reader.bytes();
        break;
      case 6:
        out.lease = reader.signed_number();
        break;
      default:
        break;
    }
  }
  return reader.ok();
}

bool read_header(std::string_view message, int64_t& revision) {
  ProtobufReader reader(message);
  while (reader.next()) {
    if (reader.field() == 3) revision = reader.signed_number();
  }
  return reader.ok();
}

bool read_op(std::string_view message, std::vector<KeyValue>& out) {
  ProtobufReader reader(message);
  while (reader.next()) {
    if (reader.field() != 1) continue;  // only ranges tell something
    auto range = decode_range(reader.bytes());
    if (!range) return false;
    out = std::move(range->items);
  }
  return reader.ok();
}

bool read_event(std::string_view message, WatchEvent& out) {
  ProtobufReader reader(message);
  while (reader.next()) {
    if (reader.field() == 1) out.removed = reader.number() == 1;
    if (reader.field() == 2 && !read_item(reader.bytes(), out.item)) return false;
  }
  return reader.ok();
}

}  // namespace

std::string prefix_end(std::string prefix) {
  while (!prefix.empty()) {
    if (static_cast<unsigned char>(prefix.back()) != 0xff) {
      prefix.back() = static_cast<char>(prefix.back() + 1);
      return prefix;
    }
    prefix.pop_back();
  }
  return std::string(1, '\0');  // to the end of all keys
}

std::string encode(const RangeRequest& request) { return message_of(request).bytes(); }

std::string encode(const Txn& txn) {
  ProtobufWriter out;
  for (const auto& compare : txn.compares) out.message(1, message_of(compare));
  for (const auto& op : txn.then) out.message(2, message_of(op));
  for (const auto& op : txn.otherwise) out.message(3, message_of(op));
  return out.bytes();
}

std::string encode_watch(const std::string& key, const std::string& end, int64_t from) {
  ProtobufWriter create;
  create.text(1, key);
  put_text(create, 2, end);
  put_number(create, 3, from);
  ProtobufWriter out;
  out.message(1, create);
  return out.bytes();
}

std::string encode_id(int64_t id) {
  ProtobufWriter out;
  out.integer(1, id);
  return out.bytes();
}

std::string encode_grant(int64_t seconds) { return encode_id(seconds); }

Result<RangeResult> decode_range(std::string_view message) {
  RangeResult out;
  ProtobufReader reader(message);
  while (reader.next()) {
    if (reader.field() == 1 && !read_header(reader.bytes(), out.revision)) return broken("range");
    if (reader.field() == 2 && !read_item(reader.bytes(), out.items.emplace_back())) return broken("range");
    if (reader.field() == 3) out.more = reader.number() != 0;
  }
  if (!reader.ok()) return broken("range");
  return out;
}

Result<TxnResult> decode_txn(std::string_view message) {
  TxnResult out;
  ProtobufReader reader(message);
  while (reader.next()) {
    if (reader.field() == 1 && !read_header(reader.bytes(), out.revision)) return broken("transaction");
    if (reader.field() == 2) out.succeeded = reader.number() != 0;
    if (reader.field() == 3 && !read_op(reader.bytes(), out.found.emplace_back())) return broken("transaction");
  }
  if (!reader.ok()) return broken("transaction");
  return out;
}

Result<WatchMessage> decode_watch(std::string_view message) {
  WatchMessage out;
  ProtobufReader reader(message);
  while (reader.next()) {
    if (reader.field() == 3) out.created = reader.number() != 0;
    if (reader.field() == 4) out.cancelled = reader.number() != 0;
    if (reader.field() == 5) out.compacted = reader.signed_number();
    if (reader.field() == 6) out.reason = reader.bytes();
    if (reader.field() == 11 && !read_event(reader.bytes(), out.events.emplace_back())) return broken("watch");
  }
  if (!reader.ok()) return broken("watch");
  return out;
}

Result<LeaseMessage> decode_lease(std::string_view message) {
  LeaseMessage out;
  ProtobufReader reader(message);
  while (reader.next()) {
    if (reader.field() == 2) out.id = reader.signed_number();
    if (reader.field() == 3) out.seconds = reader.signed_number();
  }
  if (!reader.ok()) return broken("lease");
  return out;
}

Result<std::string> decode_version(std::string_view message) {
  std::string out;
  ProtobufReader reader(message);
  while (reader.next()) {
    if (reader.field() == 2) out = reader.bytes();
  }
  if (!reader.ok()) return broken("status");
  return out;
}

}  // namespace etcd
