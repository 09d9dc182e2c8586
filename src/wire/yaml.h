// YAML as Kubernetes clients write it: one or more documents that mean JSON. Plain scalars follow YAML 1.1 as kubectl
// reads them (yes/no/on/off are booleans, 0644 is octal), keys too (a key y is "true"); quoted ones are strings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace wire {

using base::Json;

struct YamlLimits {
  size_t bytes_max = 16u << 20;
  size_t depth_max = 100;
  size_t nodes_max = 1'000'000;  // values in all documents after aliases are expanded
  // Keys that are set twice are no error when this is given: the last value counts, and
  // `line 4: key "k" already set in map` goes here.
  std::vector<std::string>* duplicates = nullptr;
  // Syntax errors name the line that go-yaml would name, which is not always the one where the problem is.
  bool lines_as_go = false;
};

// All documents of the text; empty ones ("---" alone) are left out. Anchors, aliases and merge keys (<<) are expanded.
// Errors: bad_request with the line ("line 7: key \"a\" is set twice"); too_large beyond a limit.
base::Result<std::vector<Json>> parse_yaml(std::string_view text, const YamlLimits& limits = {});

// Block style as kubectl prints it: two spaces, lists at the level of their key, members in their own order; strings
// that a reader of YAML 1.1 or 1.2 could take for something else are quoted. Ends with a newline.
std::string to_yaml(const Json& value);
// Several documents, with "---" between them.
std::string to_yaml(const std::vector<Json>& documents);

// As kube-apiserver answers in YAML: keys sorted, long lines folded at 80 columns.
std::string to_go_yaml(const Json& value);

// The value of a plain (unquoted) scalar under YAML 1.1; a string when it is nothing else.
Json resolve_yaml_scalar(std::string_view text);

}  // namespace wire
