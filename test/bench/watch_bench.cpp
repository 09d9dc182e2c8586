// What a watch costs a running manager: memory of idle ones, and how long and how much processor time it takes to bring
// an event to all of them. Over HTTP/1.1 every watch has a connection, over HTTP/2 many share one. Prints; checks
// nothing.
//   bench_watch --kubeconfig FILE --process PID [--http 1|2] [--watchers N] [--per-connection N] [--events N]
//     [--rest SECONDS] [--opening N] [--head 0] [DIRECTORY, not used]
#include "api_client.h"
#include "sys/fiber.h"
#include "sys/real/real.h"

namespace {

using namespace client;

constexpr base::Duration limit = base::seconds(60);
constexpr std::string_view mark = "\"sent\":\"";
constexpr size_t digits = 19;
constexpr int64_t padding = 1'000'000'000'000'000'000;  // so that every moment has so many digits

struct Flags {
  std::string kubeconfig;
  int process = 0, http = 2, watchers = 1000, per_connection = 100, events = 200, rest = 65;
  int head = 1;
  int opening = 50;  // connections that may be shaking hands at a time
};

Result<Flags> parse_flags(int count, char** arguments) {
  Flags flags;
  const std::vector<std::pair<std::string_view, int*>> numbers{
      {"--process", &flags.process},   {"--http", &flags.http},
      {"--watchers", &flags.watchers}, {"--per-connection", &flags.per_connection},
      {"--events", &flags.events},     {"--rest", &flags.rest},
      {"--opening", &flags.opening},   {"--head", &flags.head}};
  for (int i = 1; i < count; ++i) {
    const std::string_view name = arguments[i];
    if (!name.starts_with("--")) continue;
    if (i + 1 == count) return base::invalid(std::string(name) + " needs a value");
    const std::string value = arguments[++i];
    if (name == "--kubeconfig") flags.kubeconfig = value;
    for (const auto& [known, into] : numbers)
      if (name == known) *into = int(base::parse_int(value).value_or(0));
  }
  if (flags.http == 1) flags.per_connection = 1;
  if (flags.per_connection < 1 || flags.per_connection > 250) return base::invalid("--per-connection is 1 to 250");
  return flags;
}

struct Bench {
  sys::Sys& sys;
  Api api;
  Flags flags;
  std::string target;
  size_t open = 0, got = 0, wanted = 0;
  bool failed = false;
  std::vector<double> samples;
  std::string why;  // it failed
  int opening = 0;
  sys::Signal progress{sys.loop}, door{sys.loop};

  // Finds the moments at which the events in `bytes` were sent; `carry` is what may be the beginning of one.
  void scan(std::string& carry, std::string_view bytes) {
    carry += bytes;
    size_t from = 0;
    for (size_t at = carry.find(mark); at != std::string::npos; at = carry.find(mark, from)) {
      from = at;
      if (carry.size() < at + mark.size() + digits) break;
      const auto sent = base::parse_int(std::string_view(carry).substr(at + mark.size(), digits));
      if (sent) samples.push_back(seconds_since(Clock::time_point(Clock::duration(*sent - padding))) * 1000);
      from = at + mark.size() + digits;
      if (++got == wanted) progress.set();
    }
    if (from == 0 && carry.size() > mark.size()) from = carry.size() - mark.size();
    carry.erase(0, from);
  }
  void opened() {
    if (++open == size_t(flags.watchers)) progress.set();
  }
  void end(const std::string& reason) {
    if (!failed) why = reason;
    failed = true;
    progress.set();
    door.set();
  }
  // As few handshakes at a time as this one thread can keep up with; where a server's patience ends is not the
  // question.
  Result<void> enter() {
    while (opening >= flags.opening && !failed) {
      door.clear();
      TRY(door.wait());
    }
    ++opening;
    return {};
  }
  void leave() {
    --opening;
    door.set();
  }
};

Result<std::unique_ptr<sys::Stream>> connect(Bench& bench) {
  const auto& options = bench.api.options;
  auto plain = TRY(bench.sys.net.connect(options.server, limit));
  auto tls = options.tls_options;
  tls.alpn = {bench.flags.http == 2 ? "h2" : "http/1.1"};
  return bench.sys.net.start_tls(std::move(plain), tls, limit);
}

Result<std::unique_ptr<sys::Stream>> dial(Bench& bench) {
  TRY(bench.enter());
  auto made = connect(bench);
  bench.leave();
  return made;
}

void watch_http1(Bench& bench) {
  auto stream = dial(bench);
  if (!stream) return bench.end(stream.error().text());
  const std::string request = "GET " + bench.target + " HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\n" +
                              "User-Agent: bench/1.0\r\n\r\n";
  if (!(*stream)->write(request, limit)) return bench.end("the request could not be sent");
  std::string carry, head;
  bool begun = false;
  for (;;) {
    auto bytes = (*stream)->read(64u << 10, sys::no_limit);
    if (!bytes || bytes->empty()) return begun ? void() : bench.end(bytes ? "closed" : bytes.error().text());
    if (!begun) {
      head += *bytes;
      if (head.find("\r\n\r\n") == std::string::npos) continue;
      if (!head.starts_with("HTTP/1.1 200")) return bench.end(head);
      begun = true;
      bench.opened();
    }
    bench.scan(carry, *bytes);
  }
}

std::string frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string out;
  for (int shift = 16; shift >= 0; shift -= 8) out.push_back(char(payload.size() >> shift));
  out.push_back(char(type));
  out.push_back(char(flags));
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(char(stream >> shift));
  return out.append(payload);
}

