#include "net/jsonrpc.hpp"

#include <algorithm>
#include <optional>

#include "base/hex.hpp"
#include "net/http_codec.hpp"

namespace weft::net {

namespace {

const json::Value no_params = json::Value::array({});

/// What a request's envelope says; views into the body.
struct Envelope {
    bool well_formed = false;   // an object with "jsonrpc":"2.0" and a method
    std::string_view id;        // its JSON; empty if there is none or it can't be one
    bool id_impossible = false; // it is an object or array: neither a call nor a notification
    std::string_view plain_method;
    std::string escaped_method; // if the name is no plain text
    std::string_view params;    // its JSON; empty if absent or null
    bool params_seen = false;
    bool version_seen = false;
    bool version_right = false;
    [[nodiscard]] bool is_notification() const { return id.empty(); }
    [[nodiscard]] std::string_view method() const { return plain_method.empty() ? escaped_method : plain_method; }
};

/// Walks over JSON without building it: requests are small, and only their params are needed as values. Strict about
/// what it looks at; params are checked by json::parse.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : text_(text) {}

    void skip_space() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
            ++at_;
    }
    [[nodiscard]] bool at_end() {
        skip_space();
        return at_ == text_.size();
    }
    [[nodiscard]] char peek() {
        skip_space();
        return at_ < text_.size() ? text_[at_] : '\0';
    }
    bool take(char character) {
        if (peek() != character || at_ == text_.size()) return false;
        ++at_;
        return true;
    }
    /// The next value's text, its brackets balanced and its strings closed; nothing else is checked.
    [[nodiscard]] std::optional<std::string_view> value() {
        skip_space();
        const std::size_t start = at_;
        std::size_t depth = 0;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '"') {
                if (!skip_string()) return std::nullopt;
            } else if (c == '{' || c == '[') {
                ++depth;
                ++at_;
            } else if (c == '}' || c == ']') {
                if (depth == 0) break;
                --depth;
                ++at_;
            } else if (depth == 0 && (c == ',' || c == ':' || c == ' ' || c == '\n' || c == '\r' || c == '\t')) {
                break;
            } else {
                ++at_;
                continue;
            }
            if (depth == 0) break;
        }
        if (at_ == start || depth != 0) return std::nullopt;
        return text_.substr(start, at_ - start);
    }

  private:
    bool skip_string() {
        for (++at_; at_ < text_.size(); ++at_) {
            if (text_[at_] == '"') {
                ++at_;
                return true;
            }
            if (text_[at_] == '\\') ++at_;
        }
        return false;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

/// Strings and numbers of an envelope are short and mostly plain, so most need no parser.
bool plain_string(std::string_view text) {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') return false;
    return std::ranges::all_of(text.substr(1, text.size() - 2),
                               [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}
bool plain_number(std::string_view text) {
    if (text.empty() || text.size() > 18 || (text.size() > 1 && text[0] == '0')) return false;
    return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}
bool is_json(std::string_view text) {
    return plain_string(text) || plain_number(text) || text == "null" || json::parse(text).has_value();
}

/// One member of an envelope; of equal keys the first counts. False if the value is no JSON.
bool take_member(Envelope& out, std::string_view key, std::string_view value) {
    if (key == "\"params\"") {
        if (!std::exchange(out.params_seen, true)) {
            if (value != "null") out.params = value;
            return true;  // checked when it is parsed
        }
    } else if (key == "\"method\"" && out.method().empty()) {
        if (plain_string(value)) {
            out.plain_method = value.substr(1, value.size() - 2);
            return true;
        }
        auto parsed = json::parse(value);
        if (parsed && parsed->is_string()) out.escaped_method = parsed->text();
        return parsed.has_value();
    }
    if (!is_json(value) || !is_json(key)) return false;
    if (key == "\"id\"" && out.id.empty()) {
        out.id_impossible = value.front() == '{' || value.front() == '[';
        if (!out.id_impossible) out.id = value;
    } else if (key == "\"jsonrpc\"" && !std::exchange(out.version_seen, true)) {
        out.version_right = value == "\"2.0\"";
    }
    return true;
}

/// Reads one request. Nothing if it is no JSON.
std::optional<Envelope> read_envelope(std::string_view text) {
    Envelope out;
    Scanner scanner(text);
    if (!scanner.take('{')) {
        if (!json::parse(text)) return std::nullopt;
        return out;
    }
    if (!scanner.take('}')) {
        while (true) {
            if (scanner.peek() != '"') return std::nullopt;
            const auto key = scanner.value();
            if (!key || !scanner.take(':')) return std::nullopt;
            const auto value = scanner.value();
            if (!value || !take_member(out, *key, *value)) return std::nullopt;
            if (scanner.take('}')) break;
            if (!scanner.take(',')) return std::nullopt;
        }
    }
    if (!scanner.at_end()) return std::nullopt;
    out.well_formed = out.version_right && !out.method().empty() && !out.id_impossible;
    return out;
}

/// The items of a batch. Nothing if it is no array; the items themselves are not checked.
std::optional<std::vector<std::string_view>> read_batch(std::string_view text, std::size_t items_max) {
    Scanner scanner(text);
    std::vector<std::string_view> out;
    if (!scanner.take('[')) return std::nullopt;
    if (scanner.take(']')) return scanner.at_end() ? std::optional(out) : std::nullopt;
    while (true) {
        const auto item = scanner.value();
        if (!item) return std::nullopt;
        out.push_back(*item);
        if (out.size() > items_max) return out;
        if (scanner.take(']')) break;
        if (!scanner.take(',')) return std::nullopt;
    }
    if (!scanner.at_end()) return std::nullopt;
    return out;
}

/// geth's code for a reverted call, whose answer has its data even if there is none.
constexpr std::int32_t reverted_code = 3;
/// EIP-7966: a transaction sent and waited for is not in a block in time.
constexpr std::int32_t still_pending_code = 4;

void append_error(std::string& out, std::string_view id, std::int32_t code, std::string_view message, BytesView data) {
    out += R"({"jsonrpc":"2.0","id":)";
    out += id.empty() ? std::string_view("null") : id;
    out += R"(,"error":{"code":)";
    out += std::to_string(code);
    out += R"(,"message":)";
    out += json::quote(message);
    if (!data.empty() || code == reverted_code) {
        out += R"(,"data":")";
        out += to_hex(data);
        out += '"';
    }
    out += "}}";
}

std::string result_text(std::string_view id, std::string_view result) {
    constexpr std::string_view head = R"({"jsonrpc":"2.0","id":)";
    constexpr std::string_view middle = R"(,"result":)";
    std::string out;
    out.reserve(head.size() + id.size() + middle.size() + result.size() + 1);
    out += head;
    out += id;
    out += middle;
    out += result;
    out += '}';
    return out;
}

std::string error_text(std::string_view id, const Error& error) {
    std::string out;
    append_error(out, id, rpc_code_of(error), error.message, error.data);
    return out;
}

constexpr std::string_view too_large_text = "response too large";

/// Runs one request. The answer is empty for a notification.
Task<std::string> answer_one(Envelope request, const RpcLookup& lookup, CallContext call,
                             std::size_t response_bytes_max) {
    if (!request.well_formed)
        co_return rpc_error(rpc_code::invalid_request, "invalid request", request.id.empty() ? "null" : request.id);
    json::Value parsed;
    const json::Value* params = &no_params;
    if (!request.params.empty() && request.params != "[]") {
        auto value = json::parse(request.params);
        if (!value) co_return rpc_error(rpc_code::parse_error, value.error().message);
        parsed = *std::move(value);
        params = &parsed;
        if (!parsed.is_array() && !parsed.is_object()) {
            if (request.is_notification()) co_return std::string();
            co_return rpc_error(rpc_code::invalid_params, "non-array args", request.id);
        }
    }
    const RpcMethod* method = lookup(request.method());
    if (method == nullptr) {
        if (request.is_notification()) co_return std::string();
        co_return rpc_error(rpc_code::method_not_found,
                            "the method " + std::string(request.method()) + " does not exist/is not available",
                            request.id);
    }
    call.method = request.method();
    Result<std::string> result = co_await settled((*method)(*params, call));
    if (request.is_notification()) co_return std::string();
    if (!result) co_return error_text(request.id, result.error());
    if (result->size() > response_bytes_max)
        co_return rpc_error(rpc_code::response_too_large, too_large_text, request.id);
    co_return result_text(request.id, *result);
}

/// A batch at work. Its items run in any order, several at once; the answers are put together in the items' order.
struct Batch {
    std::vector<std::string_view> items;
    const RpcLookup& lookup;
    const CallContext& call;
    RpcLimits limits;
    Executor* home;
    std::vector<std::string> answers{};
    std::size_t next = 0;
    std::size_t running = 0;
    std::size_t answer_bytes = 0;
    bool starting = false;
    std::optional<Promise<void>> ended{};
};

Task<std::string> answer_item(Batch& batch, std::size_t index) {
    auto request = read_envelope(batch.items[index]);
    if (!request) co_return rpc_error(rpc_code::parse_error, "parse error");
    // Once the answers are too long, what is left is not run at all.
    if (batch.answer_bytes > batch.limits.response_bytes_max) {
        if (request->is_notification()) co_return std::string();
        co_return rpc_error(rpc_code::response_too_large, too_large_text, request->id);
    }
    const std::string_view id = request->id;
    std::string answer =
        co_await answer_one(*std::move(request), batch.lookup, batch.call, batch.limits.response_bytes_max);
    if (!answer.empty() && batch.answer_bytes + answer.size() > batch.limits.response_bytes_max) {
        batch.answer_bytes = batch.limits.response_bytes_max + 1;
        co_return rpc_error(rpc_code::response_too_large, too_large_text, id.empty() ? "null" : id);
    }
    batch.answer_bytes += answer.size();
    co_return answer;
}

void start_items(Batch& batch) {
    if (batch.starting) return;
    batch.starting = true;
    while (batch.next < batch.items.size() && batch.running < batch.limits.concurrent_max) {
        const std::size_t index = batch.next++;
        ++batch.running;
        spawn(answer_item(batch, index), [&batch, index](Result<std::string> answer) {
            const auto take = [&batch, index](Result<std::string> text) {
                if (text) batch.answers[index] = *std::move(text);
                --batch.running;
                start_items(batch);
            };
            if (Executor::current() == batch.home || batch.home == nullptr) {
                take(std::move(answer));
            } else {
                batch.home->post([take, answer = std::move(answer)]() mutable { take(std::move(answer)); });
            }
        });
    }
    batch.starting = false;
    if (batch.next == batch.items.size() && batch.running == 0) {
        if (auto ended = std::exchange(batch.ended, std::nullopt)) ended->set({});  // the batch may be gone now
    }
}

Task<std::string> answer_batch(std::string_view body, const RpcLookup& lookup, CallContext call, RpcLimits limits) {
    auto items = read_batch(body, limits.batch_items_max);
    if (!items) co_return rpc_error(rpc_code::parse_error, "parse error");
    if (items->empty()) co_return rpc_error(rpc_code::invalid_request, "empty batch");
    if (items->size() > limits.batch_items_max) co_return rpc_error(rpc_code::invalid_request, "batch too large");
    if (!json::parse(body)) co_return rpc_error(rpc_code::parse_error, "parse error");
    Batch batch{*std::move(items), lookup, call, limits, Executor::current()};
    // Without an executor to come back to, items may end on any thread: then one at a time.
    if (batch.home == nullptr) batch.limits.concurrent_max = 1;
    batch.answers.resize(batch.items.size());
    auto ended = batch.ended.emplace().future();
    start_items(batch);
    co_await std::move(ended).wait();
    std::string out;
    out.reserve(batch.answer_bytes + batch.answers.size() + 2);
    for (const auto& answer : batch.answers) {
        if (answer.empty()) continue;
        out += out.empty() ? '[' : ',';
        out += answer;
    }
    if (!out.empty()) out += ']';
    co_return out;
}

Task<std::string> at_once(std::string text) { co_return text; }

}  // namespace

Task<std::string> dispatch(std::string_view body, const RpcLookup& lookup, CallContext call, RpcLimits limits) {
    if (Scanner(body).peek() == '[') return answer_batch(body, lookup, std::move(call), limits);
    auto request = read_envelope(body);
    if (!request) {
        const auto why = json::parse(body);
        return at_once(rpc_error(rpc_code::parse_error, why ? "parse error" : why.error().message));
    }
    return answer_one(*std::move(request), lookup, std::move(call), limits.response_bytes_max);
}

std::string rpc_error(std::int32_t code, std::string_view message, std::string_view id_json) {
    std::string out;
    append_error(out, id_json, code, message, {});
    return out;
}

std::unexpected<Error> rpc_fail(std::int32_t code, std::string message) {
    ErrorCode kind = ErrorCode::unknown;
    if (code == rpc_code::invalid_params || code == rpc_code::invalid_request || code == rpc_code::parse_error)
        kind = ErrorCode::invalid_argument;
    if (code == rpc_code::method_not_found) kind = ErrorCode::unimplemented;
    return std::unexpected(Error{kind, std::move(message), {}, code});
}

std::int32_t rpc_code_of(const Error& error) {
    // A detail of 1 is a channel's word that a call was not handled, and small numbers are others' too, but for 3,
    // geth's code for a reverted call.
    if (error.detail < 0 || error.detail == reverted_code || error.detail == still_pending_code || error.detail > 100) {
        return error.detail;
    }
    switch (error.code) {
        case ErrorCode::invalid_argument:
        case ErrorCode::out_of_range: return rpc_code::invalid_params;
        case ErrorCode::resource_exhausted: return rpc_code::limit_exceeded;
        case ErrorCode::unimplemented: return rpc_code::method_not_found;
        case ErrorCode::internal:
        case ErrorCode::data_loss: return rpc_code::internal_error;
        default: return rpc_code::server_error;
    }
}

std::string_view rpc_body_refusal(const Request& request) {
    const std::string_view type = request.header("content-type");
    const std::string_view media = type.substr(0, type.find_first_of("; "));
    const auto is = [&](std::string_view name) { return equal_names(media, name); };
    const bool is_json = type.empty()
                             ? request.header("origin").empty()
                             : is("application/json") || is("application/json-rpc") || is("application/jsonrequest");
    return is_json ? std::string_view() : "invalid content type, only application/json is supported";
}

std::string rpc_notification(std::string_view method, std::string_view params_json) {
    std::string out = R"({"jsonrpc":"2.0","method":)";
    out += json::quote(method);
    out += R"(,"params":)";
    out += params_json;
    out += '}';
    return out;
}

}  // namespace weft::net
