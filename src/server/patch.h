// Patch documents: JSON Patch (RFC 6902), JSON Merge Patch (RFC 7396) and, for core kinds, strategic merge patch.
#pragma once

#include "server/call.h"

namespace server {

class Patch {
 public:
  // Errors: unsupported for media types that the kind cannot take; bad_request for undecodable bodies.
  static Result<Patch> of(const Call& call);
  Result<Json> apply(const Call& call, const Json& current) const;
  const std::vector<std::string>& duplicates() const { return duplicates_; }

 private:
  enum class Type : unsigned char { json, merge, strategic };
  Type type_ = Type::merge;
  Json body_;
  std::vector<std::string> duplicates_;
};

}  // namespace server
