// Carries out one change at a foreign API server and finds out what became of it, however the connection fails: a
// write whose answer was lost is looked up before it is sent again.
#pragma once

#include <map>

#include "remote/client.h"
#include "remote/documents.h"

namespace remote {

struct Write {
  const Kind* kind = nullptr;
  store::Key key;
  Json before, after;  // as the store showed them; null: did not exist, or does not any more
  Json truth;          // what the server has, as far as is known; null: nothing
};

// How a write ended. `truth` is the server's state now (null: no object), in the store's form.
struct Settled {
  bool accepted = false;
  bool known = false;  // refused: whether `truth` was read after the refusal
  Json truth;
  base::Error error;  // refused: why
};

struct WriterLimits {
  base::Duration retry_first = base::milliseconds(800), retry_most = base::seconds(30);
  int answered_tries_max = 3;  // a server that answers 5xx that often has refused
};

class Writer {
 public:
  Writer(sys::Sys& sys, Client client, WriterLimits limits = {})
      : sys_(sys), client_(std::move(client)), limits_(limits) {}
  // Parks until the outcome is certain. A fiber that is cancelled meanwhile gets Code::cancelled: the outcome is open.
  Settled carry_out(const Write& write);

 private:
  Result<Json> send(const Write& write);
  Result<Json> patch(const Write& write, const std::string& path);
  // What the failed attempt came to; nullopt: to be sent again.
  std::optional<Settled> look(const Write& write, const base::Error& error);
  Settled settled(const Write& write, Json truth) const;
  Settled refused(const Write& write, base::Error error, std::optional<Json> truth) const;
  sys::Sys& sys_;
  Client client_;
  WriterLimits limits_;
};

}  // namespace remote
