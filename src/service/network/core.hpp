#pragma once
// The network service's inside: everything that happens on its loop. core.cpp has connections, core_messages.cpp what
// is done with a frame, core_blocks.cpp blocks and consensus messages, core_relay.cpp what is passed on for validators
// that don't reach one another, core_transactions.cpp transactions, core_sync.cpp what a node asks for that is far
// behind.
//
// Held by shared_ptr: each task that waits for another service keeps it, and goes on on the loop.

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "chain/fork_id.hpp"
#include "mesh/backoff.hpp"
#include "net/stream.hpp"
#include "observe/log.hpp"
#include "service/network/compact.hpp"
#include "service/network/network.hpp"
#include "service/network/peer.hpp"

namespace weft::service::network {

class Core final : public PeerEvents, public std::enable_shared_from_this<Core> {
  public:
    Core(net::Loop& loop, Config config, Ports ports, net::TlsIdentity identity);
    ~Core();

    /// Before anything else; not on the loop.
    [[nodiscard]] Result<void> listen();
    [[nodiscard]] net::Loop& loop() const { return loop_; }
    [[nodiscard]] const std::string& id() const { return tls_.id(); }
    [[nodiscard]] const std::string& address() const { return address_; }

    // What follows is of the loop's thread.

    void start();
    /// Closes everything; after it nothing new begins.
    void stop();

    void describe(api::network::StatusReply& reply) const;
    void announce(api::network::Announce request);
    Task<api::network::SendReply> send(api::network::Send request);
    Task<api::network::FetchBlocksReply> fetch_blocks(mesh::Context context, api::network::FetchBlocks request);
    Task<api::network::FetchHeadersReply> fetch_headers(mesh::Context context, api::network::FetchHeaders request);
    Task<api::network::FetchSnapshotReply> fetch_snapshot(mesh::Context context, api::network::FetchSnapshot request);
    Task<api::network::FetchChunkReply> fetch_chunk(mesh::Context context, api::network::FetchChunk request);
    void penalize(const api::network::Penalize& request);

  private:
    /// A peer that is dialled again whenever it is not connected.
    struct Dial {
        StaticPeer peer;
        std::uint32_t attempts = 0;
        bool busy = false;  // a connection is being made
        std::unique_ptr<net::Timer> timer;
    };
    struct Visitor {  // an IP address from which an unpinned peer came
        std::int64_t last_ns = 0;
        std::int64_t banned_until_ns = 0;
    };
    /// A transaction that was announced and is not here.
    struct Wanted {
        std::vector<std::string> announcers;  // ids of peers, who have not been asked
        std::uint64_t size = 0;
        std::int64_t ask_ns = 0;  // no sooner
        bool asked = false;
    };
    struct News {
        chain::TransactionPtr transaction;
        bool is_relayed = false;  // by a trusted peer, which has told the others itself
    };

    static constexpr std::size_t visitors_max = 4096;
    static constexpr std::size_t known_peers_max = 256;
    static constexpr std::size_t wanted_max = 1 << 14;
    static constexpr std::size_t announcers_max = 4;
    static constexpr std::size_t news_max = 1 << 14;
    static constexpr std::size_t recent_blocks_max = 16;
    /// Of two messages with as many and as large blocks as may be. One is kept, whatever its size.
    static constexpr std::size_t recent_size_max = 64 << 20;
    static constexpr std::size_t relayed_max = 4096;
    static constexpr std::int64_t ban_ns = 300 * ns_per_s;
    static constexpr std::int64_t call_ns = 10 * ns_per_s;  // for another service of the node to answer

    // Connections.
    void on_secured(Peer& peer) override;
    void on_frame(const PeerPtr& peer, const Frame& frame) override;
    void on_broken(Peer& peer, const std::string& reason) override;
    void on_gone(Peer& peer, const std::string& reason) override;
    void accept(int fd, std::string address);
    void dial(const StaticPeer& peer);
    Task<void> connect(std::shared_ptr<Core> self, StaticPeer peer);
    void redial(const std::string& id);
    void dial_known();
    void open(int fd, net::TlsStream::Side side, std::string pin, std::string address);
    void greet(Peer& peer, const Hello& hello);
    /// Why the peer can't stay; empty: it can.
    [[nodiscard]] std::string unfit(const Hello& hello) const;
    [[nodiscard]] std::string no_room_for(const Peer& peer);
    /// Whether @p peer may take its place, if need be that of another connection with the same peer.
    [[nodiscard]] bool settle_duplicate(Peer& peer);
    void blame(Peer& peer, double points, const std::string& reason);
    void tick();
    void tend(const PeerPtr& peer, std::int64_t now);
    Task<void> look_at_head(std::shared_ptr<Core> self);
    Task<void> look_at_validators(std::shared_ptr<Core> self);
    Task<void> prove(std::shared_ptr<Core> self, PeerPtr peer);
    Task<void> ask_for_peers(std::shared_ptr<Core> self, PeerPtr peer);
    [[nodiscard]] chain::ForkPoint fork_point() const;
    [[nodiscard]] bool is_static(const std::string& id) const { return dials_.contains(id); }
    [[nodiscard]] Hash binding(const Peer& peer, std::string_view prover) const;
    [[nodiscard]] Peer* find(const std::string& id) const;
    [[nodiscard]] std::vector<PeerPtr> ready_peers() const;

