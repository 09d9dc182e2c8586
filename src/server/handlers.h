// One function per verb. Errors become Status answers in server.cpp.
#pragma once

#include "server/call.h"

namespace server {

using Answer = Result<net::Response>;

Answer get_object(Call& call);
Answer list_objects(Call& call);
// Streams until the client, the deadline or stop() ends it; an error means that nothing was sent yet.
Result<void> watch_objects(Call& call);

Answer create_object(Call& call);
Answer update_object(Call& call);  // also /status and /finalize
Answer patch_object(Call& call);   // also /status
Answer delete_object(Call& call);
Answer delete_collection(Call& call);

Answer get_scale(Call& call);
Answer update_scale(Call& call);
Answer patch_scale(Call& call);
Answer evict_pod(Call& call);
Answer bind_pod(Call& call);      // to a node
Answer create_token(Call& call);  // of a ServiceAccount

// Paths outside the resources: /version, /healthz, /livez, /readyz and their parts. status 404 for others.
net::Response answer_health(const Route& route, const Options& options);

}  // namespace server
