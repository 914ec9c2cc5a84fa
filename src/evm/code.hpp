#pragma once
// Contract code as the interpreter wants it: analysed once, never changed, shared by every thread that runs it.

#include <atomic>
#include <memory>
#include <optional>

#include "base/bytes.hpp"
#include "evm/host.hpp"

namespace weft::evm {

class Program;  // threaded/program.hpp

class Code {
  public:
    /// Zero bytes after the code: a PUSH32 at its very end reads its operand and then finds STOP without a check.
    static constexpr std::size_t padding = 33 + 7;

    Code(BytesView bytes, const Hash& code_hash);
    ~Code();
    Code(const Code&) = delete;
    Code& operator=(const Code&) = delete;

    [[nodiscard]] BytesView bytes() const { return {storage_.get(), size_}; }
    [[nodiscard]] const std::uint8_t* begin() const { return storage_.get(); }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] const Hash& hash() const { return hash_; }

    /// Whether a jump may go to @p offset: it is below size() and a JUMPDEST that is no PUSH's operand.
    [[nodiscard]] bool is_jump_destination(std::uint64_t offset) const {
        return offset < size_ && (destinations_[offset / 8] >> (offset % 8) & 1) != 0;
    }

    // Code that runs enough is translated, once, for the revision that it then runs under. Seen from outside it does
    // not change by that: any thread may ask at any time.

    /// The translation, or null as long as there is none.
    [[nodiscard]] const Program* program() const { return program_.load(std::memory_order_acquire); }
    /// Translates unless another thread has already.
    const Program& translate(Revision revision) const;
    /// How many jumps it should run before the translation will have been worth its time.
    [[nodiscard]] std::int64_t patience() const { return patience_.load(std::memory_order_relaxed); }
    void set_patience(std::int64_t jumps) const { patience_.store(jumps, std::memory_order_relaxed); }
    /// For tests: from now on code that is made has no patience at all and is translated before it first runs.
    static void translate_at_once();

  private:
    std::unique_ptr<std::uint8_t[]> storage_;  // the code, its padding, then one bit a byte: is it a destination?
    const std::uint8_t* destinations_;
    std::size_t size_;
    Hash hash_;
    mutable std::atomic<const Program*> program_ = nullptr;  // owned
    mutable std::atomic<std::int64_t> patience_;
};

/// @param code_hash  Its Keccak-256 hash; not checked, and zero is fine for init code, which no cache keeps.
[[nodiscard]] CodePtr make_code(BytesView bytes, const Hash& code_hash);
/// The code of every account that has none.
[[nodiscard]] const CodePtr& empty_code();

/// Whose code an account runs instead of its own (0xef0100 and an address), if it delegates.
/// @source EIP-7702.
[[nodiscard]] std::optional<Address> delegation_of(BytesView code);

}  // namespace weft::evm
