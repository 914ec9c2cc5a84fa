#pragma once
// Networks in one process over real sockets: a node with fake services, and a peer that says what it is told to.

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "chain/fork_id.hpp"
#include "chain/transaction.hpp"
#include "crypto/keccak.hpp"
#include "consensus/pbft/extra.hpp"
#include "consensus/pbft/signing.hpp"
#include "crypto/secp256k1.hpp"
#include "crypto/siphash.hpp"
#include "service/network/compact.hpp"
#include "service/network/message.hpp"
#include "net/tls.hpp"
#include "service/network/network.hpp"

namespace weft::service::network {

inline constexpr std::int64_t patience_ns = 20 * ns_per_s;

/// Asks again, on @p loop, until it is true. @return  false if it never was.
inline bool eventually(net::Loop& loop, const std::function<bool()>& is_true) {
    const std::int64_t deadline = monotonic_ns() + patience_ns;
    while (!is_true()) {
        if (monotonic_ns() > deadline) return false;
        (void)run(loop.sleep_for(ns_per_ms));
    }
    return true;
}

inline Hash secret_of(std::uint8_t index) {
    Hash out;
    out.bytes.fill(index);
    return out;
}

inline chain::TransactionPtr test_transaction(std::uint64_t nonce, std::size_t data_size = 10) {
    chain::Transaction transaction;
    transaction.type = chain::TransactionType::dynamic_fee;
    transaction.chain_id = 7;
    transaction.nonce = nonce;
    transaction.gas_limit = 21'000;
    transaction.to = Address{{1}};
    transaction.data = Bytes(data_size, 0xab);
    return chain::sign_transaction(transaction, secret_of(9));
}

/// @param validators  that its header names; none: it names nothing.
inline Bytes test_block(std::uint64_t number, std::span<const chain::TransactionPtr> transactions,
                        consensus::Validators validators = {}) {
    chain::Block block;
    block.header.number = number;
    if (!validators.empty()) {
        block.header.extra_data = encode(consensus::pbft::Extra{{}, std::move(validators), std::nullopt, 0, {}});
    }
    block.header.transactions_root = chain::transactions_root(transactions);
    block.transactions.assign(transactions.begin(), transactions.end());
    return chain::encode(block);
}

inline Config test_config() {
    Config config;
    config.chain = chain::config_of(chain::Fork::osaka);
    config.chain.chain_id = 7;
    config.genesis_hash = Hash{{7, 7, 7}};
    config.engine = "pbft";
    config.limits.redial_min_ns = 5 * ns_per_ms;
    config.limits.redial_max_ns = 50 * ns_per_ms;
    config.limits.tick_ns = 10 * ns_per_ms;
    config.limits.arrive_ns = 10 * ns_per_ms;
    config.limits.reconnect_ns = 0;
    return config;
}

/// Identities with names that are known before anybody starts.
struct TestKey {
    explicit TestKey(const std::string& name)
        : identity(net::TlsIdentity::make()),
          path(testing::TempDir() + "weft_network_" + std::to_string(getpid()) + "_" + name) {
        std::ofstream(path) << identity.pem();
        EXPECT_EQ(chmod(path.c_str(), 0600), 0);
    }
    ~TestKey() { std::filesystem::remove(path); }
    TestKey(const TestKey&) = delete;
    TestKey& operator=(const TestKey&) = delete;
    [[nodiscard]] const std::string& id() const { return identity.id(); }

    net::TlsIdentity identity;
    std::string path;
};

struct Delivered {
    Address from;
    Bytes payload;
    std::vector<Bytes> blocks;
    bool is_relayed = false;
};

/// A node whose other services are here.
class TestNode {
  public:
    /// @param validator  index of its validator key; 0: none.
    TestNode(net::LoopGroup& loops, Config config, std::uint8_t validator) : loops_(loops), config_(std::move(config)) {
        if (validator != 0) secret_ = secret_of(validator);
    }
    ~TestNode() { stop(); }
    TestNode(const TestNode&) = delete;
    TestNode& operator=(const TestNode&) = delete;

    void start() {
        network_ = std::make_unique<Network>(loops_, config_, ports());
        const auto started = network_->start();
        ASSERT_TRUE(started) << started.error().message;
    }
    void stop() {
        // Its loops call this node, which asks the network in turn: first nobody must call any more.
        if (network_) network_->stop();
        network_.reset();
    }
    Network& operator*() { return *network_; }
    Network* operator->() { return network_.get(); }
    [[nodiscard]] Address validator() const { return *crypto::address_of(*secret_); }