void add_field(std::string& out, std::string_view name, std::string_view value) {
  out.push_back('\0');  // a literal that is not indexed (RFC 7541 6.2.2); both texts are shorter than 127 bytes
  out.push_back(char(name.size()));
  out.append(name);
  out.push_back(char(value.size()));
  out.append(value);
}

// The frames of `streams` watches, with windows so large that none is ever full.
std::string opening(const Bench& bench, int streams) {
  std::string out = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  out += frame(4, 0, 0, std::string("\0\4\x7f\xff\xff\xff", 6));
  out += frame(8, 0, 0, std::string("\x7f\xff\0\0", 4));
  std::string fields;
  add_field(fields, ":method", "GET");
  add_field(fields, ":scheme", "https");
  add_field(fields, ":authority", "bench");
  add_field(fields, ":path", bench.target);
  add_field(fields, "accept", "application/json");
  add_field(fields, "user-agent", "bench/1.0");
  for (int i = 0; i < streams; ++i) out += frame(1, 5, uint32_t(2 * i + 1), fields);
  return out;
}

void watch_http2(Bench& bench, int streams) {
  auto stream = dial(bench);
  if (!stream) return bench.end(stream.error().text());
  if (!(*stream)->write(opening(bench, streams), limit)) return bench.end("the requests could not be sent");
  std::string pending;
  std::vector<std::string> carry(size_t(streams) + 1);
  for (;;) {
    auto bytes = (*stream)->read(64u << 10, sys::no_limit);
    if (!bytes || bytes->empty()) return;
    pending += *bytes;
    size_t at = 0;
    const auto byte = [&](size_t i) { return size_t(uint8_t(pending[at + i])); };
    while (pending.size() >= at + 9) {
      const size_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
      if (pending.size() < at + 9 + size) break;
      const size_t type = byte(3), flags = byte(4), id = byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8);
      const std::string_view payload = std::string_view(pending).substr(at + 9, size);
      if (type == 0) bench.scan(carry[std::min(carry.size() - 1, id / 2)], payload);
      if (type == 1) bench.opened();
      if (type == 3 || type == 7) bench.end("a frame of type " + std::to_string(type));
      if ((type == 4 || type == 6) && (flags & 1) == 0)
        if (!(*stream)->write(frame(uint8_t(type), 1, 0, type == 6 ? payload : ""), limit)) return;
      at += 9 + size;
    }
    pending.erase(0, at);
  }
}

std::string event(const std::string& name) {
  Json data = Json::object({{"sent", std::to_string(Clock::now().time_since_epoch().count() + padding)}});
  for (int i = 0; i < 8; ++i) data.set("key-" + std::to_string(i), "a value of the length that settings have");
  return Json::object({{"apiVersion", "v1"},
                       {"kind", "ConfigMap"},
                       {"metadata", Json::object({{"name", name}})},
                       {"data", data}})
      .dump();
}

