#include "metal/bmc/bad_answers.h"

#include <array>

namespace metal {

std::span<const BadAnswerName> bad_answer_names() {
  static constexpr std::array names = {BadAnswerName{&BadAnswers::ipmi_malformed, "ipmi", "malformed"},
                                       BadAnswerName{&BadAnswers::ipmi_integrity, "ipmi", "integrity"},
                                       BadAnswerName{&BadAnswers::ipmi_replayed, "ipmi", "replayed"},
                                       BadAnswerName{&BadAnswers::sol_malformed, "sol", "malformed"},
                                       BadAnswerName{&BadAnswers::redfish_http, "redfish", "http"},
                                       BadAnswerName{&BadAnswers::redfish_oversize, "redfish", "oversize"},
                                       BadAnswerName{&BadAnswers::redfish_json, "redfish", "json"},
                                       BadAnswerName{&BadAnswers::event_malformed, "events", "malformed"}};
  static_assert(sizeof(BadAnswers) == names.size() * sizeof(uint64_t));
  return names;
}

}  // namespace metal
