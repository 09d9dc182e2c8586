// The Accept header (RFC 9110 section 12.5.1) with the parameters Kubernetes puts into it (as, g, v).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace server {

// One clause: "application/json;as=Table;g=meta.k8s.io;v=v1;q=0.5".
struct MediaRange {
  std::string type;  // lower case, without parameters: "application/json", "*/*"
  std::vector<std::pair<std::string, std::string>> parameters;  // without q; names in lower case
  double quality = 1;
  std::string_view parameter(std::string_view name) const;  // "" when absent
  bool accepts(std::string_view media_type) const;          // wildcards count; parameters do not
};

// Best first: by quality, then the more specific, then as written. Clauses with q=0 are left out; an empty header is
// one "*/*".
std::vector<MediaRange> parse_accept(std::string_view header);

}  // namespace server
