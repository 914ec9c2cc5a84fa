// RLP: every value has one encoding, so what was read and is written again is what came in.

#include "base/rlp.hpp"

using namespace weft;

namespace {

bool copy(rlp::Reader& reader, rlp::Writer& writer, int depth) {
    constexpr int depth_max = 64;
    while (!reader.done()) {
        if (!reader.next_is_list()) {
            const auto bytes = reader.string();
            if (!bytes) return false;
            writer.string(*bytes);
            continue;
        }
        auto list = reader.list();
        if (!list || depth == depth_max) return false;
        const auto token = writer.begin_list();
        if (!copy(*list, writer, depth + 1)) return false;
        writer.end_list(token);
    }
    return reader.end().has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView bytes(data, size);
    rlp::Reader reader(bytes);
    rlp::Writer writer;
    if (copy(reader, writer, 0)) WEFT_ASSERT(writer.bytes() == to_bytes(bytes));
    const auto number = [&](auto read, auto write) {
        rlp::Reader one(bytes);
        const auto value = read(one);
        if (!value) return;
        rlp::Writer out;
        write(out, *value);
        WEFT_ASSERT(out.bytes() == to_bytes(bytes.first(size - one.rest().size())));
    };
    const auto write = [](rlp::Writer& out, const auto& value) { out.number(value); };
    number([](rlp::Reader& in) { return in.u64(); }, write);
    number([](rlp::Reader& in) { return in.u256(); }, write);
    return 0;
}
