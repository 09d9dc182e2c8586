// base::parse_json for the static program: Debian has simdjson only as a shared library. This object is linked before
// the archive of base, so the one in there is left out.
#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

#include "base/json.h"

namespace base {

namespace {

constexpr size_t depth_max = 100;

// Builds values bottom up: one open array or object per level.
class Builder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Builder> {
 public:
  bool Null() { return put(Json()); }
  bool Bool(bool value) { return put(Json(value)); }
  bool Int(int value) { return put(Json(value)); }
  bool Uint(unsigned value) { return put(Json(value)); }
  bool Int64(int64_t value) { return put(Json(value)); }
  bool Uint64(uint64_t value) { return put(Json(value)); }
  bool Double(double value) { return put(Json(value)); }
  bool String(const char* text, rapidjson::SizeType bytes, bool) { return put(Json(std::string(text, bytes))); }
  bool Key(const char* text, rapidjson::SizeType bytes, bool) {
    open_.back().key.assign(text, bytes);
    return true;
  }
  bool StartObject() { return start(true); }
  bool StartArray() { return start(false); }
  bool EndObject(rapidjson::SizeType) { return end(); }
  bool EndArray(rapidjson::SizeType) { return end(); }
  Json take() { return std::move(root_); }
  bool too_deep() const { return too_deep_; }

 private:
  struct Open {
    bool object;
    std::string key;
    Json::Members members;
    Json::Array items;
  };
  bool start(bool object) {
    too_deep_ = open_.size() >= depth_max;
    if (too_deep_) return false;
    open_.push_back({object, {}, {}, {}});
    return true;
  }
  bool end() {
    Open done = std::move(open_.back());
    open_.pop_back();
    return put(done.object ? Json(std::move(done.members)) : Json(std::move(done.items)));
  }
  bool put(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return true;
    }
    Open& in = open_.back();
    if (!in.object) {
      in.items.push_back(std::move(value));
      return true;
    }
    for (auto& [key, old] : in.members) {
      if (key != in.key) continue;
      old = std::move(value);  // the last one counts
      return true;
    }
    in.members.emplace_back(in.key, std::move(value));
    return true;
  }

  std::vector<Open> open_;
  Json root_;
  bool too_deep_ = false;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonParse& options) {
  if (text.size() > options.bytes_max) {
    return Error{Code::too_large, "JSON of " + std::to_string(text.size()) + " bytes is over the limit of " +
                                      std::to_string(options.bytes_max)};
  }
  Builder builder;
  rapidjson::Reader reader;
  const std::string whole(text);  // the reader wants an end that it sees
  if (whole.find('\0') != std::string::npos) return Error{Code::bad_request, "invalid JSON: a zero byte"};
  rapidjson::StringStream stream(whole.c_str());
  constexpr unsigned flags =
      rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag | rapidjson::kParseFullPrecisionFlag;
  const auto done = reader.Parse<flags>(stream, builder);
  if (builder.too_deep()) return Error{Code::too_large, "invalid JSON: nested too deeply"};
  if (done.IsError()) {
    return Error{Code::bad_request, std::string("invalid JSON: ") + rapidjson::GetParseError_En(done.Code())};
  }
  return builder.take();
}

}  // namespace base
