// Which objects of a resource a list or watch is about: namespace, labelSelector and fieldSelector.
#pragma once

#include "server/call.h"

namespace server {

class Selection {
 public:
  // bad_request for selectors that cannot be read and for field labels that the kind does not declare.
  static Result<Selection> of(const Call& call);
  bool matches(const store::Entry& entry) const;
  // Nothing but the namespace was asked for.
  bool everything() const { return fields_.empty() && labels_.empty(); }
  const std::string& ns() const { return ns_; }
  // The name that a field selector demands; "" when it demands none.
  std::string name() const;

 private:
  struct Field {
    std::string path;
    std::string value;
    bool equal = true;
  };
  static Result<std::vector<Field>> parse_fields(const Kind& kind, std::string_view text);

  std::string ns_;
  registry::LabelSelector labels_;
  std::vector<Field> fields_;
};

}  // namespace server
