#include "chain/snapshot.hpp"

#include <algorithm>
#include <set>

#include "base/rlp.hpp"
#include "crypto/keccak.hpp"
#include "evm/call.hpp"

namespace weft::chain {

namespace {

/// What an account and a slot take in a chunk besides code, about.
constexpr std::uint64_t account_bytes = 160;
constexpr std::uint64_t slot_bytes = 68;

std::unexpected<Error> wrong(const char* why) { return fail(ErrorCode::invalid_argument, why); }

class ChunkMaker {
  public:
    ChunkMaker(SnapshotSource& source, const Hash& root, const SnapshotRange& range, std::uint64_t bytes_wanted)
        : source_(source), root_(root), range_(range), bytes_wanted_(bytes_wanted) {}

    Result<SnapshotChunk> run() {
        const bool goes_on = !range_.slot_first.is_zero();
        const KeyRange wanted{range_.first, goes_on ? range_.first : range_.last};
        chunk_.last = wanted.last;
        Result<void> each;
        WEFT_CHECK(visit_range(source_, Hash{}, root_, wanted, [&](const Hash& key, BytesView value) {
            each = add(key, value);
            if (!each) return false;
            const bool full = bytes_ >= bytes_wanted_ || chunk_.slot_last != last_key;
            if (full) chunk_.last = key;
            return !full;
        }));
        WEFT_CHECK(std::move(each));
        if (goes_on && chunk_.accounts.empty()) return wrong("there is no such account to go on within");
        WEFT_TRY(chunk_.account_proof, prove_range(source_, Hash{}, root_, {range_.first, chunk_.last}));
        return std::move(chunk_);
    }

  private:
    Result<void> add(const Hash& hashed, BytesView value) {
        SnapshotAccount out;
        WEFT_TRY(out.account, decode_account(value));
        WEFT_TRY(out.address, source_.address_of(hashed));
        bytes_ += account_bytes;
        const Hash slot_first = hashed == range_.first ? range_.slot_first : Hash{};
        if (slot_first.is_zero()) WEFT_CHECK(add_code(out.account.code_hash));
        if (out.account.storage_root != empty_trie_root) WEFT_CHECK(add_slots(hashed, slot_first, out));
        chunk_.accounts.push_back(std::move(out));
        return {};
    }

    Result<void> add_code(const Hash& code_hash) {
        if (code_hash == empty_code_hash || !codes_.insert(code_hash).second) return {};
        WEFT_TRY(chunk_.codes.emplace_back(), source_.code_of(code_hash));
        bytes_ += chunk_.codes.back().size();
        return {};
    }

    Result<void> add_slots(const Hash& owner, const Hash& first, SnapshotAccount& out) {
        Result<void> each;
        const auto add_slot = [&](const Hash& hashed, BytesView value) -> Result<void> {
            WEFT_TRY(const U256 number, rlp::Reader(value).u256());
            WEFT_TRY(const U256 key, source_.slot_of(hashed));
            out.slots.push_back({key, number});
            bytes_ += slot_bytes;
            return {};
        };
        const KeyRange range{first};
        WEFT_CHECK(visit_range(source_, owner, out.account.storage_root, range, [&](const Hash& key, BytesView value) {
            each = add_slot(key, value);
            if (each && bytes_ >= bytes_wanted_) chunk_.slot_last = key;
            return each && bytes_ < bytes_wanted_;
        }));
        WEFT_CHECK(std::move(each));
        WEFT_TRY(chunk_.slot_proof, prove_range(source_, owner, out.account.storage_root, {first, chunk_.slot_last}));
        return {};
    }

    SnapshotSource& source_;
    const Hash& root_;
    const SnapshotRange& range_;
    const std::uint64_t bytes_wanted_;
    SnapshotChunk chunk_;
    std::set<Hash> codes_;
    std::uint64_t bytes_ = 0;
};

class ChunkVerifier {
  public:
    ChunkVerifier(const Hash& root, const SnapshotRange& range, const SnapshotChunk& chunk,
                  std::vector<NodeChange>* nodes)
        : root_(root), range_(range), chunk_(chunk), nodes_(nodes) {}

    Result<std::optional<SnapshotRange>> run() {
        const auto& accounts = chunk_.accounts;
        const bool goes_on = !range_.slot_first.is_zero();
        if (chunk_.last > (goes_on ? range_.first : range_.last)) return wrong("a chunk that goes too far");
        if (goes_on && accounts.size() != 1) return wrong("a chunk that does not go on within its account");
        std::vector<TrieEntry> entries;
        for (const auto& each : accounts) {
            entries.push_back({crypto::keccak256(each.address), encode(each.account)});
        }
        WEFT_CHECK(verify_range(root_, {range_.first, chunk_.last}, entries, chunk_.account_proof, emit({})));
        for (std::size_t i = 0; i < accounts.size(); ++i) {
            WEFT_CHECK(check_slots(accounts[i], entries[i].key, i + 1 == accounts.size()));
        }
        WEFT_CHECK(check_codes(goes_on));
        return next(entries);
    }

