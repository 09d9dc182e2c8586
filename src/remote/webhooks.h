// What a foreign API server calls back: conversion between versions (/convert), and for our kinds the defaults
// (/mutate) and rules (/validate) that no CustomResourceDefinition can express. Stateless: every process answers,
// leader or not.
#pragma once

#include <memory>
#include <string>

#include "meta/kind.h"
#include "sys/sys.h"

namespace remote {

using base::Json;
using base::Result;

// The answer to an AdmissionReview (admission.k8s.io/v1). Errors: bad_request when it is none.
Result<Json> answer_mutation(const meta::Scheme& scheme, const Json& review);
Result<Json> answer_validation(const meta::Scheme& scheme, const Json& review);

class Webhooks {
 public:
  struct Options {
    sys::Address listen;
    std::string certificate_pem, key_pem;
  };
  // `scheme` must outlive it.
  Webhooks(sys::Sys& sys, const meta::Scheme& scheme, Options options);
  ~Webhooks();
  Result<void> start();
  sys::Address local() const;
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace remote
