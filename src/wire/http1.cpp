#include "wire/http1.h"

// Beast's parser is compiled into this file alone; it needs no separate library. Its own assertions stay on: a state
// it did not foresee must stop the program instead of reading past a buffer.
#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <charconv>

#include "base/check.h"
#include "base/text.h"

namespace wire {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

constexpr size_t chunk_head_bytes_max = 8u << 10;  // size line with extensions, or trailer section
constexpr size_t reserve_max = 1u << 20;           // trust in a declared Content-Length

struct Refusal {
  int status = 400;
  std::string message;
};

// What the message callbacks of both sides share.
struct Collected {
  Http1Limits limits;
  Http1Head head;
  std::string body;
  std::string_view input;  // the bytes of the current feed
  bool head_done = false;
  bool done = false;
  bool no_body = false;
  std::optional<Refusal> refusal;
  size_t hosts = 0, lengths = 0, codings = 0;

  void refuse(int status, std::string message, error_code& ec) {
    refusal = Refusal{status, std::move(message)};
    ec = http::error::bad_field;
  }

  // Beast accepts obs-fold (RFC 9112 5.2), which other parsers on the way may read differently. It has seen the line's
  // end and one byte behind it before it reports a field, and the name points into the input.
  bool is_folded(std::string_view name) const {
    size_t colon = static_cast<size_t>(name.data() + name.size() - input.data());
    size_t end = input.find('\r', colon);
    CHECK_THAT(colon < input.size() && end + 2 < input.size(), "the parser saw the end of the line");
    return input[end + 2] == ' ' || input[end + 2] == '\t';
  }

  void field(http::field which, std::string_view name, std::string_view value, error_code& ec) {
    if (is_folded(name)) return refuse(400, "folded header field", ec);
    if (head_done) return;  // trailers are checked and dropped
    if (head.fields.size() >= limits.fields_max) return refuse(431, "too many header fields", ec);
    if (which == http::field::host) ++hosts;
    if (which == http::field::content_length) length(value, ec);
    if (which == http::field::transfer_encoding) coding(value, ec);
    if (!ec) head.fields.emplace_back(name, value);
  }

  void length(std::string_view value, error_code& ec) {
    if (++lengths > 1) return refuse(400, "more than one Content-Length", ec);
    if (codings > 0) return refuse(400, "both Content-Length and Transfer-Encoding", ec);
    if (value.empty() || !std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; }))
      return refuse(400, "Content-Length is not a number", ec);
  }

  void coding(std::string_view value, error_code& ec) {
    if (++codings > 1) return refuse(400, "more than one Transfer-Encoding", ec);
    if (lengths > 0) return refuse(400, "both Content-Length and Transfer-Encoding", ec);
    if (!base::equals_ignore_case(value, "chunked"))
      return refuse(501, "only the transfer coding chunked is known", ec);
    if (!head.http11) return refuse(400, "Transfer-Encoding in HTTP/1.0", ec);
  }

  void piece(std::string_view bytes, error_code& ec) {
    if (body.empty() && head.content_length) body.reserve(std::min<uint64_t>(*head.content_length, reserve_max));
    body.append(bytes);
    ec = {};
  }
};

template <bool is_request>
class Adapter : public http::basic_parser<is_request> {
 public:
  explicit Adapter(Collected& into) : into_(into) {
    this->eager(true);
    this->header_limit(static_cast<uint32_t>(std::min<size_t>(into.limits.head_bytes_max, 1u << 30)) + 4);
    if (into.limits.body_bytes_max == UINT64_MAX)
      this->body_limit(boost::none);
    else
      this->body_limit(into.limits.body_bytes_max);
    if (into.no_body) this->skip(true);
  }

 private:
  void on_request_impl(http::verb, boost::beast::string_view method, boost::beast::string_view target, int version,
                       error_code& ec) override {
    into_.head.method = view(method);
    into_.head.target = view(target);
    into_.head.http11 = version == 11;
    if (target.size() > into_.limits.target_bytes_max) into_.refuse(414, "request target is too long", ec);
  }
  void on_response_impl(int code, boost::beast::string_view, int version, error_code&) override {
    into_.head.status = code;
    into_.head.http11 = version == 11;
  }
  void on_field_impl(http::field which, boost::beast::string_view name, boost::beast::string_view value,
                     error_code& ec) override {
    into_.field(which, view(name), view(value), ec);
  }
  void on_header_impl(error_code& ec) override {
    into_.head_done = true;
    into_.head.keep_alive = this->keep_alive();
    into_.head.has_body = !this->is_done() && (this->chunked() || this->content_length().value_or(1) > 0);
    if (auto length = this->content_length()) into_.head.content_length = *length;
    if (is_request && into_.head.http11 && into_.hosts != 1) into_.refuse(400, "exactly one Host is needed", ec);
    if (is_request && into_.hosts > 1) into_.refuse(400, "more than one Host", ec);
  }
  void on_body_init_impl(boost::optional<uint64_t> const&, error_code&) override {}
  size_t on_body_impl(boost::beast::string_view piece, error_code& ec) override {
    into_.piece(view(piece), ec);
    return piece.size();
  }
  void on_chunk_header_impl(uint64_t, boost::beast::string_view, error_code&) override {}
  size_t on_chunk_body_impl(uint64_t, boost::beast::string_view piece, error_code& ec) override {
    into_.piece(view(piece), ec);
    return piece.size();
  }
  void on_finish_impl(error_code&) override { into_.done = true; }

  Collected& into_;
};

base::Error refused(const Refusal& refusal) {
  bool limit = refusal.status == 413 || refusal.status == 414 || refusal.status == 431;
  base::Code code = limit                   ? base::Code::too_large
                    : refusal.status == 501 ? base::Code::unsupported
                                            : base::Code::bad_request;
  return {code, refusal.message};
}

