#include "service/gateway/eth_config.hpp"

#include <algorithm>

#include "base/hex.hpp"
#include "base/json.hpp"
#include "chain/fork_id.hpp"
#include "chain/genesis.hpp"
#include "service/gateway/core.hpp"
#include "service/gateway/errors.hpp"
#include "service/gateway/format.hpp"

namespace weft::service::gateway {

Result<chain::ChainConfig> read_chain_config(std::string_view json) {
    if (json.empty()) return fail(ErrorCode::internal, "the node reports no chain configuration");
    std::string genesis = R"({"gasLimit":"0x0","difficulty":"0x0","alloc":{},"config":)";
    genesis.append(json).append("}");
    auto parsed = chain::parse_genesis(genesis);
    if (!parsed) return fail(ErrorCode::internal, parsed.error().message);
    return std::move(parsed->config);
}

namespace {

void sort_distinct(std::vector<std::uint64_t>& values) {
    std::ranges::sort(values);
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace

Result<std::uint32_t> fork_id(std::string_view config_json, const Hash& genesis_hash, std::uint64_t genesis_timestamp,
                              std::uint64_t timestamp) {
    WEFT_TRY(const json::Value config, json::parse(config_json));
    std::vector<std::uint64_t> blocks;
    std::vector<std::uint64_t> times;
    for (const auto& [name, value] : config.members()) {
        const bool is_block = name.ends_with("Block");
        if (!is_block && !name.ends_with("Time")) continue;
        const auto number = read::any_u64(value);
        if (!number) continue;  // null: never
        if (is_block && *number > 0) blocks.push_back(*number);
        if (!is_block && *number > genesis_timestamp) times.push_back(*number);
    }
    sort_distinct(blocks);
    sort_distinct(times);
    std::erase_if(times, [&](std::uint64_t time) { return time > timestamp; });
    std::uint32_t sum = chain::crc32(0, genesis_hash);
    blocks.insert(blocks.end(), times.begin(), times.end());
    for (const std::uint64_t fork : blocks) {
        std::uint8_t bytes[8];
        for (int i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(fork >> (56 - 8 * i));
        sum = chain::crc32(sum, bytes);
    }
    return sum;
}

namespace {

struct Precompile {
    std::string_view name;
    std::uint16_t address;
    evm::Revision since;
};
/// @source EIP-7910.
constexpr Precompile precompiles[] = {
    {"ECREC", 1, evm::Revision::frontier},
    {"SHA256", 2, evm::Revision::frontier},
    {"RIPEMD160", 3, evm::Revision::frontier},
    {"ID", 4, evm::Revision::frontier},
    {"MODEXP", 5, evm::Revision::byzantium},
    {"BN254_ADD", 6, evm::Revision::byzantium},
    {"BN254_MUL", 7, evm::Revision::byzantium},
    {"BN254_PAIRING", 8, evm::Revision::byzantium},
    {"BLAKE2F", 9, evm::Revision::istanbul},
    {"KZG_POINT_EVALUATION", 0x0a, evm::Revision::cancun},
    {"BLS12_G1ADD", 0x0b, evm::Revision::prague},
    {"BLS12_G1MSM", 0x0c, evm::Revision::prague},
    {"BLS12_G2ADD", 0x0d, evm::Revision::prague},
    {"BLS12_G2MSM", 0x0e, evm::Revision::prague},
    {"BLS12_PAIRING_CHECK", 0x0f, evm::Revision::prague},
    {"BLS12_MAP_FP_TO_G1", 0x10, evm::Revision::prague},
    {"BLS12_MAP_FP2_TO_G2", 0x11, evm::Revision::prague},
    {"P256VERIFY", 0x100, evm::Revision::osaka},
};

/// What one fork's object is made of.
struct ForkView {
    const chain::ChainConfig& config;
    std::string_view config_json;
    const chain::Header& genesis;
    Hash genesis_hash;
};

Result<void> write_fork(json::Writer& out, const ForkView& view, std::uint64_t timestamp, std::uint64_t number) {
    const chain::Rules rules = chain::rules_at(view.config, number, timestamp, true);
    WEFT_TRY(const std::uint32_t id, fork_id(view.config_json, view.genesis_hash, view.genesis.timestamp, timestamp));
    const std::uint8_t id_bytes[4] = {static_cast<std::uint8_t>(id >> 24), static_cast<std::uint8_t>(id >> 16),
                                      static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id)};
    out.begin_object();
    const std::uint64_t activation = view.config.at(rules.fork).value_or(0);
    out.key("activationTime")
        .unsigned_integer(rules.fork > chain::Fork::paris && activation > view.genesis.timestamp ? activation : 0);
    if (rules.blobs.max == 0) {
        out.null("blobSchedule");
    } else {
        out.key("blobSchedule").begin_object();
        out.key("target").unsigned_integer(rules.blobs.target).key("max").unsigned_integer(rules.blobs.max);
        out.key("baseFeeUpdateFraction").unsigned_integer(rules.blobs.base_fee_update_fraction);
        out.end_object();
    }
    out.quantity("chainId", view.config.chain_id);
    out.data("forkId", id_bytes);
    out.key("precompiles").begin_object();
    for (const auto& one : precompiles) {
        if (one.since > rules.revision) continue;
        Address address;
        address.bytes[18] = static_cast<std::uint8_t>(one.address >> 8);
        address.bytes[19] = static_cast<std::uint8_t>(one.address);
        out.data(one.name, address);
    }
    out.end_object();
    out.key("systemContracts").begin_object();
    for (const auto& one : chain::system_contracts(view.config, rules)) out.data(one.name, one.address);
    out.end_object();
    out.end_object();
    return {};
}

/// When the forks after @p timestamp begin, in order.
std::vector<std::uint64_t> later_forks(const chain::ChainConfig& config, std::uint64_t timestamp) {
    std::vector<std::uint64_t> out;
    for (auto fork = static_cast<std::size_t>(chain::Fork::shanghai); fork < chain::fork_count; ++fork) {
        const auto& at = config.activation[fork];
        if (at && *at > timestamp) out.push_back(*at);
    }
    sort_distinct(out);
    return out;
}

Task<std::string> config(Call& call) {
    const auto status = co_await call.ports().status(call.context, {});
    const chain::ChainConfig parsed = co_await read_chain_config(status.fork);
    const auto genesis = co_await call.ports().get_block(call.context, {{api::BlockTag::earliest, 0, {}, false}, true});
    const auto head = co_await call.ports().head(call.context, {});
    if (!genesis.block) co_await Result<void>(fail(ErrorCode::internal, "no genesis block"));
    const ForkView view{parsed, status.fork, genesis.block->header, genesis.block->hash};
    const auto later = later_forks(parsed, head.timestamp);
    json::Writer out;
    out.begin_object();
    out.key("current");
    co_await write_fork(out, view, head.timestamp, head.number);
    out.key("next");
    if (later.empty()) {
        out.null();
    } else {
        co_await write_fork(out, view, later.front(), head.number);
    }
    out.key("last");
    if (later.empty()) {
        out.null();
    } else {
        co_await write_fork(out, view, later.back(), head.number);
    }
    out.end_object();
    co_return out.take();
}

/// What of the chain's past this node has: everything.
Task<std::string> capabilities(Call& call) {
    const auto head = co_await call.ports().head(call.context, {});
    json::Writer out;
    out.begin_object();
    out.key("head").begin_object().quantity("number", head.number).data("hash", head.hash).end_object();
    for (const std::string_view resource : {"state", "tx", "logs", "receipts", "blocks", "stateproofs"}) {
        out.key(resource).begin_object().boolean("disabled", false).string("oldestBlock", "0x0").end_object();
    }
    out.end_object();
    co_return out.take();
}

}  // namespace

void add_config_methods(MethodTable& table) {
    table.add({
        {"eth_config", "The rules of this fork and the next ones (EIP-7910).", {}, config},
        {"eth_capabilities", "Which of the chain's past can be asked for.", {}, capabilities},
    });
}

}  // namespace weft::service::gateway
