#include "server/admission/webhooks.h"

#include "base/text.h"

namespace server {

Verdict ask(WebhookClients& clients, sys::Random& random, const Hook& hook, const AdmissionAttributes& asked,
            ReviewQuestion question, bool mutating) {
  Verdict out;
  const auto fail = [&](const std::string& why) {
    out.failed = true;
    out.failure = "failed calling webhook " + base::quoted(hook.name) + ": " + why;
    return out;
  };
  const auto version = review_version_of(hook.review_versions);
  if (!version) {
    return fail(
        "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)");
  }
  question.uid = random.uuid();
  question.review_version = *version;
  const auto review = clients.post(hook.client_config, admission_review(asked, question), hook.limit, true);
  if (!review) return fail("failed to call webhook: " + review.error().message);
  auto answer = read_review(*review, question, mutating);
  if (!answer) return fail(answer.error().message);
  out.answer = std::move(*answer);
  return out;
}

}  // namespace server
