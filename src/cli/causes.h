// From an object that is not Ready to the one that it waits for, and on to the decisive cause, read from the conditions
// of the API objects.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace cli {

// The items of the lists, in v1beta2 and (hosts) v1alpha1.
struct StatusInput {
  base::Json clusters, planes, deployments, machine_sets, machines, metal3machines, hosts;
};

// One object on the way. `kind` is the kind's name, `state` a word or two ("inspecting, error").
struct Link {
  std::string kind, ns, name, state;
  std::string text;     // what the object itself waits for or says; "" when it is content
  bool error = false;   // it failed, instead of waiting
  bool moving = false;  // work on it advances by itself
  bool operator==(const Link&) const = default;
};

// The way from the object to the decisive wait, which is the last link's text. Just the object itself when it waits for
// nobody; empty when there is none of that kind and name.
std::vector<Link> chain_from(const StatusInput& input, std::string_view kind, std::string_view ns,
                             std::string_view name);

// The link that decides: the last with a text, and of a Machine and its Metal3Machine that has no host, the Machine.
// Null when nothing waits.
const Link* decisive(const std::vector<Link>& chain);

// "bmh/server-rack1-u07": how kubectl and `ingot why` take it; with the namespace when wanted.
std::string short_name(const Link& link, bool with_namespace = false);

// Several lines of "* Type: reason" as one.
std::string one_line(std::string_view text);
// The condition of a type; null when absent.
const base::Json& condition_of(const base::Json& doc, std::string_view type);

// "BMC: no answer; next: check the address; tried again at 12:00" in its two parts, "next: " not included.
struct CauseParts {
  std::string cause, next;
};
CauseParts parts_of(std::string_view why);

// Words up to `width` columns to a line (0: one line), each line indented.
std::string wrapped(std::string_view text, size_t width, size_t indent);

}  // namespace cli
