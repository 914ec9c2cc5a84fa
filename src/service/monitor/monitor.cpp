#include "service/monitor/monitor.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/time.hpp"
#include "service/monitor/finality.hpp"

namespace weft::service::monitor {

namespace {

/// Resident memory of this process in bytes; 0 if the system doesn't tell.
std::uint64_t resident_size() {
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr) return 0;
    unsigned long long total = 0;
    unsigned long long resident = 0;
    const int read = std::fscanf(file, "%llu %llu", &total, &resident);
    std::fclose(file);
    return read == 2 ? resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

template <class Reply>
api::monitor::ServiceHealth health(std::string service, const Result<Reply>& reply) {
    if (reply) return {std::move(service), true, true, ""};
    return {std::move(service), false, false, reply.error().message};
}

}  // namespace

Task<api::monitor::ReportReply> Monitor::report(mesh::Context context, api::monitor::Report) {
    api::monitor::ReportReply out;
    const auto head = co_await settled(ports_.head(context, {}));
    out.services.push_back(health("storage", head));
    if (head) {
        out.head_number = head->number;
        out.head_hash = head->hash;
        const std::uint64_t now = unix_seconds();
        out.head_age_s = now > head->timestamp ? now - head->timestamp : 0;
    }
    const auto pool = co_await settled(ports_.pool_status(context, {}));
    out.services.push_back(health("validation", pool));
    if (pool) {
        out.pool_pending = pool->pending;
        out.pool_queued = pool->queued;
    }
    const auto consensus = co_await settled(ports_.consensus_status(context, {}));
    out.services.push_back(health("consensus", consensus));
    const auto network = co_await settled(ports_.network_status(context, {}));
    out.services.push_back(health("network", network));
    if (network) out.peers = network->peers.size();
    out.services.push_back({"monitor", true, true, ""});
    if (const auto usage = co_await settled(ports_.usage(context, {}))) out.disk_size = usage->disk_size;
    out.memory_size = resident_size();
    co_return out;
}

void Monitor::start(net::Loop& loop) {
    if (share_percent_ == 0) return;
    Promise<void> ended;
    ended_ = ended.future();
    loop.post([this, &loop, ended = std::move(ended)]() mutable {
        spawn(watch(loop, std::move(ended)), [](const Result<void>&) {});
    });
}

void Monitor::stop() {
    stopping_ = true;
    feed_.close();
    if (auto ended = std::exchange(ended_, std::nullopt)) (void)run(std::move(*ended).wait());
}

Task<void> Monitor::watch(net::Loop& loop, Promise<void> ended) {
    constexpr std::uint64_t wait_ms = 1'000;
    constexpr std::int64_t timeout_ns = 10 * ns_per_s;
    constexpr std::int64_t pause_ns = 100 * ns_per_ms;
    std::uint64_t next = ~std::uint64_t{0};
    std::uint64_t epoch = 0;
    while (!stopping_) {
        const auto page = co_await settled(
            ports_.storage_events(mesh::Context::with_timeout(timeout_ns), {next, wait_ms, epoch}));
        if (!page || (page->events.empty() && page->next == next)) {
            // Nothing new, or nobody there: a closed feed answers at once.
            if (const auto slept = co_await settled(loop.sleep_for(pause_ns)); !slept) break;
            if (!page) continue;
        }
        next = page->next;
        epoch = page->epoch;
        for (const auto& event : page->events) {
            if (stopping_) break;
            if (event.kind != api::storage::EventKind::block_added || !event.block) continue;
            if (event.block->transactions.empty()) continue;
            if (share_percent_ < 100 && monotonic_ns() < free_at_ns_) {
                count_skipped(event.block->header.number);
            } else {
                co_await look_at(event.block);
            }
        }
    }
    ended.set({});
}

void Monitor::count_skipped(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    if (coverage_.first_block == 0) coverage_.first_block = number;
    coverage_.last_block = number;
    ++coverage_.blocks_skipped;
}

Task<void> Monitor::look_at(api::SealedBlockPtr block) {
    constexpr std::int64_t timeout_ns = 30 * ns_per_s;
    const std::uint64_t number = block->header.number;
    const std::int64_t began_ns = monotonic_ns();
    auto activity = co_await settled(ports_.activity(mesh::Context::with_timeout(timeout_ns), {block}));
    const std::int64_t now_ns = monotonic_ns();
    free_at_ns_ = now_ns + (now_ns - began_ns) * (100 - static_cast<std::int64_t>(share_percent_)) /
                               static_cast<std::int64_t>(share_percent_);
    if (!activity) {
        count_skipped(number);
        co_return;
    }
    {
        const std::lock_guard lock(mutex_);
        if (coverage_.first_block == 0) coverage_.first_block = number;
        coverage_.last_block = number;
        ++coverage_.blocks_executed;
        statistics_.add(activity->contracts);
    }
    feed_.publish({number, block->hash, std::move(activity->contracts)});
}

Task<api::monitor::FinalityReply> Monitor::finality(mesh::Context context, api::monitor::Finality) {
    const auto progress = co_await ports_.consensus_progress(context, {});
    const auto network = co_await settled(ports_.network_status(context, {}));
    co_return explain(progress, network ? *network : api::network::StatusReply{},
                      static_cast<std::uint64_t>(unix_ms()));
}

Task<api::monitor::TopContractsReply> Monitor::top_contracts(mesh::Context, api::monitor::TopContracts request) {
    constexpr std::uint64_t count_max = 100;
    const std::lock_guard lock(mutex_);
    co_return api::monitor::TopContractsReply{statistics_.top(std::min(request.count, count_max), request.order),
                                              coverage_};
}

Task<api::monitor::ContractStatsReply> Monitor::contract_stats(mesh::Context, api::monitor::ContractStats request) {
    const std::lock_guard lock(mutex_);
    co_return api::monitor::ContractStatsReply{statistics_.find(request.address), coverage_};
}

Task<api::monitor::ContractEventsReply> Monitor::contract_events(mesh::Context context,
                                                                 api::monitor::ContractEvents request) {
    constexpr std::size_t blocks_a_page_max = 64;
    constexpr std::uint64_t wait_ms_max = 60'000;
    api::monitor::ContractEventsReply reply;
    reply.epoch = feed_.epoch();
    if (request.epoch != 0 && request.epoch != feed_.epoch()) request.from = ~std::uint64_t{0};
    const auto wait_ns = static_cast<std::int64_t>(std::min(request.wait_ms, wait_ms_max)) * ns_per_ms;
    const auto deadline_ns = std::min(monotonic_ns() + wait_ns, context.deadline_ns - 50 * ns_per_ms);
    auto page = co_await feed_.read(request.from, blocks_a_page_max, deadline_ns);
    reply.blocks = std::move(page.items);
    reply.next = page.next;
    co_return reply;
}

}  // namespace weft::service::monitor
