#pragma once
// The parts of a JSON-RPC message where they stand, without a tree: what is passed on is not built anew.
//
// A request is checked to be JSON, all of it: what two readers take for two things could be passed by a rule that only
// one of them follows. So a name that stands twice at the top is refused, and so is a name or a method with an escape.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace weft::net {

/// Views into the text that was scanned; raw JSON unless it says otherwise. Empty: absent.
struct RpcRequestSpans {
    std::string_view id;      // a string with its quotes, a number, or null
    std::string_view method;  // without its quotes
    std::string_view params;  // an array or an object
};

/// Reads one request object, all of @p text but the space around it.
/// @errors invalid_argument, detail -32700  not JSON; -32600  JSON, and no request: "method is missing".
[[nodiscard]] Result<RpcRequestSpans> scan_request(std::string_view text);

/// Walks over the items of a batch.
class BatchScanner {
  public:
    /// @param text  begins with '[' after white space.
    explicit BatchScanner(std::string_view text);
    /// The next item's text, whatever it is; empty at the end.
    /// @errors invalid_argument, detail -32700  not JSON.
    [[nodiscard]] Result<std::string_view> next();

  private:
    std::string_view text_;
    std::size_t at_ = 0;
    bool first_ = true;
    bool ended_ = false;
};

struct RpcReplySpans {
    std::string_view id;
    std::string_view result;
    std::string_view error;
    /// From error, if it is there.
    std::int64_t code = 0;
    std::string_view message;  // raw, without its quotes
};

/// Reads one reply object. The inside of a long result is not checked, only where it ends.
/// @errors data_loss  no reply.
[[nodiscard]] Result<RpcReplySpans> scan_reply(std::string_view text);

/// The first character that is not white space, or 0.
[[nodiscard]] char first_character(std::string_view text);

/// Where the JSON value that begins at @p at ends, or npos. White space before it is skipped.
/// @param deep_max  nesting that is followed.
[[nodiscard]] std::size_t skip_value(std::string_view text, std::size_t at, std::size_t deep_max);

/// The raw value of a member of an object, or empty. For results whose shape is known.
[[nodiscard]] std::string_view member_of(std::string_view object, std::string_view name);

/// Calls @p member with the raw name (without quotes) and value of each; nothing more once the object turns out broken.
void for_each_member(std::string_view object,
                     const std::function<void(std::string_view name, std::string_view value)>& member);

/// The raw items of an array, up to @p count of them; returns how many there are, or npos if it is no array.
[[nodiscard]] std::size_t items_of(std::string_view array, std::string_view* items, std::size_t count);

/// Calls @p item with each raw item; nothing if it is no array.
void for_each_item(std::string_view array, const std::function<void(std::string_view item)>& item);

/// JSON without the white space between its tokens, as keys of equal requests must be equal.
[[nodiscard]] std::string without_space(std::string_view json);

/// {"jsonrpc":"2.0","id":ID,"result":RESULT}
[[nodiscard]] std::string rpc_result_text(std::string_view id, std::string_view result);
/// {"jsonrpc":"2.0","id":ID,"error":ERROR}
[[nodiscard]] std::string rpc_error_text(std::string_view id, std::string_view error);

}  // namespace weft::net
