// Two contracts that may call each other, run byte by byte and translated: the same end, the same world.
//
// The input: revision, gas (two bytes), size of the first code in eighths of the rest, the two codes.

#include "evm/execute.hpp"
#include "evm/test_host.hpp"

using namespace weft;

namespace {

constexpr std::int64_t never = std::int64_t{1} << 62;

Address address(std::uint8_t last) {
    Address out;
    out.bytes[19] = last;
    return out;
}

/// A world whose code is translated before it runs first, or not at all.
class Host final : public evm::TestHost {
  public:
    Host(evm::Revision revision, bool translated) : TestHost(revision) { translates_at_once = translated; }
    evm::CodePtr code(const Address& at) override {
        auto out = TestHost::code(at);
        if (!translates_at_once) out->set_patience(never);
        return out;
    }
};

struct End {
    evm::CallResult result;
    evm::TestHost::World world;
};

End run(evm::Revision revision, std::uint64_t gas, BytesView first, BytesView second, bool translated) {
    Host host(revision, translated);
    const Address sender = address(0xaa);
    host.world.accounts[sender].balance = 1'000'000;
    host.world.accounts[address(0x20)] = {.balance = 100, .nonce = 1, .code = to_bytes(first), .storage = {{1, 2}}};
    host.world.accounts[address(0x21)] = {.balance = 0, .nonce = 1, .code = to_bytes(second), .storage = {}};
    evm::Environment environment;
    environment.revision = revision;
    environment.block.number = 1000;
    environment.transaction.origin = sender;
    evm::Message message;
    message.gas = gas;
    message.sender = sender;
    message.recipient = message.code_address = address(0x20);
    message.value = 3;
    message.input = first;
    End out{evm::execute(host, environment, message), {}};
    out.world = host.world;
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t head_size = 4;
    constexpr std::size_t size_max = 4096;
    if (size < head_size || size > size_max) return 0;
    const auto revision = static_cast<evm::Revision>(data[0] % evm::revision_count);
    const std::uint64_t gas = 4 * (std::uint64_t{data[1]} << 8 | data[2]);
    const BytesView codes(data + head_size, size - head_size);
    const std::size_t split = codes.size() * (data[3] % 8 + std::size_t{1}) / 8;

    const auto exact = run(revision, gas, codes.first(split), codes.subspan(split), false);
    const auto translated = run(revision, gas, codes.first(split), codes.subspan(split), true);
    // Of two reasons to halt, translated code may come upon the other first.
    const auto kind = [](const End& end) { return std::min(end.result.status, evm::Status::failure); };
    WEFT_ASSERT(kind(exact) == kind(translated));
    WEFT_ASSERT(exact.result.gas_left == translated.result.gas_left && exact.result.gas_left <= gas);
    WEFT_ASSERT(exact.result.gas_refund == translated.result.gas_refund);
    WEFT_ASSERT(exact.result.output == translated.result.output);
    WEFT_ASSERT(exact.world == translated.world);
    return 0;
}
