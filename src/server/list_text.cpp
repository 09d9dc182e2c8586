#include "server/list_text.h"

#include "meta/user_form.h"
#include "server/compress.h"
#include "server/convert.h"
#include "server/protobuf_write.h"

namespace server {
namespace {

constexpr size_t piece_bytes = 64u << 10;  // four TLS records
constexpr size_t sent_in_pieces_min = 256u << 10;
// What one turn prepares, in units of an object whose text is at hand.
constexpr size_t effort_per_turn = 512, effort_to_make = 16;

// Lists of core kinds name the kind once, at the top; those of custom kinds with every item.
std::string prefix_of(const Call& call) {
  if (call.view.form != View::Form::object || call.kind().custom) return {};
  return R"({"apiVersion":")" + call.api_version() + R"(","kind":")" + call.kind().kind + R"(",)";
}

// Kinds without columns of their own show when they were made, and no rows as null.
bool is_plain_table(Call& call) {
  return call.api.table(call.route.held, call.version()).columns().back().name == "Created At";
}

// Whether it can leave in pieces: nothing needs the whole of it.
bool goes_in_pieces(const Call& call, size_t bytes) {
  const auto& view = call.view;
  if (bytes < sent_in_pieces_min || call.request.method != "GET") return false;
  return !view.yaml && !view.pretty && !view.protobuf && !call.is_audited();
}

// Joined and compressed off the control thread.
Answer packed(Call& call, ListText text) {
  struct Work {
    ListText text;
    std::string piece, out;
  };
  const auto work = std::make_shared<Work>(Work{std::move(text), {}, {}});  // outlives a fiber that is cancelled
  const auto done = sys::await<bool>(call.api.sys.loop, [&](std::function<void(Result<bool>)> finished) {
    const auto next = [work]() -> std::string_view {
      work->piece.clear();
      work->text.next(work->piece, piece_bytes);
      return work->piece;
    };
    call.api.sys.offload.run([work, next] { work->out = gzip(next); }, [finished] { finished(true); });
  });
  TRY(done);
  if (work->out.empty()) return base::internal("the list could not be compressed");
  net::Response response{200, {{"Content-Type", "application/json"}}, std::move(work->out)};
  set_packed(response);
  return response;
}

void send_in_pieces(Call& call, ListText& text) {
  call.answered = true;
  net::Headers headers{{"Content-Type", "application/json"}, {"Content-Length", std::to_string(text.bytes())}};
  call.add_warnings(headers);
  if (!call.exchange.start(200, std::move(headers))) return;
  std::string piece;
  piece.reserve(2 * piece_bytes);
  // Whoever stops halfway leaves an answer that is shorter than it says.
  while (text.next(piece, piece_bytes)) {
    if (!call.exchange.write(piece) || !call.api.turns.take()) return;
    piece.clear();
  }
}

// Encoded item by item, in turns.
Answer in_protobuf(Call& call, const ListPage& page) {
  TRY(check_form(call, true));
  ProtobufList list(list_frame(call, page));
  std::vector<Json> converted;
  if (meta::converter_of(call.kind())) converted = TRY(to_version(call.kind(), call.version(), page.items));
  size_t effort = 0;
  for (size_t i = 0; i < page.items.size(); ++i) {
    if ((effort += effort_to_make) >= effort_per_turn) {
      TRY(call.api.turns.take());
      effort = 0;
    }
    Json doc = converted.empty() ? TRY(to_version(call.kind(), call.version(), page.items[i]->doc()))
                                 : std::move(converted[i]);
    list.add(list_document(call, std::move(doc)));
  }
  return protobuf_answer(200, list.whole());
}

}  // namespace

void ListText::add(std::string_view before, std::string_view text) {
  bytes_ += before.size() + text.size();
  parts_.push_back({text, before});
}

Result<ListText> ListText::of(Call& call, ListPage page) {
  TRY(check_form(call, true));
  ListText out;
  const bool table = call.view.form == View::Form::table;
  std::vector<Json> converted;
  if (meta::converter_of(call.kind())) {
    converted = TRY(to_version(call.kind(), call.version(), page.items));
  }
  out.parts_.reserve(page.items.size() + 2);
  const std::string_view head = out.keep(list_head(call, page));
  if (table && page.items.empty() && is_plain_table(call)) {
    out.add(head, R"(,"rows":null})");
    return out;
  }
  out.add(head, table ? R"(,"rows":[)" : R"(,"items":[)");
  const std::string prefix = prefix_of(call);
  const StoredForm stored(call);
  std::string_view before;
  size_t effort = 0;
  for (size_t i = 0; i < page.items.size(); ++i) {
    if (effort >= effort_per_turn) {
      TRY(call.api.turns.take());
      effort = 0;
    }
    std::string_view text;
    if (converted.empty() && stored.is(*page.items[i])) {
      text = page.items[i]->bytes();
      ++effort;
    } else {
      const Json doc = converted.empty() ? TRY(to_version(call.kind(), call.version(), page.items[i]->doc()))
                                         : std::move(converted[i]);
      text = out.keep(list_item(call, doc));
      effort += effort_to_make;
    }
    if (!prefix.empty() && text.starts_with(prefix)) {
      text.remove_prefix(prefix.size());
      out.add(before.empty() ? "{" : ",{", text);
    } else {
      out.add(before, text);
    }
    before = ",";
  }
  out.add({}, "]}");
  out.held_ = std::move(page.items);
  return out;
}

bool ListText::next(std::string& out, size_t bytes) {
  if (at_ == parts_.size()) return false;
  const size_t until = out.size() + bytes;
  for (; at_ < parts_.size() && out.size() < until; ++at_) out.append(parts_[at_].before).append(parts_[at_].text);
  return true;
}

std::string ListText::whole() {
  std::string out;
  out.reserve(bytes_);
  next(out, bytes_ + 1);
  return out;
}

Answer answer_whole_list(Call& call, ListPage page) {
  if (call.view.protobuf) return in_protobuf(call, page);
  return answer(call, 200, TRY(ListText::of(call, std::move(page))).whole());
}

Answer answer_list(Call& call, ListPage page) {
  if (call.view.protobuf) return in_protobuf(call, page);
  auto text = TRY(ListText::of(call, std::move(page)));
  if (!goes_in_pieces(call, text.bytes())) return answer(call, 200, text.whole());
  if (takes_gzip(call.request)) return packed(call, std::move(text));
  send_in_pieces(call, text);
  return net::Response();
}

}  // namespace server
