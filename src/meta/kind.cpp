#include "meta/kind.h"

#include <algorithm>
#include <cstddef>
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
  // The form of a core kind in another group (events) is a version called "GROUP/v1".
  if (version.find('/') != std::string_view::npos) return std::string(version);
  return group.empty() ? std::string(version) : group + "/" + std::string(version);
}

// Where the kind is, or where it would have to be.
size_t Scheme::place(std::string_view group, std::string_view plural) const {
  const auto wanted = std::tie(group, plural);
  const auto found = std::lower_bound(order_.begin(), order_.end(), wanted, [](const Kind* kind, const auto& names) {
    const std::string_view own_group = kind->group, own_plural = kind->plural;
    return std::tie(own_group, own_plural) < names;
  });
  return static_cast<size_t>(found - order_.begin());
}

void Scheme::add(Kind kind) {
  auto made = std::make_shared<const Kind>(std::move(kind));
  const auto at = place(made->group, made->plural);
  const auto offset = static_cast<std::ptrdiff_t>(at);
  ++revision_;
  if (by_plural(made->group, made->plural)) {
    order_[at] = made.get();
    owned_[at] = std::move(made);
    return;
  }
  order_.insert(order_.begin() + offset, made.get());
  owned_.insert(owned_.begin() + offset, std::move(made));
}

void Scheme::remove(std::string_view resource) {
  const Kind* kind = by_resource(resource);
  if (!kind) return;
  const auto offset = static_cast<std::ptrdiff_t>(place(kind->group, kind->plural));
  ++revision_;
  order_.erase(order_.begin() + offset);
  owned_.erase(owned_.begin() + offset);
}

const Kind* Scheme::by_resource(std::string_view resource) const {
  const size_t dot = resource.find('.');  // a plural has none
  if (dot == std::string_view::npos) return by_plural("", resource);
  return by_plural(resource.substr(dot + 1), resource.substr(0, dot));
}

const Kind* Scheme::by_plural(std::string_view group, std::string_view plural) const {
  const size_t at = place(group, plural);
  if (at == order_.size() || order_[at]->group != group || order_[at]->plural != plural) return nullptr;
  return order_[at];
}

const Kind* Scheme::by_kind(std::string_view group, std::string_view name) const {
  for (size_t at = place(group, ""); at < order_.size() && order_[at]->group == group; ++at) {
    if (order_[at]->kind == name) return order_[at];
  }
  return nullptr;
}

std::shared_ptr<const Kind> Scheme::hold(const Kind* kind) const {
  const size_t at = kind ? place(kind->group, kind->plural) : order_.size();
  return at < order_.size() && order_[at] == kind ? owned_[at] : nullptr;
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
