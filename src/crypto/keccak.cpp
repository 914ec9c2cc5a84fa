#include "crypto/keccak.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace weft::crypto {

namespace {

static_assert(std::endian::native == std::endian::little, "lanes are little-endian in the message");

constexpr std::size_t lane_count = 25;
constexpr std::size_t rate_max = 136;
constexpr int round_count = 24;

/// Step iota's constants: bit 2^j - 1 of round i's is the output of a linear feedback shift register at 7i + j.
constexpr auto round_constants = [] {
    std::array<std::uint64_t, round_count> out{};
    unsigned lfsr = 1;
    for (auto& constant : out) {
        for (int j = 0; j < 7; ++j) {
            if ((lfsr & 1) != 0) constant |= std::uint64_t{1} << ((1 << j) - 1);
            lfsr = (lfsr << 1) ^ ((lfsr >> 7) * 0x171);
        }
    }
    return out;
}();

/// Step rho's rotations and step pi's moves as one table: where lane i (x = i % 5, y = i / 5) goes and by how much it
/// turns. The path visits all lanes but (0, 0), each time by one more than the time before: 1, 3, 6, 10, ...
struct Move {
    int to = 0;
    int turn = 0;
};
constexpr auto moves = [] {
    std::array<Move, lane_count> out{};
    int x = 1;
    int y = 0;
    for (int t = 0; t < 24; ++t) {
        const int next_y = (2 * x + 3 * y) % 5;
        out[static_cast<std::size_t>(x + 5 * y)] = {y + 5 * next_y, (t + 1) * (t + 2) / 2 % 64};
        x = y;
        y = next_y;
    }
    return out;
}();

// One lane in a vector register. AVX-512 has 32 of them, so that the whole state stays in registers, where the 16
// general ones spill; it also has a rotation and any function of three operands as one instruction each, which the
// compiler finds by itself in the plain expressions below.
using VectorLane = std::uint64_t __attribute__((vector_size(16)));

template <class Lane>
[[gnu::always_inline]] inline Lane rotate(Lane lane, int turn) {
    return turn == 0 ? lane : (lane << turn) | (lane >> (64 - turn));
}

/// One round of Keccak-f[1600], steps theta, rho, pi, chi, iota. @source Keccak reference 3.0, section 1.2.
template <class Lane>
[[gnu::always_inline]] inline void apply_round(Lane (&a)[lane_count], Lane constant) {
    Lane parity[5];
    Lane b[lane_count];
#pragma unroll
    for (int x = 0; x < 5; ++x) parity[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
#pragma unroll
    for (int x = 0; x < 5; ++x) {
        const Lane turned = rotate(parity[(x + 1) % 5], 1);
#pragma unroll
        for (int y = 0; y < 25; y += 5) {
            const Move move = moves[static_cast<std::size_t>(x + y)];
            b[move.to] = rotate(a[x + y] ^ parity[(x + 4) % 5] ^ turned, move.turn);
        }
    }
#pragma unroll
    for (int y = 0; y < 25; y += 5) {
#pragma unroll
        for (int x = 0; x < 5; ++x) a[x + y] = b[x + y] ^ (~b[(x + 1) % 5 + y] & b[(x + 2) % 5 + y]);
    }
    a[0] ^= constant;
}

void permute_general(std::uint64_t* state) {
    std::uint64_t a[lane_count];
    std::memcpy(a, state, sizeof a);
#pragma clang loop unroll_count(2)
    for (const auto constant : round_constants) apply_round(a, constant);
    std::memcpy(state, a, sizeof a);
}

[[gnu::target("avx512f,avx512vl,avx512dq")]] void permute_vector(std::uint64_t* state) {
    VectorLane a[lane_count];
#pragma unroll
    for (std::size_t i = 0; i < lane_count; ++i) a[i] = VectorLane{state[i], 0};
#pragma clang loop unroll_count(2)
    for (const auto constant : round_constants) apply_round(a, VectorLane{constant, 0});
#pragma unroll
    for (std::size_t i = 0; i < lane_count; ++i) state[i] = a[i][0];
}

// Asked at each call, which is one load and a test: a pointer set by a static initialiser would be null to another.
void permute(std::uint64_t* state) {
    if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
        permute_vector(state);
    } else {
        permute_general(state);
    }
}

void absorb(std::uint64_t* state, const std::uint8_t* block) {
    for (std::size_t i = 0; i < rate_max / 8; ++i) {
        std::uint64_t lane;
        std::memcpy(&lane, block + 8 * i, 8);
        state[i] ^= lane;
    }
    permute(state);
}

/// Absorbs the last, partial block: a 1 bit after the message and one at the block's end.
void absorb_last(std::uint64_t* state, const std::uint8_t* data, std::size_t size) {
    std::uint8_t block[rate_max] = {};
    if (size != 0) std::memcpy(block, data, size);
    block[size] = 0x01;
    block[rate_max - 1] |= 0x80;
    absorb(state, block);
}

}  // namespace

