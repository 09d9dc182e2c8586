// What is written to a disk: the image of a BareMetalHost or a Metal3Machine.
#pragma once

#include "api/rules/checks.h"

namespace api::rules {

// `format` is the name of the member that holds the format: it differs between the two kinds.
void check_image(const Json& image, const std::string& field, const char* format, Findings& found);

}  // namespace api::rules
