// Blocks, headers and receipts as peers and files bring them.

#include "chain/block.hpp"
#include "chain/receipt.hpp"

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView bytes(data, size);
    if (const auto header = chain::decode_header(bytes)) WEFT_ASSERT(chain::encode(*header) == to_bytes(bytes));
    if (const auto block = chain::decode_block(bytes)) WEFT_ASSERT(chain::encode(*block) == to_bytes(bytes));
    (void)chain::decode_withdrawal(bytes);
    (void)chain::decode_receipt(bytes);
    (void)chain::decode_from_storage(bytes);
    return 0;
}
