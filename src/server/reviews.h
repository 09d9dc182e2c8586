// The kinds that are questions: posted and answered, never stored.
#pragma once

#include <string_view>

#include "server/call.h"

namespace server {

struct ReviewKind {
  std::string_view group, kind, plural;
  bool namespaced;
  bool self;  // about the client itself
};
// What discovery shows: the kinds of `scheme`, those that have a form in another group once more, and these, which have
// no schema.
meta::Scheme with_reviews(const meta::Scheme& scheme);
// Null when the request is none of them.
const ReviewKind* review_kind(const Route& route);
// Whether the path is that of a review, with a name or without, whatever is to be done there.
bool is_review_path(const Route& route);
net::Response answer_review(Call& call, const ReviewKind& kind);

}  // namespace server
