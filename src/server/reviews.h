// The kinds that are questions: posted and answered, never stored.
#pragma once

#include <span>
#include <string_view>

#include "server/call.h"

namespace server {

struct ReviewKind {
  std::string_view group, kind, plural;
  bool namespaced;
  bool self;  // about the client itself
};
std::span<const ReviewKind> review_kinds();
// Null when the request is none of them.
const ReviewKind* review_kind(const Route& route);
net::Response answer_review(Call& call, const ReviewKind& kind);

}  // namespace server
