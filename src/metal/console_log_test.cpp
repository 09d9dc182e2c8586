#include "metal/console_log.h"

#include <doctest/doctest.h>

#include "base/text.h"
#include "sys/sim/run_in_fiber.h"
#include "sys/sim/sim.h"

namespace {

std::string lines_of(std::string_view bytes, size_t piece = 1000) {
  metal::ConsoleLines lines;
  std::vector<std::string> out;
  for (size_t at = 0; at < bytes.size(); at += piece)
    for (auto& line : lines.take(bytes.substr(at, piece))) out.push_back(std::move(line));
  out.push_back(lines.rest());
  return base::join(out, "|");
}

}  // namespace

TEST_CASE("console lines: plain text of what a terminal would show") {
  for (const size_t piece : {1u, 3u, 1000u}) {
    CAPTURE(piece);
    CHECK(lines_of("one\r\n\r\ntwo\n\nthree", piece) == "one|two|three");
    CHECK(lines_of("10 %\r20 %\r30 %\r\ndone", piece) == "30 %|done");
    CHECK(lines_of("\x1b[2J\x1b[01;01HBdsDxe: loading\x1b[02;01H\x1b[0m\x1b[37mfailed\x1b[03;01H", piece) ==
          "BdsDxe: loading|failed|");
    CHECK(lines_of("\x1b]0;title\aprx\bompt\x1b(B\x07", piece) == "prompt");
    CHECK(lines_of("caf\xc3\xa9\tx  \n", piece) == "caf?? x|");
  }
  CHECK(lines_of(std::string(900, 'x')).size() == 902);  // in three lines
}

TEST_CASE("console lines: what all may read has no secrets in it") {
  CHECK(metal::console_line_for_all("PXE-E18: server response timeout") == "PXE-E18: server response timeout");
  CHECK(metal::console_line_for_all("root password: hunter2") == "(a line with a password in it)");
  CHECK(metal::console_line_for_all("http://10.0.0.1/boot/aB3dE5gH7jK9mN1pQ3sT5/kernel... ok") ==
        "http://10.0.0.1/boot/***/kernel... ok");
  CHECK(metal::console_line_for_all(std::string(500, '.')).size() == 123);
}

TEST_CASE("console log: bounded, private, without the secrets that are known, and goes on after a restart") {
  sys::SimWorld world(1);
  auto& process = world.process("10.0.0.1", "manager");
  REQUIRE(sys::run_in_fiber(world, process, [&] {
    metal::ConsoleLog log(process, "consoles/metal/host-1");
    REQUIRE(log.begin().ok());
    log.add("login with s3cret-word now\r\nunfinished", {"s3cret-word"});
    REQUIRE(log.flush(true).ok());
    const std::string text = *process.disk.read("consoles/metal/host-1/console.log");
    CHECK(text.find(" login with *** now\n") != std::string::npos);
    CHECK(text.find(" unfinished\n") != std::string::npos);
    CHECK(log.newest().back() == "unfinished");
    const std::string filler = std::string(200, 'y') + "\n";
    for (int i = 0; i < 20000; ++i) {
      log.add(filler, {});
      if (log.waiting() > 4096) REQUIRE(log.flush().ok());
    }
    metal::ConsoleLog again(process, "consoles/metal/host-1");
    REQUIRE(again.begin().ok());
    again.add("more\n", {});
    REQUIRE(again.flush().ok());
    const auto names = *process.disk.list("consoles/metal/host-1");
    CHECK(names == std::vector<std::string>{"console.log", "console.log.1"});
    for (const auto& name : names)
      CHECK(process.disk.read("consoles/metal/host-1/" + name)->size() <= metal::ConsoleLog::bytes_max);
    CHECK(process.disk.read("consoles/metal/host-1/console.log")->ends_with(" more\n"));
  }));
}
