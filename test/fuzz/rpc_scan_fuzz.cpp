// JSON-RPC read in place: what the scanner takes for a request is JSON and means the same to the reader of trees, parts
// lie within the text, and walks over batches end.

#include "base/json.hpp"
#include "net/rpc_scan.hpp"

using namespace weft;
using namespace weft::net;

namespace {

void check_within(std::string_view part, std::string_view whole) {
    WEFT_ASSERT(part.empty() ||
                (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size()));
}

void check_request(std::string_view text) {
    const auto scanned = scan_request(text);
    if (!scanned) {
        WEFT_ASSERT(scanned.error().detail == -32700 || scanned.error().detail == -32600);
        return;
    }
    const auto read = json::parse(text);
    WEFT_ASSERT(read && read->is_object());
    WEFT_ASSERT((*read)["method"].text() == scanned->method);
    const json::Value* params = read->find("params");
    WEFT_ASSERT((params != nullptr && !params->is_null()) == !scanned->params.empty());
    WEFT_ASSERT((read->find("id") != nullptr) == !scanned->id.empty());
    for (const std::string_view part : {scanned->id, scanned->method, scanned->params}) check_within(part, text);
}

void check_reply(std::string_view text) {
    const auto scanned = scan_reply(text);
    if (!scanned) return;
    for (const std::string_view part : {scanned->id, scanned->result, scanned->error, scanned->message})
        check_within(part, text);
}

void check_batch(std::string_view text) {
    if (first_character(text) != '[') return;
    BatchScanner batch(text);
    std::size_t items = 0;
    while (true) {
        const auto item = batch.next();
        if (!item) {
            WEFT_ASSERT(item.error().detail == -32700 && !json::parse(text));
            return;
        }
        if (item->empty()) break;
        check_within(*item, text);
        ++items;
        WEFT_ASSERT(items <= text.size());
    }
    const auto read = json::parse(text);
    if (read) WEFT_ASSERT(read->items().size() == items);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_request(text);
    check_reply(text);
    check_batch(text);
    return 0;
}
