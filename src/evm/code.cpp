#include "evm/code.hpp"

#include <cstring>

#include "evm/opcode.hpp"
#include "evm/threaded/program.hpp"

namespace weft::evm {

namespace {

/// To translate a byte takes about 5 ns; a jump, and the ten instructions it usually comes with, then runs 6 ns faster.
/// Waiting until as much was lost as the translation costs is never worse than twice the best.
constexpr std::int64_t patience_per_byte = 1;
constexpr std::int64_t patience_least = 64;

std::atomic<bool> at_once = false;

std::int64_t first_patience(std::size_t size) {
    if (at_once.load(std::memory_order_relaxed)) return 0;
    return patience_least + patience_per_byte * static_cast<std::int64_t>(size);
}

}  // namespace

Code::Code(BytesView bytes, const Hash& code_hash)
    : size_(bytes.size()),
      hash_(code_hash),
      patience_(first_patience(bytes.size())) {
    const std::size_t padded = size_ + padding;
    storage_ = std::make_unique<std::uint8_t[]>(padded + padded / 8 + 1);
    if (size_ != 0) std::memcpy(storage_.get(), bytes.data(), size_);
    auto* const bits = storage_.get() + padded;
    destinations_ = bits;
    for (std::size_t i = 0; i < size_; ++i) {
        const auto opcode = storage_[i];
        if (opcode == to_byte(Opcode::jumpdest)) {
            bits[i / 8] = static_cast<std::uint8_t>(bits[i / 8] | 1 << (i % 8));
        } else if (static_cast<std::int8_t>(opcode) >= to_byte(Opcode::push1)) {  // as signed, nothing is above PUSH32
            i += opcode - to_byte(Opcode::push0);
        }
    }
}

void Code::translate_at_once() { at_once.store(true, std::memory_order_relaxed); }

Code::~Code() { delete program_.load(std::memory_order_acquire); }

const Program& Code::translate(Revision revision) const {
    if (const auto* const there = program()) return *there;
    auto made = std::make_unique<const Program>(*this, revision);
    const Program* expected = nullptr;
    if (!program_.compare_exchange_strong(expected, made.get(), std::memory_order_acq_rel)) return *expected;
    return *made.release();
}

CodePtr make_code(BytesView bytes, const Hash& code_hash) { return std::make_shared<const Code>(bytes, code_hash); }

const CodePtr& empty_code() {
    static const CodePtr code = [] {
        Hash hash;
        constexpr std::uint8_t keccak_of_nothing[32] = {
            0xc5, 0xd2, 0x46, 0x01, 0x86, 0xf7, 0x23, 0x3c, 0x92, 0x7e, 0x7d, 0xb2, 0xdc, 0xc7, 0x03, 0xc0,
            0xe5, 0x00, 0xb6, 0x53, 0xca, 0x82, 0x27, 0x3b, 0x7b, 0xfa, 0xd8, 0x04, 0x5d, 0x85, 0xa4, 0x70};
        std::memcpy(hash.data(), keccak_of_nothing, 32);
        return make_code({}, hash);
    }();
    return code;
}

std::optional<Address> delegation_of(BytesView code) {
    constexpr std::size_t prefix_size = 3;
    if (code.size() != prefix_size + Address::size) return std::nullopt;
    if (code[0] != 0xef || code[1] != 0x01 || code[2] != 0x00) return std::nullopt;
    return Address::from(code.subspan(prefix_size));
}

}  // namespace weft::evm
