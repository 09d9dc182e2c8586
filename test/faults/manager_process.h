// A manager as a child process, and objects whose content shows whether they are whole.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <optional>

#include "../bench/api_client.h"
#include "sys/fiber.h"
#include "sys/real/real.h"

extern char** environ;

namespace faults {

using namespace client;

inline std::string padding(const std::string& name, int64_t number) {
  std::string out;
  const size_t size = size_t(number * 131 % 4000);
  while (out.size() < size) out += name + "-" + std::to_string(number) + ".";
  return out;
}

inline Json config_map(const std::string& name, int64_t number, const std::string& version) {
  Json metadata = Json::object({{"name", name}});
  if (!version.empty()) metadata.set("resourceVersion", version);
  return Json::object({{"apiVersion", "v1"},
                       {"kind", "ConfigMap"},
                       {"metadata", metadata},
                       {"data", Json::object({{"number", std::to_string(number)}, {"pad", padding(name, number)}})}});
}

struct Ports {
  std::string api, agent, boot;
};

class Process {
 public:
  Process(std::string ingot, const std::string& directory, const Ports& ports) {
    const std::string data = directory + "/data", log = directory + "/serve.log";
    const std::string listen = "127.0.0.1:" + ports.api;
    std::vector<std::string> words{ingot,
                                   "serve",
                                   "--data-dir",
                                   data,
                                   "--listen",
                                   listen,
                                   "--agent-listen",
                                   "127.0.0.1:" + ports.agent,
                                   "--boot-listen",
                                   "127.0.0.1:" + ports.boot,
                                   "--log-level",
                                   "warn"};
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    if (posix_spawn(&id_, ingot.c_str(), &files, nullptr, arguments.data(), environ) != 0) id_ = -1;
    posix_spawn_file_actions_destroy(&files);
  }
  ~Process() { end(); }
  Process(const Process&) = delete;
  pid_t id() const { return id_; }
  bool alive() const { return id_ > 0 && waitpid(id_, nullptr, WNOHANG) == 0; }
  void end() {
    if (id_ <= 0) return;
    ::kill(id_, SIGKILL);
    waitpid(id_, nullptr, 0);
    id_ = -1;
  }

 private:
  pid_t id_ = -1;
};

// Waits until it is ready.
inline Result<Api> connect(sys::Sys& sys, const std::string& directory, const Process& process, const std::string& ns) {
  const auto deadline = Clock::now() + base::seconds(60);
  while (Clock::now() < deadline) {
    if (!process.alive()) return base::unavailable("ingot serve ended; see serve.log");
    auto api = read_kubeconfig(sys, directory + "/data/admin.kubeconfig");
    if (api) {
      api->ns = ns;
      net::HttpClient client(sys.loop, sys.net, api->options);
      auto ready = client.send(api->request("GET", "/readyz"));
      if (ready && ready->status == 200) return api;
    }
    TRY(sys::sleep(sys.loop, base::milliseconds(20)));
  }
  return base::timeout("ingot serve does not become ready");
}

inline uint64_t number_in(const Json& object, const char* field) {
  return base::parse_uint(object["metadata"][field].string()).value_or(0);
}

// That nobody listens at.
inline Result<Ports> free_ports(sys::Sys& sys) {
  auto api = TRY(sys.net.listen({"127.0.0.1", 0}));
  auto agent = TRY(sys.net.listen({"127.0.0.1", 0}));
  auto boot = TRY(sys.net.listen({"127.0.0.1", 0}));
  const auto port = [](const auto& listener) { return std::to_string(listener->local().port); };
  return Ports{port(api), port(agent), port(boot)};
}

inline Result<void> make_namespace(sys::Sys& sys, const Api& api) {
  net::HttpClient client(sys.loop, sys.net, api.options);
  const std::string ns = R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":")" + api.ns + R"("}})";
  TRY(send(client, api.request("POST", "/api/v1/namespaces", ns)));
  return {};
}

}  // namespace faults
