#pragma once
// Protocol Buffers' wire format for plain structs: what crosses a process boundary. The struct is the schema: its
// members are fields 1, 2, 3 ... in order of declaration, so a member is only ever added at the end. proto/ holds the
// same schemas as .proto files for other languages, written from these structs and kept equal by a test.
//
//   bool, integers, enums           varint
//   string                          length-delimited, UTF-8
//   Bytes, Address, Hash            length-delimited
//   U256                            length-delimited: big-endian without leading zeros
//   struct                          embedded message
//   optional<T>, shared_ptr<T>      the field, or nothing (an empty vector in an optional reads back as nothing)
//   vector<integer>                 packed; vector<T>: one field an item
//
// As in proto3, zero and empty values are not written; unknown fields are skipped; of a repeated scalar the last
// counts. A FixedBytes whose tag has WrittenWhenZero is written always. A Reserved member is a number without a field.
//
// @source  protobuf.dev/programming-guides/encoding

#include <array>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/bytes.hpp"
#include "base/reflect.hpp"
#include "base/result.hpp"
#include "base/u256.hpp"

namespace weft::wire {

/// Messages inside messages; deeper is refused.
inline constexpr int depth_max = 64;

/// The place of a field of somebody else's message that is not used here.
struct Reserved {};

namespace detail {

enum class Type : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

void put_varint(Bytes& out, std::uint64_t value);
/// @errors invalid_argument  cut off, or longer than 10 bytes.
Result<std::uint64_t> take_varint(BytesView& in);
Result<BytesView> take_bytes(BytesView& in);
Result<void> skip(BytesView& in, Type type);

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsMaybe : std::false_type {};
template <class T>
struct IsMaybe<std::optional<T>> : std::true_type {};
template <class T>
struct IsMaybe<std::shared_ptr<T>> : std::true_type {};
template <class T>
struct IsFixed : std::false_type {};
template <std::size_t N, class Tag>
struct IsFixed<FixedBytes<N, Tag>> : std::true_type {};

template <class T>
struct IsShown : std::false_type {};
template <std::size_t N, class Tag>
    requires requires { typename Tag::WrittenWhenZero; }
struct IsShown<FixedBytes<N, Tag>> : std::true_type {};

template <class T>
concept Scalar = std::integral<T> || std::is_enum_v<T>;
template <class T>
concept ByteString = std::same_as<T, Bytes> || std::same_as<T, std::string>;
template <class T>
concept Blob = ByteString<T> || IsFixed<T>::value || std::same_as<T, U256>;
template <class T>
concept Packed = IsVector<T>::value && !std::same_as<T, Bytes> && Scalar<typename T::value_type>;

template <class T>
void put_message(Bytes& out, const T& message);

template <class T>
void put_field(Bytes& out, std::uint32_t number, const T& value, bool always) {
    const auto tag = [&](Type type) { put_varint(out, number << 3 | static_cast<std::uint32_t>(type)); };
    const auto put_blob = [&](BytesView bytes) {
        tag(Type::bytes);
        put_varint(out, bytes.size());
        append(out, bytes);
    };
    if constexpr (std::same_as<T, Reserved>) {
        return;
    } else if constexpr (Scalar<T>) {
        if (!always && value == T{}) return;
        tag(Type::varint);
        put_varint(out, static_cast<std::uint64_t>(value));
    } else if constexpr (ByteString<T>) {
        if (!always && value.empty()) return;
        put_blob(BytesView(reinterpret_cast<const std::uint8_t*>(value.data()), value.size()));
    } else if constexpr (IsFixed<T>::value) {
        if (!always && !IsShown<T>::value && value.is_zero()) return;
        put_blob(value.view());
    } else if constexpr (std::same_as<T, U256>) {
        if (!always && value.is_zero()) return;
        const Hash bytes = value.to_hash();
        put_blob(bytes.view().last(value.byte_length()));
    } else if constexpr (IsMaybe<T>::value) {
        if (value) put_field(out, number, *value, true);
    } else if constexpr (Packed<T>) {
        if (value.empty()) return;
        Bytes inner;
        for (const auto item : value) put_varint(inner, static_cast<std::uint64_t>(item));
        put_blob(inner);
    } else if constexpr (IsVector<T>::value) {
        for (const auto& item : value) put_field(out, number, item, true);
    } else {
        // The length's varint is kept at its size for most messages, and moved apart for the large ones.
        const std::size_t before = out.size();
        tag(Type::bytes);
        const std::size_t at = out.size();
        out.push_back(0);
        put_message(out, value);
        const std::size_t size = out.size() - at - 1;
        if (size == 0 && !always) {
            out.resize(before);
        } else if (size < 0x80) {
            out[at] = static_cast<std::uint8_t>(size);
        } else {
            Bytes length;
            put_varint(length, size);
            out[at] = length[0];
            out.insert(out.begin() + static_cast<std::ptrdiff_t>(at) + 1, length.begin() + 1, length.end());
        }
    }
}

template <class T>
void put_message(Bytes& out, const T& message) {
    std::uint32_t number = 0;
    reflect::for_each(message, [&](const auto& member) { put_field(out, ++number, member, false); });
}

template <class T>
Result<void> take_message(BytesView in, T& message, int depth);

std::unexpected<Error> wrong_type();

/// Makes everything in it zero or empty: what a message does not mention is that, whatever the struct's own
/// initializers say.
template <class T>
void clear(T& value) {
    if constexpr (Scalar<T> || Blob<T> || IsMaybe<T>::value || IsVector<T>::value || std::same_as<T, Reserved>) {
        value = T{};
    } else {
        reflect::for_each(value, [](auto& member) { clear(member); });
    }
}

template <class T>
T& cleared(T& value) {
    clear(value);
    return value;
}

template <class T>
Result<void> take_field(BytesView& in, Type type, T& value, int depth) {
    if constexpr (std::same_as<T, Reserved>) {
        return skip(in, type);
    } else if constexpr (Scalar<T>) {
        if (type != Type::varint) return wrong_type();
        WEFT_TRY(const std::uint64_t number, take_varint(in));
        value = static_cast<T>(number);
    } else if constexpr (IsMaybe<T>::value) {
        if constexpr (requires { value.emplace(); }) {
            return take_field(in, type, cleared(value.emplace()), depth);
        } else {
            auto item = std::make_shared<std::remove_const_t<typename T::element_type>>();
            WEFT_CHECK(take_field(in, type, cleared(*item), depth));
            value = std::move(item);
        }
    } else if constexpr (Packed<T>) {
        if (type == Type::varint) return take_field(in, type, value.emplace_back(), depth);
        if (type != Type::bytes) return wrong_type();
        WEFT_TRY(BytesView items, take_bytes(in));
        while (!items.empty()) WEFT_CHECK(take_field(items, Type::varint, value.emplace_back(), depth));
    } else if constexpr (IsVector<T>::value && !std::same_as<T, Bytes>) {
        return take_field(in, type, cleared(value.emplace_back()), depth);
    } else {
        if (type != Type::bytes) return wrong_type();
        WEFT_TRY(const BytesView bytes, take_bytes(in));
        if constexpr (std::same_as<T, Bytes>) {
            value.assign(bytes.begin(), bytes.end());
        } else if constexpr (std::same_as<T, std::string>) {
            value.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        } else if constexpr (IsFixed<T>::value) {
            if (bytes.size() != T::size) return fail(ErrorCode::invalid_argument, "wire: byte string of wrong length");
            value = T::from(bytes);
        } else if constexpr (std::same_as<T, U256>) {
            if (bytes.size() > 32) return fail(ErrorCode::invalid_argument, "wire: number > 256 bits");
            value = U256::from_bytes(bytes);
        } else {
            return take_message(bytes, value, depth + 1);
        }
    }
    return {};
}

template <class T>
Result<void> take_message(BytesView in, T& message, int depth) {
    if (depth > depth_max) return fail(ErrorCode::resource_exhausted, "wire: messages nested too deeply");
    while (!in.empty()) {
        WEFT_TRY(const std::uint64_t tag, take_varint(in));
        const auto type = static_cast<Type>(tag & 7);
        const std::uint64_t wanted = tag >> 3;
        if (wanted == 0) return fail(ErrorCode::invalid_argument, "wire: field number 0");
        std::uint64_t number = 0;
        bool known = false;
        Result<void> result;
        reflect::for_each(message, [&](auto& member) {
            if (++number == wanted) {
                known = true;
                result = take_field(in, type, member, depth);
            }
        });
        if (!known) result = skip(in, type);
        if (!result) {
            result.error().message = "field " + std::to_string(wanted) + ": " + result.error().message;
            return result;
        }
    }
    return {};
}

}  // namespace detail

/// A struct without members: a request that asks for no parameters or a reply that only says "done".
struct Empty {
    bool reserved = false;
};

template <class T>
[[nodiscard]] Bytes encode(const T& message) {
    Bytes out;
    detail::put_message(out, message);
    return out;
}

/// @errors invalid_argument  not this format, or a field of another type; resource_exhausted  nested too deeply.
template <class T>
[[nodiscard]] Result<T> decode(BytesView in) {
    T out{};
    detail::clear(out);
    WEFT_CHECK(detail::take_message(in, out, 0));
    return out;
}

}  // namespace weft::wire
