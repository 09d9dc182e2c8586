#include "cel/functions.h"

namespace cel {

void add_formats(Functions&) {}

}  // namespace cel
