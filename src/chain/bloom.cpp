#include "chain/bloom.hpp"

#include "crypto/keccak.hpp"

namespace weft::chain {

namespace {

/// Calls visit(byte, mask) for each of the three bits of an item: the low 11 bits of the hash's first three pairs of
/// bytes, counted from the filter's end.
template <class Visit>
void for_each_bit(BytesView item, Visit&& visit) {
    const Hash hash = crypto::keccak256(item);
    for (int i = 0; i < 6; i += 2) {
        const unsigned bit = (static_cast<unsigned>(hash.bytes[i]) << 8 | hash.bytes[i + 1]) & 0x7ff;
        visit(Bloom::size - 1 - bit / 8, static_cast<std::uint8_t>(1U << (bit % 8)));
    }
}

}  // namespace

void add_to_bloom(Bloom& bloom, BytesView item) {
    for_each_bit(item, [&](std::size_t byte, std::uint8_t mask) { bloom.bytes[byte] |= mask; });
}

void add_to_bloom(Bloom& bloom, const evm::Log& log) {
    add_to_bloom(bloom, log.address.view());
    for (const auto& topic : log.topics) add_to_bloom(bloom, topic.view());
}

void merge_bloom(Bloom& into, const Bloom& other) {
    for (std::size_t i = 0; i < Bloom::size; ++i) into.bytes[i] |= other.bytes[i];
}

Bloom bloom_of(std::span<const evm::Log> logs) {
    Bloom bloom;
    for (const auto& log : logs) add_to_bloom(bloom, log);
    return bloom;
}

bool may_contain(const Bloom& bloom, BytesView item) {
    bool contained = true;
    for_each_bit(
        item, [&](std::size_t byte, std::uint8_t mask) { contained = contained && (bloom.bytes[byte] & mask) != 0; });
    return contained;
}

}  // namespace weft::chain
