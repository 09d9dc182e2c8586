// AdmissionReview (admission.k8s.io): what a webhook is asked, and what its answer says.
#pragma once

#include <map>
#include <optional>

#include "server/admission/attributes.h"

namespace server {

struct ReviewQuestion {
  std::string uid;
  std::string review_version;  // v1 or v1beta1
  std::string version;         // in which the documents are
  base::Json object, old;      // null where there is none
};
// The first of the webhook's versions that is known; nullopt when none is.
std::optional<std::string> review_version_of(const base::Json& versions);
base::Json admission_review(const AdmissionAttributes& asked, const ReviewQuestion& question);

struct ReviewAnswer {
  bool allowed = false;
  base::Json status;  // the result; null when there is none
  base::Json patch;   // operations; null when there is none
  std::vector<std::string> warnings;
  std::map<std::string, std::string> annotations;
};
// Errors: what makes the answer worthless.
base::Result<ReviewAnswer> read_review(const base::Json& review, const ReviewQuestion& question, bool mutating);

// The Status of a denial by webhook `name`.
base::Json denial(const std::string& name, const base::Json& result);

}  // namespace server
