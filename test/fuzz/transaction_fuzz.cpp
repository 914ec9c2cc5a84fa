// Transactions: the consensus form is the only encoding of what it decodes to.

#include "chain/transaction.hpp"

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView bytes(data, size);
    if (const auto decoded = chain::decode_transaction(bytes)) WEFT_ASSERT(chain::encode(*decoded) == to_bytes(bytes));
    if (const auto decoded = chain::decode_network_form(bytes)) {
        WEFT_ASSERT(chain::encode_network_form(*decoded) == to_bytes(bytes));
        WEFT_ASSERT(chain::hash_of(decoded->transaction) == decoded->hash);
    }
    return 0;
}
