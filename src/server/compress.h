// gzip for large answers to clients that take it, made off the control thread.
#pragma once

#include "server/call.h"

namespace server {

// Compresses the body when the request allows it and it is large enough to be worth it, as kube-apiserver does. Parks
// meanwhile; without success the answer stays as it is.
void compress(Api& api, const net::Request& request, net::Response& response);

}  // namespace server
