#include "app/banner.hpp"

#include <fmt/format.h>

#include "app/command.hpp"
#include "app/node.hpp"
#include "app/validators.hpp"
#include "base/hex.hpp"
#include "chain/genesis.hpp"
#include "chain/validate.hpp"
#include "service/wallet/wallet.hpp"

namespace weft::app {

namespace {

std::string accounts_part(const SystemConfig& config, const std::vector<service::wallet::Wallet::Key>& keys) {
    std::string accounts = "Available Accounts\n==================\n\n";
    std::string secrets = "\nPrivate Keys\n==================\n\n";
    for (std::size_t i = 0; i < keys.size(); ++i) {
        accounts += fmt::format("({}) {} ({} ETH)\n", i, chain::to_checksum_address(keys[i].address), config.balance);
        secrets += fmt::format("({}) {}\n", i, to_hex(keys[i].secret));
    }
    return accounts + secrets +
           fmt::format("\nWallet\n==================\nMnemonic:          {}\nDerivation path:   m/44'/60'/0'/0/\n",
                       config.mnemonic);
}

std::string processes_part(const SystemStatus& status) {
    std::string out = fmt::format("\nProcesses ({} layout)\n==================\n", status.layout);
    for (const auto& process : status.processes) {
        out += fmt::format("{:<12} pid {:<8} {}\n", process.name, process.pid, process.address);
    }
    return out;
}

std::string sealing_part(const SystemConfig& config) {
    if (config.no_mining) return "Blocks are sealed when evm_mine says so.";
    if (!config.peers.empty()) {
        return "Validators agree on each block, which is final then: when there is something for it, and each minute.\n"
               "Why it is not:  weft monitor finality";
    }
    if (config.dev && !config.block_time_ms) return "Each transaction is sealed at once.";
    return fmt::format("A block is sealed every {} s.",
                       static_cast<double>(config.block_time_ms.value_or(2000)) / 1000);
}

Result<std::uint64_t> chain_id_of(const SystemConfig& config) {
    if (config.genesis.empty()) return config.chain_id.value_or(chain::dev_genesis({}).config.chain_id);
    WEFT_TRY(const auto genesis, read_genesis(config.genesis));
    return genesis.config.chain_id;
}

}  // namespace

Result<std::string> banner(const SystemConfig& config, const SystemStatus& status) {
    WEFT_TRY(const auto keys, service::wallet::keys_of_mnemonic(config.mnemonic, config.accounts));
    WEFT_TRY(const auto chain_id, chain_id_of(config));
    std::string out = fmt::format("weft {}\n\n", version);
    if ((config.genesis.empty() || config.genesis == made_genesis(config.data)) && !keys.empty())
        out += accounts_part(config, keys);
    out += processes_part(status);
    out += fmt::format("\nChain ID:   {}\nRules:      {}\n{}\n", chain_id,
                       config.genesis.empty() ? config.hardfork : config.genesis, sealing_part(config));
    out += fmt::format("\nTry:  cast block-number --rpc-url http://{0}\n"
                       "      new ethers.JsonRpcProvider(\"http://{0}\")\n"
                       "      weft status\n",
                       status.http);
    if (!status.ws.empty()) out += fmt::format("\nListening on {} (WebSocket)", status.ws);
    out += fmt::format("\nListening on {} (HTTP and WebSocket). Ctrl-C stops.\n", status.http);
    return out;
}

}  // namespace weft::app