    std::vector<api::network::PeerInfo> peers() {
        return run(network_->status(mesh::Context::with_timeout(patience_ns), {}))->peers;
    }
    std::size_t validators() {
        const auto all = peers();
        return static_cast<std::size_t>(std::ranges::count_if(all, [](const auto& peer) { return !!peer.validator; }));
    }
    std::uint64_t send(Bytes payload, std::vector<Bytes> blocks = {}, std::optional<Address> to = {}) {
        const auto sent = run(network_->send(mesh::Context::with_timeout(patience_ns),
                                             {to, std::move(payload), std::move(blocks)}));
        EXPECT_TRUE(sent) << sent.error().message;
        return sent ? sent->count : 0;
    }
    Result<api::network::FetchBlocksReply> fetch(std::uint64_t first, std::uint64_t count) {
        return run(network_->fetch_blocks(mesh::Context::with_timeout(patience_ns), {{}, first, count}));
    }
    std::vector<Delivered> delivered() {
        const std::lock_guard lock(mutex);
        return delivered_;
    }
    std::vector<Bytes> imported() {
        const std::lock_guard lock(mutex);
        return imported_;
    }

    // What its services have and answer; under the mutex once it runs.
    std::mutex mutex;
    std::vector<chain::TransactionPtr> pool;
    std::vector<Bytes> chain;  // blocks 0, 1, ...
    std::uint64_t first_number = 0;              // below it there are headers alone
    std::unordered_set<std::uint64_t> unproven;  // of them; of the others the proof is their number's last byte
    api::storage::SnapshotHeadReply snapshot;
    chain::SnapshotChunk chunk;  // of that snapshot, whatever is asked for
    api::consensus::Verdict verdict = api::consensus::Verdict::accept;
    std::optional<Address> signer;  // of whatever is delivered
    api::validation::Admission admission = api::validation::Admission::added;
    chain::TransactionPtr always_matched;  // for every id that nothing else matches
    std::atomic<bool> holds_deliveries = false;
    std::vector<Promise<api::consensus::DeliverReply>> held;

  private:
    Task<api::consensus::DeliverReply> deliver(api::consensus::Deliver request) {
        if (holds_deliveries) {
            Future<api::consensus::DeliverReply> later;
            {
                const std::lock_guard lock(mutex);
                delivered_.push_back(
                    {request.from, std::move(request.payload), std::move(request.blocks), request.is_relayed});
                later = held.emplace_back().future();
            }
            co_return co_await std::move(later).wait();
        }
        const std::lock_guard lock(mutex);
        delivered_.push_back(
            {request.from, std::move(request.payload), std::move(request.blocks), request.is_relayed});
        co_return api::consensus::DeliverReply{verdict, "as the test says", signer};
    }
    Task<api::consensus::ProveIdentityReply> prove(Hash binding) {
        if (!secret_) co_return api::consensus::ProveIdentityReply{};
        const auto signature = *crypto::sign(consensus::pbft::identity_hash(binding), *secret_);
        Bytes bytes = to_bytes(signature.r);
        append(bytes, signature.s);
        bytes.push_back(signature.y_parity);
        co_return api::consensus::ProveIdentityReply{validator(), bytes};
    }
    Task<api::validation::ImportReply> import(api::validation::Import request) {
        api::validation::ImportReply reply;
        api::network::Announce news{{}, request.peer};
        {
            const std::lock_guard lock(mutex);
            reply.admissions.assign(request.transactions.size(), admission);
            for (auto& encoded : request.transactions) {
                auto decoded = chain::decode_network_form(encoded);
                imported_.push_back(std::move(encoded));
                if (!decoded || admission != api::validation::Admission::added) continue;
                pool.push_back(std::make_shared<const chain::SignedTransaction>(*std::move(decoded)));
                news.transactions.push_back(pool.back());
            }
        }
        if (!news.transactions.empty()) (void)co_await settled(network_->announce({}, std::move(news)));
        co_return reply;
    }
    Task<api::validation::MatchReply> match(api::validation::Match request) {
        api::validation::MatchReply reply;
        const std::lock_guard lock(mutex);
        std::unordered_map<std::uint64_t, chain::TransactionPtr> by_id;
        for (const auto& transaction : pool) {
            const auto id = crypto::siphash24({request.key_low, request.key_high}, transaction->hash);
            by_id[id & 0xffffffffffff] = transaction;
        }
        for (std::size_t i = 0; i < request.ids.size(); ++i) {
            const auto at = by_id.find(request.ids[i]);
            const auto found = at == by_id.end() ? always_matched : at->second;
            if (!found) continue;
            reply.indices.push_back(i);
            reply.transactions.push_back(found);
        }
        co_return reply;
    }
    Task<api::validation::PooledReply> get_pooled(Hash hash) {
        const std::lock_guard lock(mutex);
        const auto at = std::ranges::find(pool, hash, [](const auto& transaction) { return transaction->hash; });
        co_return api::validation::PooledReply{at == pool.end() ? nullptr : *at};
    }
    Task<api::storage::ReadBlocksReply> read_blocks(api::storage::ReadBlocks request) {
        api::storage::ReadBlocksReply reply;
        const std::lock_guard lock(mutex);
        for (auto at = request.first; at < chain.size() && reply.blocks.size() < request.count; ++at) {
            if (!request.header_only && at != 0 && at < first_number) break;
            const auto header = [&] { return chain::encode(chain::decode_block(chain[at])->header); };
            reply.blocks.push_back({request.header_only ? header() : chain[at],
                                    unproven.contains(at) ? Bytes{} : Bytes{static_cast<std::uint8_t>(at)}});
        }
        co_return reply;
    }
    Task<api::storage::SnapshotHeadReply> snapshot_head() {
        const std::lock_guard lock(mutex);
        co_return snapshot;
    }
    Task<chain::SnapshotChunk> read_snapshot(api::storage::ReadSnapshot request) {
        const std::lock_guard lock(mutex);
        if (request.number != snapshot.number) co_return fail(ErrorCode::not_found, "no snapshot of that block");
        auto out = chunk;
        out.last = request.range.last;
        co_return out;
    }
    Task<api::storage::HeadReply> head() {
        const std::lock_guard lock(mutex);
        api::storage::HeadReply reply;
        reply.number = chain.empty() ? 0 : chain.size() - 1;
        reply.first_number = first_number;
        co_return reply;
    }

