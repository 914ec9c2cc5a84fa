// WebSocket frames: pieces are read as the whole is, and messages stay within their limit and in UTF-8.

#include <vector>

#include "base/result.hpp"
#include "net/websocket_codec.hpp"

using namespace weft;
using namespace weft::net;

namespace {

struct Seen {
    FrameDecoder::Event event;
    std::string payload;
    std::uint16_t code;
    bool operator==(const Seen&) const = default;
};

std::vector<Seen> read(std::string_view bytes, bool from_client, std::size_t step) {
    constexpr std::size_t message_bytes_max = 200;
    using Event = FrameDecoder::Event;
    FrameDecoder decoder(from_client, message_bytes_max);
    std::vector<Seen> out;
    while (!bytes.empty()) {
        std::string_view piece = bytes.substr(0, step);
        bytes.remove_prefix(piece.size());
        while (!piece.empty()) {
            const Event event = decoder.next(piece);
            if (event == Event::none) continue;
            const bool has_payload = event == Event::message || event == Event::ping || event == Event::pong;
            out.push_back({event, has_payload ? decoder.take_payload() : std::string(),
                           has_payload ? std::uint16_t{0} : decoder.close_code()});
            if (event == Event::message) WEFT_ASSERT(out.back().payload.size() <= message_bytes_max);
            if (event == Event::message && decoder.is_text()) WEFT_ASSERT(is_utf8(out.back().payload));
            if (event == Event::close || event == Event::error) return out;
        }
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const bool from_client = (data[0] & 1) != 0;
    const auto whole = read(bytes, from_client, bytes.size() + 1);
    WEFT_ASSERT(read(bytes, from_client, 1) == whole);
    WEFT_ASSERT(read(bytes, from_client, 3) == whole);
    // What we write ourselves comes back.
    const std::uint32_t key = 0x01020304U * data[0];
    std::string frame;
    append_frame(frame, Opcode::binary, bytes.substr(0, 200), from_client ? &key : nullptr);
    const auto again = read(frame, from_client, 5);
    WEFT_ASSERT(again.size() == 1 && again[0].payload == bytes.substr(0, 200));
    return 0;
}
