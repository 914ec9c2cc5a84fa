#include "service/storage/layout.hpp"

#include "base/big_endian.hpp"
#include "base/wire.hpp"

namespace weft::service::storage {

namespace {

template <class T>
Result<T> intact(Result<T> result, const char* what) {
    if (result) return result;
    return fail(ErrorCode::data_loss, std::string(what) + " is damaged: " + result.error().message);
}

}  // namespace

Bytes number_key(std::uint64_t number) {
    Bytes out;
    append_big_endian(out, number);
    return out;
}

std::uint64_t number_of(BytesView key) { return from_big_endian(key); }

Bytes account_key(const Address& address, std::uint64_t version) {
    Bytes out;
    out.reserve(Address::size + version_size);
    append(out, address);
    append_big_endian(out, ~version);
    return out;
}

Bytes slot_key(const Address& address, std::uint64_t incarnation, const U256& key, std::uint64_t version) {
    Bytes out;
    out.reserve(Address::size + 8 + 32 + version_size);
    append(out, address);
    append_big_endian(out, incarnation);
    append(out, key.to_hash());
    append_big_endian(out, ~version);
    return out;
}

Bytes node_key(const Hash& owner, BytesView path, std::uint64_t version) {
    Bytes out;
    out.reserve(Hash::size + path.size() + 1 + version_size);
    append(out, owner);
    append(out, path);
    out.push_back(0x10);  // no nibble: ends the path
    append_big_endian(out, ~version);
    return out;
}

Bytes encode_account(const VersionedAccount& account) {
    Bytes out;
    append_big_endian(out, account.incarnation);
    if (account.account) append(out, chain::encode(*account.account));
    return out;
}

Result<VersionedAccount> decode_account(BytesView value) {
    if (value.size() < 8) return fail(ErrorCode::data_loss, "account record is damaged");
    VersionedAccount out{number_of(value.first(8)), std::nullopt};
    if (value.size() > 8) {
        WEFT_TRY(out.account, intact(chain::decode_account(value.subspan(8)), "account record"));
    }
    return out;
}

StoredBlock to_stored(const api::SealedBlock& block) {
    StoredBlock out;
    for (const auto& transaction : block.transactions)
        out.transactions.push_back({transaction->encoded, transaction->sender});
    for (const auto& receipt : block.receipts) out.receipts.push_back(chain::encode_for_storage(receipt));
    for (const auto& ommer : block.ommers) out.ommers.push_back(chain::encode(ommer));
    out.withdrawals = block.withdrawals;
    return out;
}

StoredHeader to_stored_header(const api::SealedBlock& block, std::uint64_t version) {
    return {chain::encode(block.header), block.hash, block.total_difficulty, block.size, version};
}

Result<api::SealedBlockPtr> from_stored(const StoredHeader& header, const StoredBlock* body) {
    auto out = std::make_shared<api::SealedBlock>();
    WEFT_TRY(out->header, intact(chain::decode_header(header.header), "header record"));
    out->hash = header.hash;
    out->total_difficulty = header.total_difficulty;
    out->size = header.size;
    if (body == nullptr) return out;
    for (const auto& stored : body->transactions) {
        auto transaction = std::make_shared<chain::SignedTransaction>();
        WEFT_TRY(*transaction, intact(chain::decode_network_form(stored.encoded), "transaction record"));
        transaction->sender = stored.sender;
        out->transactions.push_back(std::move(transaction));
    }
    for (const auto& stored : body->receipts) {
        WEFT_TRY(auto receipt, intact(chain::decode_from_storage(stored), "receipt record"));
        out->receipts.push_back(std::move(receipt));
    }
    for (const auto& stored : body->ommers) {
        WEFT_TRY(auto ommer, intact(chain::decode_header(stored), "ommer record"));
        out->ommers.push_back(std::move(ommer));
    }
    out->withdrawals = body->withdrawals;
    return out;
}

}  // namespace weft::service::storage
