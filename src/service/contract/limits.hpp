#pragma once
// What one request may cost, and who ends it when it costs more.

#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.hpp"
#include "base/time.hpp"
#include "evm/limiter.hpp"

namespace weft::service::contract {

/// Of each call, estimate, access list, trace and simulation; never of a block.
struct Limits {
    /// That a call gets if it names none, and at most; 0: as much as it names.
    std::uint64_t gas = 50'000'000;
    /// Of execution, the wait for a thread not counted; a trace of a block has it for each transaction. 0: none.
    std::int64_t time_ns = 5 * ns_per_s;
    /// Bytes of EVM memory and stacks.
    std::uint64_t memory = std::uint64_t{512} << 20;
    /// Calls inside one another, at most the protocol's 1024.
    int depth = 1024;
    /// Bytes of a trace's text, about, and of what it keeps to make it. A message between processes holds 64 MiB.
    std::uint64_t trace_size = std::uint64_t{60} << 20;

    /// gas, with 0 as what can't be bought.
    [[nodiscard]] std::uint64_t gas_max() const { return gas == 0 ? ~std::uint64_t{0} >> 1 : gas; }
};

/// What a caller is told of an execution that its limiter ended: geth's words where geth has any.
[[nodiscard]] Error to_error(evm::Limiter::Reason reason, const Limits& limits, std::int64_t time_ns, bool is_trace);

/// Ends executions whose time is over: one thread for all of them, which sleeps until the first is due.
class Watchdog {
  public:
    Watchdog();
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

  private:
    struct Entry {
        evm::Limiter* limiter;
        std::int64_t due_ns;
        evm::Limiter::Reason reason;
        std::int64_t caller_deadline_ns;
    };

  public:
    /// One execution on this thread, watched as long as the object lives.
    class Watch {
      public:
        /// @param caller_deadline_ns  when the caller stops waiting. @param time_ns  from now; 0: no bound.
        Watch(Watchdog& dog, evm::Limiter& limiter, std::int64_t caller_deadline_ns, std::int64_t time_ns);
        ~Watch();
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;
        /// The time begins anew.
        void restart(std::int64_t time_ns);

      private:
        Watchdog& dog_;
        std::list<Entry>::iterator entry_;
    };

    /// Ends all executions, those that begin from now on too.
    void stop_all();

  private:
    void run();
    void set(Entry& entry, std::int64_t time_ns);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::list<Entry> entries_;
    std::int64_t wakes_at_ns_ = 0;
    bool stopping_ = false;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace weft::service::contract
