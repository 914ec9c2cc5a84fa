#include "api/storage.hpp"

#include "evm/code.hpp"

namespace weft::api::storage {

StateDelta to_delta(const chain::StateChanges& changes) {
    StateDelta out{changes.accounts, {}};
    for (const auto& code : changes.codes) out.codes.push_back({code.code_hash, code.bytes});
    return out;
}

chain::StateChanges to_changes(StateDelta delta) {
    chain::StateChanges out;
    out.accounts = std::move(delta.accounts);
    for (auto& code : delta.codes) {
        auto made = evm::make_code(code.code, code.code_hash);
        out.codes.push_back({code.code_hash, std::move(made), std::move(code.code)});
    }
    return out;
}

}  // namespace weft::api::storage
