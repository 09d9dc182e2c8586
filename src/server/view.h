// How objects and lists are written into answers: plain, as Table or as PartialObjectMetadata, in JSON, YAML or
// protobuf.
#pragma once

#include "server/call.h"

namespace server {

// The best clause of Accept that the server can fulfil; nullopt when there is none (406).
std::optional<View> negotiate(const net::Request& request, const Route& route);
// Why negotiate() had nothing to offer (406).
net::Response not_acceptable(const net::Request& request, bool list = false);
net::Response not_watchable();  // the same for a watch in a form that no stream has
// Failures are written in what the client reads: `response`, a Status in JSON, in YAML or protobuf.
void in_words_of(const net::Request& request, net::Response& response);

// One stored object as `call` wants it, as JSON text or as protobuf (in watches too). `first` asks for a table's column
// definitions.
Result<std::string> object_text(Call& call, const Ref& object, bool first = true);
// One event of a watch. `object` is in the form in which object_text() and bookmark_text() give it.
std::string event_frame(const Call& call, std::string_view type, std::string_view object);
std::string_view watch_type(const Call& call);  // its Content-Type
// `document`, which has a message when protobuf is wanted, as `call` wants it.
std::string document_text(const Call& call, const Json& document);

// Whether what was asked for can be made of a list, or of one object. Errors: bad_request; 406 in `call.refusal`.
Result<void> check_form(Call& call, bool list);

struct ListPage {
  std::vector<Ref> items;
  uint64_t revision = 0;
  std::string next;                   // continue token
  std::optional<uint64_t> remaining;  // remainingItemCount
};
// What list_text.h joins: the beginning of a list, up to its items (a table's rows), and one item, for a document in
// the request's version.
std::string list_head(Call& call, const ListPage& page);
std::string list_item(Call& call, const Json& doc);
// A list without its items, and one of them, as the call wants it (not as a table).
Json list_frame(const Call& call, const ListPage& page);
Json list_document(const Call& call, Json doc);

// Which objects' own bytes are what the call wants.
class StoredForm {
 public:
  explicit StoredForm(const Call& call);
  bool is(const store::Entry& object) const;

 private:
  bool possible_ = false;
  uint64_t normal_from_ = 0;  // users' kinds change while their objects lie there; older ones are not in form
  std::string api_version_;   // "": objects have no other
};

// The empty object of a bookmark event.
std::string bookmark_text(Call& call, uint64_t revision, bool initial_events_end);

// An answer with the body in the negotiated encoding. `json` is JSON text.
net::Response answer(const Call& call, int status, std::string json);
net::Response protobuf_answer(int status, std::string body);
Result<net::Response> answer(Call& call, int status, const Ref& object);

}  // namespace server
