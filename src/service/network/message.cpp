#include "service/network/message.hpp"

#include "base/reflect.hpp"
#include "base/rlp.hpp"
#include "crypto/keccak.hpp"

namespace weft::service::network {

namespace {

std::unexpected<Error> too_many() { return fail(ErrorCode::resource_exhausted, "too many items or bytes"); }

// One overload a kind of member. Structs that none of them takes are lists of their members.

void put(rlp::Writer& out, std::uint64_t value) { out.number(value); }
void put(rlp::Writer& out, const U256& value) { out.number(value); }
void put(rlp::Writer& out, const Hash& value) { out.string(value); }
void put(rlp::Writer& out, const Address& value) { out.string(value); }
void put(rlp::Writer& out, const Item& value) { out.raw(value.bytes); }
template <std::size_t Max>
void put(rlp::Writer& out, const Text<Max>& value) {
    out.string(value.bytes);
}
template <class T, std::size_t Max>
void put(rlp::Writer& out, const List<T, Max>& values);
template <class Struct>
void put(rlp::Writer& out, const Struct& value) {
    const auto token = out.begin_list();
    std::apply([&](const auto&... member) { (put(out, member), ...); }, reflect::members(value));
    out.end_list(token);
}
template <class T, std::size_t Max>
void put(rlp::Writer& out, const List<T, Max>& values) {
    const auto token = out.begin_list();
    for (const auto& value : values) put(out, value);
    out.end_list(token);
}

Result<void> get(rlp::Reader& in, std::uint64_t& value) {
    WEFT_TRY(value, in.u64());
    return {};
}
Result<void> get(rlp::Reader& in, U256& value) {
    WEFT_TRY(value, in.u256());
    return {};
}
template <std::size_t Size, class Tag>
Result<void> get(rlp::Reader& in, FixedBytes<Size, Tag>& value) {
    WEFT_TRY(value, in.fixed<FixedBytes<Size, Tag>>());
    return {};
}
Result<void> get(rlp::Reader& in, Item& value) {
    WEFT_TRY(value.bytes, in.item());
    return {};
}
template <std::size_t Max>
Result<void> get(rlp::Reader& in, Text<Max>& value) {
    WEFT_TRY(value.bytes, in.string());
    if (value.bytes.size() > Max) return too_many();
    return {};
}
template <class T, std::size_t Max>
Result<void> get(rlp::Reader& in, List<T, Max>& values);
template <class Struct>
Result<void> get(rlp::Reader& in, Struct& value) {
    WEFT_TRY(rlp::Reader items, in.list());
    Result<void> result;
    std::apply([&](auto&... member) { (void)((result = get(items, member)).has_value() && ...); },
               reflect::members(value));
    WEFT_CHECK(std::move(result));
    return items.end();
}
template <class T, std::size_t Max>
Result<void> get(rlp::Reader& in, List<T, Max>& values) {
    WEFT_TRY(rlp::Reader items, in.list());
    while (!items.done()) {
        if (values.size() == Max) return too_many();
        WEFT_CHECK(get(items, values.emplace_back()));
    }
    return {};
}

}  // namespace

template <class Message>
Result<Message> decode(BytesView payload) {
    rlp::Reader in(payload);
    Message message;
    WEFT_CHECK(get(in, message));
    WEFT_CHECK(in.end());
    return message;
}

template <class Message>
Bytes encode(const Message& message) {
    rlp::Writer out;
    put(out, message);
    return out.take();
}

#define WEFT_MESSAGE(Message)                               \
    template Result<Message> decode<Message>(BytesView);    \
    template Bytes encode<Message>(const Message&);
WEFT_MESSAGE(Hello)
WEFT_MESSAGE(StatusMessage)
WEFT_MESSAGE(Disconnect)
WEFT_MESSAGE(Ping)
WEFT_MESSAGE(Pong)
WEFT_MESSAGE(Identity)
WEFT_MESSAGE(ConsensusMessage)
WEFT_MESSAGE(Proposal)
WEFT_MESSAGE(GetBlockTransactions)
WEFT_MESSAGE(BlockTransactions)
WEFT_MESSAGE(GetBlock)
WEFT_MESSAGE(BlockMessage)
WEFT_MESSAGE(GetHeaders)
WEFT_MESSAGE(Headers)
WEFT_MESSAGE(GetBlocks)
WEFT_MESSAGE(Blocks)
WEFT_MESSAGE(Transactions)
WEFT_MESSAGE(AnnounceMessage)
WEFT_MESSAGE(GetTransactions)
WEFT_MESSAGE(Pooled)
WEFT_MESSAGE(GetPeers)
WEFT_MESSAGE(Peers)
WEFT_MESSAGE(GetSnapshot)
WEFT_MESSAGE(SnapshotMessage)
WEFT_MESSAGE(GetChunk)
WEFT_MESSAGE(ChunkMessage)
WEFT_MESSAGE(NamedProposal)
WEFT_MESSAGE(Links)
WEFT_MESSAGE(Relayed)
WEFT_MESSAGE(RelayedProposal)
#undef WEFT_MESSAGE

Hash identity_binding(std::uint64_t chain_id, const Hash& genesis, const Hash& exported, std::string_view prover) {
    rlp::Writer out;
    const auto token = out.begin_list();
    out.string(as_bytes(identity_label)).number(chain_id).string(genesis).string(exported).string(as_bytes(prover));
    out.end_list(token);
    return crypto::keccak256(out.bytes());
}

}  // namespace weft::service::network