bool names_another_version(std::string_view input) {
  std::string_view line = input.substr(0, input.find("\r\n"));
  auto digit = [&](size_t from_end) {
    return line[line.size() - from_end] >= '0' && line[line.size() - from_end] <= '9';
  };
  size_t at = line.rfind("HTTP/");
  bool two_spaces = std::count(line.begin(), line.end(), ' ') == 2;
  return two_spaces && at != std::string_view::npos && at + 8 == line.size() && digit(3) &&
         line[line.size() - 2] == '.' && digit(1);
}

Refusal refusal_of(const error_code& ec, const Collected& collected) {
  if (collected.refusal) return *collected.refusal;
  if (ec == http::error::body_limit) return {413, "body is larger than allowed"};
  bool in_first_line = collected.head.method.empty() && collected.input.find('\n') == std::string_view::npos;
  if (ec == http::error::header_limit && in_first_line) return {414, "request target is too long"};
  if (ec == http::error::header_limit) return {431, "header is larger than allowed"};
  if (ec == http::error::bad_version && names_another_version(collected.input))
    return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  return {400, "malformed HTTP message: " + ec.message()};
}

}  // namespace

const std::string* Http1Head::find(std::string_view name) const {
  for (const auto& [key, value] : fields)
    if (base::equals_ignore_case(key, name)) return &value;
  return nullptr;
}

struct Http1Parser::Impl {
  Side side;
  Collected collected;
  size_t head_bytes = 0;
  bool started = false;
  std::optional<Adapter<true>> request;
  std::optional<Adapter<false>> response;

  size_t put(std::string_view bytes, error_code& ec) {
    collected.input = bytes;
    boost::asio::const_buffer buffer(bytes.data(), bytes.size());
    if (side == Side::request) {
      if (!request) request.emplace(collected);
      return request->put(buffer, ec);
    }
    if (!response) response.emplace(collected);
    return response->put(buffer, ec);
  }
  base::Error refuse(Refusal refusal) {
    collected.refusal = std::move(refusal);
    return refused(*collected.refusal);
  }
  // What is left over must not pile up at the caller.
  std::optional<Refusal> over_limit(std::string_view left) const {
    if (!collected.head_done) {
      size_t line_max = collected.limits.target_bytes_max + 100;  // method and version
      bool in_first_line = head_bytes == 0 && left.substr(0, line_max).find('\n') == std::string_view::npos;
      if (side == Side::request && in_first_line && left.size() > std::min(line_max, collected.limits.head_bytes_max))
        return Refusal{414, "request target is too long"};
      if (head_bytes + left.size() > collected.limits.head_bytes_max)
        return Refusal{431, "header is larger than allowed"};
    } else if (left.size() > chunk_head_bytes_max) {
      return Refusal{400, "chunk header is too long"};
    }
    return {};
  }
};

Http1Parser::Http1Parser(Side side, Http1Limits limits) : impl_(std::make_unique<Impl>()) {
  impl_->side = side;
  impl_->collected.limits = limits;
}
Http1Parser::~Http1Parser() = default;
Http1Parser::Http1Parser(Http1Parser&&) noexcept = default;
Http1Parser& Http1Parser::operator=(Http1Parser&&) noexcept = default;

void Http1Parser::next() {
  Collected& collected = impl_->collected;
  Http1Limits limits = collected.limits;
  HttpFields fields = std::move(collected.head.fields);  // keeps the capacity
  fields.clear();
  collected = Collected{};
  collected.limits = limits;
  collected.head.fields = std::move(fields);
  impl_->head_bytes = 0;
  impl_->started = false;
  impl_->request.reset();
  impl_->response.reset();
}

void Http1Parser::expect_no_body() {
  CHECK_THAT(!impl_->request && !impl_->response, "expect_no_body comes before the first byte");
  impl_->collected.no_body = true;
}

base::Result<size_t> Http1Parser::feed(std::string_view bytes) {
  Collected& collected = impl_->collected;
  CHECK_THAT(!collected.refusal, "a refused message is not fed on");
  size_t used = 0;
  // RFC 9112 2.2: an empty line before a request is ignored.
  while (!impl_->started && bytes.substr(used).starts_with("\r\n")) used += 2;
  if (collected.done || used == bytes.size()) return used;
  if (!impl_->started && bytes.substr(used) == "\r") return used;
  impl_->started = true;
  error_code ec;
  bool was_head = !collected.head_done;
  size_t taken = impl_->put(bytes.substr(used), ec);
  used += taken;
  if (ec && ec != http::error::need_more) return impl_->refuse(refusal_of(ec, collected));
  if (was_head) impl_->head_bytes += taken;
  if (!collected.done)
    if (auto refusal = impl_->over_limit(bytes.substr(used))) return impl_->refuse(*refusal);
  return used;
}

base::Result<void> Http1Parser::feed_end() {
  Collected& collected = impl_->collected;
  if (collected.done) return {};
  error_code ec = http::error::partial_message;
  if (impl_->side == Side::response && impl_->response && collected.head_done) impl_->response->put_eof(ec);
  if (!ec && collected.done) return {};
  return impl_->refuse({400, "the connection ended in the middle of a message"});
}

Http1Parser::State Http1Parser::state() const {
  return impl_->collected.done ? State::done : impl_->collected.head_done ? State::body : State::head;
}
bool Http1Parser::started() const { return impl_->started; }
Http1Head& Http1Parser::head() { return impl_->collected.head; }
std::string& Http1Parser::body() { return impl_->collected.body; }
int Http1Parser::refusal() const { return impl_->collected.refusal ? impl_->collected.refusal->status : 0; }

}  // namespace wire
