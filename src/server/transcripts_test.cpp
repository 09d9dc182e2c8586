// Replays what a real kube-apiserver was asked and compares our answers with its answers. How they are recorded and
// what the files mean: test/transcripts/README.md.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "api/kinds.h"
#include "base/text.h"
#include "crypto/x509.h"
#include "registry/custom_resources.h"
#include "registry/housekeeping.h"
#include "server/rbac.h"
#include "server/test_server.h"
#include "server/transcript_diff.h"

namespace server {
namespace {

constexpr const char* folder = "test/transcripts/";
constexpr const char* compared_headers[] = {"content-type", "warning",  "retry-after", "cache-control",
                                            "vary",         "location", "allow",       "www-authenticate"};

// ctest runs in the root of the tree, people often in a build directory.
std::string root() { return std::filesystem::exists(folder) ? "" : "../"; }

std::string read(const std::string& name) {
  std::ifstream in(name);
  REQUIRE_MESSAGE(in.good(), name);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The kinds of a manager and those of a workload cluster together.
meta::Scheme every_kind() {
  meta::Scheme scheme = api::management_scheme();
  for (const auto* kind : api::workload_scheme().kinds()) {
    if (!scheme.by_resource(kind->resource())) scheme.add(*kind);
  }
  return scheme;
}

// kube-apiserver alone: without the controllers of kube-controller-manager.
struct Peer {
  Peer() {
    registry::HousekeepingOptions only_namespaces;
    only_namespaces.garbage_collector = false;
    housekeeping = std::make_unique<registry::Housekeeping>(sys, registry, only_namespaces);
    pass(base::milliseconds(10));
    housekeeping.reset();  // the namespaces exist; those that are deleted stay
    options.tokens = [](std::string_view token) -> std::optional<User> {
      if (token == "admin" || token == "admin-token") return User{"admin", {"system:masters"}, "admin-uid"};
      if (token == "alice" || token == "alice-token") return User{"alice", {"developers"}, "alice-uid"};
      return std::nullopt;
    };
    make_bootstrap_roles(registry);
    static const std::string key = crypto::generate_ec_p256_pem();
    options.service_account_key_pem = key;
    api = std::make_unique<ApiServer>(sys, registry, options);
    pass(base::milliseconds(10));
  }
  ~Peer() { sys.loop.shut(); }

  void pass(base::Duration span) {
    bool due = false;
    sys.loop.after(span, [&] { due = true; });
    REQUIRE(world.loop().run_until([&] { return due; }));
  }
  net::Response send(net::Request request) {
    TestExchange exchange(sys.loop, std::move(request));
    auto fiber = sys::spawn(sys.loop, "request", [&] { api->handle(exchange); });
    REQUIRE(world.loop().run_until([&] { return fiber.done(); }));
    return std::move(exchange.response);
  }
  TestWatch watch(net::Request request) {
    TestWatch out;
    out.exchange = std::make_unique<TestExchange>(sys.loop, std::move(request));
    out.fiber = sys::spawn(sys.loop, "watch", [this, exchange = out.exchange.get()] { api->handle(*exchange); });
    pass(base::milliseconds(10));
    return out;
  }

  sys::SimWorld world{3};
  sys::Sys& sys = world.process("10.0.0.1", "disk");
  meta::Scheme scheme = every_kind();
  std::unique_ptr<store::Store> store = Fixture::open(sys, nullptr, {});
  registry::Registry registry{sys, *store, scheme};
  Options options;
  registry::CustomResources custom{sys.loop, registry, scheme, [this] {
                                     if (api) api->kinds_changed();
                                   }};
  std::unique_ptr<registry::Housekeeping> housekeeping;
  std::unique_ptr<ApiServer> api;
};

class Replay {
 public:
  Replay(std::string scenario, std::vector<Difference>& out) : scenario_(std::move(scenario)), out_(out) {}

  void run(const Json& transcript) {
    for (const auto& step : transcript["steps"].items()) {
      at_ = scenario_ + "/" + step["step"].string();
      if (step.has("pause")) {
        peer_.pass(base::milliseconds(static_cast<int64_t>(step["pause"].number() * 1000)));
      } else if (step.has("collect")) {
        collect(step);
      } else if (auto request = request_of(step)) {
        answer_of(step, *request);
      }
    }
  }

 private:
  std::string filled(const std::string& text, bool& known) const {
    const auto out = tokens_.fill(text);
    if (!out) known = false;
    return out.value_or(text);
  }
  Json filled(const Json& value, bool& known) const {
    if (value.is_string()) return filled(value.string(), known);
    Json out = value;
    if (value.is_array()) {
      for (auto& item : out.mutable_items()) item = filled(Json(item), known);
    }
    if (value.is_object()) {
      for (auto& [name, member] : out.mutable_members()) member = filled(Json(member), known);
    }
    return out;
  }

  std::optional<net::Request> request_of(const Json& step) {
    bool known = true;
    net::Request request{.method = step["method"].string(), .target = filled(step["path"].string(), known)};
    request.headers.set("User-Agent", "recorder/1.0");
    request.headers.set("Accept", step["accept"].string_or("application/json"));
    if (step.has("body")) request.body = filled(step["body"], known).dump();
    if (step.has("text")) request.body = filled(step["text"].string(), known);
    if (step.has("base64")) request.body = base::unbase64(step["base64"].string()).value_or("");
    if (!request.body.empty() || step.has("type")) {
      request.headers.set("Content-Type", step["type"].string_or("application/json"));
    }
    const auto user = step["user"].string_or("admin");
    if (user != "nobody") request.headers.set("Authorization", "Bearer " + user);
    for (const auto& [name, value] : step["headers"].members()) request.headers.set(name, value.string());
    if (known) return request;
    out_.push_back({at_, "request", step["path"].string(), "needs a value that no answer gave"});
    return std::nullopt;
  }

  void answer_of(const Json& step, net::Request& request) {
    if (step["watch"].boolean()) return open_watch(step, std::move(request));
    // What takes the real server a moment may take us one.
    for (int tries = step["eventually"].boolean() ? 100 : 1; tries > 0; --tries) {
      const auto response = peer_.send(request);
      peer_.pass(base::milliseconds(2));
      std::vector<Difference> found;
      Tokens tokens = tokens_;
      compare_answer(step, response, tokens, found);
      if (!found.empty() && tries > 1) {
        peer_.pass(base::milliseconds(100));
        continue;
      }
      tokens_ = std::move(tokens);
      out_.insert(out_.end(), found.begin(), found.end());
      return;
    }
  }

  static std::string header(const net::Response& response, std::string_view name) {
    std::string out;
    for (const auto& [key, value] : response.headers.all()) {
      if (base::equals_ignore_case(key, name)) out += (out.empty() ? "" : "\n") + value;
    }
    return out;
  }

  // The order of several warnings is often chance in the original.
  static std::string in_order(const std::string& lines) {
    std::vector<std::string> all;
    for (const auto line : base::split(lines, '\n')) all.emplace_back(line);
    std::sort(all.begin(), all.end());
    return base::join(all, "\n");
  }

  void compare_head(const Json& step, const net::Response& response, Tokens& tokens, std::vector<Difference>& found) {
    if (step["status"].integer() != response.status) {
      found.push_back({at_, "status", step["status"].dump(), std::to_string(response.status)});
    }
    for (const auto* name : compared_headers) {
      const auto recorded = in_order(step["answer_headers"][name].string());
      const auto ours = in_order(header(response, name));
      if (!tokens.matches(recorded, ours)) {
        found.push_back({at_, std::string("header.") + name, "\"" + recorded + "\"", "\"" + ours + "\""});
      }
    }
  }

  void compare_answer(const Json& step, const net::Response& response, Tokens& tokens, std::vector<Difference>& found) {
    // The HTTP server leaves it out.
    const std::string body = step["method"].string() == "HEAD" ? "" : response.body;
    const auto parsed = base::parse_json(body);
    if (step["setup"].boolean()) {
      std::vector<Difference> ignored;
      if (parsed) compare(at_, "", step["learn"], *parsed, tokens, ignored);
      if (response.status >= 300) found.push_back({at_, "status", step["status"].dump(), response.body});
      return;
    }
    compare_head(step, response, tokens, found);
    if (step.has("answer_base64")) {
      const auto recorded = base::unbase64(step["answer_base64"].string()).value_or("");
      return compare(at_, "protobuf", readable_protobuf(recorded), readable_protobuf(body), tokens, found);
    }
    if (step.has("answer_text")) {
      if (!tokens.matches(step["answer_text"].string(), body)) {
        found.push_back({at_, "text", step["answer_text"].dump(), Json(body).dump()});
      }
    } else if (!parsed) {
      found.push_back({at_, "body", step["answer"].dump(), Json(response.body).dump()});
    } else {
      compare(at_, "body", step["answer"], step.has("only") ? picked(*parsed, step["only"]) : *parsed, tokens, found);
    }
  }

  static Json picked(const Json& document, const Json& paths) {
    Json out = Json::array();
    for (const auto& path : paths.items()) {
      const Json* at = &document;
      for (const auto& key : path.items()) at = &(*at)[key.string()];
      out.push(*at);
    }
    return out;
  }

  void open_watch(const Json& step, net::Request request) {
    auto watch = peer_.watch(std::move(request));
    compare_head(step, watch.exchange->response, tokens_, out_);
    if (step.has("answer_base64")) {
      const auto recorded = base::unbase64(step["answer_base64"].string()).value_or("");
      const auto ours = readable_protobuf(watch.exchange->response.body);
      compare(at_, "protobuf", readable_protobuf(recorded), ours, tokens_, out_);
    }
    if (step.has("answer")) {
      const auto parsed = base::parse_json(watch.exchange->response.body);
      compare(at_, "body", step["answer"], parsed ? *parsed : Json(watch.exchange->response.body), tokens_, out_);
    }
    watches_.emplace(step["step"].string(), std::move(watch));
  }

  static void sort_by_name(Json& events) {
    const auto key = [](const Json& e) { return e["object"]["metadata"]["name"].string() + e["type"].string(); };
    auto& items = events.mutable_items();
    std::stable_sort(items.begin(), items.end(), [&](const Json& a, const Json& b) { return key(a) < key(b); });
  }

  void collect(const Json& step) {
    const auto found = watches_.find(step["collect"].string());
    if (found == watches_.end()) return out_.push_back({at_, "events", step["events"].dump(), "(no watch)"});
    auto& watch = found->second;
    peer_.pass(base::milliseconds(300));
    Json recorded = step["events"], ours = Json::array();
    const bool protobuf = watch.exchange->response.headers.get("Content-Type").find("protobuf") != std::string::npos;
    const auto& stream = watch.exchange->response.body;
    for (auto& event : protobuf ? readable_frames(stream, watch.read) : Fixture::events(watch)) {
      ours.push(std::move(event));
    }
    for (auto& event : recorded.mutable_items()) {
      if (event.has("base64")) event = readable_event(base::unbase64(event["base64"].string()).value_or(""));
    }
    if (step["sort"].boolean()) {
      sort_by_name(recorded);
      sort_by_name(ours);
    }
    // By place: events have no names.
    for (size_t i = 0; i < std::max(recorded.size(), ours.size()); ++i) {
      compare(at_, "events[" + std::to_string(i) + "]", recorded.at(i), ours.at(i), tokens_, out_);
    }
    compare(at_, "ended", step["ended"], watch.fiber.done(), tokens_, out_);
  }

  std::string scenario_, at_;
  std::vector<Difference>& out_;
  Tokens tokens_;
  Peer peer_;
  std::map<std::string, TestWatch> watches_;
};

}  // namespace

TEST_CASE("transcripts: we answer as a real kube-apiserver did") {
  std::vector<std::string> files;
  for (const auto& file : std::filesystem::directory_iterator(root() + folder + "recorded")) {
    files.push_back(file.path().string());
  }
  std::sort(files.begin(), files.end());
  REQUIRE_FALSE(files.empty());
  std::vector<Difference> found;
  for (const auto& file : files) {
    const auto transcript = base::parse_json(read(file));
    REQUIRE_MESSAGE(transcript.ok(), file);
    Replay(std::filesystem::path(file).stem().string(), found).run(*transcript);
  }
  auto accepted = Accepted::parse(read(root() + folder + "accepted.txt"));
  for (const auto& line : accepted.malformed) FAIL_CHECK("accepted.txt: not \"step | path | why\": " << line);
  const auto brief = [](const std::string& text) { return text.size() > 600 ? text.substr(0, 600) + "..." : text; };
  for (const auto& one : found) {
    if (accepted.covers(one)) continue;
    FAIL_CHECK(one.step << " | " << one.path << " | recorded " << brief(one.recorded) << " OURS " << brief(one.ours));
  }
  for (const auto& line : accepted.unused()) FAIL_CHECK("accepted.txt: no such difference any more: " << line);
}

}  // namespace server
