#include "chain/transaction.hpp"

#include "crypto/keccak.hpp"
#include "crypto/secp256k1.hpp"

namespace weft::chain {

namespace {

constexpr std::uint64_t legacy_v_base = 27;
constexpr std::uint64_t eip155_v_base = 35;
constexpr std::uint8_t authorization_magic = 0x05;

std::unexpected<Error> invalid(const char* what) { return fail(ErrorCode::invalid_argument, what); }

void write_to(rlp::Writer& out, const std::optional<Address>& to) {
    if (to) {
        out.string(*to);
    } else {
        out.string({});
    }
}

void write_access_list(rlp::Writer& out, const AccessList& list) {
    const auto outer = out.begin_list();
    for (const auto& entry : list) {
        const auto item = out.begin_list();
        out.string(entry.address);
        const auto keys = out.begin_list();
        for (const auto& key : entry.storage_keys) out.string(key);
        out.end_list(keys).end_list(item);
    }
    out.end_list(outer);
}

void write_authorizations(rlp::Writer& out, const std::vector<Authorization>& list) {
    const auto outer = out.begin_list();
    for (const auto& entry : list) {
        const auto item = out.begin_list();
        out.number(entry.chain_id).string(entry.address).number(entry.nonce).number(entry.y_parity);
        out.number(entry.r).number(entry.s).end_list(item);
    }
    out.end_list(outer);
}

/// The fields up to the signature.
void write_fields(rlp::Writer& out, const Transaction& tx) {
    if (tx.type != TransactionType::legacy) out.number(tx.chain_id.value_or(0));
    out.number(tx.nonce);
    if (tx.has_dynamic_fee()) out.number(tx.max_priority_fee_per_gas);
    out.number(tx.max_fee_per_gas).number(tx.gas_limit);
    write_to(out, tx.to);
    out.number(tx.value).string(tx.data);
    if (tx.has_access_list()) write_access_list(out, tx.access_list);
    if (tx.type == TransactionType::blob) {
        out.number(tx.max_fee_per_blob_gas);
        const auto hashes = out.begin_list();
        for (const auto& hash : tx.blob_hashes) out.string(hash);
        out.end_list(hashes);
    }
    if (tx.type == TransactionType::set_code) write_authorizations(out, tx.authorizations);
}

/// [fields, v, r, s], without the type before it.
void write_signed(rlp::Writer& out, const Transaction& tx) {
    const auto list = out.begin_list();
    write_fields(out, tx);
    out.number(tx.v()).number(tx.r).number(tx.s).end_list(list);
}

Result<void> read_to(rlp::Reader& in, std::optional<Address>& to) {
    WEFT_TRY(const BytesView bytes, in.string());
    if (bytes.empty()) return {};
    if (bytes.size() != Address::size) return invalid("rlp: address of wrong length");
    to = Address::from(bytes);
    return {};
}

Result<AccessList> read_access_list(rlp::Reader& in) {
    WEFT_TRY(rlp::Reader outer, in.list());
    AccessList list;
    while (!outer.done()) {
        WEFT_TRY(rlp::Reader item, outer.list());
        AccessListEntry entry;
        WEFT_TRY(entry.address, item.fixed<Address>());
        WEFT_TRY(rlp::Reader keys, item.list());
        while (!keys.done()) {
            WEFT_TRY(const Hash key, keys.fixed<Hash>());
            entry.storage_keys.push_back(key);
        }
        WEFT_CHECK(item.end());
        list.push_back(std::move(entry));
    }
    return list;
}

Result<std::vector<Authorization>> read_authorizations(rlp::Reader& in) {
    WEFT_TRY(rlp::Reader outer, in.list());
    std::vector<Authorization> list;
    while (!outer.done()) {
        WEFT_TRY(rlp::Reader item, outer.list());
        Authorization entry;
        WEFT_TRY(entry.chain_id, item.u256());
        WEFT_TRY(entry.address, item.fixed<Address>());
        WEFT_TRY(entry.nonce, item.u64());
        WEFT_TRY(const std::uint64_t parity, item.u64());
        if (parity > 255) return invalid("rlp: number > 8 bits");
        entry.y_parity = static_cast<std::uint8_t>(parity);
        WEFT_TRY(entry.r, item.u256());
        WEFT_TRY(entry.s, item.u256());
        WEFT_CHECK(item.end());
        list.push_back(entry);
    }
    return list;
}

/// Takes a legacy v apart.
Result<void> set_legacy_v(Transaction& tx, const U256& v) {
    if (v == U256(legacy_v_base) || v == U256(legacy_v_base + 1)) {
        tx.y_parity = static_cast<std::uint8_t>(v.low() - legacy_v_base);
        return {};
    }
    if (v < U256(eip155_v_base)) return invalid("invalid transaction v, r, s values");
    const U256 chain_id = (v - U256(eip155_v_base)) >> 1;
    if (!chain_id.fits_u64()) return invalid("chain id > 64 bits");
    tx.chain_id = chain_id.low();
    tx.y_parity = static_cast<std::uint8_t>((v - U256(eip155_v_base)).low() & 1);
    return {};
}

/// Reads [fields, v, r, s] of a type, all of it.
Result<Transaction> read_signed(TransactionType type, rlp::Reader in) {
    Transaction tx;
    tx.type = type;
    if (type != TransactionType::legacy) {
        WEFT_TRY(tx.chain_id, in.u64());
    }
    WEFT_TRY(tx.nonce, in.u64());
    if (tx.has_dynamic_fee()) {
        WEFT_TRY(tx.max_priority_fee_per_gas, in.u256());
    }
    WEFT_TRY(tx.max_fee_per_gas, in.u256());
    if (!tx.has_dynamic_fee()) tx.max_priority_fee_per_gas = tx.max_fee_per_gas;
    WEFT_TRY(tx.gas_limit, in.u64());
    WEFT_CHECK(read_to(in, tx.to));
    WEFT_TRY(tx.value, in.u256());
    WEFT_TRY(const BytesView data, in.string());
    tx.data = to_bytes(data);
    if (tx.has_access_list()) {
        WEFT_TRY(tx.access_list, read_access_list(in));
    }
    if (type == TransactionType::blob) {
        WEFT_TRY(tx.max_fee_per_blob_gas, in.u256());
        WEFT_TRY(rlp::Reader hashes, in.list());
        while (!hashes.done()) {
            WEFT_TRY(const Hash hash, hashes.fixed<Hash>());
            tx.blob_hashes.push_back(hash);
        }
    }
    if (type == TransactionType::set_code) {
        WEFT_TRY(tx.authorizations, read_authorizations(in));
    }
    WEFT_TRY(const U256 v, in.u256());
    if (type == TransactionType::legacy) {
        WEFT_CHECK(set_legacy_v(tx, v));
    } else {
        if (v > U256(1)) return invalid("invalid transaction v, r, s values");
        tx.y_parity = static_cast<std::uint8_t>(v.low());
    }
    WEFT_TRY(tx.r, in.u256());
    WEFT_TRY(tx.s, in.u256());
    WEFT_CHECK(in.end());
    return tx;
}

Result<TransactionType> read_type(BytesView encoded) {
    if (encoded.empty()) return invalid("typed transaction too short");
    if (encoded[0] > 0x7f) return TransactionType::legacy;  // EIP-2718: no type; a list, or no transaction
    if (encoded[0] == 0 || encoded[0] > static_cast<std::uint8_t>(TransactionType::set_code)) {
        return fail(ErrorCode::unimplemented, "transaction type not supported");
    }
    if (encoded.size() < 2) return invalid("typed transaction too short");
    return static_cast<TransactionType>(encoded[0]);
}

Result<std::vector<Bytes>> read_strings(rlp::Reader& in) {
    WEFT_TRY(rlp::Reader list, in.list());
    std::vector<Bytes> out;
    while (!list.done()) {
        WEFT_TRY(const BytesView bytes, list.string());
        out.push_back(to_bytes(bytes));
    }
    return out;
}

void write_strings(rlp::Writer& out, const std::vector<Bytes>& strings) {
    const auto list = out.begin_list();
    for (const auto& string : strings) out.string(string);
    out.end_list(list);
}

crypto::Signature signature_of(const U256& r, const U256& s, std::uint8_t y_parity) {
    return {r.to_hash(), s.to_hash(), y_parity};
}

Result<SignedTransaction> finish(Transaction tx, BytesView encoded) {
    SignedTransaction out;
    out.transaction = std::move(tx);
    out.encoded = to_bytes(encoded);
    out.hash = crypto::keccak256(encoded);
    return out;
}

}  // namespace

U256 Transaction::v() const {
    if (type != TransactionType::legacy) return y_parity;
    if (!chain_id) return legacy_v_base + y_parity;
    return U256(*chain_id) + U256(*chain_id) + U256(eip155_v_base + y_parity);
}

Bytes encode(const Transaction& transaction) {
    rlp::Writer out;
    write_signed(out, transaction);
    if (transaction.type == TransactionType::legacy) return out.take();
    Bytes typed;
    typed.reserve(out.bytes().size() + 1);
    typed.push_back(static_cast<std::uint8_t>(transaction.type));
    append(typed, out.bytes());
    return typed;
}

Result<Transaction> decode_transaction(BytesView encoded) {
    WEFT_TRY(const TransactionType type, read_type(encoded));
    rlp::Reader outer(type == TransactionType::legacy ? encoded : encoded.subspan(1));
    WEFT_TRY(const rlp::Reader list, outer.list());
    WEFT_CHECK(outer.end());
    return read_signed(type, list);
}

Bytes encode_network_form(const SignedTransaction& transaction) {
    if (!transaction.sidecar) return transaction.encoded;
    const BlobSidecar& sidecar = *transaction.sidecar;
    rlp::Writer out;
    const auto list = out.begin_list();
    out.raw(BytesView(transaction.encoded).subspan(1));
    if (sidecar.version != 0) out.number(sidecar.version);
    write_strings(out, sidecar.blobs);
    write_strings(out, sidecar.commitments);
    write_strings(out, sidecar.proofs);
    out.end_list(list);
    Bytes typed{static_cast<std::uint8_t>(TransactionType::blob)};
    append(typed, out.bytes());
    return typed;
}

Result<SignedTransaction> decode_network_form(BytesView encoded) {
    WEFT_TRY(const TransactionType type, read_type(encoded));
    if (type == TransactionType::blob) {
        rlp::Reader outer(encoded.subspan(1));
        WEFT_TRY(rlp::Reader list, outer.list());
        if (list.next_is_list()) {
            WEFT_CHECK(outer.end());
            WEFT_TRY(const BytesView body, list.item());
            Bytes consensus{static_cast<std::uint8_t>(type)};
            append(consensus, body);
            WEFT_TRY(Transaction tx, decode_transaction(consensus));
            BlobSidecar sidecar;
            if (!list.next_is_list()) {
                WEFT_TRY(const std::uint64_t version, list.u64());
                if (version != 1) return invalid("unsupported blob sidecar version");
                sidecar.version = 1;
            }
            WEFT_TRY(sidecar.blobs, read_strings(list));
            WEFT_TRY(sidecar.commitments, read_strings(list));
            WEFT_TRY(sidecar.proofs, read_strings(list));
            WEFT_CHECK(list.end());
            WEFT_TRY(SignedTransaction out, finish(std::move(tx), consensus));
            out.sidecar = std::make_shared<const BlobSidecar>(std::move(sidecar));
            return out;
        }
    }
    WEFT_TRY(Transaction tx, decode_transaction(encoded));
    return finish(std::move(tx), encoded);
}

void append_to_list(rlp::Writer& writer, const SignedTransaction& transaction) {
    if (transaction.transaction.type == TransactionType::legacy) {
        writer.raw(transaction.encoded);
    } else {
        writer.string(transaction.encoded);
    }
}

Result<SignedTransaction> read_from_list(rlp::Reader& reader) {
    if (reader.next_is_list()) {
        WEFT_TRY(const BytesView item, reader.item());
        WEFT_TRY(Transaction tx, decode_transaction(item));
        return finish(std::move(tx), item);
    }
    WEFT_TRY(const BytesView bytes, reader.string());
    if (!bytes.empty() && bytes[0] >= 0xc0) return invalid("legacy transaction wrapped in a string");
    WEFT_TRY(Transaction tx, decode_transaction(bytes));
    return finish(std::move(tx), bytes);
}

Hash hash_of(const Transaction& transaction) { return crypto::keccak256(encode(transaction)); }

Hash signing_hash(const Transaction& transaction) {
    rlp::Writer out;
    const auto list = out.begin_list();
    write_fields(out, transaction);
    if (transaction.type == TransactionType::legacy) {
        if (transaction.chain_id) out.number(*transaction.chain_id).number(std::uint64_t{0}).number(std::uint64_t{0});
        out.end_list(list);
        return crypto::keccak256(out.bytes());
    }
    out.end_list(list);
    Bytes typed{static_cast<std::uint8_t>(transaction.type)};
    append(typed, out.bytes());
    return crypto::keccak256(typed);
}

Hash signing_hash(const Authorization& authorization) {
    rlp::Writer out;
    const auto list = out.begin_list();
    out.number(authorization.chain_id).string(authorization.address).number(authorization.nonce).end_list(list);
    Bytes message{authorization_magic};
    append(message, out.bytes());
    return crypto::keccak256(message);
}

std::optional<Address> recover_sender(const Transaction& transaction, evm::Revision revision) {
    if (revision >= evm::Revision::homestead && transaction.s > crypto::secp256k1_half_order()) return std::nullopt;
    return crypto::recover_address(signing_hash(transaction),
                                   signature_of(transaction.r, transaction.s, transaction.y_parity));
}

std::optional<Address> recover_authority(const Authorization& authorization) {
    if (authorization.y_parity > 1 || authorization.s > crypto::secp256k1_half_order()) return std::nullopt;
    return crypto::recover_address(signing_hash(authorization),
                                   signature_of(authorization.r, authorization.s, authorization.y_parity));
}

Result<TransactionPtr> make_signed(Transaction transaction) {
    const auto sender = recover_sender(transaction);
    if (!sender) return invalid("invalid sender");
    auto out = std::make_shared<SignedTransaction>();
    out->encoded = encode(transaction);
    out->hash = crypto::keccak256(out->encoded);
    out->transaction = std::move(transaction);
    out->sender = *sender;
    return out;
}

TransactionPtr sign_transaction(Transaction transaction, const Hash& secret_key) {
    const auto signature = crypto::sign(signing_hash(transaction), secret_key);
    const auto sender = crypto::address_of(secret_key);
    if (!signature || !sender) return nullptr;
    transaction.r = U256::from_bytes(signature->r);
    transaction.s = U256::from_bytes(signature->s);
    transaction.y_parity = signature->y_parity;
    auto out = std::make_shared<SignedTransaction>();
    out->encoded = encode(transaction);
    out->hash = crypto::keccak256(out->encoded);
    out->transaction = std::move(transaction);
    out->sender = *sender;
    return out;
}

bool sign_authorization(Authorization& authorization, const Hash& secret_key) {
    const auto signature = crypto::sign(signing_hash(authorization), secret_key);
    if (!signature) return false;
    authorization.r = U256::from_bytes(signature->r);
    authorization.s = U256::from_bytes(signature->s);
    authorization.y_parity = signature->y_parity;
    return true;
}

}  // namespace weft::chain
