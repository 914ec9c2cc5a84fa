#include "chain/genesis.hpp"

#include "base/hex.hpp"
#include "base/json.hpp"
#include "chain/system_contract.hpp"
#include "chain/validate.hpp"
#include "crypto/keccak.hpp"
#include "evm/code.hpp"

namespace weft::chain {

namespace {

constexpr std::uint64_t base_fee_initial = 1'000'000'000;
/// SHA-256 of nothing: the requests hash of a block without requests.
constexpr Hash empty_requests_hash{{0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
                                    0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
                                    0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55}};

std::unexpected<Error> wrong(const std::string& field, std::string_view what) {
    return fail(ErrorCode::invalid_argument, "genesis: " + field + ": " + std::string(what));
}

Result<U256> number(const json::Value& value, const std::string& field) {
    if (!value.is_number() && !value.is_string()) return wrong(field, "want a number");
    auto parsed = u256_from_number(value.text());
    if (!parsed) return wrong(field, parsed.error().message);
    return parsed;
}
Result<std::uint64_t> number64(const json::Value& value, const std::string& field) {
    WEFT_TRY(const U256 parsed, number(value, field));
    if (!parsed.fits_u64()) return wrong(field, "above 2^64 - 1");
    return parsed.low();
}
/// Data with or without "0x".
Result<Bytes> data(std::string_view text, const std::string& field) {
    auto bytes =
        from_hex(text.starts_with("0x") || text.starts_with("0X") ? std::string(text) : "0x" + std::string(text));
    if (!bytes) return wrong(field, bytes.error().message);
    return bytes;
}
template <class Fixed>
Result<Fixed> fixed(std::string_view text, const std::string& field) {
    WEFT_TRY(const Bytes bytes, data(text, field));
    if (bytes.size() != Fixed::size) return wrong(field, "want " + std::to_string(Fixed::size) + " bytes");
    return Fixed::from(bytes);
}
/// A 32-byte word that may be written with fewer digits, also an odd number of them.
Result<U256> word(std::string_view text, const std::string& field) {
    std::string digits(text.starts_with("0x") ? text.substr(2) : text);
    if (digits.size() % 2 != 0) digits.insert(0, "0");
    WEFT_TRY(const Bytes bytes, data(digits, field));
    if (bytes.size() > 32) return wrong(field, "longer than 32 bytes");
    return U256::from_bytes(bytes);
}

/// Sets @p out from a member, if it is there and not null.
template <class Out>
Result<void> take(const json::Value& object, std::string_view key, const std::string& prefix, Out& out) {
    const json::Value* value = object.find(key);
    if (value == nullptr || value->is_null()) return {};
    const std::string field = prefix + std::string(key);
    if constexpr (std::is_same_v<Out, U256> || std::is_same_v<Out, std::optional<U256>>) {
        WEFT_TRY(out, number(*value, field));
    } else if constexpr (std::is_same_v<Out, std::uint64_t> || std::is_same_v<Out, std::optional<std::uint64_t>>) {
        WEFT_TRY(out, number64(*value, field));
    } else if constexpr (std::is_same_v<Out, Bytes>) {
        if (!value->is_string()) return wrong(field, "want a string");
        WEFT_TRY(out, data(value->text(), field));
    } else {
        if (!value->is_string()) return wrong(field, "want a string");
        WEFT_TRY(out, fixed<Out>(value->text(), field));
    }
    return {};
}

constexpr std::pair<std::string_view, Fork> fork_keys[] = {
    {"homesteadBlock", Fork::homestead}, {"daoForkBlock", Fork::dao}, {"eip150Block", Fork::tangerine_whistle},
    {"eip158Block", Fork::spurious_dragon}, {"byzantiumBlock", Fork::byzantium},
    {"constantinopleBlock", Fork::constantinople}, {"petersburgBlock", Fork::petersburg},
    {"istanbulBlock", Fork::istanbul}, {"muirGlacierBlock", Fork::muir_glacier}, {"berlinBlock", Fork::berlin},
    {"londonBlock", Fork::london}, {"arrowGlacierBlock", Fork::arrow_glacier}, {"grayGlacierBlock", Fork::gray_glacier},
    {"mergeNetsplitBlock", Fork::paris}, {"shanghaiTime", Fork::shanghai}, {"cancunTime", Fork::cancun},
    {"pragueTime", Fork::prague}, {"osakaTime", Fork::osaka}, {"bpo1Time", Fork::bpo1}, {"bpo2Time", Fork::bpo2},
    {"bpo3Time", Fork::bpo3}, {"bpo4Time", Fork::bpo4}, {"bpo5Time", Fork::bpo5}};

Result<QbftConfig> parse_qbft(const json::Value& object) {
    QbftConfig out;
    const std::string prefix = "config.qbft.";
    if (!object.is_object()) return wrong("config.qbft", "want an object");
    WEFT_CHECK(take(object, "blockperiodseconds", prefix, out.period_s));
    WEFT_CHECK(take(object, "emptyblockperiodseconds", prefix, out.heartbeat_s));
    WEFT_CHECK(take(object, "requesttimeoutseconds", prefix, out.timeout_s));
    WEFT_CHECK(take(object, "epochlength", prefix, out.epoch));
    constexpr std::uint64_t seconds_max = 86'400;
    for (const std::uint64_t value : {out.period_s, out.heartbeat_s, out.timeout_s}) {
        if (value == 0 || value > seconds_max) return wrong("config.qbft", "want from 1 to 86400 seconds");
    }
    if (out.epoch == 0) return wrong(prefix + "epochlength", "want at least 1");
    return out;
}

Result<ChainConfig> parse_config(const json::Value& object) {
    ChainConfig config;
    if (!object.is_object()) return wrong("config", "want an object");
    WEFT_CHECK(take(object, "chainId", "config.", config.chain_id));
    config.at(Fork::frontier) = 0;
    for (const auto& [key, fork] : fork_keys) {
        WEFT_CHECK(take(object, key, "config.", config.at(fork)));
    }
    if (const auto* support = object.find("daoForkSupport")) {
        if (!support->is_boolean() && !support->is_null()) return wrong("config.daoForkSupport", "want true or false");
        config.dao_fork_support = support->as_boolean();
    }
    WEFT_CHECK(take(object, "terminalTotalDifficulty", "config.", config.terminal_total_difficulty));
    WEFT_CHECK(take(object, "depositContractAddress", "config.", config.deposit_contract));
    if (const auto* qbft = object.find("qbft")) {
        WEFT_TRY(config.qbft, parse_qbft(*qbft));
    }
    for (const auto& [name, schedule] : object["blobSchedule"].members()) {
        const std::string prefix = "config.blobSchedule." + name + ".";
        for (std::size_t i = 0; i < fork_count; ++i) {
            if (to_string(static_cast<Fork>(i)) != name) continue;
            BlobSchedule& out = config.blob_schedule[i].emplace();
            WEFT_CHECK(take(schedule, "target", prefix, out.target));
            WEFT_CHECK(take(schedule, "max", prefix, out.max));
            WEFT_CHECK(take(schedule, "baseFeeUpdateFraction", prefix, out.base_fee_update_fraction));
            if (out.base_fee_update_fraction == 0) return wrong(prefix + "baseFeeUpdateFraction", "missing or zero");
        }
    }
    return config;
}

Result<GenesisAccount> parse_account(const std::string& key, const json::Value& value) {
    GenesisAccount account;
    const std::string prefix = "alloc." + key + ".";
    WEFT_TRY(account.address, fixed<Address>(key, "alloc." + key));
    WEFT_CHECK(take(value, "balance", prefix, account.balance));
    WEFT_CHECK(take(value, "nonce", prefix, account.nonce));
    WEFT_CHECK(take(value, "code", prefix, account.code));
    for (const auto& [slot, content] : value["storage"].members()) {
        WEFT_TRY(const U256 index, word(slot, prefix + "storage"));
        WEFT_TRY(const U256 number, word(content.text(), prefix + "storage." + slot));
        if (!number.is_zero()) account.storage.push_back({index, number});
    }
    return account;
}

/// Fills in the fields that forks bring which are active from the first block, and the state root.
void complete(Genesis& genesis) {
    Header& header = genesis.header;
    const auto active = [&](Fork fork) {
        const auto& at = genesis.config.at(fork);
        return at && *at <= (fork > Fork::paris ? header.timestamp : 0);
    };
    if (active(Fork::london)) {
        if (!header.base_fee) header.base_fee = base_fee_initial;
    } else {
        header.base_fee = std::nullopt;
    }
    if (active(Fork::shanghai)) header.withdrawals_root = empty_trie_root;
    if (active(Fork::cancun)) {
        if (!header.blob_gas_used) header.blob_gas_used = 0;
        if (!header.excess_blob_gas) header.excess_blob_gas = 0;
        header.parent_beacon_root = Hash{};
    } else {
        header.blob_gas_used = header.excess_blob_gas = std::nullopt;
    }
    if (active(Fork::prague)) header.requests_hash = empty_requests_hash;
    StateTrie trie;
    StateChanges changes = genesis_changes(genesis);
    header.state_root = trie.apply(changes, nullptr);
}

}  // namespace

Result<Genesis> parse_genesis(std::string_view text) {
    auto document = json::parse(text);
    if (!document) return fail(ErrorCode::invalid_argument, "genesis: " + document.error().message);
    if (!document->is_object()) return fail(ErrorCode::invalid_argument, "genesis: want an object");
    Genesis genesis;
    WEFT_TRY(genesis.config, parse_config((*document)["config"]));
    Header& header = genesis.header;
    WEFT_CHECK(take(*document, "nonce", "", header.nonce));
    WEFT_CHECK(take(*document, "timestamp", "", header.timestamp));
    WEFT_CHECK(take(*document, "extraData", "", header.extra_data));
    WEFT_CHECK(take(*document, "gasLimit", "", header.gas_limit));
    WEFT_CHECK(take(*document, "difficulty", "", header.difficulty));
    WEFT_CHECK(take(*document, "mixHash", "", header.mix_hash));
    WEFT_CHECK(take(*document, "coinbase", "", header.coinbase));
    WEFT_CHECK(take(*document, "number", "", header.number));
    WEFT_CHECK(take(*document, "gasUsed", "", header.gas_used));
    WEFT_CHECK(take(*document, "parentHash", "", header.parent_hash));
    WEFT_CHECK(take(*document, "baseFeePerGas", "", header.base_fee));
    WEFT_CHECK(take(*document, "excessBlobGas", "", header.excess_blob_gas));
    WEFT_CHECK(take(*document, "blobGasUsed", "", header.blob_gas_used));
    for (const auto& [key, value] : (*document)["alloc"].members()) {
        WEFT_TRY(GenesisAccount account, parse_account(key, value));
        genesis.alloc.push_back(std::move(account));
    }
    complete(genesis);
    return genesis;
}

Genesis dev_genesis(std::span<const Address> accounts) {
    constexpr std::uint64_t chain_id = 31337;
    constexpr std::uint64_t gas_limit = 30'000'000;
    const U256 balance = U256(10'000) * U256(1'000'000'000'000'000'000ULL);
    Genesis genesis;
    genesis.config = config_of(Fork::osaka);
    genesis.config.chain_id = chain_id;
    genesis.header.gas_limit = gas_limit;
    genesis.header.base_fee = base_fee_initial;
    for (const auto& address : accounts) genesis.alloc.push_back({address, balance, 0, {}, {}});
    const auto contract = [&genesis](const Address& address, Bytes code) {
        genesis.alloc.push_back({address, {}, 1, std::move(code), {}});
    };
    contract(beacon_roots_address, beacon_roots_code());
    contract(history_storage_address, history_storage_code());
    contract(withdrawal_requests_address, withdrawal_requests_code());
    contract(consolidation_requests_address, consolidation_requests_code());
    contract(deployment_proxy_address, deployment_proxy_code());
    complete(genesis);
    return genesis;
}

StateChanges genesis_changes(const Genesis& genesis) {
    StateChanges changes;
    for (const auto& account : genesis.alloc) {
        AccountChange& change = changes.accounts.emplace_back();
        change.address = account.address;
        change.account.nonce = account.nonce;
        change.account.balance = account.balance;
        change.slots = account.storage;
        if (account.code.empty()) continue;
        change.code_changed = true;
        change.account.code_hash = crypto::keccak256(account.code);
        changes.codes.push_back(
            {change.account.code_hash, evm::make_code(account.code, change.account.code_hash), account.code});
    }
    return changes;
}

Block genesis_block(const Genesis& genesis) {
    Block block;
    block.header = genesis.header;
    if (genesis.header.withdrawals_root) block.withdrawals.emplace();
    return block;
}

std::vector<SystemContract> system_contracts(const ChainConfig& config, const Rules& rules) {
    std::vector<SystemContract> out;
    if (rules.at_least(evm::Revision::cancun)) out.push_back({"BEACON_ROOTS_ADDRESS", beacon_roots_address});
    if (rules.at_least(evm::Revision::prague)) {
        out.push_back({"CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS", consolidation_requests_address});
        out.push_back({"DEPOSIT_CONTRACT_ADDRESS", config.deposit_contract});
        out.push_back({"HISTORY_STORAGE_ADDRESS", history_storage_address});
        out.push_back({"WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS", withdrawal_requests_address});
    }
    return out;
}

std::string to_json(const ChainConfig& config) {
    json::Writer out;
    out.begin_object();
    out.key("chainId").unsigned_integer(config.chain_id);
    for (const auto& [key, fork] : fork_keys) {
        if (config.at(fork)) out.key(key).unsigned_integer(*config.at(fork));
    }
    if (config.dao_fork_support) out.boolean("daoForkSupport", true);
    if (config.terminal_total_difficulty) {
        out.key("terminalTotalDifficulty").raw(to_decimal(*config.terminal_total_difficulty));
    }
    out.string("depositContractAddress", to_checksum_address(config.deposit_contract));
    if (config.qbft) {
        out.key("qbft").begin_object();
        out.key("blockperiodseconds").unsigned_integer(config.qbft->period_s);
        out.key("emptyblockperiodseconds").unsigned_integer(config.qbft->heartbeat_s);
        out.key("requesttimeoutseconds").unsigned_integer(config.qbft->timeout_s);
        out.key("epochlength").unsigned_integer(config.qbft->epoch).end_object();
    }
    out.key("blobSchedule").begin_object();
    for (std::size_t i = 0; i < fork_count; ++i) {
        const auto& schedule = config.blob_schedule[i];
        if (!schedule) continue;
        out.key(to_string(static_cast<Fork>(i))).begin_object();
        out.key("target").unsigned_integer(schedule->target).key("max").unsigned_integer(schedule->max);
        out.key("baseFeeUpdateFraction").unsigned_integer(schedule->base_fee_update_fraction).end_object();
    }
    out.end_object().end_object();
    return out.take();
}

std::string to_json(const Genesis& genesis) {
    const Header& header = genesis.header;
    json::Writer out;
    out.begin_object().key("config").raw(to_json(genesis.config));
    out.quantity("nonce", header.nonce).quantity("timestamp", header.timestamp).data("extraData", header.extra_data);
    out.quantity("gasLimit", header.gas_limit).quantity("difficulty", header.difficulty);
    out.data("mixHash", header.mix_hash.view()).data("coinbase", header.coinbase.view());
    if (header.base_fee) out.quantity("baseFeePerGas", *header.base_fee);
    out.key("alloc").begin_object();
    for (const auto& account : genesis.alloc) {
        out.key(to_hex(account.address)).begin_object().quantity("balance", account.balance);
        if (account.nonce != 0) out.quantity("nonce", account.nonce);
        if (!account.code.empty()) out.data("code", account.code);
        if (!account.storage.empty()) {
            out.key("storage").begin_object();
            for (const auto& [key, value] : account.storage) {
                out.data(to_hex(key.to_hash()), value.to_hash().view());
            }
            out.end_object();
        }
        out.end_object();
    }
    out.end_object().end_object();
    return out.take();
}

}  // namespace weft::chain
