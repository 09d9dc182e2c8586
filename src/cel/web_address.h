// URLs as Go's url.ParseRequestURI reads them: absolute, or a path that begins with a slash. Private to src/cel.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cel {

struct WebAddress {
  std::string scheme;
  std::string host;  // with the port
  std::string hostname, port;
  std::string escaped_path;
  std::map<std::string, std::vector<std::string>> query;
  bool operator==(const WebAddress&) const = default;
};

// On failure `why` has the message, as Go writes it for the common cases.
std::optional<WebAddress> parse_web_address(std::string_view text, std::string& why);

}  // namespace cel
