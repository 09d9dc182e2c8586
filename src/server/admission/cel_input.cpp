#include "server/admission/cel_input.h"

#include "api/rules/admission_cel.h"
#include "base/text.h"
#include "server/admission/review.h"
#include "server/auth.h"

namespace server {
namespace {

using cel::Value;

class Decision final : public cel::HostObject {
 public:
  explicit Decision(bool allowed) : allowed_(allowed) {}
  std::string_view type_name() const override { return cel::decision_name; }
  Value call(std::string_view method, std::span<const Value>) const override {
    if (method == "allowed") return Value::boolean(allowed_);
    if (method == "errored") return Value::boolean(false);
    if (method == "error" || method == "reason") return Value::string("");
    return Value::error("no such overload");
  }
  bool equals(const HostObject& other) const override {
    const auto* same = dynamic_cast<const Decision*>(&other);
    return same && same->allowed_ == allowed_;
  }

 private:
  bool allowed_;
};

// A question that is being put together: of a path, or of a resource.
class Check final : public cel::HostObject {
 public:
  Check(const Api& api, User user, Attributes asked, std::string_view type)
      : api_(api), user_(std::move(user)), asked_(std::move(asked)), type_(type) {}
  std::string_view type_name() const override { return type_; }
  Value call(std::string_view method, std::span<const Value> args) const override {
    const std::string text = args.empty() || !args[0].is(Value::Kind::string) ? std::string() : args[0].text();
    Attributes next = asked_;
    if (method == "check") {
      next.verb = text;
      return Value::object(std::make_shared<Decision>(is_allowed(api_, user_, next)));
    }
    if (method == "resource") {
      next.resource = text;
      return Value::object(std::make_shared<Check>(api_, user_, std::move(next), cel::resource_check_name));
    }
    if (method == "subresource") {
      next.subresource = text;
    } else if (method == "namespace") {
      next.ns = text;
    } else if (method == "name") {
      next.name = text;
    } else if (method != "fieldSelector" && method != "labelSelector") {  // roles do not look at selectors
      return Value::error("no such overload");
    }
    return Value::object(std::make_shared<Check>(api_, user_, std::move(next), type_));
  }

 private:
  const Api& api_;
  User user_;
  Attributes asked_;
  std::string_view type_;
};

class CelAuthorizer final : public cel::HostObject {
 public:
  CelAuthorizer(const Api& api, User user) : api_(api), user_(std::move(user)) {}
  std::string_view type_name() const override { return cel::authorizer_name; }
  Value call(std::string_view method, std::span<const Value> args) const override {
    Attributes asked;
    if (method == "path") {
      asked.path = args[0].text();
      if (asked.path.empty()) return Value::error("path must not be empty");
      return Value::object(std::make_shared<Check>(api_, user_, std::move(asked), cel::path_check_name));
    }
    if (method == "group") {
      asked.group = args[0].text();
      return Value::object(std::make_shared<Check>(api_, user_, std::move(asked), cel::group_check_name));
    }
    if (method == "serviceAccount") {
      const std::string ns = args[0].text(), name = args[1].text();
      User account{"system:serviceaccount:" + ns + ":" + name,
                   {"system:serviceaccounts", "system:serviceaccounts:" + ns, "system:authenticated"}};
      return Value::object(std::make_shared<CelAuthorizer>(api_, std::move(account)));
    }
    return Value::error("no such overload");
  }

 private:
  const Api& api_;
  User user_;
};

}  // namespace

CelInput CelInput::of(const AdmissionAttributes& asked, const std::string& version, Json object, Json old) {
  CelInput out;
  ReviewQuestion question;
  question.review_version = "v1";
  question.version = version;
  question.object = object;
  question.old = old;
  out.request = admission_review(asked, question)["request"];
  for (const char* name : {"uid", "object", "oldObject"}) out.request.erase(name);
  out.object = std::move(object);
  out.old = std::move(old);
  return out;
}

cel::Bindings CelInput::bindings() const {
  cel::Bindings out;
  out.set("object", Value::of(object)).set("oldObject", Value::of(old)).set("request", Value::of(request));
  out.set("namespaceObject", Value::of(namespace_object));
  if (has_params) out.set("params", Value::of(params));
  return out;
}

void bind_authorizer(cel::Bindings& bindings, const Api& api, const AdmissionAttributes& asked) {
  bindings.set("authorizer", Value::object(std::make_shared<CelAuthorizer>(api, asked.user)));
  Attributes resource;
  resource.group = asked.group;
  resource.resource = asked.resource;
  resource.subresource = asked.subresource;
  resource.ns = asked.ns;
  resource.name = asked.name;
  bindings.set("authorizer.requestResource",
               Value::object(std::make_shared<Check>(api, asked.user, std::move(resource), cel::resource_check_name)));
}

std::vector<CelCondition> conditions_of(const Json& list, bool params) {
  std::vector<CelCondition> out;
  if (list.empty()) return out;
  const auto environment = api::rules::admission_environment(params, true);
  for (const auto& condition : list.items()) {
    const std::string& expression = condition["expression"].string();
    out.push_back(
        {condition["name"].string(), expression, api::rules::compile_admission(environment, expression, {"bool"})});
  }
  return out;
}

Result<bool> all_hold(const std::vector<CelCondition>& conditions, const cel::Bindings& bindings) {
  std::vector<std::string> failed;
  uint64_t left = cel::match_conditions_cost_max;
  for (const auto& condition : conditions) {
    if (!condition.program) {
      failed.push_back("compilation error: " + condition.program.error().message);
      continue;
    }
    uint64_t cost = 0;
    const auto value = condition.program->evaluate(bindings, std::min(left, cel::call_cost_max), &cost);
    if (cost >= left) return base::invalid(cel_budget_spent);
    left -= cost;
    if (!value) {
      failed.push_back(cel_failure(condition.expression, value.error()));
    } else if (value->is_false()) {
      return false;
    }
  }
  if (failed.empty()) return true;
  return base::invalid(failed.size() == 1 ? failed.front() : "[" + base::join(failed, ", ") + "]");
}

std::string cel_failure(const std::string& expression, const Error& error) {
  return "expression '" + expression + "' resulted in error: " + error.message;
}

}  // namespace server
