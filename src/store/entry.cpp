#include "base/check.h"
#include "store/decoded_documents.h"
#include "store/store.h"

namespace store {

constexpr size_t usual_bytes = 2048;  // what most objects fit in, for a text that need not grow

std::string Key::text() const { return resource + '/' + ns + '/' + name; }

Entry::Entry(Key key_, uint64_t revision_, uint64_t create_revision_, Json doc, std::string text)
    : key(std::move(key_)),
      revision(revision_),
      create_revision(create_revision_),
      doc_(std::move(doc)),
      bytes_(std::move(text)) {}

const Json& Entry::doc() const {
  read_ = true;
  if (doc_.is_null() && !bytes_.empty()) {
    auto decoded = base::parse_json(bytes_);
    CHECK_THAT(decoded.ok(), "an object's own text can be read");
    doc_ = std::move(*decoded);
    if (keeper_) keeper_->add(*this);
  }
  return doc_;
}

const std::string& Entry::bytes() const {
  if (bytes_.empty()) {
    bytes_.reserve(usual_bytes);
    doc_.dump_to(bytes_);
    bytes_.shrink_to_fit();  // it stays as long as the object
  }
  return bytes_;
}

const Entry::Outline& Entry::outline() const {
  if (!outline_) {
    const Json& meta = doc()["metadata"];
    outline_ = Outline{meta["uid"].string(), meta["labels"]};
  }
  return *outline_;
}

const std::string& Entry::uid() const { return outline().uid; }
const Json& Entry::labels() const { return outline().labels; }

// The first member in all but a few texts.
bool Entry::is_of(std::string_view api_version) const {
  constexpr std::string_view before = "{\"apiVersion\":\"";
  if (!doc_.is_null()) return doc_["apiVersion"].string() == api_version;
  const std::string_view text = bytes_;
  if (!text.starts_with(before)) return doc()["apiVersion"].string() == api_version;
  const auto value = text.substr(before.size());
  return value.starts_with(api_version) && value.substr(api_version.size()).starts_with("\"");
}

}  // namespace store
