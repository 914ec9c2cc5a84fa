// genesis.json: a chain or an error, for any text.

#include "chain/genesis.hpp"

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto genesis = chain::parse_genesis({reinterpret_cast<const char*>(data), size});
    if (!genesis) WEFT_ASSERT(genesis.error().message.starts_with("genesis"));
    return 0;
}
