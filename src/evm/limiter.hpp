#pragma once
// Bounds of an execution that are not the protocol's, and a way to end it from outside: for calls, estimates and
// traces that somebody else asks for. An execution that ran into one ends with Status::aborted, and nothing it gave
// counts.
//
// How does a running loop learn that it shall end, at no price for loops that need not? Translated code compares the
// stack's height with what each block allows, and for that reads where the frame's stack begins. request() puts a wrong
// beginning there: the next block can't be entered, and the way out that is taken then, which ordinary code never
// takes, looks here. (Go stops its goroutines the same way, by their stack's bound.) Code that is not translated counts
// its jumps anyway, and looks here when the count is used up; calls look here too. So no instruction is added to the
// plain path; the price is that an end may be noticed late where the wrong beginning is overwritten by a call that
// returns at the same moment. Whoever wants an end therefore asks again until it has come.

#include <atomic>
#include <cstdint>

namespace weft::evm {

struct Frame;

class Limiter {
  public:
    enum class Reason : std::uint8_t { none, time, caller_left, stopping, memory, depth, trace_size };

    Limiter() = default;
    /// @param memory_max  bytes of memory and stacks that the execution may hold; 0: what gas buys.
    /// @param depth_max   calls inside one another, the protocol's 1024 at most.
    Limiter(std::uint64_t memory_max, int depth_max) : memory_max_(memory_max), depth_max_(depth_max) {}
    Limiter(const Limiter&) = delete;
    Limiter& operator=(const Limiter&) = delete;

    /// Asks the execution to end; the first reason stays. From any thread, while the thread that executes can't end.
    void request(Reason reason);
    [[nodiscard]] bool requested() const { return reason() != Reason::none; }
    [[nodiscard]] Reason reason() const { return reason_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t memory_max() const { return memory_max_; }
    [[nodiscard]] int depth_max() const { return depth_max_; }

    /// By the machine: the frame that runs now; null: none.
    void set_running(Frame* frame) { running_.store(frame, std::memory_order_release); }

  private:
    const std::uint64_t memory_max_ = 0;
    const int depth_max_ = 1024;
    std::atomic<Reason> reason_ = Reason::none;
    std::atomic<Frame*> running_ = nullptr;
};

/// How much a tracer may keep of an execution.
struct TraceBudget {
    std::uint64_t left = ~std::uint64_t{0};
    /// Asked for the execution's end when there is more; may be null.
    Limiter* limiter = nullptr;

    /// Whether @p size bytes more may be kept. Once they may not, nothing may.
    [[nodiscard]] bool take(std::uint64_t size) {
        if (size <= left) {
            left -= size;
            return true;
        }
        left = 0;
        if (limiter != nullptr) limiter->request(Limiter::Reason::trace_size);
        return false;
    }
};

}  // namespace weft::evm
