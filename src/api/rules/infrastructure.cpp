#include "api/rules/infrastructure.h"

#include <algorithm>
#include <array>

#include "api/rules/image.h"
#include "base/text.h"

namespace api::rules {
namespace {

constexpr int api_server_port = 6443;

// Operators in any case; the words of label selectors and their signs.
void check_host_selector(const Json& selector, const std::string& field, Findings& found) {
  constexpr std::array known = {"in", "=", "==", "notin", "!=", "exists", "doesnotexist", "!", "gt", "lt"};
  for (size_t i = 0; i < selector["matchExpressions"].size(); ++i) {
    const std::string& op = selector["matchExpressions"].at(i)["operator"].string();
    if (std::find(known.begin(), known.end(), base::lower(op)) != known.end()) continue;
    found.push_back(meta::field_not_supported(field + ".matchExpressions[" + std::to_string(i) + "].operator", op,
                                              {"DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"}));
  }
}

void check_machine_spec(const Json& spec, const std::string& field, Findings& found) {
  if (spec.has("image")) {
    check_image(spec["image"], field + ".image", "diskFormat", found);
  } else if (!spec.has("customDeploy")) {
    found.push_back(meta::field_required(field + ".image", "image or customDeploy says what the machine runs"));
  }
  check_host_selector(spec["hostSelector"], field + ".hostSelector", found);
}

}  // namespace

void fill_metal3_cluster(Json& doc, const Json*) {
  if (!doc["spec"]["controlPlaneEndpoint"].is_object()) return;
  set_default(doc, "spec.controlPlaneEndpoint.port", api_server_port);
}

Findings check_metal3_cluster(const Json& doc, const Json* old, Operation operation) {
  if (!is_write(operation)) return {};
  return new_findings(doc, old, [](const Json& one, Findings& found) {
    if (!one["spec"]["controlPlaneEndpoint"]["host"].string().empty()) return;
    found.push_back(meta::field_required("spec.controlPlaneEndpoint.host",
                                         "the address where the API server will be reached is not made by Metal3"));
  });
}

Findings check_metal3_machine(const Json& doc, const Json* old, Operation operation) {
  if (!is_write(operation)) return {};
  return new_findings(doc, old, [](const Json& one, Findings& found) {
    check_machine_spec(one["spec"], "spec", found);
    check_own_namespace(one, {"spec.userData", "spec.metaData", "spec.networkData"}, found);
  });
}

Findings check_metal3_machine_template(const Json& doc, const Json* old, Operation operation) {
  if (!is_write(operation)) return {};
  return new_findings(doc, old, [](const Json& one, Findings& found) {
    check_machine_spec(one["spec"]["template"]["spec"], "spec.template.spec", found);
    check_own_namespace(
        one, {"spec.template.spec.userData", "spec.template.spec.metaData", "spec.template.spec.networkData"}, found);
  });
}

}  // namespace api::rules
