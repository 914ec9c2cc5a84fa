// Every precompile with any input: bounded by its gas, an output of its size or none, and what must be the same is.
//
// The input: the precompile's place in the list, revision, what it gets.

#include <algorithm>

#include "base/result.hpp"
#include "evm/precompile.hpp"

using namespace weft;

namespace {

constexpr std::int64_t gas = 400'000;

std::uint16_t number_of(const Address& address) {
    return static_cast<std::uint16_t>(address.bytes[18] << 8 | address.bytes[19]);
}

bool is_size(std::uint16_t number, BytesView input, std::size_t size) {
    switch (number) {
        case 1: return size == 0 || size == 32;
        case 2:
        case 3:
        case 8:
        case 15: return size == 32;
        case 4: return size == input.size();
        case 5: return size <= static_cast<std::size_t>(gas);  // the modulus', which has cost at least that
        case 11:
        case 12:
        case 16: return size == 128;
        case 13:
        case 14:
        case 17: return size == 256;
        case 0x100: return size == 0 || size == 32;
        default: return size == 64;
    }
}

/// Both halves of the input, the other way round.
Bytes swapped(BytesView input) {
    Bytes out = to_bytes(input);
    std::ranges::rotate(out, out.begin() + static_cast<std::ptrdiff_t>(out.size() / 2));
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t head_size = 2;
    if (size < head_size) return 0;
    const auto revision = static_cast<evm::Revision>(data[1] % evm::revision_count);
    const auto all = evm::precompiles(revision);
    const Address& address = all[data[0] % all.size()];
    const auto number = number_of(address);
    const BytesView input(data + head_size, size - head_size);

    const auto result = evm::call_precompile(address, revision, input, gas);
    if (result.status != evm::Status::success) {
        WEFT_ASSERT(result.gas_left == 0 && result.output.empty());
        return 0;
    }
    WEFT_ASSERT(result.gas_left >= 0 && result.gas_left <= gas);
    WEFT_ASSERT(is_size(number, input, result.output.size()));
    // Exactly what it costs is enough, one less is not.
    const std::int64_t price = gas - result.gas_left;
    WEFT_ASSERT(evm::call_precompile(address, revision, input, price).output == result.output);
    if (price > 0)
        WEFT_ASSERT(evm::call_precompile(address, revision, input, price - 1).status == evm::Status::out_of_gas);
    const bool is_sum = (number == 6 && input.size() == 128) || number == 11 || number == 13;
    if (is_sum) WEFT_ASSERT(evm::call_precompile(address, revision, swapped(input), gas).output == result.output);
    return 0;
}
