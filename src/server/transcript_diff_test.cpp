#include "server/transcript_diff.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace server {
namespace {

using base::Json;

// "<uid12>" at the start of `text`, or "".
std::string_view token_at(std::string_view text) {
  if (text.empty() || text[0] != '<') return {};
  size_t at = 1;
  while (at < text.size() && std::islower(static_cast<unsigned char>(text[at]))) ++at;
  const auto kind = text.substr(1, at - 1);
  while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at]))) ++at;
  if (at >= text.size() || text[at] != '>') return {};
  for (const auto known : {"uid", "rv", "lrv", "continue", "random", "n", "time", "microtime", "age"}) {
    if (kind == known) return text.substr(0, at + 1);
  }
  return {};
}

std::string kind_of(std::string_view token) {
  size_t end = 1;
  while (std::islower(static_cast<unsigned char>(token[end]))) ++end;
  return std::string(token.substr(1, end - 1));
}

bool may_hold(const std::string& kind, char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (kind == "uid") return std::isxdigit(byte) || c == '-';
  if (kind == "rv" || kind == "lrv" || kind == "n") return std::isdigit(byte);
  if (kind == "time" || kind == "microtime")
    return std::isdigit(byte) || std::string_view("-:.TZ").find(c) != std::string_view::npos;
  if (kind == "continue") return std::isalnum(byte) || c == '-' || c == '_';
  if (kind == "age") return std::isdigit(byte) || std::string_view("smhdy").find(c) != std::string_view::npos;
  return std::islower(byte) || std::isdigit(byte);
}

bool right_form(const std::string& kind, std::string_view value) {
  if (value.empty()) return false;
  if (kind == "uid") return value.size() == 36;
  if (kind == "time") return value.size() == 20 && value.back() == 'Z';
  if (kind == "microtime") return value.size() == 27 && value[19] == '.' && value.back() == 'Z';
  return true;
}

bool holds_for_all(const std::string& kind) { return kind == "uid" || kind == "rv" || kind == "random"; }

bool matches_glob(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    for (size_t skip = 0; skip <= text.size(); ++skip) {
      if (matches_glob(pattern.substr(1), text.substr(skip))) return true;
    }
    return false;
  }
  return !text.empty() && pattern[0] == text[0] && matches_glob(pattern.substr(1), text.substr(1));
}

// What tells an item of a list from the others by one of these keys.
std::string identity_of(const Json& item, const std::string& key) {
  if (key == "metadata") return item["metadata"]["name"].string();
  if (key == "manager" && item.has(key)) {
    return item[key].string() + "/" + item["operation"].string() + "/" + item["subresource"].string();
  }
  return item[key].string();
}

// The member that tells the objects of both lists apart; "" when there is none.
std::string identity(const Json& a, const Json& b) {
  for (const auto* key :
       {"name", "resource", "manager", "subresource", "groupVersion", "version", "type", "metadata"}) {
    bool fits = true;
    for (const Json* list : {&a, &b}) {
      std::vector<std::string> seen;
      for (const auto& item : list->items()) {
        const auto value = identity_of(item, key);
        fits = fits && !value.empty() && std::find(seen.begin(), seen.end(), value) == seen.end();
        seen.push_back(value);
      }
    }
    if (fits) return key;
  }
  return {};
}

// The order of several errors at once is chance in the original.
void sort_errors(Json& doc) {
  if (doc["kind"].string() != "Status" || doc["details"]["causes"].size() < 2) return;
  auto& causes = doc.child("details").child("causes").mutable_items();
  std::sort(causes.begin(), causes.end(), [](const Json& a, const Json& b) {
    return a["field"].string() + "\n" + a.dump() < b["field"].string() + "\n" + b.dump();
  });
  const std::string message = doc["message"].string();
  const size_t open = message.find(": [");
  if (open == std::string::npos || message.back() != ']') return;
  std::vector<std::string> parts;
  const std::string list = message.substr(open + 3, message.size() - open - 4);
  for (const auto part : base::split(list, ',')) {
    parts.emplace_back(base::trim(part));
  }
  std::sort(parts.begin(), parts.end());
  doc.set("message", message.substr(0, open + 3) + base::join(parts, ", ") + "]");
}

struct Comparison {
  const std::string& step;
  Tokens& tokens;
  std::vector<Difference>& out;

