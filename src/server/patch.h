// Patch documents: JSON Patch (RFC 6902), JSON Merge Patch (RFC 7396) and, for core kinds, strategic merge patch.
#pragma once

#include "server/body.h"

namespace server {

class Patch {
 public:
  // Errors: unsupported for media types that the kind cannot take; bad_request for undecodable bodies.
  static Result<Patch> of(const Call& call);
  Result<Json> apply(const Call& call, const Json& current) const;
  const TextProblems& problems() const { return problems_; }
  // What is said of an object that the patch made, and that cannot be decoded for the reason `why` (bad_request).
  Error undecodable(const Call& call, const Json& after, const Error& why) const;

 private:
  enum class Type : unsigned char { json, merge, strategic };
  Type type_ = Type::merge;
  Json body_;
  TextProblems problems_;
};

}  // namespace server
