#include <zlib.h>

#include "net/http_codec.hpp"

namespace weft::net {

std::string gzip(std::string_view text) {
    z_stream stream{};
    constexpr int gzip_format = 16;  // added to the window's bits
    WEFT_ASSERT(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + gzip_format, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(deflateBound(&stream, text.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    WEFT_ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

bool compressible(std::string_view content_type) {
    return content_type.starts_with("application/json") || content_type.starts_with("text/") ||
           content_type.starts_with("application/javascript") || content_type.starts_with("image/svg");
}

}  // namespace weft::net
