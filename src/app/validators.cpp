#include "app/validators.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "app/node.hpp"
#include "app/services.hpp"
#include "base/hex.hpp"
#include "chain/genesis.hpp"
#include "consensus/pbft/extra.hpp"
#include "crypto/secp256k1.hpp"
#include "net/tls.hpp"
#include "service/consensus/guard.hpp"

namespace weft::app {

namespace {

constexpr std::uint64_t validators_standard = 4;

/// Whole, or not at all: a node that starts meanwhile must not read half a key.
Result<void> write_file(const std::string& path, std::string_view text, int mode) {
    const std::string part = path + ".part";
    const auto wrong = [&] { return fail(ErrorCode::internal, path + ": " + std::strerror(errno)); };
    const int fd = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0) return wrong();
    const bool is_written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    const bool is_durable = is_written && ::fsync(fd) == 0;
    ::close(fd);
    if (!is_durable || ::rename(part.c_str(), path.c_str()) != 0) return wrong();
    return {};
}

Result<Hash> make_key() {
    while (true) {
        std::array<std::uint8_t, 32> bytes;
        if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
            return fail(ErrorCode::internal, "no random bytes");
        }
        const Hash key = Hash::from(BytesView(bytes));
        if (crypto::address_of(key)) return key;
    }
}

Result<Hash> key_of(const std::string& folder) {
    const std::string path = folder + "/validator.key";
    WEFT_TRY(const auto known, read_key(path));
    if (known) return *known;
    WEFT_TRY(const Hash key, make_key());
    WEFT_CHECK(write_file(path, to_hex(key) + "\n", 0600));
    WEFT_CHECK(make_folder(folder + "/consensus"));
    WEFT_CHECK(service::consensus::Guard::begin(folder + "/consensus/signed"));
    return key;
}

Result<void> write_genesis(const SystemConfig& config, const std::string& path, consensus::Validators validators) {
    // The development chain's accounts and contracts, but with validators in place of one sealer.
    SystemConfig plain = config;
    plain.genesis.clear();
    WEFT_TRY(auto node, make_node_config(plain, ""));
    auto& genesis = node.genesis;
    chain::QbftConfig& qbft = genesis.config.qbft.emplace();
    if (config.block_time_ms) {
        if (*config.block_time_ms % 1000 != 0) {
            return fail(ErrorCode::invalid_argument, "block-time: validators' blocks are whole seconds apart");
        }
        qbft.period_s = *config.block_time_ms / 1000;
    }
    qbft.heartbeat_s = std::max(qbft.heartbeat_s, qbft.period_s);
    std::ranges::sort(validators);
    genesis.header.extra_data = encode(consensus::pbft::Extra{{}, std::move(validators), std::nullopt, 0, {}});
    genesis.header.mix_hash = consensus::pbft::mix_hash;
    return write_file(path, chain::to_json(genesis) + "\n", 0644);
}

std::string folder_of(const SystemConfig& config, std::size_t i) { return fmt::format("{}/node-{}", config.data, i); }

/// Nodes that were there before.
std::uint64_t count_nodes(const SystemConfig& config) {
    std::uint64_t count = 0;
    while (std::filesystem::exists(folder_of(config, count) + "/validator.key")) ++count;
    return count;
}

}  // namespace

Result<bool> has_validators(const SystemConfig& config) {
    if (config.dev) return false;
    if (config.genesis.empty()) return true;
    WEFT_TRY(const auto genesis, read_genesis(config.genesis));
    return genesis.config.qbft.has_value();
}

Result<std::optional<Hash>> read_key(const std::string& path) {
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0) return std::optional<Hash>();
    if ((about.st_mode & 077) != 0) {
        return fail(ErrorCode::permission_denied, path + ": others may read this key; chmod 600 it");
    }
    WEFT_TRY(std::string text, read_file(path));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
    if (!text.starts_with("0x")) text = "0x" + text;
    const auto key = fixed_from_hex<Hash>(text);
    if (!key || !crypto::address_of(*key)) {
        return fail(ErrorCode::invalid_argument, path + ": wants a secp256k1 key, 64 hexadecimal digits");
    }
    return std::optional(*key);
}

Result<std::vector<std::string>> read_peers(const std::string& path) {
    WEFT_TRY(const std::string text, read_file(path));
    std::istringstream lines(text);
    std::vector<std::string> out;
    for (std::string line; std::getline(lines, line);) {
        line = line.substr(0, line.find('#'));
        std::erase_if(line, [](char c) { return c == ' ' || c == '\t' || c == '\r'; });
        if (!line.empty()) out.push_back(std::move(line));
    }
    return out;
}

Result<std::vector<NodePlace>> prepare_validators(SystemConfig& config, std::span<const std::string> addresses) {
    // A chain of others that this node joins.
    if (!config.peers.empty()) return std::vector<NodePlace>{{"node-0", config.p2p}};
    const std::uint64_t before = count_nodes(config);
    const std::uint64_t count = config.validators.value_or(before == 0 ? validators_standard : before);
    consensus::Validators validators;
    std::vector<NodePlace> out;
    std::string peers = "# The nodes of this system; `weft up` writes it anew at each start.\n";
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::string folder = folder_of(config, i);
        WEFT_CHECK(make_folder(folder));
        WEFT_TRY(const Hash key, key_of(folder));
        validators.push_back(*crypto::address_of(key));
        WEFT_TRY(const auto identity, net::TlsIdentity::load_or_make(folder + "/node.pem"));
        NodePlace place{fmt::format("node-{}", i), {}};
        if (i < addresses.size()) {
            place.p2p = addresses[i];
        } else {
            WEFT_TRY(place.kept, net::ReservedAddress::make("127.0.0.1:0"));
            place.p2p = place.kept->text();
        }
        peers += fmt::format("{}@{}  # {}\n", identity.id(), place.p2p, place.id);
        out.push_back(std::move(place));
    }
    if (config.genesis.empty()) {
        const std::string path = made_genesis(config.data);
        if (!std::filesystem::exists(path)) WEFT_CHECK(write_genesis(config, path, std::move(validators)));
        config.genesis = path;
    }
    config.peers = config.data + "/peers";
    WEFT_CHECK(write_file(config.peers, peers, 0644));
    return out;
}

}  // namespace weft::app
