#pragma once
// A node of lambdas for the gateway's tests: blocks, pool and events in memory, answers that a test can set, and a
// record of what was ordered.

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "api/storage.hpp"
#include "base/hex.hpp"
#include "chain/transaction.hpp"
#include "crypto/secp256k1.hpp"
#include "net/loop.hpp"
#include "service/gateway/gateway.hpp"
#include "service/gateway/log_query.hpp"

namespace weft::service::gateway::testing {

template <class Op, class Function>
mesh::Port<Op> port(Function function) {
    return mesh::Port<Op>([function](mesh::Context, Op request) -> Task<typename Op::Reply> {
        Result<typename Op::Reply> reply = function(std::move(request));
        co_return reply;
    });
}

inline Hash secret_key() {
    return *fixed_from_hex<Hash>("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
}

class FakeNode {
  public:
    FakeNode() {
        status.chain_id = 31337;
        status.development = true;
        status.automine = true;
        status.gas_limit = 30'000'000;
        status.next_base_fee = 7;
        account = *crypto::address_of(secret_key());
        grow({});
    }

    // --- the chain
    std::vector<api::SealedBlockPtr> blocks;
    std::vector<api::storage::ChainEvent> events;
    std::uint64_t epoch = 1;
    std::uint64_t first_position = 0;
    std::map<Address, chain::Account> accounts;
    std::map<Hash, chain::TransactionPtr> pool;
    std::vector<chain::TransactionPtr> pending_events;
    std::uint64_t pending_nonce = 5;
    api::consensus::StatusReply status;
    Address account;

    // --- what was ordered, newest last
    std::vector<api::contract::Call> calls;
    Result<api::contract::CallReply> call_reply = api::contract::CallReply{};
    std::vector<api::contract::Estimate> estimates;
    std::vector<api::validation::Submit> submitted;
    Result<api::validation::SubmitReply> submit_reply = api::validation::SubmitReply{};
    std::vector<api::consensus::Configure> configured;
    std::vector<api::consensus::Mine> mined;
    std::vector<api::consensus::SetAccount> changed;
    std::vector<Address> impersonated;
    std::optional<Error> storage_error;

    /// A block on the head that holds these transactions, each with one log of its first data bytes.
    api::SealedBlockPtr grow(std::vector<chain::TransactionPtr> transactions, std::uint8_t variant = 0) {
        auto block = std::make_shared<api::SealedBlock>();
        block->header.number = blocks.size();
        if (!blocks.empty()) block->header.parent_hash = blocks.back()->hash;
        block->header.timestamp = 1000 + block->header.number;
        block->header.gas_limit = 30'000'000;
        block->header.base_fee = U256{7};
        block->header.extra_data = {variant};
        for (const auto& transaction : transactions) {
            chain::Receipt receipt;
            receipt.success = true;
            receipt.gas_used = 21'000;
            receipt.cumulative_gas_used = 21'000 * (block->receipts.size() + 1);
            receipt.effective_gas_price = 8;
            receipt.logs.push_back({account, {transaction->hash}, {0x01}});
            block->receipts.push_back(std::move(receipt));
        }
        block->transactions = std::move(transactions);
        block->hash = chain::hash_of(block->header);
        block->size = 600;
        const std::lock_guard lock(mutex);
        blocks.push_back(block);
        push(api::storage::EventKind::block_added, block);
        return block;
    }

    void shrink() {
        const std::lock_guard lock(mutex);
        const auto block = blocks.back();
        blocks.pop_back();
        push(api::storage::EventKind::block_removed, block);
    }

    /// As after a restart: other positions, another epoch, the same chain.
    void restart() {
        const std::lock_guard lock(mutex);
        events.clear();
        first_position = 0;
        ++epoch;
    }

    chain::TransactionPtr transaction(std::uint64_t nonce) const {
        chain::Transaction tx;
        tx.type = chain::TransactionType::dynamic_fee;
        tx.chain_id = 31337;
        tx.nonce = nonce;
        tx.gas_limit = 21'000;
        tx.max_fee_per_gas = 100;
        tx.max_priority_fee_per_gas = 1;
        tx.to = account;
        return chain::sign_transaction(tx, secret_key());
    }

    api::SealedBlockPtr find(const api::BlockRef& ref) {
        const std::lock_guard lock(mutex);
        if (ref.tag == api::BlockTag::hash) {
            for (const auto& block : blocks) {
                if (block->hash == ref.hash) return block;
            }
            return nullptr;
        }
        if (ref.tag == api::BlockTag::earliest) return blocks.front();
        if (ref.tag != api::BlockTag::number) return blocks.back();
        return ref.number < blocks.size() ? blocks[ref.number] : nullptr;
    }

    Ports ports();

    std::mutex mutex;

  private:
    void push(api::storage::EventKind kind, const api::SealedBlockPtr& block) {
        events.push_back({first_position + events.size(), kind, block});
    }
    void add_storage(Ports& out);
    void add_others(Ports& out);
    void add_consensus(Ports& out);
};

inline void FakeNode::add_storage(Ports& out) {
    out.head = port<api::storage::Head>([this](auto) -> Result<api::storage::HeadReply> {
        if (storage_error) return std::unexpected(*storage_error);
        const auto head = find({});
        return api::storage::HeadReply{head->header.number, head->hash, head->header.timestamp, 0, 0, 0};
    });
    out.get_block = port<api::storage::GetBlock>([this](auto request) -> Result<api::storage::BlockReply> {
        return api::storage::BlockReply{find(request.block), true};
    });
    out.get_transaction =
        port<api::storage::GetTransaction>([this](auto request) -> Result<api::storage::TransactionReply> {
            const std::lock_guard lock(mutex);
            for (const auto& block : blocks) {
                for (std::size_t i = 0; i < block->transactions.size(); ++i) {
                    if (block->transactions[i]->hash != request.hash) continue;
                    api::storage::TransactionReply reply;
                    reply.transaction = block->transactions[i];
                    if (i < block->receipts.size()) reply.receipt = block->receipts[i];
                    reply.block_hash = block->hash;
                    reply.block_number = block->header.number;
                    reply.block_timestamp = block->header.timestamp;
                    reply.index = i;
                    reply.first_log_index = i;
                    reply.base_fee = block->header.base_fee;
                    return reply;
                }
            }
            return api::storage::TransactionReply{};
        });
    out.get_account = port<api::storage::GetAccount>([this](auto request) -> Result<chain::Account> {
        if (storage_error) return std::unexpected(*storage_error);
        if (find(request.block) == nullptr) return fail(ErrorCode::not_found, "header not found");
        return accounts[request.address];
    });
    out.get_code = port<api::storage::GetCode>([](auto) -> Result<api::storage::CodeReply> {
        return api::storage::CodeReply{{0x60, 0x00}};
    });
    out.get_slot = port<api::storage::GetSlot>(
        [](auto request) -> Result<api::storage::SlotReply> { return api::storage::SlotReply{request.key + 1}; });
    out.get_proof = port<api::storage::GetProof>([](auto request) -> Result<api::storage::ProofReply> {
        api::storage::ProofReply reply{{}, {{0xc0}}, {}};
        for (const auto& key : request.keys) reply.storage.push_back({key, 9, {}});
        return reply;
    });
    out.get_logs = port<api::storage::GetLogs>([this](auto request) -> Result<api::storage::LogsReply> {
        return api::storage::LogsReply{{{{account, {}, {0x02}}, {}, request.from.number, 0, {}, 0, 0, false}}};
    });
    out.fee_history = port<api::storage::FeeHistory>([](auto request) -> Result<api::storage::FeeHistoryReply> {
        api::storage::FeeHistoryReply reply{3, {10, 7}, {15'000'000}, {30'000'000}, {}, {1, 1}, {0}, {1'179'648}};
        for (std::size_t i = 0; i < request.percentiles.size(); ++i) reply.rewards.push_back(2'000'000'000 + i);
        return reply;
    });
    out.storage_events = port<api::storage::Events>([this](auto request) -> Result<api::storage::EventsReply> {
        const std::lock_guard lock(mutex);
        api::storage::EventsReply reply{{}, first_position + events.size(), epoch};
        if (request.from == ~0ULL || (request.epoch != 0 && request.epoch != epoch)) return reply;
        for (const auto& event : events) {
            if (event.position >= request.from) reply.events.push_back(event);
        }
        return reply;
    });
}

inline void FakeNode::add_others(Ports& out) {
    out.submit = port<api::validation::Submit>([this](auto request) -> Result<api::validation::SubmitReply> {
        submitted.push_back(request);
        return submit_reply;
    });
    out.pending_nonce = port<api::validation::PendingNonce>(
        [this](auto) -> Result<api::validation::NonceReply> { return api::validation::NonceReply{pending_nonce}; });
    out.get_pooled = port<api::validation::GetPooled>([this](auto request) -> Result<api::validation::PooledReply> {
        const auto found = pool.find(request.hash);
        return api::validation::PooledReply{found == pool.end() ? nullptr : found->second};
    });
    out.pool_status = port<api::validation::PoolStatus>([this](auto) -> Result<api::validation::PoolStatusReply> {
        return api::validation::PoolStatusReply{pool.size(), 0};
    });
    out.pool_content = port<api::validation::PoolContent>([this](auto) -> Result<api::validation::PoolContentReply> {
        api::validation::PoolContentReply reply;
        for (const auto& [hash, one] : pool) reply.pending.push_back(one);
        return reply;
    });
    out.drop = port<api::validation::Drop>([this](auto request) -> Result<api::validation::PooledReply> {
        const auto found = pool.find(request.hash);
        if (found == pool.end()) return api::validation::PooledReply{};
        api::validation::PooledReply reply{found->second};
        pool.erase(found);
        return reply;
    });
    out.pending_events =
        port<api::validation::PendingEvents>([this](auto request) -> Result<api::validation::PendingEventsReply> {
            const std::lock_guard lock(mutex);
            api::validation::PendingEventsReply reply{{}, pending_events.size(), 1};
            for (std::size_t i = request.from; request.from != ~0ULL && i < pending_events.size(); ++i) {
                reply.transactions.push_back(pending_events[i]);
            }
            return reply;
        });
    out.call = port<api::contract::Call>([this](auto request) -> Result<api::contract::CallReply> {
        calls.push_back(request);
        return call_reply;
    });
    out.estimate = port<api::contract::Estimate>([this](auto request) -> Result<api::contract::EstimateReply> {
        estimates.push_back(request);
        return api::contract::EstimateReply{25'000};
    });
    out.create_access_list =
        port<api::contract::CreateAccessList>([this](auto) -> Result<api::contract::AccessListReply> {
            return api::contract::AccessListReply{{{account, {Hash{}}}}, 21'000, "execution reverted"};
        });
    out.trace_transaction = port<api::contract::TraceTransaction>([](auto request) -> Result<api::JsonReply> {
        return api::JsonReply{json::quote(request.options.tracer + request.options.tracer_config)};
    });
    out.trace_block =
        port<api::contract::TraceBlock>([](auto) -> Result<api::JsonReply> { return api::JsonReply{"[]"}; });
    out.pending_block = port<api::contract::PendingBlock>([this](auto) -> Result<api::contract::PendingBlockReply> {
        return api::contract::PendingBlockReply{find({})};
    });
    out.accounts = port<api::wallet::Accounts>(
        [this](auto) -> Result<api::wallet::AccountsReply> { return api::wallet::AccountsReply{{account}}; });
    out.sign = port<api::wallet::Sign>([this](auto request) -> Result<api::wallet::SignReply> {
        if (request.address != account) return fail(ErrorCode::not_found, "unknown account");
        const auto signature = crypto::sign(request.hash, secret_key());
        return api::wallet::SignReply{signature->r, signature->s, signature->y_parity};
    });
    out.network_status = port<api::network::Status>([](auto) -> Result<api::network::StatusReply> {
        api::network::StatusReply reply{true, "127.0.0.1:30303", 31337, {}, 0};
        auto& peer = reply.peers.emplace_back();
        peer.id = "a";
        peer.address = "127.0.0.1:1";
        peer.height = 3;
        return reply;
    });
}

inline void FakeNode::add_consensus(Ports& out) {
    namespace consensus = api::consensus;
    out.status = port<consensus::Status>([this](auto) -> Result<consensus::StatusReply> { return status; });
    out.mine = port<consensus::Mine>([this](auto request) -> Result<consensus::SealReply> {
        mined.push_back(request);
        return consensus::SealReply{};
    });
    out.configure = port<consensus::Configure>([this](auto request) -> Result<consensus::StatusReply> {
        configured.push_back(request);
        return status;
    });
    out.clock = port<consensus::Clock>([](auto) -> Result<consensus::ClockReply> { return consensus::ClockReply{60}; });
    out.snapshot =
        port<consensus::Snapshot>([](auto) -> Result<consensus::SnapshotReply> { return consensus::SnapshotReply{1}; });
    out.revert = port<consensus::Revert>(
        [](auto request) -> Result<consensus::RevertReply> { return consensus::RevertReply{request.id == 1}; });
    out.reset =
        port<consensus::Reset>([](auto) -> Result<consensus::RevertReply> { return consensus::RevertReply{true}; });
    out.set_account = port<consensus::SetAccount>([this](auto request) -> Result<api::Empty> {
        changed.push_back(request);
        return api::Empty{};
    });
    out.impersonate = port<consensus::Impersonate>([this](auto request) -> Result<consensus::RevertReply> {
        std::erase(impersonated, request.address);
        if (request.enabled) impersonated.push_back(request.address);
        return consensus::RevertReply{true};
    });
    out.may_impersonate = port<consensus::MayImpersonate>([this](auto request) -> Result<consensus::RevertReply> {
        return consensus::RevertReply{std::ranges::find(impersonated, request.address) != impersonated.end()};
    });
}

inline Ports FakeNode::ports() {
    Ports out;
    add_storage(out);
    add_others(out);
    add_consensus(out);
    return out;
}

/// A gateway before a fake node.
class Fixture {
  public:
    explicit Fixture(GatewayConfig config = {}) : loops_(1), gateway(loops_, node.ports(), std::move(config)) {
        loops_.start();
    }
    ~Fixture() {
        static_cast<void>(run(gateway.stop()));
        loops_.stop();
    }

    /// The whole answer to a request with id 1.
    std::string answer(std::string_view method, std::string_view params) {
        const auto reply = run(gateway.answer(R"({"jsonrpc":"2.0","id":1,"method":")" + std::string(method) +
                                              R"(","params":)" + std::string(params) + "}"));
        return reply.value_or("no reply");
    }
    /// The result's JSON, or the answer if it is an error.
    std::string result(std::string_view method, std::string_view params = "[]") {
        const std::string text = answer(method, params);
        constexpr std::string_view head = R"({"jsonrpc":"2.0","id":1,"result":)";
        return text.starts_with(head) ? text.substr(head.size(), text.size() - head.size() - 1) : text;
    }
    /// "CODE MESSAGE", or what it answered instead.
    std::string error(std::string_view method, std::string_view params) {
        const auto parsed = json::parse(answer(method, params));
        const json::Value& one = (*parsed)["error"];
        return one.is_object() ? one["code"].text() + " " + one["message"].text() : json::to_string(*parsed);
    }

    FakeNode node;

  private:
    net::LoopGroup loops_;

  public:
    Gateway gateway;
    net::Loop& loop() { return loops_.loop(0); }
};

}  // namespace weft::service::gateway::testing
