#include "base/wire.hpp"

namespace weft::wire::detail {

void put_varint(Bytes& out, std::uint64_t value) {
    while (value >= 0x80) {
        out.push_back(static_cast<std::uint8_t>(value | 0x80));
        value >>= 7;
    }
    out.push_back(static_cast<std::uint8_t>(value));
}

Result<std::uint64_t> take_varint(BytesView& in) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 10; ++i) {
        if (i == in.size()) return fail(ErrorCode::invalid_argument, "wire: cut off");
        value |= static_cast<std::uint64_t>(in[i] & 0x7f) << (7 * i);
        if (in[i] < 0x80) {
            in = in.subspan(i + 1);
            return value;
        }
    }
    return fail(ErrorCode::invalid_argument, "wire: varint longer than 10 bytes");
}

Result<BytesView> take_bytes(BytesView& in) {
    WEFT_TRY(const std::uint64_t size, take_varint(in));
    if (size > in.size()) return fail(ErrorCode::invalid_argument, "wire: cut off");
    const auto out = in.first(size);
    in = in.subspan(size);
    return out;
}

Result<void> skip(BytesView& in, Type type) {
    std::size_t size = 0;
    switch (type) {
        case Type::varint: WEFT_CHECK(take_varint(in)); return {};
        case Type::bytes: WEFT_CHECK(take_bytes(in)); return {};
        case Type::fixed64: size = 8; break;
        case Type::fixed32: size = 4; break;
        default: return wrong_type();
    }
    if (in.size() < size) return fail(ErrorCode::invalid_argument, "wire: cut off");
    in = in.subspan(size);
    return {};
}

std::unexpected<Error> wrong_type() { return fail(ErrorCode::invalid_argument, "wire: field of another type"); }

}  // namespace weft::wire::detail
