#include "sys/log_files.h"

#include "base/check.h"
#include "sys/sys.h"

namespace sys {

LogFiles& LogFiles::of(Disk& disk) {
  auto* files = dynamic_cast<LogFiles*>(&disk);
  CHECK_THAT(files, "every disk of this folder has log files");
  return *files;
}

}  // namespace sys
