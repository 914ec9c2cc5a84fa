#include "service/gateway/feed.hpp"

#include <algorithm>

#include "net/loop.hpp"
#include "service/gateway/core.hpp"
#include "service/gateway/filters.hpp"
#include "service/gateway/subscriptions.hpp"

namespace weft::service::gateway {

namespace {

/// One long poll; also how long stop() may take.
constexpr std::uint64_t wait_ms = 500;
constexpr std::int64_t poll_timeout_ns = 5 * ns_per_s;
constexpr std::int64_t pause_after_error_ns = 100 * ns_per_ms;
/// A source that answers at once with nothing is asked no faster than this.
constexpr std::int64_t pause_when_empty_ns = 20 * ns_per_ms;
/// How deep a reorganisation across a restart of storage is still told in full.
constexpr std::size_t known_count_max = 256;
constexpr std::size_t back_fill_count_max = 1024;
/// Pages read for one question; a chain that grows faster than it is read has to be left some time.
constexpr int page_count_max = 1000;
constexpr std::uint64_t from_now = ~0ULL;
constexpr std::size_t nowhere = ~std::size_t{0};

}  // namespace

Task<void> Feed::follow_chain(mesh::Context context) {
    {
        const std::lock_guard lock(mutex_);
        if (chain_.started) co_return;
    }
    const auto start = co_await core_.ports.storage_events(context, {from_now, 0, 0});
    const auto head = co_await core_.ports.get_block(context, {api::BlockRef{}, false});
    Promise<void> ended;
    {
        const std::lock_guard lock(mutex_);
        if (chain_.started || stopping_) co_return;
        chain_.started = true;
        chain_.next = start.next;
        chain_.epoch = start.epoch;
        if (head.block) chain_.known.push_back(head.block);
        ends_.push_back(ended.future());
    }
    core_.loops.loop(0).post([core = core_.shared_from_this(), this, ended = std::move(ended)]() mutable {
        spawn(chain_loop(std::move(ended)), [core](const Result<void>&) {});
    });
}

Task<void> Feed::follow_pool(mesh::Context context) {
    {
        const std::lock_guard lock(mutex_);
        if (pool_.started) co_return;
    }
    const auto start = co_await core_.ports.pending_events(context, {from_now, 0, 0});
    Promise<void> ended;
    {
        const std::lock_guard lock(mutex_);
        if (pool_.started || stopping_) co_return;
        pool_ = {true, start.next, start.epoch};
        ends_.push_back(ended.future());
    }
    core_.loops.loop(0).post([core = core_.shared_from_this(), this, ended = std::move(ended)]() mutable {
        spawn(pool_loop(std::move(ended)), [core](const Result<void>&) {});
    });
}

Task<void> Feed::chain_loop(Promise<void> ended) {
    net::Loop& loop = core_.loops.loop(0);
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) break;
        }
        const std::int64_t started = monotonic_ns();
        const auto any = co_await settled(read_chain(mesh::Context::with_timeout(poll_timeout_ns), wait_ms));
        const bool at_once = any && !*any && monotonic_ns() - started < pause_when_empty_ns;
        if (any && !at_once) continue;
        const auto slept = co_await settled(loop.sleep_for(any ? pause_when_empty_ns : pause_after_error_ns));
        if (!slept) break;
    }
    ended.set({});
}

Task<void> Feed::pool_loop(Promise<void> ended) {
    net::Loop& loop = core_.loops.loop(0);
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) break;
        }
        const std::int64_t started = monotonic_ns();
        const auto any = co_await settled(read_pool(mesh::Context::with_timeout(poll_timeout_ns), wait_ms));
        const bool at_once = any && !*any && monotonic_ns() - started < pause_when_empty_ns;
        if (any && !at_once) continue;
        const auto slept = co_await settled(loop.sleep_for(any ? pause_when_empty_ns : pause_after_error_ns));
        if (!slept) break;
    }
    ended.set({});
}

// A reply is a page; what comes after the last one that had something is news.
Task<void> Feed::catch_up_chain(mesh::Context context) {
    for (int page = 0; page < page_count_max; ++page) {
        if (!co_await read_chain(context, 0)) break;
    }
}

Task<void> Feed::catch_up_pool(mesh::Context context) {
    for (int page = 0; page < page_count_max; ++page) {
        if (!co_await read_pool(context, 0)) break;
    }
}

Task<bool> Feed::read_chain(mesh::Context context, std::uint64_t patience_ms) {
    api::storage::Events request{0, patience_ms, 0};
    {
        const std::lock_guard lock(mutex_);
        request.from = chain_.next;
        request.epoch = chain_.epoch;
    }
    const auto reply = co_await core_.ports.storage_events(context, request);
    bool any = false;
    {
        const std::lock_guard lock(mutex_);
        if (apply(reply, any)) co_return any;
        if (chain_.resynchronising) co_return any;  // the other reader is at it
        chain_.resynchronising = true;
    }
    const auto result = co_await settled(resynchronise(context));
    {
        const std::lock_guard lock(mutex_);
        chain_.resynchronising = false;
    }
    co_await Result<void>(result);
    co_return true;
}

