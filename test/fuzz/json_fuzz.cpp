// JSON: what is read and written is read the same again.

#include "base/json.hpp"

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto value = json::parse(text);
    if (value) {
        const std::string written = json::to_string(*value);
        const auto again = json::parse(written);
        WEFT_ASSERT(again && json::to_string(*again) == written);
    }
    // Any bytes make a string that can be read.
    const auto quoted = json::parse(json::quote(text));
    WEFT_ASSERT(quoted && quoted->is_string());
    return 0;
}
