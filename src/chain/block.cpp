#include "chain/block.hpp"

#include <atomic>

#include "base/rlp.hpp"
#include "chain/trie.hpp"
#include "crypto/keccak.hpp"
#include "crypto/sha2.hpp"

namespace weft::chain {

namespace {

std::unexpected<Error> invalid(const char* what) { return fail(ErrorCode::invalid_argument, what); }

void write_header(rlp::Writer& out, const Header& header) {
    const auto list = out.begin_list();
    out.string(header.parent_hash).string(header.ommers_hash).string(header.coinbase).string(header.state_root);
    out.string(header.transactions_root).string(header.receipts_root).string(header.logs_bloom);
    out.number(header.difficulty).number(header.number).number(header.gas_limit).number(header.gas_used);
    out.number(header.timestamp).string(header.extra_data).string(header.mix_hash);
    FixedBytes<8, void> nonce;
    for (int i = 0; i < 8; ++i) nonce.bytes[i] = static_cast<std::uint8_t>(header.nonce >> (56 - 8 * i));
    out.string(nonce);
    if (header.base_fee) out.number(*header.base_fee);
    if (header.withdrawals_root) out.string(*header.withdrawals_root);
    if (header.blob_gas_used) out.number(*header.blob_gas_used);
    if (header.excess_blob_gas) out.number(*header.excess_blob_gas);
    if (header.parent_beacon_root) out.string(*header.parent_beacon_root);
    if (header.requests_hash) out.string(*header.requests_hash);
    out.end_list(list);
}

Result<Header> read_header(rlp::Reader& outer) {
    WEFT_TRY(rlp::Reader in, outer.list());
    Header header;
    WEFT_TRY(header.parent_hash, in.fixed<Hash>());
    WEFT_TRY(header.ommers_hash, in.fixed<Hash>());
    WEFT_TRY(header.coinbase, in.fixed<Address>());
    WEFT_TRY(header.state_root, in.fixed<Hash>());
    WEFT_TRY(header.transactions_root, in.fixed<Hash>());
    WEFT_TRY(header.receipts_root, in.fixed<Hash>());
    WEFT_TRY(header.logs_bloom, in.fixed<Bloom>());
    WEFT_TRY(header.difficulty, in.u256());
    WEFT_TRY(header.number, in.u64());
    WEFT_TRY(header.gas_limit, in.u64());
    WEFT_TRY(header.gas_used, in.u64());
    WEFT_TRY(header.timestamp, in.u64());
    WEFT_TRY(const BytesView extra, in.string());
    header.extra_data = to_bytes(extra);
    WEFT_TRY(header.mix_hash, in.fixed<Hash>());
    using Nonce = FixedBytes<8, void>;
    WEFT_TRY(const Nonce nonce, in.fixed<Nonce>());
    for (const auto byte : nonce.bytes) header.nonce = header.nonce << 8 | byte;
    if (!in.done()) {
        WEFT_TRY(header.base_fee, in.u256());
    }
    if (!in.done()) {
        WEFT_TRY(header.withdrawals_root, in.fixed<Hash>());
    }
    if (!in.done()) {
        WEFT_TRY(header.blob_gas_used, in.u64());
    }
    if (!in.done()) {
        WEFT_TRY(header.excess_blob_gas, in.u64());
    }
    if (!in.done()) {
        WEFT_TRY(header.parent_beacon_root, in.fixed<Hash>());
    }
    if (!in.done()) {
        WEFT_TRY(header.requests_hash, in.fixed<Hash>());
    }
    WEFT_CHECK(in.end());
    return header;
}

void write_withdrawal(rlp::Writer& out, const Withdrawal& withdrawal) {
    const auto list = out.begin_list();
    out.number(withdrawal.index).number(withdrawal.validator_index).string(withdrawal.address);
    out.number(withdrawal.amount_gwei).end_list(list);
}

Result<Withdrawal> read_withdrawal(rlp::Reader& outer) {
    WEFT_TRY(rlp::Reader in, outer.list());
    Withdrawal withdrawal;
    WEFT_TRY(withdrawal.index, in.u64());
    WEFT_TRY(withdrawal.validator_index, in.u64());
    WEFT_TRY(withdrawal.address, in.fixed<Address>());
    WEFT_TRY(withdrawal.amount_gwei, in.u64());
    WEFT_CHECK(in.end());
    return withdrawal;
}

}  // namespace

Bytes encode(const Header& header) {
    rlp::Writer out;
    write_header(out, header);
    return out.take();
}

Result<Header> decode_header(BytesView encoded) {
    rlp::Reader in(encoded);
    WEFT_TRY(Header header, read_header(in));
    WEFT_CHECK(in.end());
    return header;
}

Hash hash_of(const Header& header) { return crypto::keccak256(encode(header)); }

Bytes encode(const Block& block) {
    rlp::Writer out;
    const auto list = out.begin_list();
    write_header(out, block.header);
    const auto transactions = out.begin_list();
    for (const auto& transaction : block.transactions) append_to_list(out, *transaction);
    out.end_list(transactions);
    const auto ommers = out.begin_list();
    for (const auto& ommer : block.ommers) write_header(out, ommer);
    out.end_list(ommers);
    if (block.withdrawals) {
        const auto withdrawals = out.begin_list();
        for (const auto& withdrawal : *block.withdrawals) write_withdrawal(out, withdrawal);
        out.end_list(withdrawals);
    }
    out.end_list(list);
    return out.take();
}

Result<Block> decode_block(BytesView encoded) {
    rlp::Reader outer(encoded);
    WEFT_TRY(rlp::Reader in, outer.list());
    WEFT_CHECK(outer.end());
    Block block;
    WEFT_TRY(block.header, read_header(in));
    WEFT_TRY(rlp::Reader transactions, in.list());
    while (!transactions.done()) {
        WEFT_TRY(SignedTransaction transaction, read_from_list(transactions));
        block.transactions.push_back(std::make_shared<const SignedTransaction>(std::move(transaction)));
    }
    WEFT_TRY(rlp::Reader ommers, in.list());
    while (!ommers.done()) {
        WEFT_TRY(Header ommer, read_header(ommers));
        block.ommers.push_back(std::move(ommer));
    }
    if (!in.done()) {
        WEFT_TRY(rlp::Reader withdrawals, in.list());
        block.withdrawals.emplace();
        while (!withdrawals.done()) {
            WEFT_TRY(const Withdrawal withdrawal, read_withdrawal(withdrawals));
            block.withdrawals->push_back(withdrawal);
        }
    }
    WEFT_CHECK(in.end());
    return block;
}

Result<void> recover_senders(std::span<TransactionPtr> transactions, evm::Revision revision, Workers& workers) {
    std::atomic<bool> wrong = false;
    workers.run(transactions.size(), [&](std::size_t i) {
        auto& transaction = transactions[i];
        if (!transaction->sender.is_zero() || wrong.load(std::memory_order_relaxed)) return;
        const auto sender = recover_sender(transaction->transaction, revision);
        if (!sender) {
            wrong.store(true, std::memory_order_relaxed);
            return;
        }
        auto copy = std::make_shared<SignedTransaction>(*transaction);
        copy->sender = *sender;
        transaction = std::move(copy);
    });
    if (wrong) return invalid("invalid sender");
    return {};
}

Bytes encode(const Withdrawal& withdrawal) {
    rlp::Writer out;
    write_withdrawal(out, withdrawal);
    return out.take();
}

Result<Withdrawal> decode_withdrawal(BytesView encoded) {
    rlp::Reader in(encoded);
    WEFT_TRY(const Withdrawal withdrawal, read_withdrawal(in));
    WEFT_CHECK(in.end());
    return withdrawal;
}

Hash transactions_root(std::span<const TransactionPtr> transactions) {
    std::vector<BytesView> values;
    values.reserve(transactions.size());
    for (const auto& transaction : transactions) values.emplace_back(transaction->encoded);
    return ordered_root(values);
}

Hash withdrawals_root(std::span<const Withdrawal> withdrawals) {
    std::vector<Bytes> values;
    values.reserve(withdrawals.size());
    for (const auto& withdrawal : withdrawals) values.push_back(encode(withdrawal));
    return ordered_root(values);
}

Hash ommers_hash(std::span<const Header> ommers) {
    rlp::Writer out;
    const auto list = out.begin_list();
    for (const auto& ommer : ommers) write_header(out, ommer);
    out.end_list(list);
    return crypto::keccak256(out.bytes());
}

Hash requests_hash(std::span<const Bytes> requests) {
    Bytes hashes;
    for (const auto& request : requests) {
        if (request.size() > 1) append(hashes, crypto::sha256(request));
    }
    return crypto::sha256(hashes);
}

}  // namespace weft::chain