void keccak256_into(const std::uint8_t* data, std::size_t size, std::uint8_t* out32) {
    std::uint64_t state[lane_count] = {};
    for (; size >= rate_max; size -= rate_max, data += rate_max) absorb(state, data);
    absorb_last(state, data, size);
    std::memcpy(out32, state, 32);
}

namespace {

// Several messages side by side: lane i of message m is element m of vector i. The rounds are the same ones.
constexpr std::size_t width = 4;
using WideLane = std::uint64_t __attribute__((vector_size(8 * width)));

[[gnu::always_inline]] inline void permute_each(WideLane* a_in) {
    WideLane a[lane_count];
#pragma unroll
    for (std::size_t i = 0; i < lane_count; ++i) a[i] = a_in[i];
#pragma clang loop unroll_count(2)
    for (const auto constant : round_constants) {
        apply_round(a, WideLane{constant, constant, constant, constant});
    }
#pragma unroll
    for (std::size_t i = 0; i < lane_count; ++i) a_in[i] = a[i];
}
void permute_wide_general(WideLane* state) { permute_each(state); }
[[gnu::target("avx512f,avx512vl,avx512dq")]] void permute_wide_vector(WideLane* state) { permute_each(state); }

void permute_wide(WideLane* state) {
    if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
        permute_wide_vector(state);
    } else {
        permute_wide_general(state);
    }
}

std::size_t blocks_of(const HashJob& job) { return job.message.size() / rate_max + 1; }

/// Block @p at of a message with its padding.
void copy_block(BytesView message, std::size_t at, std::uint64_t (&lanes)[rate_max / 8]) {
    const BytesView rest = message.subspan(at * rate_max);
    if (rest.size() >= rate_max) {
        std::memcpy(lanes, rest.data(), rate_max);
        return;
    }
    std::uint8_t block[rate_max] = {};
    if (!rest.empty()) std::memcpy(block, rest.data(), rest.size());
    block[rest.size()] = 0x01;
    block[rate_max - 1] |= 0x80;
    std::memcpy(lanes, block, rate_max);
}

/// @pre at most `width` jobs, the longest last. Those that end earlier give their hash when they do.
void hash_side_by_side(std::span<HashJob> jobs) {
    WideLane state[lane_count] = {};
    std::uint64_t lanes[width][rate_max / 8] = {};
    const std::size_t blocks = blocks_of(jobs.back());
    for (std::size_t block = 0; block < blocks; ++block) {
        for (std::size_t m = 0; m < jobs.size(); ++m) {
            if (block < blocks_of(jobs[m])) copy_block(jobs[m].message, block, lanes[m]);
        }
        for (std::size_t i = 0; i < rate_max / 8; ++i) {
            state[i] ^= WideLane{lanes[0][i], lanes[1][i], lanes[2][i], lanes[3][i]};
        }
        permute_wide(state);
        for (std::size_t m = 0; m < jobs.size(); ++m) {
            if (block + 1 != blocks_of(jobs[m])) continue;
            const std::uint64_t hash[4] = {state[0][m], state[1][m], state[2][m], state[3][m]};
            std::memcpy(jobs[m].out32, hash, sizeof hash);
        }
    }
}

}  // namespace

void keccak256_many(std::span<HashJob> jobs) {
    if (jobs.size() > width) {
        std::ranges::sort(jobs, {}, [](const HashJob& job) { return blocks_of(job); });
    } else {
        // Too few to cut up, but the longest must be last all the same.
        for (auto& job : jobs) {
            if (blocks_of(job) > blocks_of(jobs.back())) std::swap(job, jobs.back());
        }
    }
    while (!jobs.empty()) {
        const std::size_t count = std::min(jobs.size(), width);
        if (count == 1) {
            keccak256_into(jobs[0].message.data(), jobs[0].message.size(), jobs[0].out32);
        } else {
            hash_side_by_side(jobs.first(count));
        }
        jobs = jobs.subspan(count);
    }
}

Hash keccak256(BytesView data) {
    Hash out;
    keccak256_into(data.data(), data.size(), out.data());
    return out;
}

void Keccak256::update(BytesView data) {
    if (data.empty()) return;
    if (buffered_ + data.size() < rate) {
        std::memcpy(buffer_ + buffered_, data.data(), data.size());
        buffered_ += data.size();
        return;
    }
    if (buffered_ != 0) {
        const std::size_t missing = rate - buffered_;
        std::memcpy(buffer_ + buffered_, data.data(), missing);
        data = data.subspan(missing);
        absorb(state_, buffer_);
    }
    for (; data.size() >= rate; data = data.subspan(rate)) absorb(state_, data.data());
    if (!data.empty()) std::memcpy(buffer_, data.data(), data.size());
    buffered_ = data.size();
}

Hash Keccak256::finish() {
    absorb_last(state_, buffer_, buffered_);
    Hash out;
    std::memcpy(out.data(), state_, 32);
    *this = {};
    return out;
}

}  // namespace weft::crypto