    // Messages: one overload each.
    template <class Message>
    void handle(const PeerPtr& peer, const Frame& frame);
    void on(const PeerPtr& peer, const Frame& frame, const Hello& message);
    void on(const PeerPtr& peer, const Frame& frame, const StatusMessage& message);
    void on(const PeerPtr& peer, const Frame& frame, const Disconnect& message);
    void on(const PeerPtr& peer, const Frame& frame, const Ping& message);
    void on(const PeerPtr& peer, const Frame& frame, const Identity& message);
    void on(const PeerPtr& peer, const Frame& frame, const ConsensusMessage& message);
    void on(const PeerPtr& peer, const Frame& frame, const Proposal& message);
    void on(const PeerPtr& peer, const Frame& frame, const NamedProposal& message);
    void on(const PeerPtr& peer, const Frame& frame, const Links& message);
    void on(const PeerPtr& peer, const Frame& frame, const Relayed& message);
    void on(const PeerPtr& peer, const Frame& frame, const RelayedProposal& message);
    void on(const PeerPtr& peer, const Frame& frame, const GetBlockTransactions& message);
    void on(const PeerPtr& peer, const Frame& frame, const GetBlock& message);
    void on(const PeerPtr& peer, const Frame& frame, const GetHeaders& message);
    void on(const PeerPtr& peer, const Frame& frame, const GetBlocks& message);
    void on(const PeerPtr& peer, const Frame& frame, const Transactions& message);
    void on(const PeerPtr& peer, const Frame& frame, const AnnounceMessage& message);
    void on(const PeerPtr& peer, const Frame& frame, const GetTransactions& message);
    void on(const PeerPtr& peer, const Frame& frame, const GetPeers& message);
    void on(const PeerPtr& peer, const Frame& frame, const GetSnapshot& message);
    void on(const PeerPtr& peer, const Frame& frame, const GetChunk& message);
    Task<void> ping(std::shared_ptr<Core> self, PeerPtr peer);

    // Blocks.
    [[nodiscard]] bool may_speak(const Peer& peer) const;
    Task<void> deliver(std::shared_ptr<Core> self, PeerPtr peer, Bytes payload, std::vector<OpenBlockPtr> blocks,
                       bool is_relayed);
    Task<void> receive(std::shared_ptr<Core> self, PeerPtr peer, Payload payload, bool is_relayed);
    Task<void> receive_named(std::shared_ptr<Core> self, PeerPtr peer, Payload payload);
    Task<OpenBlockPtr> assemble(PeerPtr peer, const CompactBlock& compact);
    /// @return  whether the transactions that were missing are there now.
    Task<bool> complete(PeerPtr peer, Assembly& assembly, Payload& reply);
    Task<OpenBlockPtr> fetch_whole(PeerPtr peer, Hash hash);
    struct Packed {
        Lane lane;
        FramePtr frame;
    };
    /// A message of the engine and the blocks that it names, as a frame.
    /// @errors invalid_argument  it is too large for any.
    [[nodiscard]] Result<Packed> pack(BytesView payload, std::span<const OpenBlockPtr> blocks, bool is_relayed);
    void remember(OpenBlockPtr block);
    [[nodiscard]] OpenBlockPtr recent(const Hash& hash) const;
    Task<void> serve_blocks(std::shared_ptr<Core> self, PeerPtr peer, std::uint64_t request_id, GetBlocks request);
    Task<void> serve_headers(std::shared_ptr<Core> self, PeerPtr peer, std::uint64_t request_id, GetHeaders request);
    Task<api::network::FetchBlocksReply> fetch_from(PeerPtr peer, GetBlocks request, std::int64_t timeout_ns);

    // For validators that don't reach one another.
    void tell_links();
    void relay(const Peer& from, const Address& signer, const Bytes& payload, std::span<const OpenBlockPtr> blocks);
    [[nodiscard]] bool is_time_to_relay(const Bytes& payload);

    // Headers and states for a node that is far behind.
    Task<void> serve_snapshot(std::shared_ptr<Core> self, PeerPtr peer, std::uint64_t request_id, GetSnapshot request);
    Task<void> serve_chunk(std::shared_ptr<Core> self, PeerPtr peer, std::uint64_t request_id, GetChunk request);
    Task<api::network::FetchHeadersReply> headers_from(PeerPtr peer, GetHeaders request, std::int64_t timeout_ns);
    Task<api::network::FetchSnapshotReply> snapshot_from(PeerPtr peer, GetSnapshot request, std::int64_t timeout_ns);
    Task<api::network::FetchChunkReply> chunk_from(PeerPtr peer, GetChunk request, std::int64_t timeout_ns);

