// HTTP heads and chunked bodies: what comes in pieces must be read as what comes whole, and a head that was refused is
// refused whatever follows. A difference would be a way to smuggle requests.

#include "net/http_codec.hpp"

using namespace weft;
using namespace weft::net;

namespace {

using Parser = Parsed (*)(std::string_view, const HeadLimits&, Head&);

void check_head(std::string_view bytes, Parser parse) {
    const HeadLimits limits{512, 8};
    Head whole;
    const Parsed verdict = parse(bytes, limits, whole);
    if (verdict == Parsed::done) {
        WEFT_ASSERT(whole.size <= bytes.size() && whole.headers.size() <= limits.count_max);
        WEFT_ASSERT(!(whole.chunked && whole.has_content_length));
        for (const auto& header : whole.headers) {
            WEFT_ASSERT(header.name.data() >= bytes.data() &&
                        header.value.data() + header.value.size() <= bytes.data() + whole.size);
            WEFT_ASSERT(is_token(header.name) && header.value.find_first_of("\r\n") == std::string_view::npos);
        }
        if (parse == parse_request_head) {
            const Request copy =
                make_request(whole, bytes.substr(0, whole.size), bytes.substr(whole.size), nullptr, "peer");
            WEFT_ASSERT(copy.method == whole.method && copy.target == whole.target &&
                        copy.headers.size() == whole.headers.size());
            WEFT_ASSERT(copy.body == bytes.substr(whole.size) && copy.peer == "peer");
        }
    }
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        Head part;
        const Parsed early = parse(bytes.substr(0, size), limits, part);
        if (early == Parsed::bad) WEFT_ASSERT(verdict == Parsed::bad && part.error_status == whole.error_status);
        if (early == Parsed::done)
            WEFT_ASSERT(verdict == Parsed::done && part.size == whole.size &&
                        part.content_length == whole.content_length);
        if (early != Parsed::more) break;
    }
}

void check_chunks(std::string_view bytes, std::size_t step) {
    constexpr std::size_t body_bytes_max = 300;
    ChunkDecoder whole;
    std::string body;
    std::string_view rest = bytes;
    const Parsed verdict = whole.decode(rest, body, body_bytes_max);
    WEFT_ASSERT(body.size() <= body_bytes_max);
    ChunkDecoder pieces;
    std::string same;
    Parsed got = Parsed::more;
    std::size_t at = 0;
    while (at < bytes.size() && got == Parsed::more) {
        std::string_view piece = bytes.substr(at, step);
        const std::size_t size = piece.size();
        got = pieces.decode(piece, same, body_bytes_max);
        at += size - piece.size();
    }
    WEFT_ASSERT(got == verdict && same == body && at == bytes.size() - rest.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 3) {
        case 0: check_head(bytes, parse_request_head); break;
        case 1: check_head(bytes, parse_response_head); break;
        default: check_chunks(bytes, 1U + data[0] / 3U % 7U);
    }
    return 0;
}
