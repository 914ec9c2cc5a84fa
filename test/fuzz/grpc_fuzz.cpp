// gRPC's message framing, grpc-web's base64, and header values.

#include "net/grpc_codec.hpp"
#include "net/grpc_web.hpp"
#include "net/websocket_codec.hpp"

using namespace weft;
using namespace weft::net;

namespace {

Result<Bytes> read(BytesView bytes, std::size_t step) {
    constexpr std::size_t message_bytes_max = 200;
    MessageReader reader(message_bytes_max);
    while (!bytes.empty()) {
        const BytesView piece = bytes.first(std::min(step, bytes.size()));
        bytes = bytes.subspan(piece.size());
        WEFT_CHECK(reader.feed(piece));
    }
    return reader.take();
}

/// All messages of a stream, framed again; what is left is the beginning of one, or wrong.
void split(BytesView bytes) {
    constexpr std::size_t message_bytes_max = 200;
    MessageSplitter splitter(message_bytes_max);
    Bytes again;
    BytesView rest = bytes;
    while (!rest.empty()) {
        const auto whole = splitter.feed(rest);
        if (!whole || !*whole) break;
        const Bytes message = splitter.take();
        append(again, grpc_prefix(message.size()));
        append(again, message);
        WEFT_ASSERT(again.size() + rest.size() == bytes.size());
    }
    WEFT_ASSERT(std::equal(again.begin(), again.end(), bytes.begin()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView bytes(data, size);
    const std::string_view text = as_text(bytes);
    const auto whole = read(bytes, size + 1);
    const auto pieces = read(bytes, 1);
    WEFT_ASSERT(whole.has_value() == pieces.has_value());
    if (whole) WEFT_ASSERT(*whole == *pieces && whole->size() + grpc_prefix_size == size);
    split(bytes);
    (void)from_base64_pieces(text);
    const std::size_t half = size / 2;
    const auto decoded = from_base64_pieces(to_base64(text.substr(0, half)) + to_base64(text.substr(half)));
    WEFT_ASSERT(decoded && *decoded == text);
    if (const auto timeout = parse_grpc_timeout(text)) {
        WEFT_ASSERT(*timeout >= 0);
        const auto again = parse_grpc_timeout(to_grpc_timeout(*timeout));
        WEFT_ASSERT(again && (*again >= *timeout || to_grpc_timeout(*timeout) == "99999999S"));
    }
    WEFT_ASSERT(percent_decode(percent_encode(text)) == text);
    (void)percent_decode(text);
    Error error{ErrorCode::internal, "", to_bytes(bytes), static_cast<std::int32_t>(size) - 3};
    Error back{ErrorCode::internal, "", {}, 0};
    from_error_header(to_error_header(error), back);
    WEFT_ASSERT(back.detail == error.detail && (back.data == error.data || size > error_data_bytes_max));
    from_error_header(text, back);
    return 0;
}
