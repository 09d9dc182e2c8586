// Images from a server to a disk file, with real sockets and files. Checks what the agent checks and nothing more.
//   bench_image serve DIRECTORY                          serves its files; says its port
//   bench_image cache DIRECTORY URL SHA256 FORMAT        makes a cached image, says how long that took and its digest,
//                                                        and serves it as /image
//   bench_image write URL SHA256 FORMAT DISK BYTES [unverified]
//                                                        what the agent does to a disk, past the page cache; says time,
//                                                        processor time and peak memory; "unverified": what it would
//                                                        take if nothing were read back
//   bench_image pull URL COUNT MIB                       as many clients at once, which throw away what they get and go
//                                                        after so many MiB
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <fstream>

#include "agent/image_writer.h"
#include "base/text.h"
#include "fetch/image_download.h"
#include "metal/boot/image_cache.h"
#include "sys/real/real.h"

namespace {

using base::Result;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& time) { return double(time.tv_sec) + double(time.tv_usec) / 1e6; };
  return of(used.ru_utime) + of(used.ru_stime);
}

// A disk that says from memory what a thread has just written to it.
class Unverified : public sys::File {
 public:
  explicit Unverified(std::shared_ptr<sys::File> disk) : disk_(std::move(disk)) {}
  Result<std::string> read_at(uint64_t offset, size_t bytes) override {
    if (last_.offset == offset && last_.bytes.size() == bytes) return std::move(last_.bytes);
    return disk_->read_at(offset, bytes);
  }
  Result<void> write_at(uint64_t offset, std::string_view bytes) override {
    last_ = {offset, std::string(bytes)};
    return disk_->write_at(offset, bytes);
  }
  Result<void> zero(uint64_t offset, uint64_t bytes) override { return disk_->zero(offset, bytes); }
  Result<void> sync() override { return disk_->sync(); }
  uint64_t size() const override { return disk_->size(); }
  Result<void> resize(uint64_t bytes) override { return disk_->resize(bytes); }

 private:
  struct Last {
    uint64_t offset = 0;
    std::string bytes;
  };
  static thread_local Last last_;
  std::shared_ptr<sys::File> disk_;
};
thread_local Unverified::Last Unverified::last_;

std::string peak_memory_mib() {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("VmHWM:")) return std::to_string(std::stoul(line.substr(6)) / 1024);
  }
  return "?";
}

using Find = std::function<Result<metal::Artefact>(const std::string& name)>;

Result<void> serve(sys::Sys& sys, const Find& find) {
  net::ServerOptions options;
  options.listen = {{"127.0.0.1", 0}};
  options.tls = false;
  net::HttpServer server(sys.loop, sys.net, options, [&](net::Exchange& exchange) {
    const auto artefact = find(exchange.request().target.substr(1));
    if (!artefact) return exchange.respond(net::Response::text(404, artefact.error().text()));
    (void)metal::send_artefact(sys.disk, *artefact, exchange);
  });
  TRY(server.start());
  std::printf("port %u\n", unsigned{server.local()[0].port});
  std::fflush(stdout);
  return sys::sleep(sys.loop, base::hours(24));
}

Result<void> serve_cache(sys::Sys& sys, const std::vector<std::string>& words) {
  metal::ImageCacheOptions options;
  options.directory = words[1];
  const auto cache = std::make_shared<metal::ImageCache>(sys, sys.net, options);
  TRY(cache->start());
  const auto start = Clock::now();
  const auto image = TRY(cache->get(words[2], {"sha256", words[3]}, words[4], [](const std::string&) {}));
  std::printf("made %.2f s %llu bytes\nsha256 %s\n", seconds_since(start),
              static_cast<unsigned long long>(image->blocks_bytes), image->sha256.c_str());
  return serve(sys, [&](const std::string&) { return cache->artefact(image->key); });
}

Result<void> write(sys::Sys& sys, const std::vector<std::string>& words) {
  std::shared_ptr<sys::File> disk = TRY(sys::open_disk_file(words[4], base::parse_uint(words[5]).value_or(0)));
  if (words.size() == 7) disk = std::make_shared<Unverified>(std::move(disk));
  const agent::ImageOrder order{"bench", words[1], "sha256", words[2], words[3]};
  const auto start = Clock::now();
  TRY(agent::write_image(
      sys, order, "", disk, fetch::fast_disk, [](const agent::ImageProgress&) {},
      [](sys::File&) { return Result<void>(); }));
  std::printf("%.2f s %.2f cpu %s MiB\n", seconds_since(start), cpu_seconds(), peak_memory_mib().c_str());
  return {};
}

Result<void> pull(sys::Sys& sys, const std::vector<std::string>& words) {
  const auto start = Clock::now();
  const uint64_t enough = base::parse_uint(words[3]).value_or(1) << 20;
  uint64_t bytes = 0;
  std::vector<sys::Fiber> clients;
  std::vector<Result<void>> ends;
  for (uint64_t i = 0; i < base::parse_uint(words[2]).value_or(1); ++i) {
    clients.push_back(sys::spawn(sys.loop, "client", [&] {
      auto download = fetch::ImageDownload::make(sys.loop, sys.net, words[1], "");
      if (!download) return ends.push_back(download.error());
      uint64_t got = 0;
      auto done = (*download)->stream([&](std::string_view piece) -> Result<void> {
        bytes += piece.size();
        got += piece.size();
        return got < enough ? Result<void>() : base::cancelled();
      });
      ends.push_back(got < enough ? std::move(done) : Result<void>());
    }));
  }
  for (auto& client : clients) TRY(client.join());
  for (const auto& end : ends) {
    if (!end) return end.error();
  }
  const double seconds = seconds_since(start);
  std::printf("%.2f s %.0f MB/s\n", seconds, static_cast<double>(bytes) / 1e6 / seconds);
  return {};
}

Result<void> run(sys::Sys& sys, const std::vector<std::string>& words) {
  if (words.size() == 2 && words[0] == "serve") {
    return serve(sys, [&](const std::string& name) {
      return metal::artefact_of_file(sys.disk, "application/octet-stream", words[1] + "/" + name);
    });
  }
  if (words.size() == 5 && words[0] == "cache") return serve_cache(sys, words);
  if ((words.size() == 6 || words.size() == 7) && words[0] == "write") return write(sys, words);
  if (words.size() == 4 && words[0] == "pull") return pull(sys, words);
  return base::invalid("see the head of test/bench/image_bench.cpp");
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  sys::RealSystem system;
  int code = 1;
  bool done = false;
  sys::spawn(system.sys().loop, "bench", [&] {
    const auto ended = run(system.sys(), words);
    if (!ended) std::fprintf(stderr, "%s\n", ended.error().text().c_str());
    code = ended ? 0 : 1;
    done = true;
  });
  system.sys().loop.run_until([&] { return done; });
  system.sys().loop.shut();
  return code;
}
