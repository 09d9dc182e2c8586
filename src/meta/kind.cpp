#include "meta/kind.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"

namespace meta {

std::string Kind::resource() const { return group.empty() ? plural : plural + "." + group; }

const Version* Kind::version(std::string_view name) const {
  for (const auto& candidate : versions) {
    if (candidate.name == name) return &candidate;
  }
  return nullptr;
}

const Version& Kind::storage() const {
  const Version* found = version(storage_version);
  CHECK_THAT(found, "a kind has its storage version among its versions");
  return *found;
}

std::string Kind::api_version(std::string_view version) const {
  return group.empty() ? std::string(version) : group + "/" + std::string(version);
}

static bool by_group_and_plural(const Kind* a, const Kind* b) {
  return std::tie(a->group, a->plural) < std::tie(b->group, b->plural);
}

void Scheme::add(Kind kind) {
  owned_.push_back(std::make_unique<Kind>(std::move(kind)));
  const Kind* added = owned_.back().get();
  order_.insert(std::upper_bound(order_.begin(), order_.end(), added, by_group_and_plural), added);
}

const Kind* Scheme::by_resource(std::string_view resource) const {
  for (const Kind* kind : order_) {
    if (kind->resource() == resource) return kind;
  }
  return nullptr;
}

const Kind* Scheme::by_plural(std::string_view group, std::string_view plural) const {
  for (const Kind* kind : order_) {
    if (kind->group == group && kind->plural == plural) return kind;
  }
  return nullptr;
}

const Kind* Scheme::by_kind(std::string_view group, std::string_view name) const {
  for (const Kind* kind : order_) {
    if (kind->group == group && kind->kind == name) return kind;
  }
  return nullptr;
}

std::vector<std::string> Scheme::groups() const {
  std::vector<std::string> out;  // order_ is sorted by group and "" sorts first
  for (const Kind* kind : order_) {
    if (out.empty() || out.back() != kind->group) out.push_back(kind->group);
  }
  return out;
}

std::pair<std::string, std::string> split_api_version(std::string_view api_version) {
  const size_t slash = api_version.find('/');
  if (slash == std::string_view::npos) return {"", std::string(api_version)};
  return {std::string(api_version.substr(0, slash)), std::string(api_version.substr(slash + 1))};
}

// v2 > v1 > v1beta2 > v1beta1 > v1alpha1 > anything else by name: (rank, major, minor) with larger first.
static std::tuple<int, int64_t, int64_t> version_rank(std::string_view name) {
  const std::tuple<int, int64_t, int64_t> other{0, 0, 0};
  if (!name.starts_with('v')) return other;
  size_t digits = name.find_first_not_of("0123456789", 1);
  const auto major = base::parse_int(name.substr(1, digits == std::string_view::npos ? digits : digits - 1));
  if (!major) return other;
  if (digits == std::string_view::npos) return {3, *major, 0};
  const auto rest = name.substr(digits);
  for (const auto& [word, rank] : {std::pair<std::string_view, int>{"beta", 2}, {"alpha", 1}}) {
    if (!rest.starts_with(word)) continue;
    const auto minor = base::parse_int(rest.substr(word.size()));
    if (minor) return {rank, *major, *minor};
  }
  return other;
}

bool version_before(std::string_view a, std::string_view b) {
  const auto left = version_rank(a), right = version_rank(b);
  return left != right ? left > right : a < b;
}

}  // namespace meta
