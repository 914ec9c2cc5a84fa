#include "service/consensus/snapshot_driver.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/hex.hpp"
#include "base/time.hpp"
#include "chain/block.hpp"

namespace weft::service::consensus {

namespace pbft = weft::consensus::pbft;

namespace {

constexpr std::int64_t call_timeout_ns = 60 * ns_per_s;
constexpr std::int64_t pause_ns = ns_per_s;
constexpr std::chrono::milliseconds finish_retry{5};

mesh::Context context() { return mesh::Context::with_timeout(call_timeout_ns); }

}  // namespace

SnapshotDriver::SnapshotDriver(pbft::SnapshotConfig config, SnapshotPorts ports, Tell tell)
    : config_(std::move(config)), ports_(std::move(ports)), tell_(std::move(tell)) {}

void SnapshotDriver::stop() {
    {
        const std::lock_guard lock(inbox_->mutex);
        inbox_->is_stopping = true;
    }
    inbox_->wake.notify_all();
}

Result<bool> SnapshotDriver::run() {
    std::deque<pbft::SnapshotAction> todo;
    const auto add = [&](Actions actions) {
        for (auto& action : actions) todo.push_back(std::move(action));
    };
    const auto tell = [&] { tell_(pbft::describe(state_), state_.pivot.number); };
    add(pbft::begin(config_, state_));
    tell();
    while (!outcome_) {
        std::optional<Event> event;
        if (todo.empty()) {
            event = wait();
        } else {
            const auto action = std::move(todo.front());
            todo.pop_front();
            event = std::visit([&](const auto& it) { return perform(it); }, action);
        }
        if (event) add(pbft::step(config_, state_, *event));
        tell();
        const std::lock_guard lock(inbox_->mutex);
        if (inbox_->is_stopping) return fail(ErrorCode::cancelled, "the service ends");
    }
    return *outcome_;
}

std::optional<SnapshotDriver::Event> SnapshotDriver::wait() {
    std::unique_lock lock(inbox_->mutex);
    const auto has_any = [&] { return inbox_->is_stopping || !inbox_->arrived.empty(); };
    if (resume_ns_ == 0) {
        inbox_->wake.wait(lock, has_any);
    } else {
        const auto left = std::chrono::nanoseconds(std::max<std::int64_t>(resume_ns_ - monotonic_ns(), 0));
        if (!inbox_->wake.wait_for(lock, left, has_any)) {
            resume_ns_ = 0;
            return pbft::Resumed{resume_attempt_};
        }
    }
    if (inbox_->is_stopping) return std::nullopt;
    Arrived arrived = std::move(inbox_->arrived.front());
    inbox_->arrived.pop_front();
    lock.unlock();
    return keep(std::move(arrived));
}

SnapshotDriver::Event SnapshotDriver::failed(const Error& error) const {
    log_.warn("storage can't take the snapshot now", {{"why", error.message}});
    return pbft::StorageFailed{state_.attempt, error.code == ErrorCode::unavailable};
}

SnapshotDriver::Event SnapshotDriver::keep(Arrived arrived) {
    const auto& [attempt, range, reply] = arrived;
    if (attempt != state_.attempt) return pbft::NobodyHasIt{attempt, range};  // of an older snapshot: not looked at
    if (!reply) return pbft::NobodyHasIt{attempt, range};
    const auto kept = weft::run(ports_.put_chunk(context(), {state_.pivot.hash, range, reply->chunk}));
    if (kept) return pbft::ChunkKept{attempt, range, kept->missing};
    if (kept.error().code != ErrorCode::invalid_argument) return failed(kept.error());
    return pbft::AnswerWrong{attempt, reply->peer, "a chunk of a snapshot: " + kept.error().message, range};
}

std::optional<SnapshotDriver::Event> SnapshotDriver::perform(const pbft::AskPivot& action) {
    auto found = weft::run(ports_.fetch_snapshot(context(), {0, action.not_from}));
    if (!found) return pbft::NobodyHasIt{state_.attempt, std::nullopt};
    const auto block = chain::decode_block(found->head.block);
    if (!block) return pbft::NobodyHasIt{state_.attempt, std::nullopt};  // the network service has decoded it before
    const pbft::Pivot pivot{block->header.number, chain::hash_of(block->header), block->header.parent_hash,
                            found->head.proof};
    head_ = std::move(found->head);
    return pbft::PivotFound{state_.attempt, found->peer, pivot};
}

std::optional<SnapshotDriver::Event> SnapshotDriver::perform(const pbft::PrepareStorage& action) {
    log_.info("taking a snapshot", {{"number", action.pivot.number}, {"peer", state_.pivot_peer}});
    const auto ready = weft::run(ports_.begin(context(), {head_}));
    if (ready) return pbft::StorageReady{state_.attempt, ready->missing};
    if (ready.error().code != ErrorCode::invalid_argument) return failed(ready.error());
    return pbft::AnswerWrong{state_.attempt, state_.pivot_peer, "a snapshot's block: " + ready.error().message,
                             std::nullopt};
}

std::optional<SnapshotDriver::Event> SnapshotDriver::perform(const pbft::AskHeaders& action) {
    auto found = weft::run(ports_.fetch_headers(context(), {action.first, action.count, action.not_from}));
    if (!found || found->proofs.size() != found->headers.size()) {
        return pbft::NobodyHasIt{state_.attempt, std::nullopt};
    }
    pbft::HeadersFound out{state_.attempt, std::move(found->peer), {}};
    headers_.clear();
    for (std::size_t i = 0; i < found->headers.size(); ++i) {
        const auto header = chain::decode_header(found->headers[i]);
        if (!header) break;  // the network service has decoded it before
        out.headers.push_back({header->number, chain::hash_of(*header), header->parent_hash, header->extra_data,
                               found->proofs[i]});
        headers_.push_back({std::move(found->headers[i]), std::move(found->proofs[i])});
    }
    return out;
}

std::optional<SnapshotDriver::Event> SnapshotDriver::perform(const pbft::KeepHeaders& action) {
    headers_.resize(action.count);
    const auto kept = weft::run(ports_.put_headers(context(), {state_.pivot.hash, std::move(headers_)}));
    headers_.clear();
    if (!kept) return failed(kept.error());
    return pbft::HeadersKept{state_.attempt};
}

std::optional<SnapshotDriver::Event> SnapshotDriver::perform(const pbft::AskChunk& action) {
    spawn(ports_.fetch_chunk(context(), {state_.pivot.number, action.range, action.not_from}),
          [inbox = inbox_, attempt = state_.attempt, range = action.range](auto reply) {
              {
                  const std::lock_guard lock(inbox->mutex);
                  inbox->arrived.push_back({attempt, range, std::move(reply)});
              }
              inbox->wake.notify_all();
          });
    return std::nullopt;
}

std::optional<SnapshotDriver::Event> SnapshotDriver::perform(const pbft::Finish&) {
    // Readers are turned away from the first question on, so it is asked again soon.
    const std::int64_t until_ns = monotonic_ns() + pause_ns;
    auto head = weft::run(ports_.finish(context(), {state_.pivot.hash}));
    while (!head && head.error().code == ErrorCode::unavailable && monotonic_ns() < until_ns) {
        std::unique_lock lock(inbox_->mutex);
        if (inbox_->wake.wait_for(lock, finish_retry, [this] { return inbox_->is_stopping; })) break;
        lock.unlock();
        head = weft::run(ports_.finish(context(), {state_.pivot.hash}));
    }
    if (!head) return failed(head.error());
    log_.info("the state is a snapshot's", {{"number", head->number}, {"hash", to_hex(head->hash)}});
    return pbft::Finished{state_.attempt};
}

std::optional<SnapshotDriver::Event> SnapshotDriver::perform(const pbft::BlamePeer& action) {
    log_.warn("a peer sent what is wrong", {{"peer", action.peer}, {"why", action.why}});
    spawn(ports_.penalize(context(), {action.peer, std::nullopt, action.why}), [](const auto&) {});
    return std::nullopt;
}

std::optional<SnapshotDriver::Event> SnapshotDriver::perform(const pbft::Pause&) {
    resume_ns_ = monotonic_ns() + pause_ns;
    resume_attempt_ = state_.attempt;
    return std::nullopt;
}

std::optional<SnapshotDriver::Event> SnapshotDriver::perform(const pbft::Synced&) {
    outcome_ = true;
    return std::nullopt;
}

std::optional<SnapshotDriver::Event> SnapshotDriver::perform(const pbft::Unsuited& action) {
    log_.info("no snapshot is taken", {{"why", action.why}});
    outcome_ = false;
    return std::nullopt;
}

}  // namespace weft::service::consensus