  private:
    /// An account's slots: all of them, or of the last account those up to slot_last.
    Result<void> check_slots(const SnapshotAccount& account, const Hash& owner, bool is_last) const {
        KeyRange range;
        if (is_last) range.last = chunk_.slot_last;
        if (owner == range_.first) range.first = range_.slot_first;
        std::vector<TrieEntry> entries;
        for (const auto& [key, value] : account.slots) {
            rlp::Writer out;
            if (value.is_zero()) return wrong("a slot that holds nothing");
            entries.push_back({crypto::keccak256(key.to_hash()), out.number(value).take()});
        }
        std::span<const Bytes> proof;
        if (is_last) proof = chunk_.slot_proof;
        return verify_range(account.account.storage_root, range, entries, proof, emit(owner));
    }

    /// Each code of an account that begins here, once, and no other.
    Result<void> check_codes(bool goes_on) const {
        std::set<Hash> wanted;
        for (const auto& each : chunk_.accounts) {
            if (!goes_on && each.account.code_hash != empty_code_hash) wanted.insert(each.account.code_hash);
        }
        for (const auto& code : chunk_.codes) {
            if (wanted.erase(crypto::keccak256(code)) == 0) return wrong("a code that no account has");
        }
        if (!wanted.empty()) return wrong("the code of an account is missing");
        return {};
    }

    /// A chunk that ends early ends with an entry, so that each one brings its range forward.
    Result<std::optional<SnapshotRange>> next(std::span<const TrieEntry> entries) const {
        if (entries.empty() && !chunk_.slot_proof.empty()) return wrong("the proof of slots of no account");
        if (chunk_.slot_last != last_key) {
            const bool ends_there = !entries.empty() && entries.back().key == chunk_.last;
            if (!ends_there) return wrong("slots of no account");
            const auto& slots = chunk_.accounts.back().slots;
            if (slots.empty() || crypto::keccak256(slots.back().key.to_hash()) != chunk_.slot_last) {
                return wrong("a chunk that ends without a slot");
            }
            return SnapshotRange{chunk_.last, range_.last, key_after(chunk_.slot_last)};
        }
        if (chunk_.last == range_.last) return std::nullopt;
        if (entries.empty() || entries.back().key != chunk_.last) return wrong("a chunk that ends without an account");
        return SnapshotRange{key_after(chunk_.last), range_.last, {}};
    }

    [[nodiscard]] EmitNode emit(const Hash& owner) const {
        if (nodes_ == nullptr) return {};
        return [nodes = nodes_, owner](NibblesView path, BytesView rlp) {
            nodes->push_back({owner, to_bytes(path), to_bytes(rlp)});
        };
    }

    const Hash& root_;
    const SnapshotRange& range_;
    const SnapshotChunk& chunk_;
    std::vector<NodeChange>* nodes_;
};

}  // namespace

Result<std::vector<Receipt>> receipts_of(const ChainConfig& config, const Block& block,
                                         std::span<const Bytes> encoded) {
    if (encoded.size() != block.transactions.size()) return wrong("more or fewer receipts than transactions");
    const Rules rules = rules_of(config, block.header);
    std::vector<Receipt> out;
    std::uint64_t gas_before = 0;
    for (std::size_t i = 0; i < encoded.size(); ++i) {
        WEFT_TRY(Receipt receipt, decode_receipt(encoded[i]));
        const auto& transaction = block.transactions[i]->transaction;
        receipt.gas_used = receipt.cumulative_gas_used - gas_before;
        gas_before = receipt.cumulative_gas_used;
        receipt.effective_gas_price = effective_gas_price(transaction, block.header.base_fee.value_or(U256{}));
        if (!transaction.to) {
            receipt.contract_address = evm::create_address(block.transactions[i]->sender, transaction.nonce);
        }
        receipt.blob_gas_used = blob_gas(transaction);
        if (receipt.blob_gas_used != 0 && block.header.excess_blob_gas) {
            receipt.blob_gas_price = blob_base_fee(rules, *block.header.excess_blob_gas);
        }
        out.push_back(std::move(receipt));
    }
    if (receipts_root(out) != block.header.receipts_root) return wrong("other receipts than the block's");
    return out;
}

Result<SnapshotChunk> make_chunk(SnapshotSource& source, const Hash& root, const SnapshotRange& range,
                                 std::uint64_t bytes_wanted) {
    if (range.first > range.last) return wrong("a range that ends before it begins");
    return ChunkMaker(source, root, range, bytes_wanted).run();
}

Result<std::optional<SnapshotRange>> verify_chunk(const Hash& root, const SnapshotRange& range,
                                                  const SnapshotChunk& chunk, std::vector<NodeChange>* nodes) {
    return ChunkVerifier(root, range, chunk, nodes).run();
}

}  // namespace weft::chain
