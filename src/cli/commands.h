// The command line of the one program.
#pragma once

namespace cli {

// Parses the arguments and runs the command; the process's exit status: 0 good, 1 failed, 2 wrong usage.
int run(int argc, char** argv);

}  // namespace cli
