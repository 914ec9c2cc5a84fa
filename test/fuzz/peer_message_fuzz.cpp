// Messages between peers: the first byte names the type, the rest is the payload. What is accepted encodes to the same
// bytes again.

#include "service/network/message.hpp"

using namespace weft;
using namespace weft::service::network;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const TypeRule* rule = find_rule(data[0]);
    if (rule == nullptr) return 0;
    const BytesView payload(data + 1, size - 1);
    with_message(rule->type, [&]<class Message>() {
        const auto message = decode<Message>(payload);
        if (message) WEFT_ASSERT(encode(*message) == to_bytes(payload));
    });
    return 0;
}
