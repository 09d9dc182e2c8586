// limit, continue, resourceVersion and resourceVersionMatch of lists and watches.
#pragma once

#include "server/call.h"

namespace server {

// The place after which a paged list goes on, at the revision of its first page. Opaque to clients.
struct ContinueToken {
  std::optional<uint64_t> revision;  // nullopt: the newest state, after the first page's was compacted
  std::string ns, name;              // the last object that was given out
  std::string text() const;
  static Result<ContinueToken> parse(std::string_view text);
};

struct ListOptions {
  uint64_t limit = 0;  // 0: none
  std::optional<ContinueToken> from;
  std::optional<uint64_t> exact;     // the state at this revision
  std::optional<uint64_t> at_least;  // a state not older than this
  static Result<ListOptions> of(const Call& call);
};

struct WatchOptions {
  std::optional<uint64_t> after;  // events after this revision; nullopt: the present state first
  bool initial_events = true;     // with `after` unset
  bool list_bookmark = false;     // sendInitialEvents: a marked bookmark ends the initial events
  std::optional<uint64_t> at_least;
  bool bookmarks = false;
  std::optional<base::Duration> limit;
  static Result<WatchOptions> of(const Call& call);
};

// Waits some seconds for a revision of the future. Errors: timeout, in upstream's words.
Result<void> wait_for_revision(Api& api, uint64_t revision);

}  // namespace server
