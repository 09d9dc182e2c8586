#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sstream>

#include "sys/real/programs.h"
#include "sys/real/real_net.h"
#include "sys/real/watched.h"

namespace sys {

namespace {

Result<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/bin:/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = folder + "/" + name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return base::not_found("there is no program " + name).with_fix("install the package that has it");
}

// In the child, between fork and exec: only what is safe after a fork of a program with threads.
[[noreturn]] void become(const char* program, char* const* arguments, int channel, int errors, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // the parent died before that took effect
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  std::signal(SIGXFSZ, SIG_DFL);
  dup2(channel, STDIN_FILENO);
  dup2(channel, STDOUT_FILENO);
  if (errors >= 0) dup2(errors, STDERR_FILENO);
  execv(program, arguments);
  _exit(127);
}

class Child : public Program {
 public:
  Child(EpollDriver& driver, Loop& loop, pid_t id, Descriptor handle, std::unique_ptr<Stream> channel)
      : id_(id), handle_(driver, loop, std::move(handle)), channel_(std::move(channel)), loop_(loop) {}
  ~Child() override {
    kill();
    if (!status_) waitpid(id_, nullptr, 0);  // at once: it cannot refuse to die
  }

  Stream& channel() override { return *channel_; }
  void kill() override {
    if (!status_) ::kill(id_, SIGKILL);
  }
  Result<int> wait(Duration limit) override {
    const Deadline deadline(loop_, limit);
    while (!status_) {
      int status = 0;
      const pid_t ended = waitpid(id_, &status, WNOHANG);
      if (ended == id_) {
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      } else if (ended < 0 && errno != EINTR) {
        return system_error(errno, "waiting for a child program");
      } else {
        TRY(handle_.wait_readable(deadline.left()));
      }
    }
    return *status_;
  }
  int id() const override { return id_; }

 private:
  pid_t id_;
  Watched handle_;
  std::unique_ptr<Stream> channel_;
  Loop& loop_;
  std::optional<int> status_;
};

}  // namespace

Result<std::unique_ptr<Program>> RealPrograms::start(const ProgramOptions& options) {
  if (options.arguments.empty()) return base::invalid("a program needs a name");
  const std::string program = TRY(find_program(options.arguments.front()));
  std::vector<std::string> words = options.arguments;
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return system_error(errno, "starting " + program);
  Descriptor ours(ends[0]), theirs(ends[1]), errors;
  fcntl(ours.number(), F_SETFL, O_NONBLOCK);
  if (!options.error_path.empty()) {
    errors = Descriptor(::open(options.error_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!errors) return system_error(errno, options.error_path);
  }
  const pid_t parent = getpid();
  const pid_t id = ::fork();
  if (id < 0) return system_error(errno, "starting " + program);
  if (id == 0) become(program.c_str(), arguments.data(), theirs.number(), errors.number(), parent);
  Descriptor handle(static_cast<int>(syscall(SYS_pidfd_open, id, 0)));
  if (!handle) {
    const int problem = errno;
    ::kill(id, SIGKILL);
    waitpid(id, nullptr, 0);
    return system_error(problem, "watching " + program);
  }
  auto channel = stream_over(driver_, loop_, std::move(ours), {program, 0});
  return std::unique_ptr<Program>(std::make_unique<Child>(driver_, loop_, id, std::move(handle), std::move(channel)));
}

}  // namespace sys
