// Discovery: which groups, versions and resources the API has. Clients build their RESTMapper from it.
#pragma once

#include "meta/kind.h"
#include "net/http.h"

namespace server {

// Answers /api, /apis, /api/v1, /apis/GROUP and /apis/GROUP/VERSION of kinds in `scheme`. On /api and /apis a client
// may ask by Accept for the aggregated form (apidiscovery.k8s.io v2 or v2beta1), which carries everything at once and
// an ETag. 404 with a Status body for any other path and for groups and versions nobody serves; 405 unless GET or HEAD.
net::Response discovery_response(const meta::Scheme& scheme, const net::Request& request);

}  // namespace server
