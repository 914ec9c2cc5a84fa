// Frames between peers: pieces are read as the whole is, and what is accepted is the only encoding of itself.

#include <vector>

#include "service/network/frame.hpp"

using namespace weft;
using namespace weft::service::network;

namespace {

struct Read {
    std::vector<Bytes> frames;  // encoded again
    bool failed = false;
    bool operator==(const Read&) const = default;
};

Read read(BytesView bytes, std::size_t step) {
    FrameReader reader;
    Read out;
    while (!bytes.empty()) {
        BytesView piece = bytes.first(std::min(step, bytes.size()));
        bytes = bytes.subspan(piece.size());
        while (true) {
            const auto frame = reader.next(piece);
            if (!frame) {
                out.failed = true;
                return out;
            }
            if (!*frame) break;
            out.frames.push_back(encode_frame(**frame));
        }
        WEFT_ASSERT(piece.empty());
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView bytes(data, size);
    const Read whole = read(bytes, size + 1);
    WEFT_ASSERT(read(bytes, 1) == whole);
    WEFT_ASSERT(read(bytes, 7) == whole);
    Bytes again;
    for (const auto& frame : whole.frames) append(again, frame);
    WEFT_ASSERT(again == to_bytes(bytes.first(again.size())));
    return 0;
}
