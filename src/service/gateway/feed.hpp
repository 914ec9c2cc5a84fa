#pragma once
// The one reader of the chain's and the pool's events, for all filters and subscriptions of the process.
//
// Events have positions without gaps, so asking from the next one neither loses nor repeats any. When the positions
// mean nothing any more (storage restarted), the feed finds the newest block it knows that is still on the chain, takes
// back what is not and fetches what is missing: to those who listen it looks like an ordinary reorganisation.

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "api/storage.hpp"
#include "api/validation.hpp"
#include "base/task.hpp"
#include "mesh/service.hpp"

namespace weft::service::gateway {

struct Core;

class Feed {
  public:
    explicit Feed(Core& core) : core_(core) {}

    /// Begins to follow the chain, if nobody has asked yet: what happens from now on reaches filters and subscriptions.
    Task<void> follow_chain(mesh::Context context);
    Task<void> follow_pool(mesh::Context context);
    /// Takes in what has happened up to now, so that an answer made after it misses nothing the client knows of.
    Task<void> catch_up_chain(mesh::Context context);
    Task<void> catch_up_pool(mesh::Context context);
    /// Tells the loops to end.
    void halt();
    /// The same; returns when they have ended.
    Task<void> stop();

  private:
    struct Chain {
        bool started = false;
        bool resynchronising = false;
        std::uint64_t next = 0;
        std::uint64_t epoch = 0;
        /// The newest blocks that listeners hold for canonical, oldest first.
        std::deque<api::SealedBlockPtr> known;
    };
    struct Pool {
        bool started = false;
        std::uint64_t next = 0;
        std::uint64_t epoch = 0;
    };

    Task<void> chain_loop(Promise<void> ended);
    Task<void> pool_loop(Promise<void> ended);
    Task<bool> read_chain(mesh::Context context, std::uint64_t wait_ms);
    Task<bool> read_pool(mesh::Context context, std::uint64_t wait_ms);
    Task<void> resynchronise(mesh::Context context);
    Task<std::vector<api::SealedBlockPtr>> missing_blocks(mesh::Context context);

    // With mutex_ held.
    [[nodiscard]] bool apply(const api::storage::EventsReply& reply, bool& any);
    void add(const api::SealedBlockPtr& block);
    void remove(const api::SealedBlockPtr& block);
    [[nodiscard]] std::size_t find_known(const Hash& hash) const;

    Core& core_;
    std::mutex mutex_;
    Chain chain_;
    Pool pool_;
    bool stopping_ = false;
    std::vector<Future<void>> ends_;
};

}  // namespace weft::service::gateway
