// What a real kube-apiserver answered in JSON loses nothing in protobuf: the tables of messages know all its fields.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/text.h"
#include "server/protobuf_body.h"
#include "server/protobuf_messages.h"
#include "server/protobuf_write.h"

namespace server {
namespace {

using base::Json;

bool is_nothing(const Json& value) {
  if (value.is_object()) {
    for (const auto& [name, member] : value.members()) {
      if (!is_nothing(member)) return false;
    }
    return true;
  }
  if (value.is_array()) return value.empty();
  if (value.is_string()) return value.string().empty();
  return value.is_null() || (value.is_bool() && !value.boolean()) || (value.is_number() && value.number() == 0);
}

// Values in the place of the tokens of recordings.
Json filled(const Json& value) {
  if (value.is_string()) {
    auto text = base::replace_all(value.string(), "<time>", "2026-01-01T00:00:00Z");
    return base::replace_all(std::move(text), "<microtime>", "2026-01-01T00:00:00.000001Z");
  }
  Json out = value;
  if (value.is_array()) {
    for (auto& item : out.mutable_items()) item = filled(Json(item));
  }
  if (value.is_object()) {
    for (auto& [name, member] : out.mutable_members()) member = filled(Json(member));
  }
  return out;
}

// Where `out` lacks what `in` has; "" when it has all.
std::string lost(const Json& in, const Json& out, const std::string& path) {
  if (is_nothing(in)) return {};
  if (in.is_object()) {
    for (const auto& [name, member] : in.members()) {
      if (auto where = lost(member, out[name], path + "." + name); !where.empty()) return where;
    }
    return {};
  }
  if (in.is_array()) {
    if (in.size() != out.size()) return path + " (size)";
    for (size_t i = 0; i < in.size(); ++i) {
      auto where = lost(in.at(i), out.at(i), path + "[" + std::to_string(i) + "]");
      if (!where.empty()) return where;
    }
    return {};
  }
  return in == out ? std::string() : path + ": " + in.dump() + " became " + out.dump();
}

struct Looked {
  size_t objects = 0;
  Json::Array none = {};
  void at(const Json& answer, const std::string& step) {
    const auto& kind = answer["kind"].string();
    const bool is_list = kind.ends_with("List") && answer["items"].is_array();
    const auto item = is_list ? kind.substr(0, kind.size() - 4) : kind;
    if (kind.empty() || !protobuf_message_of(answer["apiVersion"].string(), item)) return;
    Json doc = filled(answer);
    for (auto& one : is_list ? doc.child("items").mutable_items() : none) {
      one.erase("kind");  // which messages of items do not have
      one.erase("apiVersion");
    }
    const auto bytes = to_protobuf(doc);
    REQUIRE_MESSAGE(bytes.has_value(), step);
    const auto back = parse_protobuf(*bytes);
    REQUIRE_MESSAGE(back.ok(), step);
    const auto where = lost(doc, *back, kind);
    CHECK_MESSAGE(where.empty(), step << ": " << where);
    ++objects;
  }
};

}  // namespace

TEST_CASE("protobuf: nothing of a recorded answer is lost") {
  const std::string folder =
      std::string(std::filesystem::exists("test/transcripts") ? "" : "../") + "test/transcripts/recorded";
  Looked looked;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(file.path());
    const auto transcript = base::parse_json(std::string{std::istreambuf_iterator<char>(in), {}});
    REQUIRE(transcript.ok());
    for (const auto& step : (*transcript)["steps"].items()) {
      looked.at(step["answer"], file.path().stem().string() + "/" + step["step"].string());
      for (const auto& event : step["events"].items()) looked.at(event["object"], step["step"].string());
    }
  }
  CHECK(looked.objects > 300);
}

}  // namespace server
