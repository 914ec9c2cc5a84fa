#include "base/rlp.hpp"

#include <bit>

namespace weft::rlp {

namespace {

constexpr std::size_t short_size_max = 55;

int bytes_of(std::uint64_t value) { return (64 - std::countl_zero(value) + 7) / 8; }

/// Writes a prefix into at most 9 bytes; returns its length.
std::size_t write_prefix(std::uint8_t* out, std::uint8_t base, std::size_t size) {
    if (size <= short_size_max) {
        out[0] = static_cast<std::uint8_t>(base + size);
        return 1;
    }
    const int count = bytes_of(size);
    out[0] = static_cast<std::uint8_t>(base + short_size_max + static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) out[1 + i] = static_cast<std::uint8_t>(size >> (8 * (count - 1 - i)));
    return static_cast<std::size_t>(count) + 1;
}

struct Header {
    bool list;
    std::size_t prefix;
    std::size_t size;
};

std::unexpected<Error> malformed(const char* what) {
    return fail(ErrorCode::invalid_argument, std::string("rlp: ") + what);
}

Result<Header> read_header(BytesView in) {
    if (in.empty()) return malformed("unexpected end of input");
    const std::uint8_t first = in[0];
    if (first < 0x80) return Header{false, 0, 1};
    const bool list = first >= 0xc0;
    const std::size_t code = first - (list ? 0xc0 : 0x80);
    Header header{list, 1, code};
    if (code > short_size_max) {
        const std::size_t count = code - short_size_max;
        if (in.size() < 1 + count) return malformed("length is cut off");
        std::uint64_t size = 0;
        for (std::size_t i = 0; i < count; ++i) size = size << 8 | in[1 + i];
        if (in[1] == 0) return malformed("length with leading zero");
        if (size <= short_size_max) return malformed("long form of a short length");
        header.prefix = 1 + count;
        header.size = size;
    }
    if (header.size > in.size() - header.prefix) return malformed("item is longer than its input");
    if (!list && header.prefix == 1 && header.size == 1 && in[1] < 0x80) {
        return malformed("single byte below 0x80 with a prefix");
    }
    return header;
}

}  // namespace

Writer& Writer::string(BytesView bytes) {
    if (bytes.size() == 1 && bytes[0] < 0x80) {
        out_.push_back(bytes[0]);
        return *this;
    }
    std::uint8_t prefix[9];
    out_.insert(out_.end(), prefix, prefix + write_prefix(prefix, 0x80, bytes.size()));
    append(out_, bytes);
    return *this;
}

Writer& Writer::number(std::uint64_t value) {
    std::uint8_t bytes[8];
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
    const auto count = static_cast<std::size_t>(bytes_of(value));
    return string(BytesView(bytes + 8 - count, count));
}

Writer& Writer::number(const U256& value) {
    const Hash bytes = value.to_hash();
    return string(bytes.view().last(value.byte_length()));
}

Writer& Writer::raw(BytesView encoded) {
    append(out_, encoded);
    return *this;
}

std::size_t Writer::begin_list() { return out_.size(); }

Writer& Writer::end_list(std::size_t token) {
    std::uint8_t prefix[9];
    const std::size_t count = write_prefix(prefix, 0xc0, out_.size() - token);
    out_.insert(out_.begin() + static_cast<std::ptrdiff_t>(token), prefix, prefix + count);
    return *this;
}

std::size_t size_of_string(BytesView bytes) {
    if (bytes.size() == 1 && bytes[0] < 0x80) return 1;
    std::uint8_t prefix[9];
    return write_prefix(prefix, 0x80, bytes.size()) + bytes.size();
}

Result<BytesView> Reader::string() {
    WEFT_TRY(const Header header, read_header(rest_));
    if (header.list) return malformed("list where a string was expected");
    const auto out = rest_.subspan(header.prefix, header.size);
    rest_ = rest_.subspan(header.prefix + header.size);
    return out;
}

Result<Reader> Reader::list() {
    WEFT_TRY(const Header header, read_header(rest_));
    if (!header.list) return malformed("string where a list was expected");
    const Reader out(rest_.subspan(header.prefix, header.size));
    rest_ = rest_.subspan(header.prefix + header.size);
    return out;
}

Result<BytesView> Reader::item() {
    WEFT_TRY(const Header header, read_header(rest_));
    const auto out = rest_.first(header.prefix + header.size);
    rest_ = rest_.subspan(out.size());
    return out;
}

Result<std::uint64_t> Reader::u64() {
    WEFT_TRY(const BytesView bytes, string());
    if (bytes.size() > 8) return malformed("number > 64 bits");
    if (!bytes.empty() && bytes[0] == 0) return malformed("number with leading zero");
    std::uint64_t value = 0;
    for (const auto byte : bytes) value = value << 8 | byte;
    return value;
}

Result<U256> Reader::u256() {
    WEFT_TRY(const BytesView bytes, string());
    if (bytes.size() > 32) return malformed("number > 256 bits");
    if (!bytes.empty() && bytes[0] == 0) return malformed("number with leading zero");
    return U256::from_bytes(bytes);
}

Result<void> Reader::end() const {
    if (!rest_.empty()) return malformed("bytes after the last item");
    return {};
}

}  // namespace weft::rlp
