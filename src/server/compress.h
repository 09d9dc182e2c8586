// gzip for large answers to clients that take it, made off the control thread.
#pragma once

#include "server/call.h"

namespace server {

bool takes_gzip(const net::Request& request);
// The gzip form of all pieces that `next` gives until one is empty; "" when there is no memory. On any thread.
std::string gzip(const std::function<std::string_view()>& next);
// Says in the headers that the body is in that form.
void set_packed(net::Response& response);
// Compresses the body when the request allows it and it is large enough to be worth it, as kube-apiserver does. Parks
// meanwhile; without success the answer stays as it is.
void compress(Api& api, const net::Request& request, net::Response& response);

}  // namespace server