  void differ(const std::string& path, const std::string& recorded, const std::string& ours) {
    out.push_back({step, path, recorded, ours});
  }
  void values(const std::string& path, const Json& recorded, const Json& ours) {
    if (recorded.is_object() && ours.is_object()) return objects(path, recorded, ours);
    if (recorded.is_array() && ours.is_array()) return lists(path, recorded, ours);
    if (recorded.is_string() && ours.is_string()) {
      if (!tokens.matches(recorded.string(), ours.string())) differ(path, recorded.dump(), ours.dump());
      return;
    }
    if (!(recorded == ours)) differ(path, recorded.dump(), ours.dump());
  }
  void objects(const std::string& path, const Json& recorded, const Json& ours) {
    std::vector<std::string> seen;
    for (const auto& [name, value] : recorded.members()) {
      const std::string key = tokens.fill(name).value_or(name);
      seen.push_back(key);
      const std::string below = path + "." + name;
      if (const Json* found = ours.find(key)) {
        values(below, value, *found);
      } else {
        differ(below, value.dump(), "(none)");
      }
    }
    for (const auto& [name, value] : ours.members()) {
      if (std::find(seen.begin(), seen.end(), name) == seen.end()) differ(path + "." + name, "(none)", value.dump());
    }
  }
  void lists(const std::string& path, const Json& recorded, const Json& ours) {
    if (const auto key = identity(recorded, ours); !key.empty()) return named_lists(path, recorded, ours, key);
    for (size_t i = 0; i < std::max(recorded.size(), ours.size()); ++i) {
      const std::string below = path + "[" + std::to_string(i) + "]";
      if (i >= ours.size()) {
        differ(below, recorded.at(i).dump(), "(none)");
      } else if (i >= recorded.size()) {
        differ(below, "(none)", ours.at(i).dump());
      } else {
        values(below, recorded.at(i), ours.at(i));
      }
    }
  }
  void named_lists(const std::string& path, const Json& recorded, const Json& ours, const std::string& key) {
    std::vector<std::string> order, our_order;
    const auto find = [&](const Json& list, const std::string& name) -> const Json* {
      for (const auto& item : list.items()) {
        if (identity_of(item, key) == name) return &item;
      }
      return nullptr;
    };
    for (const auto& item : recorded.items()) {
      const std::string name = identity_of(item, key);
      std::string ours_is = tokens.fill(name).value_or("");
      for (size_t i = 0; ours_is.empty() && i < ours.size(); ++i) {  // a token that is met here for the first time
        if (tokens.matches(name, identity_of(ours.at(i), key))) ours_is = identity_of(ours.at(i), key);
      }
      const std::string below = path + "[" + name + "]";
      if (const Json* found = find(ours, ours_is)) {
        order.push_back(ours_is);
        values(below, item, *found);
      } else {
        differ(below, item.dump(), "(none)");
      }
    }
    for (const auto& item : ours.items()) {
      const std::string name = identity_of(item, key);
      if (std::find(order.begin(), order.end(), name) != order.end()) {
        our_order.push_back(name);
      } else {
        differ(path + "[" + name + "]", "(none)", item.dump());
      }
    }
    // Managers that wrote in the same second stand by name, which depends on how fast the recording was.
    if (order != our_order && key != "manager")
      differ(path + " (order)", base::join(order, " "), base::join(our_order, " "));
  }
};

}  // namespace

bool Tokens::bind(const std::string& token, std::string_view value, std::map<std::string, std::string>& fresh) const {
  const auto kind = kind_of(token);
  if (!right_form(kind, value)) return false;
  if (!holds_for_all(kind)) {
    fresh[token] = value;
    return true;
  }
  if (const auto known = values_.find(token); known != values_.end()) return known->second == value;
  if (const auto known = fresh.find(token); known != fresh.end()) return known->second == value;
  if (tokens_.count(kind + "=" + std::string(value))) return false;
  fresh[token] = value;
  return true;
}

bool Tokens::matches(std::string_view recorded, std::string_view ours) {
  std::map<std::string, std::string> fresh;
  while (!recorded.empty()) {
    const std::string token(token_at(recorded));
    if (token.empty()) {
      if (ours.empty() || ours[0] != recorded[0]) return false;
      recorded.remove_prefix(1);
      ours.remove_prefix(1);
      continue;
    }
    recorded.remove_prefix(token.size());
    const auto kind = kind_of(token);
    size_t end = 0;
    while (end < ours.size() && may_hold(kind, ours[end])) ++end;
    if (kind == "uid") end = std::min<size_t>(end, 36);
    if (kind == "time") end = std::min<size_t>(end, 20);
    if (!bind(token, ours.substr(0, end), fresh)) return false;
    ours.remove_prefix(end);
  }
  if (!ours.empty()) return false;
  for (auto& [token, value] : fresh) {
    if (holds_for_all(kind_of(token))) tokens_[kind_of(token) + "=" + value] = token;
    values_[token] = value;
  }
  return true;
}

std::optional<std::string> Tokens::fill(std::string_view text) const {
  std::string out;
  while (!text.empty()) {
    if (const size_t end = text.find('>'); text.starts_with("<x") && end != std::string_view::npos) {
      if (const auto count = base::parse_uint(text.substr(2, end - 2))) {
        out.append(*count, 'x');
        text.remove_prefix(end + 1);
        continue;
      }
    }
    const auto token = token_at(text);
    if (token.empty()) {
      out += text[0];
      text.remove_prefix(1);
      continue;
    }
    const auto found = values_.find(std::string(token));
    if (found == values_.end()) return std::nullopt;
    out += found->second;
    text.remove_prefix(token.size());
  }
  return out;
}

