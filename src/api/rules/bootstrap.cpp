#include "api/rules/bootstrap.h"

#include <set>

namespace api::rules {
namespace {

constexpr int64_t ca_validity_days = 3650;

std::string item_field(const std::string& field, size_t index) { return field + "[" + std::to_string(index) + "]"; }

void check_files(const Json& files, const std::string& field, Findings& found) {
  std::set<std::string> paths;
  for (size_t i = 0; i < files.size(); ++i) {
    const Json& file = files.at(i);
    const std::string at = item_field(field, i);
    if (file.has("content") && file.has("contentFrom")) {
      found.push_back(meta::field_invalid(at, file["path"], "only one of content and contentFrom may be set"));
    }
    if (!paths.insert(file["path"].string()).second) {
      found.push_back(meta::field_duplicate(at + ".path", file["path"]));
    }
  }
}

void check_users(const Json& users, const std::string& field, Findings& found) {
  for (size_t i = 0; i < users.size(); ++i) {
    const Json& user = users.at(i);
    if (!user.has("passwd") || !user.has("passwdFrom")) continue;
    found.push_back(
        meta::field_invalid(item_field(field, i), user["name"], "only one of passwd and passwdFrom may be set"));
  }
}

void check_partitions(const Json& partitions, const std::string& field, Findings& found) {
  for (size_t i = 0; i < partitions.size(); ++i) {
    const Json& partition = partitions.at(i);
    const std::string at = item_field(field, i);
    const bool whole = !partition["layout"].is_null(), listed = !partition["diskLayout"].empty();
    if (whole && listed) found.push_back(meta::field_forbidden(at + ".diskLayout", "may not be set along with layout"));
    if (!whole && !listed) found.push_back(meta::field_required(at + ".layout", "set layout or diskLayout"));
    int64_t percent = 0;
    for (const auto& part : partition["diskLayout"].items()) percent += part["percentage"].integer();
    if (percent > 100) {
      found.push_back(meta::field_invalid(at + ".diskLayout", percent, "the percentages add up to more than 100"));
    }
  }
}

void check_cluster_configuration(const Json& cluster, const std::string& field, Findings& found) {
  if (cluster["etcd"].has("local") && cluster["etcd"].has("external")) {
    found.push_back(meta::field_forbidden(field + ".etcd.external", "may not be set along with etcd.local"));
  }
  const Json& validity = cluster["certificateValidityPeriodDays"];
  if (validity.integer() > cluster["caCertificateValidityPeriodDays"].integer(ca_validity_days)) {
    found.push_back(meta::field_invalid(field + ".certificateValidityPeriodDays", validity,
                                        "certificates may not outlive their CA (caCertificateValidityPeriodDays)"));
  }
}

}  // namespace

void check_kubeadm_spec(const Json& spec, const std::string& field, Findings& found) {
  if (spec["format"].string() == "ignition") {
    found.push_back(meta::field_forbidden(field + ".format", "ignition is not supported; use cloud-config"));
  } else if (spec.has("ignition")) {
    found.push_back(meta::field_forbidden(field + ".ignition", "may only be set when format is ignition"));
  }
  check_files(spec["files"], field + ".files", found);
  check_users(spec["users"], field + ".users", found);
  check_partitions(spec["diskSetup"]["partitions"], field + ".diskSetup.partitions", found);
  check_cluster_configuration(spec["clusterConfiguration"], field + ".clusterConfiguration", found);
}

void fill_kubeadm_config(Json& doc, const Json*) { set_default(doc, "spec.format", "cloud-config"); }

Findings check_kubeadm_config(const Json& doc, const Json* old, Operation operation) {
  if (!is_write(operation)) return {};
  return new_findings(doc, old,
                      [](const Json& one, Findings& found) { check_kubeadm_spec(one["spec"], "spec", found); });
}

void fill_kubeadm_config_template(Json& doc, const Json*) {
  set_default(doc, "spec.template.spec.format", "cloud-config");
}

Findings check_kubeadm_config_template(const Json& doc, const Json* old, Operation operation) {
  if (!is_write(operation)) return {};
  return new_findings(doc, old, [](const Json& one, Findings& found) {
    check_kubeadm_spec(one["spec"]["template"]["spec"], "spec.template.spec", found);
  });
}

}  // namespace api::rules
