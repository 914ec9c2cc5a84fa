#pragma once
// One connection: frames in and out, requests that wait for their reply, and what is known of who is at the other end.
// What the frames mean is the Core's.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "net/tls.hpp"
#include "service/network/limits.hpp"
#include "service/network/message.hpp"
#include "service/network/outbox.hpp"
#include "service/network/score.hpp"
#include "service/network/told.hpp"

namespace weft::service::network {

class Peer;
using PeerPtr = std::shared_ptr<Peer>;

/// What a connection tells its owner. All calls on the loop's thread.
class PeerEvents {
  public:
    virtual void on_secured(Peer& peer) = 0;
    /// The payload is valid during the call.
    virtual void on_frame(const PeerPtr& peer, const Frame& frame) = 0;
    /// Its bytes are no frames, and can't be read on.
    virtual void on_broken(Peer& peer, const std::string& reason) = 0;
    virtual void on_gone(Peer& peer, const std::string& reason) = 0;

  protected:
    ~PeerEvents() = default;
};

/// A reply's payload, and room for its views.
using Payload = std::shared_ptr<const Bytes>;

class Peer final : public net::TlsStream {
  public:
    Peer(net::Loop& loop, int fd, net::TlsContext& context, Side side, std::string pin, std::string peer_address,
         const Limits& peer_limits, PeerEvents& events);

    /// Queues a frame. False if its lane is full, and then: a connection that can't take votes is ended.
    bool post(Lane lane, FramePtr frame);
    template <class Message>
    bool post(const Message& message, std::uint64_t request_id = 0) {
        return post(rule_of(Message::type).lane, std::make_shared<const Bytes>(to_frame(message, request_id)));
    }
    /// The payload of the reply.
    /// @errors deadline_exceeded  none came in time; unavailable  the connection ended; resource_exhausted  the lane is
    ///         full, or too many requests wait.
    template <class Message>
    Task<Payload> ask(const Message& message, Type reply, std::int64_t timeout_ns) {
        const std::uint64_t id = ++last_request_;
        return ask(rule_of(Message::type).lane, std::make_shared<const Bytes>(to_frame(message, id)), id, reply,
                   timeout_ns);
    }
    /// Keeps a request until there is room for its reply; one too many is lost.
    void owe(const Frame& request);
    /// A request that was kept, now that there is room; its payload is valid until the next call.
    [[nodiscard]] std::optional<Frame> take_owed();
    /// Whether the lane is too full for the largest reply.
    [[nodiscard]] bool is_full(Lane lane) const;
    /// Hands a reply to who asked. One that nobody waits for any more is dropped; false if it answers another question.
    [[nodiscard]] bool answer(const Frame& frame);
    /// Ends requests that have waited long enough; returns how many of them had the time that a correct peer needs.
    std::size_t expire(std::int64_t now_ns);

    /// Says why, and closes.
    void disconnect(const std::string& reason);

    /// While something that came from this peer is worked on, its bytes count; above the limits it isn't read from.
    class Work {
      public:
        Work(PeerPtr peer, std::size_t bytes);
        ~Work();
        Work(const Work&) = delete;
        Work& operator=(const Work&) = delete;

      private:
        PeerPtr peer_;
        std::size_t bytes_;
    };

    using Stream::closing;
    [[nodiscard]] bool inbound() const { return side() == Side::server; }
    [[nodiscard]] bool trusted() const { return pinned && validator; }

    std::string address;       // as the socket has it, or as it was dialled
    std::string ip;            // of it
    std::string listens_at;    // "host:port", if it said so
    bool pinned = false;
    bool ready = false;        // its hello is here, and it was let in
    bool limited = false;      // by its score
    std::size_t slot = peer_slots;  // none
    std::uint64_t head_number = 0;
    std::uint64_t finalized_number = 0;
    std::uint64_t first_number = 0;  // whole blocks from here on
    std::optional<Address> validator;
    std::optional<std::unordered_set<Address>> links;  // validators that it is connected to, as it says
    std::uint64_t links_told = 0;                      // which of our own lists it has been told
    bool proving = false;      // asked our consensus to prove who we are
    bool proved = false;
    std::int64_t opened_ns;
    std::int64_t heard_ns;
    std::int64_t pinged_ns = 0;
    std::optional<std::int64_t> silent_after_ns;  // a shorter time to be heard of than usual
    std::int64_t latency_ns = 0;
    std::size_t asked_count = 0;  // questions of a node that is behind which it has not answered
    std::size_t vain_count = 0;   // of them in a row that it was of no use for: others are asked before it
    std::int64_t skew_ms = 0;
    Score score;

  private:
    struct Pending {
        Promise<Payload> promise;
        Type reply;
        std::int64_t deadline_ns;
        bool had_time;
    };
    struct Owed {
        Type type;
        std::uint64_t request_id;
        Bytes payload;
    };
    static constexpr std::size_t pending_max = 256;
    static constexpr std::size_t owed_size_max = 1 << 20;
    static constexpr std::size_t output_bytes_wanted = 128 << 10;  // in the stream, beyond which lanes hold frames

    Task<Payload> ask(Lane lane, FramePtr frame, std::uint64_t id, Type reply, std::int64_t timeout_ns);
    void on_secured() override { events_.on_secured(*this); }
    void on_plain(BytesView bytes) override;
    void on_failed(const std::string& reason) override { reason_ = reason; }
    void on_closed() override;
    void on_drained() override { pump(); }
    void pump();
    void throttle(std::size_t bytes);
    void update_reading();

    const Limits& limits_;
    PeerEvents& events_;
    Outbox outbox_;
    FrameReader reader_;
    TokenBucket bucket_;
    bool over_bucket_ = false;
    net::Timer bucket_timer_;
    TokenBucket sent_bucket_;
    bool sends_later_ = false;
    net::Timer send_timer_;
    std::size_t working_bytes_ = 0;
    std::size_t working_count_ = 0;
    std::unordered_map<std::uint64_t, Pending> pending_;
    std::deque<Owed> owed_;  // at most pending_max, as many as a correct peer waits for
    std::size_t owed_size_ = 0;
    Bytes owed_payload_;  // of the one that was taken last
    std::uint64_t last_request_ = 0;
    std::string reason_ = "the connection ended";
};

}  // namespace weft::service::network
