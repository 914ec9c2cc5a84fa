#pragma once
// A child process that cannot outlive this one: the kernel kills it when the thread that started it ends.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/result.hpp"

namespace weft::app {

/// A file descriptor that closes itself.
class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor();
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }

  private:
    int fd_ = -1;
};

/// How a process ended.
struct ExitStatus {
    bool by_signal = false;
    int number = 0;  // of the signal, or what it returned
    /// "ended with status 1", "was killed by signal 9".
    [[nodiscard]] std::string to_string() const;
};

class Process {
  public:
    /// Starts @p arguments[0], found like a shell finds it, with the rest as arguments, in a process group of its own,
    /// so that a terminal's Ctrl-C reaches only us. Its output and error are one pipe; its input is empty.
    ///
    /// Call it from a thread that lives as long as the child shall.
    /// @errors resource_exhausted  no more processes or descriptors; unavailable  the program can't be run.
    [[nodiscard]] static Result<Process> start(const std::vector<std::string>& arguments);
    /// Kills it if it runs.
    ~Process();
    Process(Process&& other) noexcept { *this = std::move(other); }
    Process& operator=(Process&&) noexcept;

    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Readable when it has ended.
    [[nodiscard]] int end_fd() const { return end_.get(); }
    /// What it prints; does not block.
    [[nodiscard]] int output_fd() const { return output_.get(); }
    /// Its end, once; nothing while it runs.
    [[nodiscard]] std::optional<ExitStatus> reap();
    void signal(int number) const;

  private:
    Process() = default;
    pid_t pid_ = -1;  // -1 once reaped
    Descriptor end_;
    Descriptor output_;
};

}  // namespace weft::app
