// Rules of pods and of what is made of pod templates.
#pragma once

#include "api/rules/rules.h"

namespace api::rules {

void fill_pod(Json& doc, const Json* old);
std::vector<FieldError> check_pod(const Json& doc, const Json* old, Operation operation);
// Deployments, DaemonSets, ReplicaSets, StatefulSets, PodTemplates.
void fill_workload(Json& doc, const Json* old);
std::vector<FieldError> check_workload(const Json& doc, const Json* old, Operation operation);
void fill_stateful_set(Json& doc, const Json* old);
std::vector<FieldError> check_stateful_set(const Json& doc, const Json* old, Operation operation);
void fill_replication_controller(Json& doc, const Json* old);
void fill_job(Json& doc, const Json* old);
std::vector<FieldError> check_job(const Json& doc, const Json* old, Operation operation);
void fill_cron_job(Json& doc, const Json* old);
std::vector<FieldError> check_cron_job(const Json& doc, const Json* old, Operation operation);

}  // namespace api::rules
