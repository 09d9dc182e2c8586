// The OpenAPI documents of the API: /openapi/v2 (JSON or protobuf), /openapi/v3 and /openapi/v3/GROUP-VERSION.
#pragma once

#include <memory>
#include <optional>

#include "meta/kind.h"
#include "net/http.h"

namespace server {

// Each document is built when it is first asked for and kept until the scheme changes, with its ETag. Not for use from
// two threads at once.
class Documents {
 public:
  explicit Documents(const meta::Scheme& scheme);  // must outlive this
  ~Documents();

  // nullopt when the path is not below /openapi; a 404 Status for a document that does not exist.
  std::optional<net::Response> answer(const net::Request& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace server
