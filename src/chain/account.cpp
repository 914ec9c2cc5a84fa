#include "chain/account.hpp"

#include "base/rlp.hpp"

namespace weft::chain {

Bytes encode(const Account& account) {
    // The payload is 2 + 33 * 2 + at most 9 + 33 bytes, so its length takes one byte and is put in front at the end.
    Bytes out(2);
    out.reserve(112);
    const auto number = [&out](BytesView bytes) {
        if (bytes.size() == 1 && bytes[0] < 0x80) {
            out.push_back(bytes[0]);
            return;
        }
        out.push_back(static_cast<std::uint8_t>(0x80 + bytes.size()));
        append(out, bytes);
    };
    const Hash nonce = U256(account.nonce).to_hash();
    const Hash balance = account.balance.to_hash();
    number(nonce.view().last(U256(account.nonce).byte_length()));
    number(balance.view().last(account.balance.byte_length()));
    number(account.storage_root);
    number(account.code_hash);
    out[0] = 0xf8;
    out[1] = static_cast<std::uint8_t>(out.size() - 2);
    return out;
}

Result<Account> decode_account(BytesView encoded) {
    rlp::Reader outer(encoded);
    WEFT_TRY(rlp::Reader list, outer.list());
    WEFT_CHECK(outer.end());
    Account account;
    WEFT_TRY(account.nonce, list.u64());
    WEFT_TRY(account.balance, list.u256());
    WEFT_TRY(account.storage_root, list.fixed<Hash>());
    WEFT_TRY(account.code_hash, list.fixed<Hash>());
    WEFT_CHECK(list.end());
    return account;
}

}  // namespace weft::chain
