#include "service/network/compact.hpp"

#include <algorithm>

#include "base/big_endian.hpp"
#include "base/rlp.hpp"
#include "chain/trie.hpp"
#include "crypto/keccak.hpp"
#include "crypto/sha2.hpp"

namespace weft::service::network {

namespace {

void append_transaction(rlp::Writer& out, BytesView consensus_form) {
    // A legacy transaction is the list it is, others are wrapped in a string.
    if (consensus_form[0] >= 0xc0) {
        out.raw(consensus_form);
    } else {
        out.string(consensus_form);
    }
}

/// @pre the header is one, and @p rest is a list.
Bytes join(BytesView header, std::span<const BytesView> transactions, BytesView rest) {
    rlp::Writer out;
    const auto block = out.begin_list();
    out.raw(header);
    const auto list = out.begin_list();
    for (const auto& transaction : transactions) append_transaction(out, transaction);
    out.end_list(list);
    rlp::Reader items(rest);
    out.raw(items.list().value_or(rlp::Reader()).rest());
    out.end_list(block);
    return out.take();
}

}  // namespace

Result<OpenBlockPtr> open_block(Bytes encoded) {
    auto out = std::make_shared<OpenBlock>();
    out->encoded = std::move(encoded);
    rlp::Reader in(out->encoded);
    WEFT_TRY(rlp::Reader items, in.list());
    WEFT_CHECK(in.end());
    WEFT_TRY(out->header_item, items.item());
    WEFT_TRY(out->header, chain::decode_header(out->header_item));
    out->hash = crypto::keccak256(out->header_item);
    WEFT_TRY(rlp::Reader transactions, items.list());
    while (!transactions.done()) {
        if (out->transactions.size() == block_transactions_max) {
            return fail(ErrorCode::resource_exhausted, "block of too many transactions");
        }
        WEFT_TRY(const BytesView transaction,
                 transactions.next_is_list() ? transactions.item() : transactions.string());
        if (transaction.empty()) return fail(ErrorCode::invalid_argument, "block with an empty transaction");
        out->transactions.push_back(transaction);
    }
    rlp::Writer rest;
    const auto token = rest.begin_list();
    rest.raw(items.rest());
    rest.end_list(token);
    out->rest = rest.take();
    return out;
}

bool has_its_transactions(const OpenBlock& block) {
    return chain::ordered_root(block.transactions) == block.header.transactions_root;
}

crypto::SipKey short_id_key(const Hash& block_hash, std::uint64_t nonce) {
    Bytes input = to_bytes(block_hash);
    append_big_endian(input, nonce);
    const Hash digest = crypto::sha256(input);
    crypto::SipKey key;
    std::memcpy(&key.low, digest.data(), 8);
    std::memcpy(&key.high, digest.data() + 8, 8);
    return key;
}

std::unique_ptr<CompactForm> make_compact(const OpenBlock& block, std::uint64_t nonce,
                                          const std::function<bool(const Hash&)>& is_unknown) {
    auto out = std::make_unique<CompactForm>();
    std::vector<Hash> hashes(block.transactions.size());
    std::vector<crypto::HashJob> jobs;
    for (std::size_t i = 0; i < hashes.size(); ++i) jobs.push_back({block.transactions[i], hashes[i].data()});
    crypto::keccak256_many(jobs);
    const auto key = short_id_key(block.hash, nonce);
    std::size_t prefilled_bytes = 0;
    for (std::size_t i = 0; i < hashes.size(); ++i) {
        const BytesView transaction = block.transactions[i];
        if (prefilled_bytes + transaction.size() <= prefilled_bytes_max && is_unknown(hashes[i])) {
            prefilled_bytes += transaction.size();
            out->message.prefilled.push_back({i, transaction});
            continue;
        }
        const std::uint64_t id = crypto::siphash24(key, hashes[i]);
        for (std::size_t byte = short_id_size; byte-- > 0;) {
            out->ids.push_back(static_cast<std::uint8_t>(id >> (8 * byte)));
        }
    }
    out->message.header = {block.header_item};
    out->message.nonce = nonce;
    out->message.ids = BytesView(out->ids);
    out->message.rest = {block.rest};
    return out;
}

Result<Assembly> Assembly::begin(const CompactBlock& block) {
    Assembly out;
    WEFT_CHECK(chain::decode_header(block.header.bytes));
    if (!rlp::Reader(block.rest.bytes).next_is_list()) {
        return fail(ErrorCode::invalid_argument, "compact block without its rest");
    }
    const BytesView ids = block.ids.bytes;
    if (ids.size() % short_id_size != 0) return fail(ErrorCode::invalid_argument, "compact block with part of an id");
    const std::size_t count = ids.size() / short_id_size + block.prefilled.size();
    if (count > block_transactions_max) return fail(ErrorCode::invalid_argument, "compact block of too many");
    out.hash_ = crypto::keccak256(block.header.bytes);
    out.key_ = short_id_key(out.hash_, block.nonce);
    out.header_ = block.header.bytes;
    out.rest_ = block.rest.bytes;
    out.transactions_.resize(count);
    for (std::size_t i = 0; i < block.prefilled.size(); ++i) {
        const auto& [index, transaction] = block.prefilled[i];
        const bool in_order = i == 0 || block.prefilled[i - 1].index < index;
        if (index >= count || !in_order || transaction.bytes.empty()) {
            return fail(ErrorCode::invalid_argument, "compact block with prefilled transactions out of order");
        }
        out.transactions_[index] = transaction.bytes;
    }
    for (std::size_t i = 0, at = 0; i < count; ++i) {
        if (!out.transactions_[i].empty()) continue;
        std::uint64_t id = 0;
        for (const auto byte : ids.subspan(at, short_id_size)) id = id << 8 | byte;
        at += short_id_size;
        out.ids_.push_back(id);
        out.positions_.push_back(i);
    }
    return out;
}

void Assembly::match(std::size_t index, BytesView transaction, std::shared_ptr<const void> owner) {
    if (index >= positions_.size() || transaction.empty()) return;
    transactions_[positions_[index]] = transaction;
    owners_.push_back(std::move(owner));
}

std::vector<std::uint64_t> Assembly::missing() const {
    std::vector<std::uint64_t> out;
    for (std::size_t i = 0; i < transactions_.size(); ++i) {
        if (transactions_[i].empty()) out.push_back(i);
    }
    return out;
}

bool Assembly::fill(std::span<const Blob> transactions) {
    const auto wanted = missing();
    if (wanted.size() != transactions.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); ++i) transactions_[wanted[i]] = transactions[i].bytes;
    return std::ranges::none_of(transactions, [](const Blob& transaction) { return transaction.bytes.empty(); });
}

Result<OpenBlockPtr> Assembly::finish() const {
    WEFT_ASSERT(missing().empty());
    WEFT_TRY(const chain::Header header, chain::decode_header(header_));
    if (chain::ordered_root(transactions_) != header.transactions_root) {
        return fail(ErrorCode::failed_precondition, "the transactions are not those of the header");
    }
    return open_block(join(header_, transactions_, rest_));
}

}  // namespace weft::service::network
