// Asking one webhook about one request.
#pragma once

#include "server/admission/hooks.h"
#include "server/admission/review.h"
#include "server/admission/webhook_client.h"

namespace server {

// What came of a call. A failure is the webhook's (or the way's to it), not its opinion.
struct Verdict {
  bool failed = false;
  std::string failure;  // `failed calling webhook "w": ...`
  ReviewAnswer answer;
};

// The documents are in the version of the question; its uid and review version are filled in here. Parks. Needs nothing
// of the request but its arguments, so it may outlive it.
Verdict ask(WebhookClients& clients, sys::Random& random, const Hook& hook, const AdmissionAttributes& asked,
            ReviewQuestion question, bool mutating);

}  // namespace server
