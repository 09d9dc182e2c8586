// Compares recorded answers with ours, for the replay of transcripts. In recordings, what belongs to one run is a token
// (see test/transcripts/README.md): <uid3> stands for one uid throughout, <time> for any time.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace server {

struct Difference {
  std::string step;  // "scenario/step"
  std::string path;  // "body.metadata.name", "header.warning", "status"
  std::string recorded, ours;
};

// What the tokens of one scenario stand for here. The same token is the same value wherever it stands, and two tokens
// of a kind are two values: so a resource version that should have stayed the same, or should not have, is noticed.
class Tokens {
 public:
  // Whether `ours` is `recorded` with values for its tokens; if so they are remembered.
  bool matches(std::string_view recorded, std::string_view ours);
  // `text` with values for the tokens; nullopt when there is one that no answer has given.
  std::optional<std::string> fill(std::string_view text) const;

 private:
  bool bind(const std::string& token, std::string_view value, std::map<std::string, std::string>& fresh) const;

  std::map<std::string, std::string> values_;  // by token
  std::map<std::string, std::string> tokens_;  // by kind and value
};

// Appends what is different to `out`. Lists of things with names are compared by name.
void compare(const std::string& step, const std::string& path, base::Json recorded, base::Json ours, Tokens& tokens,
             std::vector<Difference>& out);

// A protobuf answer as JSON, in which values of one run are all the same; null for what cannot be read.
base::Json readable_protobuf(std::string_view bytes);
// The events of a watch in protobuf, from `read` on, which is moved on; as {"type":...,"object":...}.
std::vector<base::Json> readable_frames(std::string_view stream, size_t& read);
base::Json readable_event(std::string_view message);

// Differences that are meant to be. A line is "step | path | why", with '*' for anything in the first two; '#' starts a
// comment.
class Accepted {
 public:
  static Accepted parse(std::string_view text);
  bool covers(const Difference& difference);
  // Lines that covered nothing, and lines that give no reason.
  std::vector<std::string> unused() const;
  std::vector<std::string> malformed;

 private:
  struct Line {
    std::string step, path;
    bool used = false;
  };
  std::vector<Line> lines_;
};

}  // namespace server
