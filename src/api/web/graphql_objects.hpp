#pragma once
// What the fields of Ethereum's GraphQL are resolved on. Internal to this folder.

#include <memory>
#include <string>

#include "api/web/reader.hpp"
#include "net/graphql/schema.hpp"

namespace weft::api::web {

using net::graphql::FieldCall;
using net::graphql::Object;
using net::graphql::Resolved;
using net::graphql::Schema;

using ReaderPtr = std::shared_ptr<Reader>;

/// Of Query and Mutation.
struct Root : Object {
    explicit Root(ReaderPtr the_reader) : reader(std::move(the_reader)) {}
    ReaderPtr reader;
};

/// A part of an answer; what it is a part of is kept.
struct Part : Object {
    Part(ReaderPtr the_reader, Json the_owner, const json::Value& the_value)
        : reader(std::move(the_reader)), owner(std::move(the_owner)), value(&the_value) {}
    ReaderPtr reader;
    Json owner;
    const json::Value* value;
    [[nodiscard]] const json::Value& operator[](std::string_view name) const { return (*value)[name]; }
};

struct Block : Part {
    Block(ReaderPtr the_reader, const Json& block) : Part(std::move(the_reader), block, *block) {}
    [[nodiscard]] const std::string& hash() const { return (*this)["hash"].text(); }
};
struct Transaction : Part {
    using Part::Part;
    /// Empty while it is in no block.
    [[nodiscard]] const std::string& block_hash() const { return (*this)["blockHash"].text(); }
};
struct LogEntry : Part {
    using Part::Part;
};

struct Account : Object {
    ReaderPtr reader;
    std::string address;
    /// Empty: the newest.
    BlockId block;
};

/// The state that an account is read or a call made in.
struct Pending : Object {
    explicit Pending(ReaderPtr the_reader) : reader(std::move(the_reader)) {}
    ReaderPtr reader;
};

struct CallResult : Object {
    std::string data;
    std::string gas_used;
    bool success = false;
};

/// A member as it is: text, a number, a truth value, or null.
[[nodiscard]] Resolved leaf_of(const json::Value& value);
[[nodiscard]] Resolved quantity_leaf(std::uint64_t value);
/// The account at @p address as of `block`, an argument of @p call, or of the newest block.
[[nodiscard]] Resolved account_at(const ReaderPtr& reader, const json::Value& address, const FieldCall& call);
[[nodiscard]] Resolved account_in(const ReaderPtr& reader, const json::Value& address, BlockId block);
/// Null if there is none.
[[nodiscard]] Resolved block_of(const ReaderPtr& reader, const Json& block);
template <class Item>
[[nodiscard]] Resolved parts_of(const ReaderPtr& reader, const Json& owner, const json::Value& list) {
    std::vector<Resolved> out;
    out.reserve(list.items().size());
    for (const auto& item : list.items()) out.push_back(Resolved::of(std::make_shared<Item>(reader, owner, item)));
    return Resolved::list(std::move(out));
}
/// A quantity's number; 0 if it is none.
[[nodiscard]] std::uint64_t number_of(const json::Value& quantity);
/// Whether a block's transactions are needed whole for what @p call is asked.
[[nodiscard]] bool wants_transactions(const FieldCall& call);
/// Logs by eth_getLogs. @param range  its members that say which blocks, without the braces.
[[nodiscard]] Task<Resolved> logs_of(ReaderPtr reader, std::string range, const json::Value& filter);
/// eth_call, or a trace if the gas is asked for; nobody else tells that.
[[nodiscard]] Task<Resolved> call_at(ReaderPtr reader, BlockId block, FieldCall call);
[[nodiscard]] Task<Resolved> estimate_at(ReaderPtr reader, BlockId block, FieldCall call);

/// Binds a field to the member of that name, or of another.
template <class Of>
void bind_member(Schema& schema, std::string_view type, std::string_view field, std::string_view member = {}) {
    if (member.empty()) member = field;
    schema.now<Of>(type, field, [member](Of& of, const FieldCall&) { return leaf_of(of[member]); });
}

// Each file binds its types.
void bind_scalars(Schema& schema);
void bind_blocks(Schema& schema);
void bind_transactions(Schema& schema);
void bind_accounts(Schema& schema);
void bind_roots(Schema& schema);

}  // namespace weft::api::web