    Ports ports() {
        Ports out;
        out.deliver = {[this](mesh::Context, auto request) { return deliver(std::move(request)); }};
        out.prove_identity = {[this](mesh::Context, auto request) { return prove(request.binding); }};
        out.import = {[this](mesh::Context, auto request) { return import(std::move(request)); }};
        out.match = {[this](mesh::Context, auto request) { return match(std::move(request)); }};
        out.get_pooled = {[this](mesh::Context, auto request) { return get_pooled(request.hash); }};
        out.read_blocks = {[this](mesh::Context, auto request) { return read_blocks(request); }};
        out.snapshot_head = {[this](mesh::Context, auto) { return snapshot_head(); }};
        out.read_snapshot = {[this](mesh::Context, auto request) { return read_snapshot(request); }};
        out.head = {[this](mesh::Context, auto) { return head(); }};
        return out;
    }

    net::LoopGroup& loops_;
    Config config_;
    std::optional<Hash> secret_;
    std::vector<Delivered> delivered_;
    std::vector<Bytes> imported_;
    std::unique_ptr<Network> network_;
};

/// A frame that a RawPeer got.
struct Heard {
    Type type;
    std::uint64_t request_id;
    Bytes payload;
};

/// The other end of a connection, which sends the bytes it is told to and answers nothing by itself but pings.
class RawPeer final : public net::TlsStream {
  public:
    RawPeer(net::Loop& loop, int fd, net::TlsContext& context, std::string pin)
        : TlsStream(loop, fd, context, Side::client, std::move(pin), monotonic_ns() + patience_ns) {}

    /// From any thread.
    void say(Bytes bytes) {
        loop().post([self = std::static_pointer_cast<RawPeer>(shared_from_this()), bytes = std::move(bytes)] {
            if (self->secured() && !self->closed()) self->send(bytes);
        });
    }
    std::vector<Heard> heard(Type type) {
        const std::lock_guard lock(mutex_);
        std::vector<Heard> out;
        for (const auto& one : heard_) {
            if (one.type == type) out.push_back(one);
        }
        return out;
    }
    /// What it was told when it was disconnected.
    std::string farewell() {
        for (const auto& one : heard(Type::disconnect)) {
            if (const auto message = decode<Disconnect>(one.payload)) return std::string(message->reason.text());
        }
        return {};
    }
    std::atomic<bool> is_secured = false;
    std::atomic<bool> is_gone = false;
    std::atomic<bool> answers_pings = true;
    std::atomic<std::int64_t> clock_ahead_ms = 0;

  private:
    void on_secured() override { is_secured = true; }
    void on_plain(BytesView bytes) override {
        while (true) {
            const auto frame = reader_.next(bytes);
            if (!frame || !*frame) return;
            const auto& [type, id, payload] = **frame;
            if (type == Type::ping && answers_pings) {
                send(to_frame(Pong{static_cast<std::uint64_t>(unix_ms() + clock_ahead_ms)}, id));
            }
            const std::lock_guard lock(mutex_);
            heard_.push_back({type, id, to_bytes(payload)});
        }
    }
    void on_failed(const std::string&) override {}
    void on_closed() override { is_gone = true; }

