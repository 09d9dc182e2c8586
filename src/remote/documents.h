// Objects between a foreign API server and the store: where they are found, how an answer becomes what the store shows,
// and what a change of the store is as a request. Pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "meta/kind.h"
#include "store/store.h"

namespace remote {

using base::Json;
using base::Result;
using meta::Kind;

// "/apis/GROUP/STORAGE VERSION/namespaces/NS/PLURAL"; all namespaces when `ns` is empty.
std::string collection_path(const Kind& kind, std::string_view ns);
std::string object_path(const Kind& kind, std::string_view ns, std::string_view name);
std::string object_path(const Kind& kind, const store::Key& key);
store::Key key_of(const Kind& kind, const Json& doc);

// A server's document as the store shows it: in our form, pruned and with our defaults (the server may lack the hooks
// that fill them), without managedFields. metadata.resourceVersion stays the server's. Errors: bad_request.
Result<Json> as_shown(const Kind& kind, Json doc);

const std::string& version_of(const Json& doc);  // metadata.resourceVersion
const std::string& uid_of(const Json& doc);
// Whether resourceVersion `a` is of a later change than `b`, both of one object or of an object and its list. They are
// decimal numbers in every server with etcd (a guarantee since 1.35); whatever else is given counts as newer.
bool newer(std::string_view a, std::string_view b);

// The merge patch that asks a server for what `after` is beside `before`; empty when nothing that a client decides
// differs.
Json changes(const Json& before, const Json& after);
// What to POST for a new object.
Json creation(const Kind& kind, const Json& doc);
// Whether all that `patch` asks for is so in `doc` already.
bool fulfilled(const Json& doc, const Json& patch);
// Replaces strings that are equal to a key of `names`, wherever they are.
void rename_strings(Json& doc, const std::map<std::string, std::string>& names);

}  // namespace remote
