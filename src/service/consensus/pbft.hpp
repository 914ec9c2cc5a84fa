#pragma once
// The consensus service of a chain with several validators: the driver of consensus/pbft.
//
// Owns     the order of blocks; the engine's record, the validator's key and the record of what it signed.
// Serves   weft.Consensus.
// Calls    weft.Validation/Best, HeadChanged, Drop, PoolStatus; weft.Contract/Build, Check, Adopt; weft.Storage/Head,
//          GetBlock, BeginSnapshot, PutHeaders, PutChunk, FinishSnapshot; weft.Network/Send, FetchBlocks,
//          FetchHeaders, FetchSnapshot, FetchChunk, Penalize.
// Fails    closed: what can't be made durable is not said, and a block that can't be stored is not voted beyond. While
//          a neighbour is away it waits and tries again; nobody has to help it.
//
// Three threads, each with its own part of the state. The first feeds the engine, one event after the other, and never
// waits. The second makes records durable and signs: both take a disk's time. The third builds, executes, stores and
// fetches blocks: the order in which it does that is the order of the chain.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "api/contract.hpp"
#include "api/network.hpp"
#include "api/storage.hpp"
#include "api/validation.hpp"
#include "chain/fork.hpp"
#include "consensus/gate.hpp"
#include "consensus/pbft/codec.hpp"
#include "consensus/pbft/engine.hpp"
#include "consensus/pbft/extra.hpp"
#include "observe/log.hpp"
#include "service/consensus/consensus.hpp"
#include "service/consensus/evidence_store.hpp"
#include "service/consensus/guard.hpp"
#include "service/consensus/read_message.hpp"
#include "service/consensus/record_file.hpp"
#include "service/consensus/serial_thread.hpp"
#include "service/consensus/snapshot_driver.hpp"

namespace weft::service::consensus {

namespace cs = weft::consensus;

struct PbftPorts {
    mesh::Port<api::storage::Head> head;
    mesh::Port<api::storage::GetBlock> get_block;
    mesh::Port<api::validation::Best> best;
    mesh::Port<api::validation::HeadChanged> head_changed;
    mesh::Port<api::validation::Drop> drop;
    mesh::Port<api::validation::PoolStatus> pool_status;
    mesh::Port<api::contract::Build> build;
    mesh::Port<api::contract::Check> check;
    mesh::Port<api::contract::Adopt> adopt;
    mesh::Port<api::network::Send> send;
    mesh::Port<api::network::FetchBlocks> fetch_blocks;
    mesh::Port<api::network::Penalize> penalize;
    SnapshotPorts snapshot;
};

struct PbftSettings {
    /// The validator's secret key; nothing: the node follows the chain and votes for nothing.
    std::optional<Hash> key;
    /// Of the records.
    std::string folder;
    /// A node without blocks takes a snapshot's state if that is more blocks ahead; 0: it executes every block.
    std::uint64_t snapshot_ahead_min = chain::snapshot_interval;
};

class Pbft final : public Consensus {
  public:
    /// @param config  of the chain, with its qbft member; must outlive the service.
    Pbft(const chain::ChainConfig& config, PbftPorts ports, PbftSettings settings);
    ~Pbft() override;

    [[nodiscard]] Result<void> start() override;
    void stop() override;

    Task<api::consensus::StatusReply> status(mesh::Context, api::consensus::Status) override;
    Task<api::consensus::SealReply> notify(mesh::Context, api::consensus::Notify) override;
    Task<api::consensus::DeliverReply> deliver(mesh::Context, api::consensus::Deliver) override;
    Task<api::consensus::ProveIdentityReply> prove_identity(mesh::Context, api::consensus::ProveIdentity) override;
    Task<api::consensus::ValidatorSetReply> validator_set(mesh::Context, api::consensus::ValidatorSet) override;
    Task<api::consensus::ProgressReply> progress(mesh::Context, api::consensus::Progress) override;
    Task<api::consensus::ReadIndexReply> read_index(mesh::Context, api::consensus::ReadIndex) override;
    Task<api::consensus::EvidenceReply> evidence(mesh::Context, api::consensus::Evidence) override;
    Task<api::consensus::VotesReply> votes(mesh::Context, api::consensus::Votes) override;
    Task<api::consensus::VotesReply> propose_vote(mesh::Context, api::consensus::ProposeVote) override;

  private:
    using Work = std::move_only_function<void()>;

    [[nodiscard]] Result<void> make_folder() const;

    // The engine's thread.
    void loop();
    void post(Work work);
    /// What others sent. False: too much of it waits, and it is lost.
    [[nodiscard]] bool post_delivered(std::size_t size, Work work);
    void feed(const cs::Event& event);
    void release(cs::Action&& action);
    void persisted();
    void perform(cs::Persist& action);
    void perform(cs::Cast& action);
    void perform(cs::Broadcast& action);
    void perform(cs::Send& action);
    void perform(cs::SetTimer& action);
    void perform(cs::CancelTimer& action);
    void perform(cs::Build& action);
    void perform(cs::Execute& action);
    void perform(cs::Commit& action);
    void perform(cs::Fetch& action);
    void perform(cs::Evidence& action);
    void perform(cs::Penalize& action);
    void transmit(std::optional<Address> to, const cs::MessagePtr& message);
    void received(const Address& from, std::shared_ptr<pbft::PbftMessage> message);
    void watch_own(const pbft::PbftMessage& message);
    [[nodiscard]] bool is_validator(const Address& address) const;  // of the height under way
    void listen(const Address& from, const pbft::PbftMessage& message);
    void begin();
    [[nodiscard]] std::int64_t next_timer_ns() const;
    void fire_timers();
    void describe_progress();