    /// Peers that say they have a block, in the order in which to ask: the named validator, those that were of use
    /// last, those quick to answer.
    /// @param whole     whether they have it whole, and not its header alone.
    /// @param not_from  ids of peers that are left out.
    [[nodiscard]] std::vector<PeerPtr> holders(std::uint64_t number, bool whole,
                                               const std::optional<Address>& named = {},
                                               std::span<const std::string> not_from = {}) const;
    /// Puts another one first each time, of those that are as good as the first and have the least to answer.
    void take_turns(std::vector<PeerPtr>& peers);
    /// The first answer to a question that peers are asked one after the other.
    /// @errors unavailable  with @p none, if there is none.
    template <class Reply>
    Task<Reply> first_answer(mesh::Context context, std::vector<PeerPtr> peers, std::string none,
                             std::function<Task<Reply>(PeerPtr peer, std::int64_t timeout_ns)> ask) {
        for (const auto& peer : peers) {
            const std::int64_t timeout = std::min(config_.limits.bodies_ns, context.remaining_ns());
            if (timeout <= 0) co_return fail(ErrorCode::deadline_exceeded, "no peer answered in time");
            ++peer->asked_count;
            auto reply = co_await settled(ask(peer, timeout));
            --peer->asked_count;
            peer->vain_count = reply ? 0 : peer->vain_count + 1;
            if (reply) co_return *std::move(reply);
        }
        co_return fail(ErrorCode::unavailable, std::move(none));
    }

    // Transactions.
    void tell();
    void send_bodies(const std::vector<PeerPtr>& peers, std::span<const News> news);
    void send_hashes(const std::vector<PeerPtr>& peers, std::span<const News> news);
    [[nodiscard]] std::vector<PeerPtr> some_of(std::vector<PeerPtr> peers, std::vector<PeerPtr>& others);
    void take_bodies(const PeerPtr& peer, std::span<const Blob> transactions);
    Task<void> import(std::shared_ptr<Core> self, PeerPtr peer, std::vector<Bytes> transactions);
    void fetch_wanted();
    Task<void> fetch_transactions(std::shared_ptr<Core> self, PeerPtr peer, std::vector<Hash> hashes);
    Task<void> serve_transactions(std::shared_ptr<Core> self, PeerPtr peer, std::uint64_t request_id,
                                  std::vector<Hash> hashes);

    [[nodiscard]] std::uint64_t random();
    /// Starts a task that looks after its own errors.
    static void go(Task<void> task) {
        spawn(std::move(task), [](const Result<void>&) {});
    }
    /// Another service's answer, back on this loop.
    template <mesh::Operation R>
    Task<typename R::Reply> call(mesh::Port<R> port, R request, std::int64_t timeout_ns = call_ns) {
        if (!port) co_return fail(ErrorCode::unavailable, std::string(R::method) + ": the service is away");
        auto result = co_await settled(port(mesh::Context::with_timeout(timeout_ns), std::move(request)));
        co_await net::switch_to(loop_);
        co_return std::move(result);
    }

    net::Loop& loop_;
    const Config config_;
    const Ports ports_;
    const net::TlsIdentity identity_;
    net::TlsContext tls_;
    const observe::Log log_{"network"};
    std::string address_;
    int listening_fd_ = -1;
    std::unique_ptr<net::Listener> listener_;
    std::unique_ptr<net::Timer> tick_timer_;
    bool stopped_ = false;
    std::uint64_t random_state_;

    std::vector<PeerPtr> connections_;
    std::unordered_map<std::string, PeerPtr> peers_;  // those that are ready, by id
    std::bitset<peer_slots> slots_;
    std::unordered_map<std::string, Dial> dials_;     // of static peers
    std::unordered_map<std::string, Visitor> visitors_;
    std::map<std::string, std::string> known_;        // id and address of peers that others told of
    std::unordered_set<std::string> dialling_known_;

    api::storage::HeadReply head_;
    bool looking_at_head_ = false;
    std::unordered_set<Address> validators_;
    bool looking_at_validators_ = false;

    std::vector<Address> links_;  // as peers were told
    std::uint64_t links_number_ = 0;
    std::unordered_map<Hash, std::int64_t> relayed_;  // when each message was passed on
    std::deque<Hash> relayed_order_;

    std::size_t chunks_asked_ = 0;
    std::deque<OpenBlockPtr> recent_;  // sent or received; the newest last
    std::size_t recent_size_ = 0;

    Told told_;
    std::vector<News> news_;
    std::unique_ptr<net::Timer> news_timer_;
    std::unordered_map<Hash, Wanted> wanted_;
    std::unique_ptr<net::Timer> wanted_timer_;
};

}  // namespace weft::service::network
