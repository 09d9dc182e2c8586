#include "server/admission/admission.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "base/text.h"
#include "registry/admission.h"
#include "server/convert.h"
#include "sys/fiber.h"

namespace server {
namespace {

// Those that could be locked out by what they configure.
bool is_exempt(const Kind& kind) {
  static const std::set<std::string_view> kinds = {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
                                                   "ValidatingAdmissionPolicy",    "ValidatingAdmissionPolicyBinding",
                                                   "MutatingAdmissionPolicy",      "MutatingAdmissionPolicyBinding"};
  return kind.group == "admissionregistration.k8s.io" && kinds.contains(kind.kind);
}

bool could_match(const std::vector<Hook>& hooks, const AdmissionAttributes& asked, const Kind& kind) {
  return std::any_of(hooks.begin(), hooks.end(), [&](const Hook& hook) {
    return version_wanted(hook.rules, hook.equivalent, asked, kind).has_value();
  });
}

// What is wrong with managed fields; "" when nothing is.
std::string managed_fields_problem(const Json& entries) {
  if (!entries.is_null() && !entries.is_array()) return "managedFields is no list";
  for (const auto& entry : entries.items()) {
    const auto& operation = entry["operation"].string();
    if (operation != "Apply" && operation != "Update") {
      return "metadata.managedFields: Invalid value: " + base::quoted(operation) +
             ": operation must be `Apply` or `Update`";
    }
    if (entry["fieldsType"].string() != "FieldsV1") {
      return "metadata.managedFields: Invalid value: " + base::quoted(entry["fieldsType"].string()) +
             ": fieldsType must be `FieldsV1`";
    }
    const auto& fields = entry["fieldsV1"];
    if (!fields.is_object() && !fields.is_null()) return "metadata.managedFields: fieldsV1 is no object";
    for (const auto& [key, value] : fields.members()) {
      const bool known = key == "." || key.starts_with("f:") || key.starts_with("k:") || key.starts_with("v:") ||
                         key.starts_with("i:");
      if (!known) return "error decoding managed fields: unrecognized key " + base::quoted(key);
    }
  }
  return {};
}

}  // namespace

RequestAdmission::RequestAdmission(Call& call, std::string operation, std::string options_kind, Json options)
    : call_(call), control_(call.api.admission) {
  const auto& route = call.route;
  asked_.operation = std::move(operation);
  asked_.group = route.group;
  asked_.version = route.version;
  asked_.kind = call.kind().kind;
  asked_.resource = route.plural;
  asked_.subresource = route.subresource;
  asked_.ns = route.ns;
  asked_.name = route.name;
  asked_.user = call.user;
  asked_.dry_run = !options["dryRun"].empty();
  asked_.options = Json::object({{"kind", std::move(options_kind)}, {"apiVersion", "meta.k8s.io/v1"}});
  for (const auto& [key, value] : options.members()) {
    if (key != "kind" && key != "apiVersion") asked_.options.set(key, value);
  }
  if (asked_.is_namespace() && asked_.ns.empty()) asked_.ns = asked_.name;
  if (!control_ || is_exempt(call.kind())) return;
  mutating_ = control_->hooks.mutating();
  validating_ = control_->hooks.validating();
  policies_ = control_->policies.all();
}

registry::Admission* RequestAdmission::hook() {
  if (!mutating_) return nullptr;
  const bool wanted = could_match(*mutating_, asked_, call_.kind()) ||
                      could_match(*validating_, asked_, call_.kind()) ||
                      server::could_match(*policies_, asked_, call_.kind());
  return wanted ? this : nullptr;
}

Result<Json> RequestAdmission::mutate(const Kind&, Json doc, const Json* stored) {
  if (asked_.name.empty() && asked_.operation == "CREATE") asked_.name = doc["metadata"]["name"].string();
  if (asked_.is_namespace() && asked_.ns.empty()) asked_.ns = asked_.name;
  return mutate_all({std::move(doc), stored ? *stored : Json()}, stored);
}

Result<void> RequestAdmission::validate(const Kind&, const Json* doc, const Json* stored) {
  return validate_all({doc ? *doc : Json(), stored ? *stored : Json()});
}

Result<Json> RequestAdmission::mutate_part(Json doc, const Json& old) {
  if (!hook()) return doc;
  as_is_ = true;
  return mutate_all({std::move(doc), old}, nullptr);
}

Result<void> RequestAdmission::validate_part(const Json& doc, const Json& old) {
  if (!hook()) return {};
  as_is_ = true;
  return validate_all({doc, old});
}

Result<Json> RequestAdmission::mutate_all(Documents docs, const Json* stored) {
  const Json before = docs.object;
  const Hooks hooks = mutating_;
  std::set<const Hook*> called, again;  // with IfNeeded: already asked; to be asked once more
  bool changed_at_all = false;
  for (const int round : {0, 1}) {
    if (round == 1 && !changed_at_all) break;
    for (const auto& hook : *hooks) {
      const auto found = TRY(target(hook, docs));
      if (!found || (round == 1 && !again.contains(&hook))) continue;
      const bool changed = TRY(mutate_by(*found, docs, stored, round));
      if (changed) {
        again.insert(called.begin(), called.end());
        called.clear();
        changed_at_all = true;
      }
      if (hook.if_needed) called.insert(&hook);
    }
  }
  if (!docs.object.is_null()) restore_managed_fields(docs.object, before);
  return std::move(docs.object);
}

// Whether the object is another now.
Result<bool> RequestAdmission::mutate_by(const Target& target, Documents& docs, const Json* stored, int round) {
  const Hook& hook = *target.hook;
  TRY(check_dry_run(hook));
  ReviewQuestion question;
  question.version = target.version;
  question.object = TRY(shown(docs.object, target.version));
  question.old = TRY(shown(docs.old, target.version));
  const std::string place = "round_" + std::to_string(round) + "_index_" + std::to_string(hook.index);
  const auto annotate = [&](bool changed) {
    const Json value =
        Json::object({{"configuration", hook.configuration}, {"webhook", hook.name}, {"mutated", changed}});
    call_.annotate("mutation.webhook.admission.k8s.io/" + place, value.dump());
    return changed;
  };
  const Verdict verdict = ask(control_->clients, control_->random, hook, asked_, question, true);
  if (verdict.failed) {
    annotate(false);
    if (!hook.ignore_failure) return base::internal(verdict.failure);
    base::log::warn("webhook failed and is ignored", {{"webhook", hook.name}, {"error", verdict.failure}});
    call_.annotate("failed-open.mutation.webhook.admission.k8s.io/" + place, hook.name);
    return false;
  }
  note(hook, verdict.answer);
  if (!verdict.answer.allowed) {
    annotate(false);
    return denied(hook, denial(hook.name, verdict.answer.status));
  }
  if (verdict.answer.patch.is_null()) return annotate(false);
  if (question.object.is_null()) {
    return base::internal("admission webhook " + base::quoted(hook.name) +
                          " attempted to modify the object, which is not supported for this operation");
  }
  auto patched = base::json_patch(question.object, verdict.answer.patch);
  if (!patched) return base::internal(patched.error().message);
  if (!patched->is_object())
    return base::internal("the patch of webhook " + base::quoted(hook.name) + " leaves no object");
  const Json patch = Json::object({{"configuration", hook.configuration},
                                   {"webhook", hook.name},
                                   {"patch", verdict.answer.patch},
                                   {"patchType", "JSONPatch"}});
  call_.annotate("patch.webhook.admission.k8s.io/" + place, patch.dump());
  if (*patched == question.object) return annotate(false);
  docs.object = TRY(taken_back(std::move(*patched), target.version, docs.object, stored));
  return annotate(true);
}

Result<void> RequestAdmission::validate_all(const Documents& docs) {
  struct Asked {
    Hook hook;
    ReviewQuestion question;
    Verdict verdict;
    size_t done = 0;  // its place in the order of answers; 0 while there is none
  };
  // The fibers below may outlive the request, so what they use is theirs.
  struct Shared {
    std::vector<Asked> all;
    AdmissionAttributes attributes;
    std::shared_ptr<AdmissionControl> control;
    size_t done = 0;
  };
  TRY(judge_all(docs));
  auto shared = std::make_shared<Shared>();
  const Hooks hooks = validating_;
  for (const auto& hook : *hooks) {
    const auto found = TRY(target(hook, docs));
    if (!found) continue;
    ReviewQuestion question;
    question.version = found->version;
    question.object = TRY(shown(docs.object, found->version));
    question.old = TRY(shown(docs.old, found->version));
    shared->all.push_back({hook, std::move(question), {}, 0});
  }
  if (shared->all.empty()) return {};
  for (const auto& one : shared->all) TRY(check_dry_run(one.hook));
  shared->attributes = asked_;
  shared->control = control_;
  const auto run = [shared](size_t i) {
    auto& one = shared->all[i];
    one.verdict = ask(shared->control->clients, shared->control->random, one.hook, shared->attributes,
                      std::move(one.question), false);
    one.done = ++shared->done;
  };
  std::vector<sys::Fiber> fibers;
  for (size_t i = 1; i < shared->all.size(); ++i) {
    fibers.push_back(sys::spawn(call_.api.sys.loop, "webhook", [run, i] { run(i); }));
  }
  run(0);
  for (auto& fiber : fibers) TRY(fiber.join());

  const Asked* first = nullptr;  // of those that say no
  for (const auto& one : shared->all) {
    if (!one.verdict.failed) note(one.hook, one.verdict.answer);
    if (one.verdict.failed && one.hook.ignore_failure) {
      base::log::warn("webhook failed and is ignored", {{"webhook", one.hook.name}, {"error", one.verdict.failure}});
      call_.annotate(
          "failed-open.validating.webhook.admission.k8s.io/round_0_index_" + std::to_string(&one - shared->all.data()),
          one.hook.name);
      continue;
    }
    const bool refuses = one.verdict.failed || !one.verdict.answer.allowed;
    if (refuses && (!first || one.done < first->done)) first = &one;
  }
  if (!first) return {};
  if (first->verdict.failed) return base::internal(first->verdict.failure);
  return denied(first->hook, denial(first->hook.name, first->verdict.answer.status));
}

Result<std::optional<RequestAdmission::Target>> RequestAdmission::target(const Hook& hook,
                                                                         const Documents& docs) const {
  const auto in_namespace = hook.selectors.match_namespace(asked_, docs.object, call_.api.registry);
  if (in_namespace && !*in_namespace) return std::optional<Target>();
  if (!hook.selectors.match_object(docs.object, docs.old)) return std::optional<Target>();
  auto version = version_wanted(hook.rules, hook.equivalent, asked_, call_.kind());
  if (!version) return std::optional<Target>();
  if (!in_namespace) return in_namespace.error();
  if (!hook.conditions->empty() && !TRY(conditions_hold(hook, *version, docs))) return std::optional<Target>();
  return std::optional<Target>({&hook, std::move(*version)});
}

Result<bool> RequestAdmission::conditions_hold(const Hook& hook, const std::string& version,
                                               const Documents& docs) const {
  Json object = TRY(shown(docs.object, version)), old = TRY(shown(docs.old, version));
  const CelInput input = CelInput::of(asked_, version, std::move(object), std::move(old));
  auto bindings = input.bindings();
  bind_authorizer(bindings, call_.api, asked_);
  auto hold = all_hold(*hook.conditions, bindings);
  if (hold || !hook.ignore_failure) {
    if (hold) return *hold;
    return registry::forbidden(call_.kind(), asked_.name, hold.error().message);
  }
  return false;
}

Result<void> RequestAdmission::judge_all(const Documents& docs) {
  if (policies_->empty()) return {};
  const PolicyQuestion question{
      call_.api,   asked_,   call_.kind(),
      docs.object, docs.old, [this](const Json& doc, const std::string& version) { return shown(doc, version); }};
  auto verdict = judge(*policies_, question);
  for (auto& text : verdict.warnings) call_.warn(std::move(text));
  for (auto& [key, value] : verdict.annotations) call_.annotate(key, std::move(value));
  if (!verdict.denial) return {};
  call_.refusal = policy_denial(asked_, docs.object.is_null() ? docs.old : docs.object, *verdict.denial);
  return Error{.code = base::Code::forbidden, .message = (*call_.refusal)["message"].string()};
}

Result<Json> RequestAdmission::shown(const Json& doc, const std::string& version) const {
  if (as_is_ || doc.is_null()) return doc;
  const auto* wanted = call_.kind().version(version);
  CHECK_THAT(wanted, "a version that was matched is one of the kind");
  return to_version(call_.kind(), *wanted, doc);
}

// What a webhook made of the object, in the storage version, in form and with defaults again.
Result<Json> RequestAdmission::taken_back(Json patched, const std::string& version, const Json& before,
                                          const Json* stored) const {
  if (as_is_) return patched;
  const Kind& kind = call_.kind();
  Json doc = TRY(to_storage(kind, *kind.version(version), std::move(patched), &before));
  TRY(registry::decode_object(kind, doc));
  const bool status = asked_.subresource == "status";
  const auto update = status ? meta::Operation::update_status : meta::Operation::update;
  registry::fill_in(kind, doc, stored, stored ? update : meta::Operation::create);
  return doc;
}

Result<void> RequestAdmission::check_dry_run(const Hook& hook) const {
  if (!asked_.dry_run || hook.harmless) return {};
  return registry::bad_request("admission webhook " + base::quoted(hook.name) + " does not support dry run");
}

// The code only says that it is no conflict, which would be tried again; the Status is what the client gets.
Error RequestAdmission::denied(const Hook& hook, const Json& status) {
  call_.refusal = status;
  base::log::debug("webhook denied a request", {{"webhook", hook.name}});
  return {.code = base::Code::forbidden, .message = status["message"].string()};
}

void RequestAdmission::note(const Hook& hook, const ReviewAnswer& answer) {
  for (const auto& warning : answer.warnings) call_.warn(warning);
  for (const auto& [key, value] : answer.annotations) call_.annotate(hook.name + "/" + key, value);
}

void RequestAdmission::restore_managed_fields(Json& doc, const Json& before) {
  if (as_is_) return;
  const auto& had = before["metadata"]["managedFields"];
  const auto why = managed_fields_problem(doc["metadata"]["managedFields"]);
  if (why.empty()) return;
  if (had.is_null()) {
    doc.child("metadata").erase("managedFields");
  } else {
    doc.child("metadata").set("managedFields", had);
  }
  call_.warn(
      ".metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating "
      "admission controller; please fix your requests: " +
      why);
}

}  // namespace server
