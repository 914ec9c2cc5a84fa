#pragma once
// The .proto text of what wire.hpp encodes, for clients in other languages.

#include <cctype>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/wire.hpp"

namespace weft::wire {

/// Collects the messages of a service and writes them as a proto3 file.
class Schema {
  public:
    /// @param package  of the file; also the first part of every method's name, e.g. "weft".
    Schema(std::string package, std::string service) : package_(std::move(package)), service_(std::move(service)) {}

    /// Adds an operation: its method, request and reply.
    template <class Request>
    void add() {
        const std::string name(Request::method.substr(Request::method.find('/') + 1));
        const std::string request = message<Request>();
        const std::string reply = message<typename Request::Reply>();
        methods_ += "  rpc " + name + "(" + request + ") returns (" + reply + ");\n";
    }

    [[nodiscard]] std::string text() const {
        std::string out =
            "// Written from the structs of src/api by schema_test, which also keeps it equal to them.\nsyntax = "
            "\"proto3\";\n\npackage " +
            package_ + ";\n\nservice " + service_ + " {\n" + methods_ + "}\n";
        for (const auto& [name, body] : messages_) out += "\nmessage " + name + " {\n" + body + "}\n";
        return out;
    }

  private:
    template <class T>
    std::string message() {
        const std::string name = service_ + std::string(reflect::type_name<T>());
        for (const auto& entry : messages_) {
            if (entry.first == name) return name;
        }
        const std::size_t at = messages_.size();
        messages_.emplace_back(name, "");
        std::string body;
        fields<T>(body, std::make_index_sequence<reflect::member_count<T>>{});
        messages_[at].second = std::move(body);
        return name;
    }

    template <class T, std::size_t... I>
    void fields(std::string& body, std::index_sequence<I...>) {
        using Members = decltype(reflect::members(std::declval<T&>()));
        ((body += "  " + type<std::remove_cvref_t<std::tuple_element_t<I, Members>>>() + " " +
                  std::string(reflect::member_name<T, I>) + " = " + std::to_string(I + 1) + ";\n"),
         ...);
    }

    template <class T>
    std::string type() {
        if constexpr (std::same_as<T, bool>) {
            return "bool";
        } else if constexpr (std::is_enum_v<T>) {
            return "uint32";
        } else if constexpr (std::integral<T>) {
            return std::string(std::is_signed_v<T> ? "int" : "uint") + (sizeof(T) == 8 ? "64" : "32");
        } else if constexpr (std::same_as<T, std::string>) {
            return "string";
        } else if constexpr (detail::Blob<T>) {
            return "bytes";
        } else if constexpr (detail::IsMaybe<T>::value) {
            if constexpr (requires { typename T::element_type; }) {
                return type<std::remove_const_t<typename T::element_type>>();  // a message's absence needs no word
            } else {
                using Value = typename T::value_type;
                if constexpr (detail::IsVector<Value>::value && !std::same_as<Value, Bytes>) {
                    return "repeated " + type<typename Value::value_type>();
                } else if constexpr (detail::Scalar<Value> || detail::Blob<Value>) {
                    return "optional " + type<Value>();
                } else {
                    return type<Value>();
                }
            }
        } else if constexpr (detail::IsVector<T>::value) {
            return "repeated " + type<typename T::value_type>();
        } else {
            return message<T>();
        }
    }

    std::string package_;
    std::string service_;
    std::string methods_;
    std::vector<std::pair<std::string, std::string>> messages_;
};

}  // namespace weft::wire