    FrameReader reader_;
    std::mutex mutex_;
    std::vector<Heard> heard_;
};

class NetworkTest : public testing::Test {
  protected:
    NetworkTest() { loops_.start(); }
    ~NetworkTest() override {
        net::run_on_all(loops_, [this](net::Loop& loop, std::size_t) {
            for (const auto& peer : raw_) {
                if (&peer->loop() == &loop && !peer->closed()) peer->close();
            }
        });
        loops_.stop();
        raw_.clear();
    }
    bool eventually(const std::function<bool()>& is_true) { return network::eventually(loops_.loop(0), is_true); }

    /// Connects with @p key and says hello, unless told not to.
    std::shared_ptr<RawPeer> connect(TestNode& node, const TestKey& key, std::optional<Hello> hello = good_hello()) {
        auto& context = contexts_.emplace_back(std::make_unique<net::TlsContext>(
            key.identity, "weft/1", [](const std::string&) { return true; }));
        auto& loop = loops_.loop(1);
        const auto endpoint = net::Endpoint::parse(node->address());
        const auto fd = run(net::run_at(loop, net::connect_socket(loop, *endpoint, monotonic_ns() + patience_ns)));
        EXPECT_TRUE(fd);
        auto& peer = raw_.emplace_back();
        net::run_on_all(loops_, [&](net::Loop& at, std::size_t) {
            if (&at != &loop) return;
            peer = std::make_shared<RawPeer>(loop, *fd, *context, node->id());
        });
        EXPECT_TRUE(eventually([&] { return peer->is_secured || peer->is_gone; }));
        if (hello) peer->say(to_frame(*hello));
        return peer;
    }
    static Hello good_hello() {
        const Config config = test_config();
        Hello hello;
        hello.chain_id = config.chain.chain_id;
        hello.genesis = config.genesis_hash;
        hello.fork_hash = chain::fork_id(config.chain, {config.genesis_hash, 0, 0, 0}).hash;
        hello.engine = std::string_view("pbft");
        return hello;
    }
    /// The validator's proof for this connection.
    static Bytes identity(RawPeer& peer, const TestKey& key, std::uint8_t validator) {
        const Config config = test_config();
        const Hash exported = peer.exported(identity_label, {});
        const Hash binding = identity_binding(config.chain.chain_id, config.genesis_hash, exported, key.id());
        const auto signature = *crypto::sign(consensus::pbft::identity_hash(binding), secret_of(validator));
        Bytes bytes = to_bytes(signature.r);
        append(bytes, signature.s);
        bytes.push_back(signature.y_parity);
        return to_frame(Identity{*crypto::address_of(secret_of(validator)), BytesView(bytes)});
    }
    /// Connected, and known as a validator.
    std::shared_ptr<RawPeer> connect_validator(TestNode& node, const TestKey& key, std::uint8_t validator) {
        auto peer = connect(node, key);
        peer->say(identity(*peer, key, validator));
        EXPECT_TRUE(eventually([&] {
            const auto peers = node.peers();
            return std::ranges::any_of(peers, [&](const auto& one) { return one.id == key.id() && one.validator; });
        }));
        return peer;
    }
    /// A node that listens and pins these peers, whom it does not reach itself.
    std::unique_ptr<TestNode> listening(const TestKey& key, std::vector<std::string> pins, std::uint8_t validator,
                                        const std::function<void(Config&)>& change = {}) {
        Config config = test_config();
        config.listen = "127.0.0.1:0";
        config.key_file = key.path;
        for (const auto& pin : pins) config.static_peers.push_back({pin, "127.0.0.1:1"});
        if (change) change(config);
        auto node = std::make_unique<TestNode>(loops_, std::move(config), validator);
        node->start();
        return node;
    }
    /// A node that dials another.
    std::unique_ptr<TestNode> dialling(const TestKey& key, TestNode& other, std::uint8_t validator,
                                       const std::function<void(Config&)>& change = {}) {
        const StaticPeer peer{other->id(), other->address()};
        return listening(key, {}, validator, [&](Config& config) {
            config.static_peers.push_back(peer);
            if (change) change(config);
        });
    }
    static std::int64_t score_of(TestNode& node, const std::string& id) {
        for (const auto& peer : node.peers()) {
            if (peer.id == id) return peer.score;
        }
        return 1;  // it is not connected
    }

    net::LoopGroup loops_{2};

  private:
    std::vector<std::unique_ptr<net::TlsContext>> contexts_;
    std::vector<std::shared_ptr<RawPeer>> raw_;
};

}  // namespace weft::service::network
