#include "net/websocket_codec.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "net/websocket.hpp"

namespace weft::net {

namespace {

/// XORs the four bytes of the key over a payload's part that begins @p key_at bytes into the key.
void unmask(char* data, std::size_t size, const std::array<std::uint8_t, 4>& key, std::size_t key_at) {
    std::uint8_t turned[8];
    for (std::size_t i = 0; i < 8; ++i) turned[i] = key[(key_at + i) & 3];
    std::uint64_t word_key;
    std::memcpy(&word_key, turned, 8);
    std::size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        std::uint64_t word;
        std::memcpy(&word, data + i, 8);
        word ^= word_key;
        std::memcpy(data + i, &word, 8);
    }
    for (; i < size; ++i) data[i] = static_cast<char>(static_cast<std::uint8_t>(data[i]) ^ turned[i & 7]);
}

}  // namespace

FrameDecoder::Event FrameDecoder::error(std::uint16_t code, const char* why) {
    close_code_ = code;
    close_reason_ = why;
    return Event::error;
}

/// The first two bytes and what follows from them are here.
FrameDecoder::Event FrameDecoder::take_header() {
    const std::uint8_t first = header_[0];
    const std::uint8_t second = header_[1];
    const auto opcode = first & 0x0f;
    const bool masked = (second & 0x80) != 0;
    const unsigned short_length = second & 0x7f;
    if (header_wanted_ == 2) {
        final_ = (first & 0x80) != 0;
        control_ = (opcode & 8) != 0;
        opcode_ = static_cast<Opcode>(opcode);
        if ((first & 0x70) != 0) return error(close_code::protocol_error, "reserved bits are set");
        if ((opcode > 2 && opcode < 8) || opcode > 10) return error(close_code::protocol_error, "unknown opcode");
        if (masked != from_client_)
            return error(close_code::protocol_error, from_client_ ? "frame not masked" : "frame masked");
        if (control_ && (!final_ || short_length > 125)) return error(close_code::protocol_error, "bad control frame");
        if (!control_ && in_message_ != (opcode_ == Opcode::continuation))
            return error(close_code::protocol_error, "bad fragment");
        header_wanted_ += (short_length == 126 ? 2U : short_length == 127 ? 8U : 0U) + (masked ? 4U : 0U);
        if (header_wanted_ > header_size_) return Event::none;
    }
    left_ = short_length;
    const std::size_t length_bytes = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
    if (length_bytes != 0) {
        left_ = 0;
        for (std::size_t i = 0; i < length_bytes; ++i) left_ = left_ << 8 | header_[2 + i];
        if (length_bytes == 2 ? left_ < 126 : left_ < 65536 || left_ >> 63 != 0) {
            return error(close_code::protocol_error, "length not in its shortest form");
        }
    }
    if (masked) std::memcpy(key_.data(), header_.data() + 2 + length_bytes, 4);
    key_at_ = 0;
    if (!control_) {
        if (left_ > message_bytes_max_ - message_.size()) return error(close_code::too_big, "message too big");
        if (!in_message_) message_opcode_ = opcode_;
        in_message_ = true;
    }
    in_payload_ = true;
    return Event::none;
}

FrameDecoder::Event FrameDecoder::next(std::string_view& input) {
    if (!in_message_ && !in_payload_ && header_size_ == 0) message_.clear();
    while (true) {
        if (!in_payload_) {
            if (input.empty()) return Event::none;
            const std::size_t take = std::min(header_wanted_ - header_size_, input.size());
            std::memcpy(header_.data() + header_size_, input.data(), take);
            header_size_ += take;
            input.remove_prefix(take);
            if (header_size_ < header_wanted_) return Event::none;
            if (const Event event = take_header(); event != Event::none) return event;
            continue;
        }
        std::string& into = control_ ? control_payload_ : message_;
        const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
        const std::size_t start = into.size();
        into.append(input.substr(0, take));
        if (from_client_) unmask(into.data() + start, take, key_, key_at_);
        key_at_ = (key_at_ + take) & 3;
        input.remove_prefix(take);
        left_ -= take;
        if (left_ > 0) return Event::none;
        in_payload_ = false;
        header_size_ = 0;
        header_wanted_ = 2;
        if (const Event event = frame_ended(); event != Event::none) return event;
    }
}

FrameDecoder::Event FrameDecoder::frame_ended() {
    switch (opcode_) {
        case Opcode::ping: return Event::ping;
        case Opcode::pong: return Event::pong;
        case Opcode::close: return close_frame_ended();
        default: break;
    }
    if (!final_) return Event::none;
    in_message_ = false;
    if (message_opcode_ == Opcode::text && !is_utf8(message_))
        return error(close_code::invalid_text, "text is not UTF-8");
    return Event::message;
}

FrameDecoder::Event FrameDecoder::close_frame_ended() {
    const std::string payload = std::exchange(control_payload_, {});
    if (payload.empty()) {
        close_code_ = close_code::none;
        return Event::close;
    }
    if (payload.size() == 1) return error(close_code::protocol_error, "bad close frame");
    const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(payload[i])); };
    const auto code = static_cast<std::uint16_t>(byte(0) << 8 | byte(1));
    if (!valid_close_code(code)) return error(close_code::protocol_error, "bad close code");
    if (!is_utf8(std::string_view(payload).substr(2)))
        return error(close_code::invalid_text, "close reason is not UTF-8");
    close_code_ = code;
    close_reason_ = payload.substr(2);
    return Event::close;
}

