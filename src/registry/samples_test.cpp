// The documents that are shipped as examples: every one is admitted as it is, without warnings.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "api/kinds.h"
#include "registry/admission.h"
#include "wire/yaml.h"

using namespace registry;

namespace {

// ctest runs in the root of the tree, people often in a build directory.
std::string read(const std::string& name) {
  for (const char* root : {"", "../"}) {
    std::ifstream in(root + name);
    if (in) return {std::istreambuf_iterator<char>(in), {}};
  }
  return {};
}

// As a request comes in: another version is converted, unknown fields are told.
std::string admitted(Json doc) {
  const auto [group, version] = meta::split_api_version(doc["apiVersion"].string());
  const meta::Kind* kind = api::management_scheme().by_kind(group, doc["kind"].string());
  const meta::Version* served = kind ? kind->version(version) : nullptr;
  if (!served) return "not served";
  std::vector<std::string> unknown;
  meta::prune(*served->schema, doc, true, &unknown);
  if (!unknown.empty()) return "unknown field " + unknown.front();
  if (served->to_storage) {
    auto converted = served->to_storage(std::move(doc));
    if (!converted) return converted.error().text();
    doc = std::move(*converted);
  }
  if (auto decoded = decode_object(*kind, doc); !decoded) return decoded.error().text();
  fill_in(*kind, doc, nullptr, meta::Operation::create);
  if (auto checked = check_object(*kind, doc, nullptr, meta::Operation::create); !checked) {
    return checked.error().text();
  }
  return kind->warnings && !kind->warnings(doc).empty() ? kind->warnings(doc).front() : "";
}

}  // namespace

TEST_CASE("every sample is admitted without findings and warnings") {
  for (const char* name : {"samples/inventory-20-servers.yaml", "samples/three-clusters.yaml"}) {
    const auto docs = wire::parse_yaml(read(name));
    REQUIRE(docs.ok());
    REQUIRE(docs->size() > 10);
    for (const auto& doc : *docs) {
      CAPTURE(name);
      CAPTURE(doc["kind"].string());
      CAPTURE(doc["metadata"]["name"].string());
      CHECK(admitted(doc) == "");
    }
  }
}
