#pragma once
// monitor: how a node is, and what contracts do.

#include "api/contract.hpp"
#include "api/types.hpp"

namespace weft::api::monitor {

struct ServiceHealth {
    std::string service;
    bool live = false;
    bool ready = false;
    std::string detail;
};
struct ReportReply {
    std::vector<ServiceHealth> services;
    std::uint64_t head_number = 0;
    Hash head_hash;
    std::uint64_t head_age_s = 0;
    std::uint64_t pool_pending = 0;
    std::uint64_t pool_queued = 0;
    std::uint64_t peers = 0;
    std::uint64_t disk_size = 0;
    std::uint64_t memory_size = 0;
    std::uint64_t blocks_sealed = 0;
    std::uint64_t transactions_sealed = 0;
};
struct Report {
    using Reply = ReportReply;
    static constexpr std::string_view method = "weft.Monitor/Report";
    bool reserved = false;
};

/// What is known of one validator in the height under way.
struct ValidatorState {
    Address validator;
    bool is_self = false;
    bool is_connected = false;
    std::optional<std::uint64_t> prepared_round;  // the newest; nothing: it has not been heard to
    std::optional<std::uint64_t> committed_round;
    std::optional<std::uint64_t> asked_round;
    std::uint64_t height = 0;  // its head, as it said last
    std::int64_t skew_ms = 0;  // by which its clock is ahead
    std::uint64_t latency_us = 0;
    std::uint64_t heard_ago_ms = 0;
};
struct FinalityReply {
    std::uint64_t height = 0;  // under way
    std::uint64_t round = 0;
    Address proposer;
    std::uint64_t quorum = 0;
    std::vector<ValidatorState> validators;
    std::uint64_t since_final_ms = 0;
    std::uint64_t next_round_in_ms = 0;  // 0: no round runs
    bool transactions_wait = false;
    std::uint64_t evidence_count = 0;
    /// Why the next block is not final yet, the nearest cause first.
    std::vector<std::string> reasons;
};
/// @errors failed_precondition  a chain with one sealer.
struct Finality {
    using Reply = FinalityReply;
    static constexpr std::string_view method = "weft.Monitor/Finality";
    bool reserved = false;
};

/// How much of the chain the monitor has looked at.
struct Coverage {
    std::uint64_t first_block = 0;  // since it has watched
    std::uint64_t last_block = 0;
    /// Of these, the ones that were executed once more; the others were not, so as not to take more than the monitor's
    /// share of the time, and count nowhere.
    std::uint64_t blocks_executed = 0;
    std::uint64_t blocks_skipped = 0;
};

enum class ContractOrder : std::uint8_t { gas, calls, failures, growth };
struct TopContractsReply {
    std::vector<contract::ContractActivity> contracts;
    Coverage coverage;
};
/// The contracts that did most since the monitor has watched.
struct TopContracts {
    using Reply = TopContractsReply;
    static constexpr std::string_view method = "weft.Monitor/TopContracts";
    std::uint64_t count = 10;  // 100 at most
    ContractOrder order = ContractOrder::gas;
};

struct ContractStatsReply {
    std::optional<contract::ContractActivity> contract;  // nothing: not seen
    Coverage coverage;
};
struct ContractStats {
    using Reply = ContractStatsReply;
    static constexpr std::string_view method = "weft.Monitor/ContractStats";
    Address address;
};

struct BlockActivity {
    std::uint64_t number = 0;
    Hash hash;
    std::vector<contract::ContractActivity> contracts;
};
struct ContractEventsReply {
    std::vector<BlockActivity> blocks;
    std::uint64_t next = 0;
    std::uint64_t epoch = 0;
};
/// What contracts did in each block that was looked at, from position @p from on; waits up to wait_ms.
struct ContractEvents {
    using Reply = ContractEventsReply;
    static constexpr std::string_view method = "weft.Monitor/ContractEvents";
    std::uint64_t from = 0;  // ~0: from now on
    std::uint64_t wait_ms = 0;
    std::uint64_t epoch = 0;
};

}  // namespace weft::api::monitor
