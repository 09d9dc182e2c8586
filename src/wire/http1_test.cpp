#include "wire/http1.h"

#include <doctest/doctest.h>

#include <random>

namespace wire {
namespace {

using Side = Http1Parser::Side;
using State = Http1Parser::State;

struct Outcome {
  int refusal = 0;
  bool done = false;
  std::string body;
  std::string left;
  Http1Head head;
  bool operator==(const Outcome& other) const {
    return refusal == other.refusal && done == other.done && body == other.body && head.method == other.head.method &&
           head.target == other.head.target && head.fields == other.head.fields && head.status == other.head.status;
  }
};

// Feeds `text` in pieces of `piece` bytes, as a connection would.
Outcome parse(Side side, std::string_view text, size_t piece = SIZE_MAX, Http1Limits limits = {}, bool end = false) {
  Http1Parser parser(side, limits);
  Outcome out;
  std::string buffer;
  size_t at = 0;
  while (at < text.size() && parser.state() != State::done) {
    size_t count = std::min(piece, text.size() - at);
    buffer.append(text.substr(at, count));
    at += count;
    auto used = parser.feed(buffer);
    if (!used) {
      out.refusal = parser.refusal();
      return out;
    }
    buffer.erase(0, *used);
  }
  if (end && !parser.feed_end()) out.refusal = parser.refusal();
  out.done = parser.state() == State::done;
  out.body = parser.body();
  out.head = parser.head();
  out.left = buffer + std::string(text.substr(at));
  return out;
}

TEST_CASE("http1: requests") {
  auto get = parse(Side::request, "GET /api?x=1 HTTP/1.1\r\nHost: a\r\nX-Y:  spaced \r\n\r\nGET /next");
  CHECK(get.done);
  CHECK(get.head.method == "GET");
  CHECK(get.head.target == "/api?x=1");
  CHECK(get.head.keep_alive);
  CHECK_FALSE(get.head.has_body);
  CHECK(get.left == "GET /next");
  CHECK(*get.head.find("x-y") == "spaced");
  CHECK(get.head.find("z") == nullptr);

  auto post = parse(Side::request, "\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET");
  CHECK(post.body == "hello");
  CHECK(post.left == "GET");
  CHECK(post.head.content_length == 5);

  auto chunked = parse(Side::request,
                       "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\nrest");
  CHECK(chunked.body == "hello world");
  CHECK(chunked.done);
  CHECK(chunked.left == "rest");
  CHECK(chunked.head.find("Trailer") == nullptr);

  CHECK_FALSE(parse(Side::request, "GET / HTTP/1.0\r\n\r\n").head.keep_alive);
  CHECK(parse(Side::request, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").head.keep_alive);
  CHECK_FALSE(parse(Side::request, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").head.keep_alive);
  CHECK(parse(Side::request, "CONNECT [fd00::1]:443 HTTP/1.1\r\nHost: a\r\n\r\n").head.target == "[fd00::1]:443");
}

TEST_CASE("http1: what smuggling and sloppy framing need is refused") {
  struct {
    std::string_view text;
    int status;
  } rows[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\n", 501},
      {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
      {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: folded\r\n value\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX:\r\n \r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX : space before colon\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\n X: leading space\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: bare\nY: feed\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: a\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 tls \r\n\r\n", 400},
      {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
      {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n", 400},
      {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 400},
      {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n", 400},
      {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n\r\n", 400},
  };
  for (const auto& row : rows)
    for (size_t piece : {SIZE_MAX, size_t{1}, size_t{7}}) {
      CAPTURE(row.text);
      CAPTURE(piece);
      Outcome outcome = parse(Side::request, row.text, piece);
      CHECK_FALSE(outcome.done);
      if (piece == SIZE_MAX) CHECK(outcome.refusal == row.status);
    }
}

TEST_CASE("http1: a NUL or control character in a value is refused") {
  for (char bad : {'\0', '\x01', '\x7f', '\x1b'}) {
    std::string text = "GET / HTTP/1.1\r\nHost: a\r\nX: a" + std::string(1, bad) + "b\r\n\r\n";
    CHECK(parse(Side::request, text).refusal == 400);
  }
}

TEST_CASE("http1: limits") {
  Http1Limits limits{.head_bytes_max = 1000, .target_bytes_max = 300, .fields_max = 5, .body_bytes_max = 10};
  std::string long_target = "GET /" + std::string(500, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  CHECK(parse(Side::request, long_target, SIZE_MAX, limits).refusal == 414);
  CHECK(parse(Side::request, long_target, 10, limits).refusal == 414);
  std::string long_head = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(2000, 'a') + "\r\n\r\n";
  CHECK(parse(Side::request, long_head, SIZE_MAX, limits).refusal == 431);
  CHECK(parse(Side::request, long_head, 10, limits).refusal == 431);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n1: 1\r\n2: 2\r\n3: 3\r\n4: 4\r\n5: 5\r\n\r\n";
  CHECK(parse(Side::request, many, SIZE_MAX, limits).refusal == 431);
  std::string head = "PUT / HTTP/1.1\r\nHost: a\r\n";
  CHECK(parse(Side::request, head + "Content-Length: 11\r\n\r\n", SIZE_MAX, limits).refusal == 413);
  CHECK(parse(Side::request, head + "Content-Length: 10\r\n\r\n0123456789", 1, limits).body == "0123456789");
  std::string chunks = head + "Transfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n6\r\n012345\r\n0\r\n\r\n";
  CHECK(parse(Side::request, chunks, SIZE_MAX, limits).refusal == 413);
  CHECK(parse(Side::request, chunks, 1, limits).refusal == 413);
  std::string endless = head + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(20'000, 'x');
  CHECK(parse(Side::request, endless, 100, limits).refusal == 400);
  std::string trailer = head + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + std::string(20'000, 'x');
  CHECK(parse(Side::request, trailer, 100, limits).refusal == 400);
}

TEST_CASE("http1: responses") {
  auto plain = parse(Side::response, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP");
  CHECK(plain.head.status == 200);
  CHECK(plain.body == "ok");
  CHECK(plain.left == "HTTP");
  CHECK(plain.head.keep_alive);
  auto no_reason = parse(Side::response, "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n");
  CHECK(no_reason.head.status == 404);
  CHECK(no_reason.done);
  for (std::string_view bare :
       {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"}) {
    auto parsed = parse(Side::response, bare);
    CHECK(parsed.done);
    CHECK_FALSE(parsed.head.has_body);
  }
  auto to_end = parse(Side::response, "HTTP/1.0 200 OK\r\n\r\nall of it", 3, {}, true);
  CHECK(to_end.done);
  CHECK(to_end.body == "all of it");
  CHECK_FALSE(to_end.head.keep_alive);
  CHECK(parse(Side::response, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", 3, {}, true).refusal == 400);
  CHECK(parse(Side::response, "HTTP/1.1 200 OK\r\nConte", 3, {}, true).refusal == 400);
  CHECK(parse(Side::response, "", 3, {}, true).refusal == 400);
  CHECK(parse(Side::response, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n").refusal ==
        400);
  CHECK(parse(Side::response, "SSH-2.0-OpenSSH\r\n").refusal != 0);

  Http1Parser head_only(Side::response);
  head_only.expect_no_body();
  CHECK(head_only.feed("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nHTTP").value() == 40);
  CHECK(head_only.state() == State::done);
  CHECK(head_only.head().content_length == 100);
}

TEST_CASE("http1: one parser reads message after message") {
  Http1Parser parser(Side::request);
  std::string_view text = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
  size_t first = parser.feed(text).value();
  CHECK(parser.head().target == "/1");
  parser.next();
  CHECK_FALSE(parser.started());
  CHECK(parser.feed(text.substr(first)).value() == text.size() - first);
  CHECK(parser.head().target == "/2");
  CHECK(parser.head().fields.size() == 2);
  CHECK(parser.body() == "x");
}

TEST_CASE("http1: the split of the bytes does not matter, and mutated messages never break the parser") {
  const std::string_view seeds[] = {
      "GET /a?b=c HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\nConnection: close\r\n\r\nhello world",
      "PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n1\r\n \r\n0\r\nT: "
      "v\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n",
      "HTTP/1.0 200 OK\r\nServer: x\r\n\r\nuntil the end",
  };
  for (unsigned seed = 1; seed <= 3000; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::string text(seeds[random() % std::size(seeds)]);
    Side side = text.starts_with("HTTP") ? Side::response : Side::request;
    unsigned changes = static_cast<unsigned>(random() % 4);
    for (unsigned i = 0; i < changes; ++i) {
      size_t at = random() % text.size();
      constexpr std::string_view spice = "\r\n\0 :;,0aF\x80\xff\t\"";
      switch (random() % 3) {
        case 0:
          text[at] = spice[random() % spice.size()];
          break;
        case 1:
          text.insert(at, 1, spice[random() % spice.size()]);
          break;
        default:
          text.erase(at, 1 + random() % 3);
      }
      if (text.empty()) text = "x";
    }
    Outcome whole = parse(side, text);
    Outcome split = parse(side, text, 1 + random() % 9);
    // When a fault is found may differ with the split, never whether the message is taken, nor what was in it.
    CHECK(whole.done == split.done);
    if (whole.done) CHECK(whole == split);
  }
}

TEST_CASE("http1: writing") {
  std::string out;
  append_field(out, "Content-Type", "text/plain");
  append_chunk(out, "");
  append_chunk(out, std::string(26, 'x'));
  append_decimal(out, 1234567890123);
  CHECK(out == "Content-Type: text/plain\r\n1a\r\n" + std::string(26, 'x') + "\r\n1234567890123");
  CHECK(valid_field_name("X-Remote-User"));
  CHECK_FALSE(valid_field_name(""));
  CHECK_FALSE(valid_field_name("a b"));
  CHECK_FALSE(valid_field_name("a:"));
  CHECK(valid_field_value("tab\tand \xc3\xa9"));
  CHECK_FALSE(valid_field_value("a\r\nInjected: yes"));
  CHECK(valid_target("/a?b"));
  CHECK_FALSE(valid_target("/a b"));
  CHECK_FALSE(valid_target("/a\r\n"));
  CHECK(reason_phrase(503) == "Service Unavailable");
}

}  // namespace
}  // namespace wire
