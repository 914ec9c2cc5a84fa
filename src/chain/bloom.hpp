#pragma once
// The 2048-bit filter over the addresses and topics of a block's or receipt's logs (Yellow Paper, section 4.3.1).

#include <span>

#include "base/bytes.hpp"
#include "evm/host.hpp"

namespace weft::chain {

struct BloomTag;
using Bloom = FixedBytes<256, BloomTag>;

/// Sets the three bits of @p item (an address or a topic).
void add_to_bloom(Bloom& bloom, BytesView item);
/// Adds a log's address and topics.
void add_to_bloom(Bloom& bloom, const evm::Log& log);
/// The union of both filters, in the first.
void merge_bloom(Bloom& into, const Bloom& other);
[[nodiscard]] Bloom bloom_of(std::span<const evm::Log> logs);
/// False: certainly not in it.
[[nodiscard]] bool may_contain(const Bloom& bloom, BytesView item);

}  // namespace weft::chain
