#include "api/rules/admission_cel.h"

#include <algorithm>

#include "base/text.h"

namespace api::rules {
namespace {

using cel::TypeRef;

TypeRef names_type(const char* name, const char* last) {
  return cel::object_type(name, {{"group", "group", cel::string_type()},
                                 {"version", "version", cel::string_type()},
                                 {last, last, cel::string_type()}});
}

TypeRef request_type() {
  const TypeRef text = cel::string_type();
  const TypeRef kind = names_type("kubernetes.GroupVersionKind", "kind");
  const TypeRef resource = names_type("kubernetes.GroupVersionResource", "resource");
  const TypeRef user =
      cel::object_type("kubernetes.UserInfo", {{"username", "username", text},
                                               {"uid", "uid", text},
                                               {"groups", "groups", cel::list_type(text)},
                                               {"extra", "extra", cel::map_type(text, cel::list_type(text))}});
  return cel::object_type("kubernetes.AdmissionRequest", {{"kind", "kind", kind},
                                                          {"resource", "resource", resource},
                                                          {"subResource", "subResource", text},
                                                          {"requestKind", "requestKind", kind},
                                                          {"requestResource", "requestResource", resource},
                                                          {"requestSubResource", "requestSubResource", text},
                                                          {"name", "name", text},
                                                          {"namespace", "namespace", text},
                                                          {"operation", "operation", text},
                                                          {"userInfo", "userInfo", user},
                                                          {"dryRun", "dryRun", cel::bool_type()},
                                                          {"options", "options", cel::dyn_type()}});
}

}  // namespace

cel::Environment admission_environment(bool params, bool authorizer) {
  cel::Environment out;
  out.declare("object", cel::dyn_type()).declare("oldObject", cel::dyn_type());
  out.declare("request", request_type()).declare("namespaceObject", cel::dyn_type());
  if (params) out.declare("params", cel::dyn_type());
  if (authorizer) {
    out.declare("authorizer", cel::opaque_type(std::string(cel::authorizer_name)));
    out.declare("authorizer.requestResource", cel::opaque_type(std::string(cel::resource_check_name)));
  }
  return out;
}

base::Result<cel::Program> compile_admission(const cel::Environment& environment, std::string_view source,
                                             const std::vector<std::string>& wanted) {
  auto program = environment.compile(source);
  if (!program) return base::invalid("compilation failed: " + program.error().message);
  const auto& type = *program->type();
  const bool fits = wanted.empty() || type.kind == cel::TypeKind::dyn ||
                    std::find(wanted.begin(), wanted.end(), type.text()) != wanted.end();
  if (fits) return program;
  const std::string got = " but got " + type.text();
  if (wanted.size() == 1) return base::invalid("must evaluate to " + wanted.front() + got);
  return base::invalid("must evaluate to one of [" + base::join(wanted, " ") + "]" + got);
}

std::vector<AdmissionVariable> compile_variables(cel::Environment& environment, const Json& variables) {
  std::vector<AdmissionVariable> out;
  std::vector<cel::Field> fields;
  environment.declare("variables", cel::object_type("kubernetes.variables", fields));
  for (const auto& variable : variables.items()) {
    const std::string& name = variable["name"].string();
    auto program = compile_admission(environment, variable["expression"].string(), {});
    if (program) {
      fields.push_back({name, name, program->type()});
      environment.declare("variables", cel::object_type("kubernetes.variables", fields));
    }
    out.push_back({name, std::move(program)});
  }
  return out;
}

void check_admission_expression(const cel::Environment& environment, const Json& source,
                                const std::vector<std::string>& wanted, const std::string& field, Findings& found) {
  if (base::trim(source.string()).empty()) return;  // which another rule says
  const auto program = compile_admission(environment, source.string(), wanted);
  if (!program) found.push_back(meta::field_invalid(field, source, program.error().message));
}

}  // namespace api::rules