Result<void> send_events(Bench& bench, net::HttpClient& client) {
  const double before = processor_seconds(bench.sys, bench.flags.process);
  const auto start = Clock::now();
  for (int i = 0; i < bench.flags.events; ++i) {
    bench.wanted += size_t(bench.flags.watchers);
    bench.progress.clear();
    TRY(send(client, bench.api.request("POST", bench.api.maps(), event("event-" + std::to_string(i)))));
    if (bench.got < bench.wanted) TRY(bench.progress.wait_for(limit));
    if (bench.failed) return base::unavailable("a watch ended early: " + bench.why);
  }
  const double seconds = seconds_since(start);
  const double used = processor_seconds(bench.sys, bench.flags.process) - before;
  std::sort(bench.samples.begin(), bench.samples.end());
  std::printf(" %.2f | %.2f | %.0f | %.2f | %s |\n", percentile(bench.samples, 0.5), percentile(bench.samples, 0.99),
              double(bench.got) / seconds, used * 1e6 / double(std::max<size_t>(1, bench.got)),
              bench.flags.http == 1 ? "a TLS record and a system call for each watch" : "frames, and one thread");
  return {};
}

Result<void> run(sys::Sys& sys, const Flags& flags) {
  Bench bench{.sys = sys, .api = TRY(read_kubeconfig(sys, flags.kubeconfig)), .flags = flags};
  net::HttpClient client(sys.loop, sys.net, bench.api.options);
  const Json ns =
      Json::object({{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", Json::object({{"name", bench.api.ns}})}});
  TRY(send(client, bench.api.request("POST", "/api/v1/namespaces", ns.dump())));
  bench.target = bench.api.maps() + "?watch=1&allowWatchBookmarks=1&timeoutSeconds=3000";
  const double before = resident_kib(sys, flags.process);
  for (int left = flags.watchers; left > 0; left -= flags.per_connection) {
    const int streams = std::min(left, flags.per_connection);
    sys::spawn(sys.loop, "watch",
               [&bench, streams] { return bench.flags.http == 2 ? watch_http2(bench, streams) : watch_http1(bench); });
  }
  TRY(bench.progress.wait_for(base::minutes(5)).context("opening watches"));
  if (bench.failed) return base::unavailable("a watch could not be opened: " + bench.why);
  const double opened = resident_kib(sys, flags.process);
  const double used = processor_seconds(sys, flags.process);
  if (flags.rest > 0) TRY(sys::sleep(sys.loop, base::seconds(flags.rest)));
  const auto each = [&](double kib) { return (kib - before) / flags.watchers; };
  const double quiet = each(resident_kib(sys, flags.process));
  const double idle = processor_seconds(sys, flags.process) - used;
  if (flags.head) {
    std::printf(
        "| watches | HTTP | on a connection | KiB each when opened | KiB each after %d s | manager's processor "
        "time meanwhile, s | event p50 ms | p99 ms | events/s | manager us/event | bounded by |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|\n",
        flags.rest);
  }
  std::printf("| %d | %d | %d | %.1f | %.1f | %.2f |", flags.watchers, flags.http, flags.per_connection, each(opened),
              quiet, idle);
  auto sent = send_events(bench, client);
  TRY(send(client, bench.api.request("DELETE", "/api/v1/namespaces/" + bench.api.ns)));
  return sent;
}

}  // namespace

int main(int count, char** arguments) {
  const auto flags = parse_flags(count, arguments);
  if (!flags) return std::printf("%s\n", flags.error().text().c_str()), 2;
  if (flags->kubeconfig.empty()) {
    std::printf("not measured: give --kubeconfig FILE and --process PID of a running manager (ingot serve)\n");
    return 0;
  }
  sys::RealSystem real;
  Result<void> result;
  auto fiber = sys::spawn(real.sys().loop, "bench", [&] { result = run(real.sys(), *flags); });
  real.sys().loop.run_until([&] { return fiber.done(); });
  if (!result) return std::printf("%s\n", result.error().text().c_str()), 1;
  return 0;
}
