#pragma once
// The schema of what wire.hpp encodes, for clients in other languages: as the text of a .proto file, and as the
// descriptor that gRPC's reflection gives.
//
// A struct or operation may have `about`, its comment. An enumeration with a function enumerators(E) that names its
// values from 0 on is one in the schema too; others are numbers.

#include <cctype>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/wire.hpp"

namespace weft::wire {

/// Numbers of descriptor.proto's FieldDescriptorProto.Type.
enum class FieldKind : std::uint8_t {
    int64 = 3,
    uint64 = 4,
    int32 = 5,
    boolean = 8,
    string = 9,
    message = 11,
    bytes = 12,
    uint32 = 13,
    enumeration = 14,
};

struct SchemaType {
    FieldKind kind = FieldKind::boolean;
    std::string name = {};  // of a message or enumeration
    bool is_repeated = false;
    /// Whether its absence says something.
    bool is_optional = false;
};
struct SchemaField {
    std::string name;
    SchemaType type;
    std::uint32_t number = 0;
};
struct SchemaMessage {
    std::string name;
    std::string_view about;
    std::vector<SchemaField> fields;
};
struct SchemaEnum {
    std::string name;
    std::vector<std::string_view> values;
};
struct SchemaMethod {
    std::string name;
    std::string_view about;
    std::string request;
    std::string reply;
    bool takes_stream = false;
    bool gives_stream = false;
};

/// What a server that has this service tells of it.
struct FileDescriptor {
    std::string name;     // "weft/chain/v1/chain.proto"
    std::string service;  // "weft.chain.v1.Chain"
    /// Full names of the service, its methods, the messages and enumerations.
    std::vector<std::string> symbols;
    /// A FileDescriptorProto.
    Bytes bytes;
};

/// What a member is called in JSON, as protoc has it: "baseFee" of "base_fee".
[[nodiscard]] std::string json_name(std::string_view name);

namespace detail {

template <class T>
concept HasAbout = requires { T::about; };
template <class T>
concept NamedEnum = std::is_enum_v<T> && requires { enumerators(T{}); };
template <class T>
concept GivesStream = requires { T::gives_stream; };

template <class T>
constexpr std::string_view about_of() {
    if constexpr (HasAbout<T>) {
        return T::about;
    } else {
        return {};
    }
}

}  // namespace detail

/// Collects the messages of a service.
class Schema {
  public:
    /// @param package  of the file; also the first part of every method's name, e.g. "weft".
    /// @param prefix   of the messages' names.
    Schema(std::string package, std::string service, std::string prefix, std::string_view about = {})
        : package_(std::move(package)), service_(std::move(service)), prefix_(std::move(prefix)), about_(about) {}

    /// Adds an operation: its method, request and reply.
    template <class Request>
    void add() {
        const std::string name(Request::method.substr(Request::method.find('/') + 1));
        const std::string request = message<Request>();
        const std::string reply = message<typename Request::Reply>();
        methods_.push_back({name, detail::about_of<Request>(), request, reply, false, detail::GivesStream<Request>});
    }
    /// A method of messages that are no operations.
    template <class Request, class Reply>
    void add(std::string name, bool takes_stream, bool gives_stream) {
        const std::string request = message<Request>();
        const std::string reply = message<Reply>();
        methods_.push_back({std::move(name), {}, request, reply, takes_stream, gives_stream});
    }
    /// Adds a message that no operation names.
    template <class T>
    std::string message() {
        const std::string name = prefix_ + std::string(reflect::type_name<T>());
        for (const auto& one : messages_) {
            if (one.name == name) return name;
        }
        const std::size_t at = messages_.size();
        messages_.push_back({name, detail::about_of<T>(), {}});
        auto fields = fields_of<T>(std::make_index_sequence<reflect::member_count<T>>{});
        messages_[at].fields = std::move(fields);
        return name;
    }

    [[nodiscard]] std::string text() const;
    [[nodiscard]] FileDescriptor descriptor(std::string file_name) const;

  private:
    template <class T, std::size_t... I>
    std::vector<SchemaField> fields_of(std::index_sequence<I...>) {
        using Members = decltype(reflect::members(std::declval<T&>()));
        std::vector<SchemaField> out;
        const auto add_field = [&]<class Member>(std::string_view name, std::uint32_t number) {
            if constexpr (!std::same_as<Member, Reserved>) out.push_back({std::string(name), type<Member>(), number});
        };
        (add_field.template operator()<std::remove_cvref_t<std::tuple_element_t<I, Members>>>(
             reflect::member_name<T, I>, static_cast<std::uint32_t>(I + 1)),
         ...);
        return out;
    }

    template <class T>
    SchemaType type() {
        if constexpr (std::same_as<T, bool>) {
            return {FieldKind::boolean};
        } else if constexpr (detail::NamedEnum<T>) {
            return {FieldKind::enumeration, enumeration<T>()};
        } else if constexpr (std::is_enum_v<T>) {
            return {FieldKind::uint32};
        } else if constexpr (std::integral<T>) {
            if constexpr (std::is_signed_v<T>) return {sizeof(T) == 8 ? FieldKind::int64 : FieldKind::int32};
            return {sizeof(T) == 8 ? FieldKind::uint64 : FieldKind::uint32};
        } else if constexpr (std::same_as<T, std::string>) {
            return {FieldKind::string};
        } else if constexpr (detail::Blob<T>) {
            return {FieldKind::bytes};
        } else if constexpr (detail::IsMaybe<T>::value) {
            if constexpr (requires { typename T::element_type; }) {
                return type<std::remove_const_t<typename T::element_type>>();  // a message's absence needs no word
            } else {
                using Value = typename T::value_type;
                SchemaType out = type<Value>();
                if constexpr (detail::Scalar<Value> || detail::Blob<Value>) out.is_optional = true;
                return out;
            }
        } else if constexpr (detail::IsVector<T>::value) {
            SchemaType out = type<typename T::value_type>();
            out.is_repeated = true;
            return out;
        } else {
            return {FieldKind::message, message<T>()};
        }
    }

    template <class T>
    std::string enumeration() {
        const std::string name = prefix_ + std::string(reflect::type_name<T>());
        for (const auto& one : enums_) {
            if (one.name == name) return name;
        }
        const auto values = enumerators(T{});
        enums_.push_back({name, {values.begin(), values.end()}});
        return name;
    }

    std::string package_;
    std::string service_;
    std::string prefix_;
    std::string_view about_;
    std::vector<SchemaMethod> methods_;
    std::vector<SchemaMessage> messages_;
    std::vector<SchemaEnum> enums_;
};

}  // namespace weft::wire