void append_frame(std::string& out, Opcode opcode, std::string_view payload, const std::uint32_t* mask_key) {
    out.push_back(static_cast<char>(0x80 | static_cast<unsigned>(opcode)));
    const char mask_bit = mask_key != nullptr ? '\x80' : '\0';
    const auto push_length = [&](int bytes) {
        for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
            out.push_back(static_cast<char>(payload.size() >> shift));
    };
    if (payload.size() < 126) {
        out.push_back(static_cast<char>(mask_bit | static_cast<char>(payload.size())));
    } else if (payload.size() < 65536) {
        out.push_back(static_cast<char>(mask_bit | 126));
        push_length(2);
    } else {
        out.push_back(static_cast<char>(mask_bit | 127));
        push_length(8);
    }
    if (mask_key == nullptr) {
        out.append(payload);
        return;
    }
    std::array<std::uint8_t, 4> key{};
    std::memcpy(key.data(), mask_key, 4);
    out.append(reinterpret_cast<const char*>(key.data()), 4);
    const std::size_t start = out.size();
    out.append(payload);
    unmask(out.data() + start, payload.size(), key, 0);
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
    std::string out;
    if (code == close_code::none) return out;
    out.push_back(static_cast<char>(code >> 8));
    out.push_back(static_cast<char>(code & 0xff));
    out.append(reason.substr(0, 123));  // a control frame holds 125 bytes
    return out;
}

bool valid_close_code(std::uint16_t code) {
    if (code >= 3000) return code <= 4999;
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

bool is_utf8(std::string_view text) {
    std::size_t i = 0;
    const auto at = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
    while (i < text.size()) {
        // Eight ASCII bytes at a time: JSON has little else.
        while (i + 8 <= text.size()) {
            std::uint64_t word;
            std::memcpy(&word, text.data() + i, 8);
            if ((word & 0x8080808080808080ULL) != 0) break;
            i += 8;
        }
        if (i == text.size()) return true;
        const unsigned char first = at(i);
        if (first < 0x80) {
            ++i;
            continue;
        }
        const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
        if (first < 0xc2 || first > 0xf4 || i + length > text.size()) return false;
        for (std::size_t k = 1; k < length; ++k) {
            if ((at(i + k) & 0xc0) != 0x80) return false;
        }
        const unsigned char second = at(i + 1);
        if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
            (first == 0xf4 && second > 0x8f)) {
            return false;
        }
        i += length;
    }
    return true;
}

namespace {

/// SHA-1 (FIPS 180-4), which the handshake asks for; it proves that the server has understood, not more.
std::string sha1(std::string message) {
    std::uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    const std::uint64_t bits = message.size() * 8;
    message.push_back('\x80');
    while (message.size() % 64 != 56) message.push_back('\0');
    for (int shift = 56; shift >= 0; shift -= 8) message.push_back(static_cast<char>(bits >> shift));
    for (std::size_t block = 0; block < message.size(); block += 64) {
        std::uint32_t w[80];
        for (std::size_t t = 0; t < 16; ++t) {
            w[t] = 0;
            for (std::size_t k = 0; k < 4; ++k)
                w[t] = w[t] << 8 | static_cast<unsigned char>(message[block + t * 4 + k]);
        }
        for (std::size_t t = 16; t < 80; ++t) w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
        std::uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
        for (std::size_t t = 0; t < 80; ++t) {
            std::uint32_t f, k;
            if (t < 20) {
                f = (b & c) | (~b & d);
                k = 0x5a827999;
            } else if (t < 40) {
                f = b ^ c ^ d;
                k = 0x6ed9eba1;
            } else if (t < 60) {
                f = (b & c) | (b & d) | (c & d);
                k = 0x8f1bbcdc;
            } else {
                f = b ^ c ^ d;
                k = 0xca62c1d6;
            }
            const std::uint32_t next = std::rotl(a, 5) + f + e + k + w[t];
            e = d;
            d = c;
            c = std::rotl(b, 30);
            b = a;
            a = next;
        }
        h[0] += a;
        h[1] += b;
        h[2] += c;
        h[3] += d;
        h[4] += e;
    }
    std::string out;
    for (const std::uint32_t word : h) {
        for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(word >> shift));
    }
    return out;
}

constexpr char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string to_base64(std::string_view bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | (k < have ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; ++k) out.push_back(k <= have ? base64_digits[group >> (18 - 6 * k) & 63] : '=');
    }
    return out;
}

bool from_base64(std::string_view text, std::string& bytes) {
    bytes.clear();
    while (text.ends_with('=')) text.remove_suffix(1);
    std::uint32_t group = 0;
    int bits = 0;
    for (const char c : text) {
        const char* found = std::strchr(base64_digits, c);
        if (c == '\0' || found == nullptr) return false;
        group = group << 6 | static_cast<std::uint32_t>(found - base64_digits);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes.push_back(static_cast<char>(group >> bits));
        }
    }
    return bits < 6;
}

std::string websocket_accept(std::string_view key) {
    return to_base64(sha1(std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
}

}  // namespace weft::net