    // Strong reads (pbft_reads.cpp), on the engine's thread.
    struct Reader {
        Promise<api::consensus::ReadIndexReply> promise;
        std::int64_t until_ns = 0;
        std::uint64_t height = 0;  // what it waits for, once that is known
    };
    /// A question to all validators where they stand.
    struct Probe {
        std::uint64_t nonce = 0;
        std::int64_t until_ns = 0;
        std::set<Address> answered;
        std::uint64_t height = 0;
        std::vector<Reader> readers;
    };
    void on_read_message(const Address& from, const ReadMessage& message);
    void begin_probe();
    void end_probe();
    void answer_reads(std::uint64_t height);
    void time_out_reads();
    [[nodiscard]] std::uint64_t frontier() const;

    // The disk's thread.
    void write_record(const cs::RecordPtr& record);
    void sign(const std::shared_ptr<pbft::PbftMessage>& message);
    /// Again while a neighbour is away, for as long as a round may last and the engine wants nothing newer.
    /// @param order  of what is wanted, as wanted_ was for it.
    [[nodiscard]] Result<void> while_wanted(std::uint64_t order, const std::function<Result<void>()>& attempt);
    /// Again and again until it succeeds or the service stops.
    [[nodiscard]] bool until_done(const char* what, const std::function<Result<void>()>& attempt);

    // The chain's thread.
    [[nodiscard]] Result<void> take_up_head();
    /// A block may have been stored and the answer lost: storage says what the head is.
    [[nodiscard]] Result<void> look_at_storage();
    [[nodiscard]] Result<void> build(const cs::Build& wanted);
    [[nodiscard]] Result<void> execute(const cs::BlockPtr& block);
    [[nodiscard]] Result<void> commit(const cs::BlockPtr& block, Bytes proof);
    [[nodiscard]] Result<void> fetch(const Address& from, std::uint64_t first);
    /// For a node without blocks.
    [[nodiscard]] Result<void> take_snapshot();
    [[nodiscard]] Result<void> take_final(const api::network::FinalBlock& block, const std::string& peer);
    [[nodiscard]] Result<void> adopt(const Hash& hash, Bytes block, Bytes proof);
    /// What this engine asks of a block's header besides what every chain asks; empty: it is right.
    [[nodiscard]] std::string check_header(const chain::Header& header) const;
    [[nodiscard]] chain::Header next_header(std::uint64_t timestamp, const std::optional<pbft::Vote>& vote) const;
    [[nodiscard]] std::optional<pbft::Vote> vote_to_cast();
    [[nodiscard]] cs::BlockPtr head_for_engine() const;  // without its bytes
    void committed();
    void look_at_pool();
    void describe();
    void set_trouble(std::string trouble);
    /// @param what  empty: it has caught up.
    void set_syncing(std::string what, std::uint64_t from = 0, std::uint64_t to = 0);

    const chain::ChainConfig& config_;
    PbftPorts ports_;
    PbftSettings settings_;
    const observe::Log log_{"consensus"};
    std::string config_json_;
    Hash instance_id_;
    pbft::Domain domain_;

    // Of the engine's thread.
    std::optional<pbft::EcdsaVerifier> verifier_;
    std::optional<pbft::Engine<>> engine_;
    cs::Gate gate_;
    std::array<std::int64_t, pbft::timer_count> timers_{};  // monotonic_ns(); 0: not set
    bool is_listening_ = false;
    std::map<Address, cs::Height> told_;  // while it listens: where others stand
    cs::Height silent_to_ = 0;            // it votes in no height up to this one
    std::optional<Probe> probe_;
    std::vector<Reader> readers_;  // for the next probe
    std::vector<Reader> behind_;   // wait for a height
    std::uint64_t next_nonce_ = 1;
    bool is_fetching_ = false;

    // Of the disk's thread.
    std::optional<Guard> guard_;
    std::optional<RecordFile> record_file_;
    std::optional<EvidenceStore> evidence_store_;

    // Of the chain's thread.
    api::SealedBlockPtr head_;
    pbft::Tally tally_;
    std::optional<pbft::EcdsaVerifier> proof_verifier_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;  // of the engine's thread
    std::condition_variable end_;   // of the others, which wait for the end alone
    std::deque<Work> works_;
    std::size_t delivered_ = 0;  // of works_, messages of others
    std::size_t delivered_size_ = 0;
    bool stopping_ = false;
    // Copies for other threads.
    api::consensus::StatusReply status_;
    api::consensus::ProgressReply progress_;
    api::consensus::VotesReply votes_;
    std::vector<pbft::Vote> own_votes_;
    std::string trouble_;
    std::string syncing_;
    std::uint64_t sync_from_ = 0;
    std::uint64_t sync_to_ = 0;
    std::shared_ptr<SnapshotDriver> snapshot_driver_;  // while it runs
    std::uint64_t final_ms_ = 0;
    std::atomic<std::uint64_t> refused_signatures_{0};
    std::atomic<std::uint64_t> evidence_count_{0};
    std::atomic<bool> pool_waits_{false};
    std::atomic<std::uint64_t> wanted_{0};  // blocks that the engine wanted made or executed so far

    std::unique_ptr<SerialThread> disk_;
    std::unique_ptr<SerialThread> chain_;
    std::thread thread_;
};

}  // namespace weft::service::consensus
