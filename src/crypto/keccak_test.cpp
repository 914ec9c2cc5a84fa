#include "crypto/keccak.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"

namespace weft::crypto {
namespace {

Bytes message_of_size(std::size_t size) {
    Bytes out(size);
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 7 + 3);
    return out;
}

TEST(keccak, known_answers_around_the_block_size) {
    const struct {
        std::size_t size;
        const char* want;
    } table[] = {
        {0, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"},
        {1, "69c322e3248a5dfc29d73c5b0553b0185a35cd5bb6386747517ef7e53b15e287"},
        {135, "00ef96af9cf4b24c7f269d922294444a197d0a33638c2e56634c57e892103a8f"},
        {136, "742061bcad767ed4c4f5883b1dcb1aad11afdcc140dc469d953759b127b9f9ed"},
        {137, "e3371f61e770abf254c34239c3b0099ad90594507415bc81dd0a10b9692bbf2a"},
        {271, "4401c4afbe16ff911bdbf2d38e556e5b861f3fdf0f9d4306b1c46f6ae4f73584"},
        {272, "ac141fd7b0a0ffcd2e967254d508da3ec616596493c36fa304425647d90e6de5"},
        {273, "16192ea86793083e47731cb3c970600f04768414d92bc0540e54ce8607a0fce0"},
        {1000, "80cdc8dd52cbb3dbaea8f383209893fa2bb52efbd5aedbb4b26dcfe307fcdc9b"},
    };
    for (const auto& [size, want] : table) {
        SCOPED_TRACE(size);
        EXPECT_EQ(to_hex_digits(keccak256(message_of_size(size))), want);
    }
    EXPECT_EQ(to_hex_digits(keccak256(as_bytes("abc"))),
              "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
}

TEST(keccak, parts_give_the_hash_of_the_whole) {
    const Bytes message = message_of_size(600);
    for (const std::size_t part : {1, 7, 64, 135, 136, 137, 272, 600}) {
        SCOPED_TRACE(part);
        Keccak256 hasher;
        for (std::size_t at = 0; at < message.size(); at += part) {
            hasher.update(BytesView(message).subspan(at, std::min(part, message.size() - at)));
            hasher.update({});
        }
        EXPECT_EQ(hasher.finish(), keccak256(message));
        EXPECT_EQ(hasher.finish(), keccak256({})) << "not as new after finish()";
    }
}

TEST(keccak, many_at_once_have_the_hash_of_each) {
    // Every count up to a few vectors full, of sizes around the block's, in an order that mixes them.
    constexpr std::size_t sizes[] = {532, 0, 135, 33, 136, 271, 20, 272, 137, 1000, 32, 408, 407};
    for (std::size_t count = 0; count <= 3 * std::size(sizes); ++count) {
        SCOPED_TRACE(count);
        std::vector<Bytes> messages;
        std::vector<Hash> got(count);
        for (std::size_t i = 0; i < count; ++i) {
            messages.push_back(message_of_size(sizes[i * 5 % std::size(sizes)]));
            if (!messages.back().empty()) messages.back()[0] = static_cast<std::uint8_t>(i);
        }
        std::vector<HashJob> jobs;
        for (std::size_t i = 0; i < count; ++i) jobs.push_back({messages[i], got[i].data()});
        keccak256_many(jobs);
        for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(got[i], keccak256(messages[i])) << i;
    }
}

TEST(keccak, output_may_overlap_the_input) {
    Bytes buffer = message_of_size(32);
    const Hash want = keccak256(buffer);
    keccak256_into(buffer.data(), buffer.size(), buffer.data());
    EXPECT_EQ(Hash::from(buffer), want);
}

}  // namespace
}  // namespace weft::crypto
