#include "app/process.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weft::app {

namespace {

std::unexpected<Error> failure(ErrorCode code, const char* what, int number) {
    return fail(code, std::string(what) + ": " + std::strerror(number));
}

struct Pipe {
    Descriptor read;
    Descriptor write;
};
Result<Pipe> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return failure(ErrorCode::resource_exhausted, "pipe", errno);
    return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

/// In the child, between fork and exec: only what is safe there though other threads were running.
[[noreturn]] void become(char* const* arguments, pid_t parent, int null_fd, int output_fd, int error_fd) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);  // the parent died before the line above took effect
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    ::dup2(null_fd, STDIN_FILENO);
    ::dup2(output_fd, STDOUT_FILENO);
    ::dup2(output_fd, STDERR_FILENO);
    ::execvp(arguments[0], arguments);
    const int number = errno;
    (void)!::write(error_fd, &number, sizeof number);
    ::_exit(127);
}

}  // namespace

Descriptor::~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
}

std::string ExitStatus::to_string() const {
    return (by_signal ? "was killed by signal " : "ended with status ") + std::to_string(number);
}

Result<Process> Process::start(const std::vector<std::string>& arguments) {
    WEFT_ASSERT(!arguments.empty());
    std::vector<char*> pointers;
    for (const auto& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
    pointers.push_back(nullptr);
    WEFT_TRY(Pipe output, make_pipe());
    WEFT_TRY(Pipe error, make_pipe());  // closes when the program runs, or carries why it doesn't
    const Descriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));

    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) return failure(ErrorCode::resource_exhausted, "fork", errno);
    if (pid == 0) become(pointers.data(), parent, null.get(), output.write.get(), error.write.get());

    Process process;
    process.pid_ = pid;
    process.end_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process.end_) return failure(ErrorCode::resource_exhausted, "pidfd_open", errno);
    error.write = Descriptor();
    int number = 0;
    ssize_t size = 0;
    while ((size = ::read(error.read.get(), &number, sizeof number)) < 0 && errno == EINTR) {}
    if (size > 0) return failure(ErrorCode::unavailable, arguments[0].c_str(), number);
    ::fcntl(output.read.get(), F_SETFL, O_NONBLOCK);
    process.output_ = std::move(output.read);
    return process;
}

Process::~Process() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
}

Process& Process::operator=(Process&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(end_, other.end_);
    std::swap(output_, other.output_);
    return *this;
}

std::optional<ExitStatus> Process::reap() {
    if (pid_ <= 0) return std::nullopt;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
    pid_ = -1;
    if (WIFSIGNALED(status)) return ExitStatus{true, WTERMSIG(status)};
    return ExitStatus{false, WEXITSTATUS(status)};
}

void Process::signal(int number) const {
    if (pid_ > 0) ::kill(pid_, number);
}

}  // namespace weft::app
