#pragma once
// JSON (RFC 8259) as JSON-RPC needs it: numbers keep their text, because ids must come back as they came and chain ids
// pass 2^53; object members keep their order; duplicate keys: the first wins; depth and size are bounded.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/u256.hpp"

namespace weft::json {

/// Nesting a document may have; deeper is refused before it costs stack.
inline constexpr std::size_t depth_max = 128;

enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

class Value {
  public:
    using Member = std::pair<std::string, Value>;

    Value() = default;
    [[nodiscard]] static Value boolean(bool value);
    /// @param text  a number as JSON spells it; not checked.
    [[nodiscard]] static Value number(std::string text);
    [[nodiscard]] static Value string(std::string text);
    [[nodiscard]] static Value array(std::vector<Value> items);
    [[nodiscard]] static Value object(std::vector<Member> members);

    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] bool is_null() const { return kind_ == Kind::null; }
    [[nodiscard]] bool is_string() const { return kind_ == Kind::string; }
    [[nodiscard]] bool is_number() const { return kind_ == Kind::number; }
    [[nodiscard]] bool is_boolean() const { return kind_ == Kind::boolean; }
    [[nodiscard]] bool is_array() const { return kind_ == Kind::array; }
    [[nodiscard]] bool is_object() const { return kind_ == Kind::object; }

    /// False for anything but true.
    [[nodiscard]] bool as_boolean() const { return kind_ == Kind::boolean && text_ == "true"; }
    /// A string's characters (UTF-8) or a number's text; empty for other kinds.
    [[nodiscard]] const std::string& text() const { return text_; }
    /// Items of an array; empty for other kinds.
    [[nodiscard]] const std::vector<Value>& items() const { return items_; }
    /// Members of an object; empty for other kinds.
    [[nodiscard]] const std::vector<Member>& members() const { return members_; }
    [[nodiscard]] std::vector<Value>& items() { return items_; }
    [[nodiscard]] std::vector<Member>& members() { return members_; }
    /// The member's value, or null if there is none or this is no object.
    [[nodiscard]] const Value* find(std::string_view key) const;
    /// The same, but a shared null value instead of a null pointer.
    [[nodiscard]] const Value& operator[](std::string_view key) const;

  private:
    Kind kind_ = Kind::null;
    std::string text_;
    std::vector<Value> items_;
    std::vector<Member> members_;
};

/// Reads one document, all of it.
/// @errors invalid_argument  not JSON: "line L column C: what"; resource_exhausted  nested deeper than depth_max.
[[nodiscard]] Result<Value> parse(std::string_view text);

/// Appends JSON to a string; commas and colons come by themselves. Misuse (a value without key in an object) is
/// asserted.
class Writer {
  public:
    Writer() = default;

    Writer& begin_object();
    Writer& end_object();
    Writer& begin_array();
    Writer& end_array();
    Writer& key(std::string_view name);

    Writer& null();
    Writer& boolean(bool value);
    /// Escapes what must be escaped; bytes that are not UTF-8 become U+FFFD.
    Writer& string(std::string_view text);
    Writer& integer(std::int64_t value);
    Writer& unsigned_integer(std::uint64_t value);
    /// A finite number with up to 17 digits.
    Writer& real(double value);
    /// "0x" data and quantities.
    Writer& data(BytesView bytes);
    Writer& quantity(std::uint64_t value);
    Writer& quantity(const U256& value);
    /// Text that is JSON already.
    Writer& raw(std::string_view json);
    Writer& value(const Value& value);

    /// key() and the value in one, for the many `"name": value` of a reply.
    Writer& data(std::string_view name, BytesView bytes) { return key(name).data(bytes); }
    Writer& quantity(std::string_view name, std::uint64_t number) { return key(name).quantity(number); }
    Writer& quantity(std::string_view name, const U256& number) { return key(name).quantity(number); }
    Writer& string(std::string_view name, std::string_view text) { return key(name).string(text); }
    Writer& boolean(std::string_view name, bool flag) { return key(name).boolean(flag); }
    Writer& null(std::string_view name) { return key(name).null(); }

    [[nodiscard]] const std::string& text() const { return out_; }
    [[nodiscard]] std::string take();
    [[nodiscard]] std::size_t size() const { return out_.size(); }
    void reserve(std::size_t size) { out_.reserve(size); }

  private:
    void separate();
    std::string out_;
    bool first_ = true;      // nothing stands before the next item in this array or object
    bool after_key_ = false;
    int depth_ = 0;
};

[[nodiscard]] std::string to_string(const Value& value);
/// A JSON string literal with its quotes.
[[nodiscard]] std::string quote(std::string_view text);

}  // namespace weft::json
