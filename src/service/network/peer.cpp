#include "service/network/peer.hpp"

#include <algorithm>

namespace weft::service::network {

Peer::Peer(net::Loop& loop, int fd, net::TlsContext& context, Side side, std::string pin, std::string peer_address,
           const Limits& peer_limits, PeerEvents& events)
    : TlsStream(loop, fd, context, side, std::move(pin), loop.now_ns() + peer_limits.handshake_ns),
      address(std::move(peer_address)),
      ip(address.substr(0, address.rfind(':'))),
      opened_ns(loop.now_ns()),
      heard_ns(opened_ns),
      limits_(peer_limits),
      events_(events),
      outbox_(peer_limits.lane_bytes_max),
      bucket_(peer_limits.inbound_bytes_per_s, peer_limits.inbound_burst_bytes, opened_ns),
      bucket_timer_(loop, [this] {
          over_bucket_ = false;
          update_reading();
      }),
      sent_bucket_(peer_limits.outbound_bytes_per_s, peer_limits.outbound_burst_bytes, opened_ns),
      send_timer_(loop, [this] {
          sends_later_ = false;
          pump();
      }) {}

bool Peer::post(Lane lane, FramePtr frame) {
    if (closed() || closing()) return false;
    if (!outbox_.add(lane, std::move(frame))) {
        if (lane == Lane::consensus) disconnect("the peer does not read fast enough");
        return false;
    }
    pump();
    return true;
}

void Peer::pump() {
    while (!closed() && !closing() && secured() && !sends_later_ && output_size() < output_bytes_wanted) {
        const FramePtr frame = outbox_.next();
        if (!frame) return;
        const std::int64_t now = loop().now_ns();
        const std::int64_t wait = sent_bucket_.take(frame->size(), now);
        if (wait != 0 && !trusted()) {
            sends_later_ = true;
            send_timer_.set(now + wait);
        }
        send(*frame);
    }
}

Task<Payload> Peer::ask(Lane lane, FramePtr frame, std::uint64_t id, Type reply, std::int64_t timeout_ns) {
    if (closed() || closing()) co_return fail(ErrorCode::unavailable, "the connection ended");
    if (pending_.size() >= pending_max) co_return fail(ErrorCode::resource_exhausted, "too many requests wait");
    Promise<Payload> promise;
    auto future = promise.future();
    pending_.emplace(id, Pending{std::move(promise), reply, loop().now_ns() + timeout_ns,
                                 timeout_ns >= limits_.request_ns});
    if (!post(lane, std::move(frame))) {
        pending_.erase(id);
        co_return fail(ErrorCode::resource_exhausted, "the peer does not read fast enough");
    }
    co_return co_await std::move(future).wait();
}

bool Peer::answer(const Frame& frame) {
    const auto at = pending_.find(frame.request_id);
    if (at == pending_.end()) return frame.request_id <= last_request_;
    if (at->second.reply != frame.type) return false;
    auto promise = std::move(at->second.promise);
    pending_.erase(at);
    promise.set(std::make_shared<const Bytes>(to_bytes(frame.payload)));
    return true;
}

void Peer::owe(const Frame& request) {
    if (owed_.size() >= pending_max || owed_size_ + request.payload.size() > owed_size_max) return;
    owed_size_ += request.payload.size();
    owed_.push_back({request.type, request.request_id, to_bytes(request.payload)});
}

std::optional<Frame> Peer::take_owed() {
    if (owed_.empty() || closed() || closing() || is_full(rule_of(owed_.front().type).lane)) return std::nullopt;
    const Owed owed = std::move(owed_.front());
    owed_.pop_front();
    owed_size_ -= owed.payload.size();
    owed_payload_ = owed.payload;
    return Frame{owed.type, owed.request_id, owed_payload_};
}

bool Peer::is_full(Lane lane) const {
    return outbox_.size(lane) > limits_.lane_bytes_max[static_cast<std::size_t>(lane)] / 2;
}

std::size_t Peer::expire(std::int64_t now_ns) {
    std::vector<Promise<Payload>> late;
    std::size_t had_time = 0;
    for (auto at = pending_.begin(); at != pending_.end();) {
        if (at->second.deadline_ns > now_ns) {
            ++at;
            continue;
        }
        if (at->second.had_time) ++had_time;
        late.push_back(std::move(at->second.promise));
        at = pending_.erase(at);
    }
    for (auto& promise : late) promise.set(fail(ErrorCode::deadline_exceeded, "the peer did not answer"));
    return had_time;
}

void Peer::disconnect(const std::string& reason) {
    if (closed() || closing()) return;
    reason_ = reason;
    // Straight into the stream: the reason would wait behind what the peer doesn't read.
    if (secured()) send(to_frame(Disconnect{std::string_view(reason).substr(0, 512)}));
    constexpr std::int64_t linger_ns = 500 * ns_per_ms;
    if (!closed()) close_after_output(linger_ns);
}

void Peer::on_plain(BytesView bytes) {
    heard_ns = loop().now_ns();
    silent_after_ns.reset();
    throttle(bytes.size());
    const auto self = std::static_pointer_cast<Peer>(shared_from_this());
    while (!closed() && !closing()) {
        const auto frame = reader_.next(bytes);
        if (!frame) return events_.on_broken(*this, frame.error().message);
        if (!*frame) return;
        events_.on_frame(self, **frame);
    }
}

void Peer::throttle(std::size_t bytes) {
    const std::int64_t now = loop().now_ns();
    const std::int64_t wait = bucket_.take(bytes, now);
    if (wait == 0 || (trusted() && !limited)) return;
    over_bucket_ = true;
    bucket_timer_.set(now + wait);
    update_reading();
}

void Peer::update_reading() {
    const bool busy = working_bytes_ > limits_.working_bytes_max || working_count_ > limits_.working_count_max;
    if (busy || over_bucket_) {
        pause_reading();
    } else if (!closing()) {
        resume_reading();
    }
}

void Peer::on_closed() {
    bucket_timer_.cancel();
    send_timer_.cancel();
    auto pending = std::move(pending_);
    pending_.clear();
    events_.on_gone(*this, reason_);
    for (auto& [id, waiting] : pending) waiting.promise.set(fail(ErrorCode::unavailable, reason_));
}

Peer::Work::Work(PeerPtr peer, std::size_t bytes) : peer_(std::move(peer)), bytes_(bytes) {
    peer_->working_bytes_ += bytes_;
    ++peer_->working_count_;
    peer_->update_reading();
}

Peer::Work::~Work() {
    peer_->working_bytes_ -= bytes_;
    --peer_->working_count_;
    peer_->update_reading();
}

}  // namespace weft::service::network
