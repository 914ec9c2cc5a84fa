#pragma once
// Between JSON-RPC's objects and the messages of weft.chain.v1, member by member: "baseFeePerGas" is base_fee_per_gas,
// and how a value is spelled follows from the member's type.
//
//   integer, Number, U256     quantity
//   Bytes, Hash, Address      data
//   optional<T>               nothing: no member, or null
//
// A member that the object lacks keeps what the struct has: nodes differ in what they tell.

#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "api/chain_v1.hpp"
#include "base/hex.hpp"
#include "base/json.hpp"
#include "base/reflect.hpp"
#include "base/wire_schema.hpp"

namespace weft::api::web {

namespace detail {

template <class T, std::size_t I>
const std::string& json_key() {
    static const std::string key = wire::json_name(reflect::member_name<T, I>);
    return key;
}

template <class T>
concept Optional = requires(T value) { value.emplace(); value.has_value(); };
template <class T>
concept List = requires(T value) { value.emplace_back(); } && !std::same_as<T, Bytes> && !std::same_as<T, std::string>;
template <class T>
inline constexpr bool is_fixed = false;
template <std::size_t N, class Tag>
inline constexpr bool is_fixed<FixedBytes<N, Tag>> = true;

template <class T>
Result<void> read(const json::Value& from, T& to);

template <class T, std::size_t... I>
Result<void> read_members(const json::Value& from, T& to, std::index_sequence<I...>) {
    if (!from.is_object()) return fail(ErrorCode::internal, "not an object");
    auto members = reflect::members(to);
    Result<void> result;
    const auto read_one = [&](const std::string& key, auto& member) {
        const json::Value* value = from.find(key);
        if (value == nullptr || value->is_null()) return true;
        result = read(*value, member);
        if (!result) result.error().message = key + ": " + result.error().message;
        return result.has_value();
    };
    static_cast<void>((read_one(json_key<T, I>(), std::get<I>(members)) && ...));
    return result;
}

template <class T>
Result<void> read(const json::Value& from, T& to) {
    if constexpr (std::same_as<T, bool>) {
        to = from.as_boolean();
    } else if constexpr (std::integral<T>) {
        WEFT_TRY(const U256 number, u256_from_number(from.text()));
        if (number > U256(std::numeric_limits<T>::max())) return fail(ErrorCode::internal, "the number is too large");
        to = static_cast<T>(number.low());
    } else if constexpr (std::same_as<T, std::string>) {
        to = from.text();
    } else if constexpr (std::same_as<T, chain_v1::Number>) {
        WEFT_TRY(const U256 number, u256_from_number(from.text()));
        to = T::from(number.to_hash());
    } else if constexpr (is_fixed<T>) {
        WEFT_TRY(to, fixed_from_hex<T>(from.text()));
    } else if constexpr (std::same_as<T, Bytes>) {
        WEFT_TRY(to, from_hex(from.text()));
    } else if constexpr (Optional<T>) {
        return read(from, to.emplace());
    } else if constexpr (List<T>) {
        if (!from.is_array()) return fail(ErrorCode::internal, "not an array");
        to.reserve(from.items().size());
        for (const auto& item : from.items()) WEFT_CHECK(read(item, to.emplace_back()));
    } else {
        return read_members(from, to, std::make_index_sequence<reflect::member_count<T>>{});
    }
    return {};
}

template <class T>
void write(json::Writer& out, const T& value);

template <class T>
[[nodiscard]] bool is_absent(const T& value) {
    if constexpr (Optional<T>) return !value.has_value();
    if constexpr (List<T> || std::same_as<T, Bytes>) return value.empty();
    return false;
}

template <class T, std::size_t... I>
void write_members(json::Writer& out, const T& from, std::index_sequence<I...>) {
    const auto members = reflect::members(from);
    const auto write_one = [&](const std::string& key, const auto& member) {
        if (is_absent(member)) return;
        out.key(key);
        write(out, member);
    };
    out.begin_object();
    (write_one(json_key<T, I>(), std::get<I>(members)), ...);
    out.end_object();
}

template <class T>
void write(json::Writer& out, const T& value) {
    if constexpr (std::integral<T> || std::same_as<T, U256>) {
        out.quantity(value);
    } else if constexpr (is_fixed<T> || std::same_as<T, Bytes>) {
        out.data(value);
    } else if constexpr (Optional<T>) {
        write(out, *value);
    } else if constexpr (List<T>) {
        out.begin_array();
        for (const auto& item : value) write(out, item);
        out.end_array();
    } else {
        write_members(out, value, std::make_index_sequence<reflect::member_count<T>>{});
    }
}

}  // namespace detail

/// @errors internal  a member is spelled otherwise than it must be: whoever answered is no Ethereum node.
template <class T>
[[nodiscard]] Result<T> from_json(const json::Value& value) {
    T out{};
    if (auto result = detail::read(value, out); !result) {
        return fail(ErrorCode::internal, "the node's answer: " + result.error().message);
    }
    return out;
}

/// What is absent or empty is left out.
template <class T>
[[nodiscard]] std::string to_json(const T& message) {
    json::Writer out;
    detail::write(out, message);
    return out.take();
}

}  // namespace weft::api::web
