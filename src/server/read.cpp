// get and list. Both show durable states only: a client must not see what a crash can take back.
#include <algorithm>

#include "base/text.h"
#include "server/errors.h"
#include "server/handlers.h"
#include "server/list_options.h"
#include "server/list_text.h"
#include "server/selection.h"
#include "server/view.h"

namespace server {
namespace {

struct Snapshot {
  std::vector<Ref> items;
  uint64_t revision = 0;
};

Result<Snapshot> state_at(Api& api, const Kind& kind, const std::string& ns, std::optional<uint64_t> exact) {
  auto& store = api.store();
  const uint64_t revision = exact.value_or(store.durable_revision());
  if (revision == store.revision()) return Snapshot{store.list(kind.resource(), ns), revision};
  return Snapshot{TRY(store.list_at(kind.resource(), ns, revision)), revision};
}

// The next token still works after its revision is compacted, only without consistency.
Answer expired_token(const ContinueToken& token, const Error& error) {
  auto document = status_document(error);
  ContinueToken again = token;
  again.revision.reset();
  document.child("metadata").set("continue", again.text());
  document.set("message",
               "The provided continue parameter is too old to display a consistent list result. Start a new list, or "
               "go on with the continue token of this response and accept that objects may have changed meanwhile.");
  return net::Response::json(410, document);
}

void drop_given_out(std::vector<Ref>& items, const ContinueToken& token) {
  std::erase_if(
      items, [&](const Ref& item) { return std::tie(item->key.ns, item->key.name) <= std::tie(token.ns, token.name); });
}

ListPage page_of(Snapshot state, const Selection& selection, const ListOptions& options) {
  ListPage page;
  page.revision = state.revision;
  if (options.limit == 0 && selection.everything()) {  // they are of that namespace already
    page.items = std::move(state.items);
    return page;
  }
  const bool continued_anew = options.from && !options.from->revision;
  for (size_t i = 0; i < state.items.size(); ++i) {
    if (options.limit > 0 && page.items.size() == options.limit) {
      const auto& last = page.items.back()->key;
      ContinueToken next{state.revision, last.ns, last.name};
      if (continued_anew) next.revision.reset();
      page.next = next.text();
      if (selection.everything()) page.remaining = state.items.size() - i;
      break;
    }
    if (selection.matches(*state.items[i])) page.items.push_back(std::move(state.items[i]));
  }
  return page;
}

// A version in the query: at least that new.
Result<void> wait_as_asked(const Call& call) {
  const auto& text = call.route.query.get("resourceVersion");
  if (text.empty()) return {};
  const auto revision = base::parse_uint(text);
  if (revision) return wait_for_revision(call.api, *revision);
  return base::internal("resourceVersion: Invalid value: " + base::quoted(text) + ": strconv.ParseUint: parsing " +
                        base::quoted(text) + ": invalid syntax");
}

}  // namespace

Answer get_object(Call& call) {
  auto& api = call.api;
  TRY(wait_as_asked(call));
  const auto found = api.registry.get(call.kind(), call.route.ns, call.route.name);
  TRY(wait_durable(call, found ? found->revision : api.store().revision()));
  if (!found) return registry::not_found(call.kind(), call.route.name);
  return answer(call, 200, found);
}

Answer list_objects(Call& call) {
  auto& api = call.api;
  const auto options = TRY(ListOptions::of(call));
  const auto selection = TRY(Selection::of(call));
  if (options.at_least) TRY(wait_for_revision(api, *options.at_least));
  if (options.exact) TRY(wait_for_revision(api, *options.exact));
  const auto exact = options.from ? options.from->revision : options.exact;
  auto state = state_at(api, call.kind(), selection.ns(), exact);
  if (!state) {
    if (options.from && state.error().code == base::Code::expired) return expired_token(*options.from, state.error());
    return std::move(state).error();
  }
  if (options.from) drop_given_out(state->items, *options.from);
  return answer_list(call, page_of(std::move(*state), selection, options));
}

}  // namespace server
