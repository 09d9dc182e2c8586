#include "cli/why.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.h"
#include "cli/client.h"
#include "cli/session.h"
#include "cli/status.h"

namespace cli {

using base::Json;
using base::Result;

namespace {

struct Names {
  const char* kind;
  std::array<const char*, 3> also;
};
constexpr std::array<Names, 7> kinds = {{{"Cluster", {"clusters", "cl", ""}},
                                         {"KubeadmControlPlane", {"kubeadmcontrolplanes", "kcp", ""}},
                                         {"MachineDeployment", {"machinedeployments", "md", ""}},
                                         {"MachineSet", {"machinesets", "ms", ""}},
                                         {"Machine", {"machines", "ma", ""}},
                                         {"Metal3Machine", {"metal3machines", "m3m", "m3machine"}},
                                         {"BareMetalHost", {"baremetalhosts", "bmh", "host"}}}};

base::Error unknown_kind(const std::string& text) {
  std::vector<std::string> all;
  for (const auto& one : kinds) all.push_back(base::lower(one.kind) + " (" + one.also[1] + ")");
  return base::invalid("there is no answer for kind " + base::quoted(text))
      .with_fix("ask about one of " + base::join(all, ", "));
}

const Json& list_of(const StatusInput& input, std::string_view kind) {
  return kind == "Cluster"               ? input.clusters
         : kind == "KubeadmControlPlane" ? input.planes
         : kind == "MachineDeployment"   ? input.deployments
         : kind == "MachineSet"          ? input.machine_sets
         : kind == "Machine"             ? input.machines
         : kind == "Metal3Machine"       ? input.metal3machines
                                         : input.hosts;
}

// The namespace that has the object, when only one has.
Result<std::string> namespace_of(const StatusInput& input, const std::string& kind, const std::string& name) {
  std::vector<std::string> found, others;
  for (const auto& doc : list_of(input, kind).items()) {
    others.push_back(doc.path("metadata.name").string());
    if (others.back() == name) found.push_back(doc.path("metadata.namespace").string());
  }
  if (found.size() == 1) return found.front();
  if (found.size() > 1) {
    return base::invalid(kind + " " + name + " is in several namespaces: " + base::join(found, ", "))
        .with_fix("say which one with -n NAMESPACE");
  }
  constexpr size_t names_max = 10;
  const size_t count = others.size();
  if (count > names_max) others.resize(names_max);
  return base::not_found("there is no " + kind + " " + name)
      .with_fix(count == 0 ? "apply one; there is none of that kind"
                           : "ask about one of " + base::join(others, ", ") + (count > names_max ? ", ..." : ""));
}

Result<std::vector<Json>> events_of(workload::KubeClient& client, const Link& link) {
  const Json list = TRY(client.get("/api/v1/namespaces/" + link.ns + "/events?fieldSelector=involvedObject.name%3D" +
                                   link.name + "%2CinvolvedObject.kind%3D" + link.kind));
  std::vector<Json> out(list["items"].items().begin(), list["items"].items().end());
  std::stable_sort(out.begin(), out.end(), [](const Json& a, const Json& b) {
    return a["lastTimestamp"].string() < b["lastTimestamp"].string();
  });
  constexpr size_t events_max = 5;
  if (out.size() > events_max) out.erase(out.begin(), out.end() - events_max);
  return out;
}

Result<std::string> answer(sys::Sys& sys, const WhyFlags& flags) {
  const std::string kind = kind_from(flags.kind);
  if (kind.empty()) return unknown_kind(flags.kind);
  auto client = TRY(connect(sys, flags.kubeconfig));
  const StatusInput input = TRY(read_status(*client, flags.ns));
  const auto chain = chain_from(input, kind, TRY(namespace_of(input, kind, flags.name)), flags.name);
  const auto events = TRY(events_of(*client, chain.back()));
  return render_why(chain, events, sys.loop.now(), sys::terminal_width());
}

}  // namespace

std::string kind_from(std::string_view text) {
  for (const auto& one : kinds) {
    if (base::equals_ignore_case(text, one.kind)) return one.kind;
    for (const char* other : one.also) {
      if (!text.empty() && base::equals_ignore_case(text, other)) return one.kind;
    }
  }
  return {};
}

std::string render_why(const std::vector<Link>& chain, const std::vector<Json>& events, base::Time now, size_t width) {
  const Link* last = decisive(chain);
  std::string out;
  if (!last) {
    out = chain.front().kind + " " + chain.front().name + " waits for nothing.\n";
  } else {
    const CauseParts parts = parts_of(last->text);
    out = wrapped(parts.cause, width, 0);
    if (!parts.next.empty()) out += wrapped("next: " + parts.next, width, 0);
  }
  out += "\n";
  size_t depth = 0;
  for (const auto& link : chain) {
    const std::string where = depth == 0 ? "" : std::string(2 * (depth - 1), ' ') + "└ ";
    out += where + link.kind + " " + (depth == 0 ? link.ns + "/" : "") + link.name +
           (link.state.empty() ? "" : ": " + link.state) + "\n";
    ++depth;
  }
  if (events.empty()) return out;
  out += "\nLast events of " + chain.back().kind + " " + chain.back().name + ":\n";
  for (const auto& event : events) {
    const auto at = base::parse_rfc3339(event["lastTimestamp"].string());
    const int64_t count = event["count"].integer(1);
    out += "  " + (at ? base::human_duration(now - *at) + " ago" : std::string()) + "  " + event["reason"].string() +
           (count > 1 ? " (" + std::to_string(count) + " times)" : "") + "\n";
    out += wrapped(one_line(event["message"].string()), width, 6);
  }
  return out;
}

int why(sys::RealSystem& system, const WhyFlags& flags) {
  const auto text = answer(system.sys(), flags);
  if (!text) return fail(text.error());
  std::printf("%s", text->c_str());
  return 0;
}

}  // namespace cli
