#pragma once
// Contract arguments as bytes: the ABI that Solidity and Vyper speak.
//
// @source  https://docs.soliditylang.org, Contract ABI Specification.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "base/u256.hpp"

namespace weft::chain::abi {

/// Arrays and tuples inside one another.
inline constexpr int depth_max = 16;
/// Items that one value may have, over all its levels: a few bytes of offsets can claim far more than they bring.
inline constexpr std::size_t items_max = 1'000'000;

enum class Kind : std::uint8_t { number, boolean, address, fixed_bytes, bytes, string, array, fixed_array, tuple };

struct Type {
    Kind kind = Kind::number;
    bool is_signed = false;   // of a number
    std::uint16_t bits = 256; // of a number
    std::size_t size = 0;     // of fixed bytes, 1 to 32; of a fixed array, its items
    std::vector<Type> parts;  // a tuple's; an array's one

    /// Whether its place in the head is an offset.
    [[nodiscard]] bool is_dynamic() const;
    /// Bytes of its place in the head.
    [[nodiscard]] std::size_t head_size() const;
    /// The name that selectors are made of: "uint256", "(bytes,address[2])[]".
    [[nodiscard]] std::string to_string() const;
};

/// Reads "uint256", "int", "bytes32[2][]", "(address,(uint8,string))".
/// @errors invalid_argument  "unknown type T".
[[nodiscard]] Result<Type> parse_type(std::string_view text);

struct Signature {
    std::string name;  // empty: the types alone
    Type arguments;    // a tuple
    /// The first four bytes of the hash of name and types.
    [[nodiscard]] Bytes selector() const;
};
/// Reads "transfer(address,uint256)", or "address,uint256" without a name.
/// @errors invalid_argument  as parse_type.
[[nodiscard]] Result<Signature> parse_signature(std::string_view text);

/// A value as JSON: numbers as numbers or strings (decimal or "0x"), bytes and addresses as "0x" data, tuples and
/// arrays as arrays.
/// @errors invalid_argument  a value that does not fit its type: which, and why.
[[nodiscard]] Result<Bytes> encode(const Type& type, const json::Value& value);
/// The value back: numbers as decimal strings, since JSON's are too small.
/// @errors invalid_argument  bytes that are no encoding of the type: too short, an offset that leads out, a number
/// wider
///         than its type, text that is too deep or has too many items.
[[nodiscard]] Result<json::Value> decode(const Type& type, BytesView data);

}  // namespace weft::chain::abi