Task<bool> Feed::read_pool(mesh::Context context, std::uint64_t patience_ms) {
    api::validation::PendingEvents request{0, patience_ms, 0};
    {
        const std::lock_guard lock(mutex_);
        request.from = pool_.next;
        request.epoch = pool_.epoch;
    }
    const auto reply = co_await core_.ports.pending_events(context, request);
    const std::lock_guard lock(mutex_);
    if (reply.epoch != pool_.epoch) {
        // What was admitted meanwhile can't be told: the pool has no past.
        pool_.next = reply.next;
        pool_.epoch = reply.epoch;
        co_return true;
    }
    const std::uint64_t first = reply.next - reply.transactions.size();
    for (std::size_t i = 0; i < reply.transactions.size(); ++i) {
        if (first + i < pool_.next) continue;
        core_.filters->on_pending(reply.transactions[i]);
        core_.subscriptions->on_pending(reply.transactions[i]);
    }
    pool_.next = std::max(pool_.next, reply.next);
    co_return !reply.transactions.empty();
}

/// False if the positions don't fit together.
bool Feed::apply(const api::storage::EventsReply& reply, bool& any) {
    if (reply.epoch != chain_.epoch) return false;
    for (const auto& event : reply.events) {
        if (event.position < chain_.next) continue;  // the other reader was faster
        if (event.position > chain_.next) return false;
        ++chain_.next;
        any = true;
        if (!event.block) continue;
        if (event.kind == api::storage::EventKind::block_added) {
            add(event.block);
        } else {
            remove(event.block);
        }
    }
    chain_.next = std::max(chain_.next, reply.next);
    return true;
}

std::size_t Feed::find_known(const Hash& hash) const {
    for (std::size_t i = chain_.known.size(); i-- > 0;) {
        if (chain_.known[i]->hash == hash) return i;
    }
    return nowhere;
}

void Feed::add(const api::SealedBlockPtr& block) {
    if (find_known(block->hash) != nowhere) return;  // back-filled before its event came
    chain_.known.push_back(block);
    if (chain_.known.size() > known_count_max) chain_.known.pop_front();
    core_.filters->on_block(*block, false);
    core_.subscriptions->on_block(*block, false);
}

void Feed::remove(const api::SealedBlockPtr& block) {
    const std::size_t at = find_known(block->hash);
    if (at != nowhere) {
        chain_.known.erase(chain_.known.begin() + static_cast<std::ptrdiff_t>(at));
    } else if (!chain_.known.empty() && block->header.number >= chain_.known.front()->header.number) {
        return;  // taken back before its event came
    }
    core_.filters->on_block(*block, true);
    core_.subscriptions->on_block(*block, true);
}

/// The head and its ancestors down to the first that listeners know, newest first, that one included.
Task<std::vector<api::SealedBlockPtr>> Feed::missing_blocks(mesh::Context context) {
    std::vector<api::SealedBlockPtr> out;
    api::BlockRef ref;
    while (out.size() < back_fill_count_max) {
        auto reply = co_await core_.ports.get_block(context, {ref, false});
        if (!reply.block) break;
        out.push_back(reply.block);
        const std::lock_guard lock(mutex_);
        if (find_known(reply.block->hash) != nowhere || reply.block->header.number == 0) break;
        if (chain_.known.empty() || reply.block->header.number < chain_.known.front()->header.number) break;
        ref = api::BlockRef::with_hash(reply.block->header.parent_hash);
    }
    co_return out;
}

Task<void> Feed::resynchronise(mesh::Context context) {
    const auto start = co_await core_.ports.storage_events(context, {from_now, 0, 0});
    auto blocks = co_await missing_blocks(context);
    if (blocks.empty()) co_await Result<void>(fail(ErrorCode::unavailable, "storage has no block"));
    const std::lock_guard lock(mutex_);
    const std::size_t ancestor = find_known(blocks.back()->hash);
    const bool joined = ancestor != nowhere;
    // Without a common ancestor, what is known above the oldest fetched block is of another chain.
    while (!chain_.known.empty()) {
        const auto newest = chain_.known.back();
        const bool stays =
            joined ? chain_.known.size() <= ancestor + 1 : newest->header.number < blocks.back()->header.number;
        if (stays) break;
        remove(newest);
    }
    for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) add(*block);
    chain_.next = start.next;
    chain_.epoch = start.epoch;
}

void Feed::halt() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
}

Task<void> Feed::stop() {
    halt();
    std::vector<Future<void>> ends;
    {
        const std::lock_guard lock(mutex_);
        ends.swap(ends_);
    }
    for (auto& end : ends) static_cast<void>(co_await settled(std::move(end).wait()));
}

}  // namespace weft::service::gateway
