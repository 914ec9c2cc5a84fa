#include "chain/fork_id.hpp"

#include <algorithm>
#include <vector>

namespace weft::chain {

namespace {

struct Step {
    std::uint64_t at = 0;
    bool by_time = false;
    std::uint32_t hash_before = 0;  // of everything before it
};

struct Steps {
    std::vector<Step> list;
    std::uint32_t last_hash = 0;
    std::size_t passed = 0;
    [[nodiscard]] std::uint32_t hash(std::size_t count) const {
        return count < list.size() ? list[count].hash_before : last_hash;
    }
};

Steps steps_of(const ChainConfig& config, const ForkPoint& at) {
    std::vector<std::uint64_t> blocks;
    std::vector<std::uint64_t> times;
    for (std::size_t i = 0; i < fork_count; ++i) {
        const auto fork = static_cast<Fork>(i);
        if (!config.activation[i] || fork == Fork::paris || (fork == Fork::dao && !config.dao_fork_support)) continue;
        if (fork < Fork::paris && *config.activation[i] > 0) blocks.push_back(*config.activation[i]);
        if (fork > Fork::paris && *config.activation[i] > at.genesis_time) times.push_back(*config.activation[i]);
    }
    for (auto* values : {&blocks, &times}) {
        std::ranges::sort(*values);
        values->erase(std::unique(values->begin(), values->end()), values->end());
    }
    Steps out;
    out.last_hash = crc32(0, at.genesis_hash);
    const auto add = [&](std::uint64_t fork, bool by_time) {
        out.list.push_back({fork, by_time, out.last_hash});
        std::uint8_t bytes[8];
        for (int i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(fork >> (56 - 8 * i));
        out.last_hash = crc32(out.last_hash, bytes);
    };
    for (const auto fork : blocks) add(fork, false);
    for (const auto fork : times) add(fork, true);
    while (out.passed < out.list.size()) {
        const Step& step = out.list[out.passed];
        if (step.at > (step.by_time ? at.timestamp : at.number)) break;
        ++out.passed;
    }
    return out;
}

}  // namespace

std::uint32_t crc32(std::uint32_t crc, BytesView bytes) {
    // Eight bits at a time without a table: it runs over a few dozen bytes.
    crc = ~crc;
    for (const std::uint8_t byte : bytes) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
    }
    return ~crc;
}

ForkId fork_id(const ChainConfig& config, const ForkPoint& at) {
    const Steps steps = steps_of(config, at);
    return {steps.hash(steps.passed), steps.passed < steps.list.size() ? steps.list[steps.passed].at : 0};
}

bool is_compatible(const ChainConfig& config, const ForkPoint& at, const ForkId& remote) {
    const Steps steps = steps_of(config, at);
    // Numbered as in EIP-2124.
    // 1. The same forks have passed; the peer knows of none here that this chain has passed without.
    if (remote.hash == steps.hash(steps.passed)) {
        return remote.next == 0 || (remote.next > at.number && remote.next > at.timestamp) ||
               (steps.passed < steps.list.size() && steps.list[steps.passed].at == remote.next);
    }
    // 2. The peer is behind, and knows of the fork that comes next for it.
    for (std::size_t i = 0; i < steps.passed; ++i) {
        if (remote.hash == steps.hash(i)) return remote.next == steps.list[i].at;
    }
    // 3. The peer is ahead, by forks that are known here.
    for (std::size_t i = steps.passed + 1; i <= steps.list.size(); ++i) {
        if (remote.hash == steps.hash(i)) return true;
    }
    // 4. Anything else is another chain.
    return false;
}

}  // namespace weft::chain
