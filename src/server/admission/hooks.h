// The webhooks that configurations in the store name, in the order in which they are asked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/admission/cel_input.h"
#include "server/admission/match.h"

namespace server {

struct Hook {
  std::string configuration, name;
  size_t index = 0;  // among the webhooks of its sort, for audit annotations
  bool ignore_failure = false, equivalent = true, if_needed = false, harmless = true;
  base::Duration limit = base::seconds(10);
  base::Json review_versions, client_config;
  std::shared_ptr<const std::vector<CelCondition>> conditions;  // all must hold
  std::vector<AdmissionRule> rules;
  AdmissionSelectors selectors;
};
using Hooks = std::shared_ptr<const std::vector<Hook>>;

class HookIndex {
 public:
  // The kinds of the configurations are in the scheme.
  static bool serves(const meta::Scheme& scheme);

  explicit HookIndex(store::Store& store);
  ~HookIndex();
  HookIndex(const HookIndex&) = delete;

  // Sorted by configuration; stays as it is for who holds it.
  Hooks mutating();
  Hooks validating();

 private:
  Hooks read(const std::string& resource) const;

  store::Store& store_;
  Hooks mutating_, validating_;  // null: to be read
  store::Subscription subscription_;
};

}  // namespace server
