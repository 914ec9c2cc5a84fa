#include "chain/receipt.hpp"

#include "base/rlp.hpp"
#include "chain/trie.hpp"
#include "crypto/keccak.hpp"

namespace weft::chain {

namespace {

std::unexpected<Error> invalid(const char* what) { return fail(ErrorCode::invalid_argument, what); }

void write_logs(rlp::Writer& out, std::span<const evm::Log> logs) {
    const auto list = out.begin_list();
    for (const auto& log : logs) {
        const auto item = out.begin_list();
        out.string(log.address);
        const auto topics = out.begin_list();
        for (const auto& topic : log.topics) out.string(topic);
        out.end_list(topics).string(log.data).end_list(item);
    }
    out.end_list(list);
}

Result<std::vector<evm::Log>> read_logs(rlp::Reader& in) {
    WEFT_TRY(rlp::Reader list, in.list());
    std::vector<evm::Log> logs;
    while (!list.done()) {
        WEFT_TRY(rlp::Reader item, list.list());
        evm::Log log;
        WEFT_TRY(log.address, item.fixed<Address>());
        WEFT_TRY(rlp::Reader topics, item.list());
        while (!topics.done()) {
            WEFT_TRY(const Hash topic, topics.fixed<Hash>());
            log.topics.push_back(topic);
        }
        WEFT_TRY(const BytesView data, item.string());
        log.data = to_bytes(data);
        WEFT_CHECK(item.end());
        logs.push_back(std::move(log));
    }
    return logs;
}

void write_outcome(rlp::Writer& out, const Receipt& receipt) {
    if (receipt.post_state) {
        out.string(*receipt.post_state);
    } else {
        out.number(std::uint64_t{receipt.success});
    }
}

Result<void> read_outcome(rlp::Reader& in, Receipt& receipt) {
    WEFT_TRY(const BytesView outcome, in.string());
    if (outcome.size() == Hash::size) {
        receipt.post_state = Hash::from(outcome);
        return {};
    }
    if (outcome.size() > 1 || (outcome.size() == 1 && outcome[0] != 1)) return invalid("invalid receipt status");
    receipt.success = !outcome.empty();
    return {};
}

}  // namespace

Bytes encode(const Receipt& receipt) {
    rlp::Writer out;
    const auto list = out.begin_list();
    write_outcome(out, receipt);
    out.number(receipt.cumulative_gas_used).string(receipt.bloom);
    write_logs(out, receipt.logs);
    out.end_list(list);
    if (receipt.type == TransactionType::legacy) return out.take();
    Bytes typed{static_cast<std::uint8_t>(receipt.type)};
    append(typed, out.bytes());
    return typed;
}

Result<Receipt> decode_receipt(BytesView encoded) {
    Receipt receipt;
    if (encoded.empty()) return invalid("empty receipt");
    if (encoded[0] < 0xc0) {
        if (encoded[0] == 0 || encoded[0] > static_cast<std::uint8_t>(TransactionType::set_code)) {
            return invalid("receipt of unknown type");
        }
        receipt.type = static_cast<TransactionType>(encoded[0]);
        encoded = encoded.subspan(1);
    }
    rlp::Reader outer(encoded);
    WEFT_TRY(rlp::Reader in, outer.list());
    WEFT_CHECK(outer.end());
    WEFT_CHECK(read_outcome(in, receipt));
    WEFT_TRY(receipt.cumulative_gas_used, in.u64());
    WEFT_TRY(receipt.bloom, in.fixed<Bloom>());
    WEFT_TRY(receipt.logs, read_logs(in));
    WEFT_CHECK(in.end());
    return receipt;
}

Bytes encode_for_storage(const Receipt& receipt) {
    rlp::Writer out;
    const auto list = out.begin_list();
    out.number(static_cast<std::uint64_t>(receipt.type));
    write_outcome(out, receipt);
    out.number(std::uint64_t{receipt.success}).number(receipt.cumulative_gas_used);
    write_logs(out, receipt.logs);
    out.number(receipt.gas_used).number(receipt.effective_gas_price);
    if (receipt.contract_address) {
        out.string(*receipt.contract_address);
    } else {
        out.string({});
    }
    out.number(receipt.blob_gas_used).number(receipt.blob_gas_price).end_list(list);
    return out.take();
}

Result<Receipt> decode_from_storage(BytesView encoded) {
    rlp::Reader outer(encoded);
    WEFT_TRY(rlp::Reader in, outer.list());
    WEFT_CHECK(outer.end());
    Receipt receipt;
    WEFT_TRY(const std::uint64_t type, in.u64());
    if (type > static_cast<std::uint64_t>(TransactionType::set_code)) return invalid("receipt of unknown type");
    receipt.type = static_cast<TransactionType>(type);
    WEFT_CHECK(read_outcome(in, receipt));
    WEFT_TRY(const std::uint64_t success, in.u64());
    receipt.success = success != 0;
    WEFT_TRY(receipt.cumulative_gas_used, in.u64());
    WEFT_TRY(receipt.logs, read_logs(in));
    WEFT_TRY(receipt.gas_used, in.u64());
    WEFT_TRY(receipt.effective_gas_price, in.u256());
    WEFT_TRY(const BytesView contract, in.string());
    if (!contract.empty()) {
        if (contract.size() != Address::size) return invalid("receipt: contract address of wrong length");
        receipt.contract_address = Address::from(contract);
    }
    WEFT_TRY(receipt.blob_gas_used, in.u64());
    WEFT_TRY(receipt.blob_gas_price, in.u256());
    WEFT_CHECK(in.end());
    receipt.bloom = bloom_of(std::span<const evm::Log>(receipt.logs));
    return receipt;
}

Hash receipts_root(std::span<const Receipt> receipts) {
    std::vector<Bytes> values;
    values.reserve(receipts.size());
    for (const auto& receipt : receipts) values.push_back(encode(receipt));
    return ordered_root(values);
}

Bloom bloom_of(std::span<const Receipt> receipts) {
    Bloom bloom;
    for (const auto& receipt : receipts) merge_bloom(bloom, receipt.bloom);
    return bloom;
}

Hash logs_hash(std::span<const evm::Log> logs) {
    rlp::Writer out;
    write_logs(out, logs);
    return crypto::keccak256(out.bytes());
}

}  // namespace weft::chain