void compare(const std::string& step, const std::string& path, Json recorded, Json ours, Tokens& tokens,
             std::vector<Difference>& out) {
  // Another kind of answer altogether is one difference, not one for each field.
  if (recorded.has("kind") && recorded["kind"].string() != ours["kind"].string()) {
    out.push_back({step, path, recorded.dump(), ours.dump()});
    return;
  }
  sort_errors(recorded);
  sort_errors(ours);
  Comparison{step, tokens, out}.values(path, recorded, ours);
}

Accepted Accepted::parse(std::string_view text) {
  Accepted out;
  for (auto line : base::split(text, '\n')) {
    line = base::trim(line);
    if (line.empty() || line[0] == '#') continue;
    const size_t first = line.find(" | ");
    const size_t second = first == std::string_view::npos ? first : line.find(" | ", first + 3);
    if (second == std::string_view::npos || base::trim(line.substr(second + 3)).empty()) {
      out.malformed.emplace_back(line);
      continue;
    }
    out.lines_.push_back({std::string(base::trim(line.substr(0, first))),
                          std::string(base::trim(line.substr(first + 3, second - first - 3)))});
  }
  return out;
}

bool Accepted::covers(const Difference& difference) {
  bool covered = false;
  for (auto& line : lines_) {
    if (!matches_glob(line.step, difference.step) || !matches_glob(line.path, difference.path)) continue;
    line.used = true;
    covered = true;
  }
  return covered;
}

std::vector<std::string> Accepted::unused() const {
  std::vector<std::string> out;
  for (const auto& line : lines_) {
    if (!line.used) out.push_back(line.step + " | " + line.path);
  }
  return out;
}

namespace {

std::string told(const std::string& recorded, const std::string& ours) {
  Tokens tokens;
  std::vector<Difference> found;
  compare("s", "body", *base::parse_json(recorded), *base::parse_json(ours), tokens, found);
  std::string out;
  for (const auto& one : found) out += one.path + ": " + one.recorded + " / " + one.ours + "\n";
  return out;
}

}  // namespace

TEST_CASE("transcripts: tokens stand for one value each, and for no two the same") {
  Tokens tokens;
  const std::string uid = "0a0a0a0a-0000-4000-8000-000000000001";
  CHECK(tokens.matches("UID in meta: <uid1>.", "UID in meta: " + uid + "."));
  CHECK(tokens.matches("<uid1>", uid));
  CHECK_FALSE(tokens.matches("<uid2>", uid));
  CHECK_FALSE(tokens.matches("<uid2>", "no uid"));
  CHECK(tokens.matches("<rv1>", "12"));
  CHECK_FALSE(tokens.matches("<rv1>", "13"));
  CHECK(tokens.matches("at <time>", "at 2026-01-02T03:04:05Z"));
  CHECK_FALSE(tokens.matches("at <microtime>", "at 2026-01-02T03:04:05Z"));
  CHECK(tokens.fill("/x?resourceVersion=<rv1>") == "/x?resourceVersion=12");
  CHECK_FALSE(tokens.fill("<rv9>"));
  CHECK(tokens.fill("<nil>: <none>") == "<nil>: <none>");
  CHECK(tokens.fill("a<x3>b") == "axxxb");
}

TEST_CASE("transcripts: every difference is told where it is") {
  CHECK(told(R"({"a":1,"b":[{"name":"x","v":1},{"name":"y"}]})",
             R"({"a":1,"b":[{"name":"y"},{"name":"x","v":2}],"c":0})") ==
        "body.b[x].v: 1 / 2\nbody.b (order): x y / y x\nbody.c: (none) / 0\n");
  CHECK(told(R"([{"name":"a-<random1>","v":1}])", R"([{"name":"a-x1y2z","v":2}])") == "body[a-<random1>].v: 1 / 2\n");
  CHECK(told(R"([1,2])", R"([1])") == "body[1]: 2 / (none)\n");
  CHECK(
      told(
          R"({"kind":"Status","message":"x is invalid: [a: no, b: no]","details":{"causes":[{"field":"a"},{"field":"b"}]}})",
          R"({"kind":"Status","message":"x is invalid: [b: no, a: no]","details":{"causes":[{"field":"b"},{"field":"a"}]}})")
          .empty());
}

TEST_CASE("transcripts: accepted differences need a reason and must exist") {
  auto accepted = Accepted::parse("# why\ns/* | body.a | for a reason\ns/x | body.b |\nt | * | never\n");
  CHECK(accepted.malformed == std::vector<std::string>{"s/x | body.b |"});
  CHECK(accepted.covers({"s/one", "body.a", "", ""}));
  CHECK_FALSE(accepted.covers({"s/one", "body.a.b", "", ""}));
  CHECK(accepted.unused() == std::vector<std::string>{"t | *"});
}

}  // namespace server
