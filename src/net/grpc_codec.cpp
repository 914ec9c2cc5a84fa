#include "net/grpc_codec.hpp"

#include <algorithm>
#include <charconv>

#include "base/hex.hpp"
#include "base/time.hpp"
#include "base/wire.hpp"
#include "net/websocket_codec.hpp"

namespace weft::net {

Result<bool> MessageSplitter::feed(BytesView& bytes) {
    while (!bytes.empty() && prefix_size_ < grpc_prefix_size) {
        prefix_[prefix_size_++] = bytes.front();
        bytes = bytes.subspan(1);
        if (prefix_size_ < grpc_prefix_size) continue;
        if (prefix_[0] != 0) return fail(ErrorCode::unimplemented, "compressed messages are not spoken here");
        size_ = 0;
        for (std::size_t i = 1; i < grpc_prefix_size; ++i) size_ = size_ << 8 | prefix_[i];
        if (size_ > message_bytes_max_) {
            return fail(ErrorCode::resource_exhausted, "message of " + std::to_string(size_) + " bytes, the limit is " +
                                                           std::to_string(message_bytes_max_));
        }
        // A peer that announces much and sends little shall not make us reserve much.
        constexpr std::size_t reserve_max = 256 * 1024;
        message_.reserve(std::min(size_, reserve_max));
    }
    if (prefix_size_ < grpc_prefix_size) return false;
    const std::size_t count = std::min(bytes.size(), size_ - message_.size());
    append(message_, bytes.first(count));
    bytes = bytes.subspan(count);
    return message_.size() == size_;
}

Bytes MessageSplitter::take() {
    prefix_size_ = 0;
    return std::exchange(message_, {});
}

Result<void> MessageReader::feed(BytesView bytes) {
    if (!whole_) {
        WEFT_TRY(whole_, splitter_.feed(bytes));
    }
    if (!bytes.empty()) return fail(ErrorCode::internal, "more than one message");
    return {};
}

Result<Bytes> MessageReader::take() {
    if (!whole_) return fail(ErrorCode::internal, "message cut off");
    return splitter_.take();
}

std::array<std::uint8_t, grpc_prefix_size> grpc_prefix(std::size_t size) {
    return {0, static_cast<std::uint8_t>(size >> 24), static_cast<std::uint8_t>(size >> 16),
            static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
}

std::optional<std::int64_t> parse_grpc_timeout(std::string_view text) {
    if (text.size() < 2 || text.size() > 9) return std::nullopt;
    std::int64_t number = 0;
    const char* end = text.data() + text.size() - 1;
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stop != end || number < 0) return std::nullopt;
    switch (text.back()) {
        case 'H':
            return std::min<std::int64_t>(number, 1'000'000) * 3'600 * ns_per_s;  // 8 digits of hours would overflow
        case 'M': return number * 60 * ns_per_s;
        case 'S': return number * ns_per_s;
        case 'm': return number * ns_per_ms;
        case 'u': return number * 1'000;
        case 'n': return number;
        default: return std::nullopt;
    }
}

std::string to_grpc_timeout(std::int64_t timeout_ns) {
    const std::int64_t ms = std::max<std::int64_t>(1, timeout_ns / ns_per_ms + (timeout_ns % ns_per_ms != 0 ? 1 : 0));
    constexpr std::int64_t eight_digits = 99'999'999;
    if (ms <= eight_digits) return std::to_string(ms) + "m";
    return std::to_string(std::min(ms / 1'000 + 1, eight_digits)) + "S";
}

std::string percent_encode(std::string_view text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f && byte != '%') {
            out.push_back(c);
        } else {
            out.push_back('%');
            out.push_back(digits[byte >> 4]);
            out.push_back(digits[byte & 15]);
        }
    }
    return out;
}

std::string percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low < 0) {
            out.push_back(text[i]);
        } else {
            out.push_back(static_cast<char>(high << 4 | low));
            i += 2;
        }
    }
    return out;
}

std::string to_error_header(const Error& error) {
    if (error.detail == 0 && error.data.empty()) return {};
    std::string bytes;
    const auto detail = static_cast<std::uint32_t>(error.detail);
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(detail >> shift));
    if (error.data.size() <= error_data_bytes_max) bytes.append(as_text(error.data));
    return to_base64(bytes);
}

namespace {

struct DetailMessage {
    std::int32_t code = 0;
    Bytes data;
};
/// google.protobuf.Any
struct AnyMessage {
    std::string type_url;
    Bytes value;
};
/// google.rpc.Status
struct StatusMessage {
    std::int32_t code = 0;
    std::string message;
    std::vector<AnyMessage> details;
};

}  // namespace

std::string to_status_details(const Error& error, std::string_view message_name) {
    if (error.detail == 0 && error.data.empty()) return {};
    DetailMessage detail{error.detail, {}};
    if (error.data.size() <= error_data_bytes_max) detail.data = error.data;
    const StatusMessage status{static_cast<std::int32_t>(error.code),
                               error.message.substr(0, error_text_bytes_max),
                               {{"type.googleapis.com/" + std::string(message_name), wire::encode(detail)}}};
    return to_base64(as_text(wire::encode(status)));
}

void from_error_header(std::string_view value, Error& error) {
    std::string bytes;
    if (!from_base64(value, bytes) || bytes.size() < 4) return;
    std::uint32_t detail = 0;
    for (std::size_t i = 0; i < 4; ++i) detail = detail << 8 | static_cast<unsigned char>(bytes[i]);
    error.detail = static_cast<std::int32_t>(detail);
    error.data = to_bytes(as_bytes(std::string_view(bytes).substr(4)));
}

GrpcStatus to_grpc_status(const Error& error, std::string_view error_message) {
    GrpcStatus out{std::to_string(static_cast<int>(error.code)),
                   percent_encode(std::string_view(error.message).substr(0, error_text_bytes_max))};
    if (error_message.empty()) {
        out.details_name = "weft-error-bin";
        out.details = to_error_header(error);
    } else {
        out.details_name = "grpc-status-details-bin";
        out.details = to_status_details(error, error_message);
    }
    return out;
}

ErrorCode code_from_grpc(int status) {
    return status >= 1 && status <= 16 ? static_cast<ErrorCode>(status) : ErrorCode::unknown;
}

}  // namespace weft::net
