// Reads for executions in other processes: many keys of one version at once.

#include "service/storage/storage.hpp"

namespace weft::service::storage {

namespace {

std::size_t count(const api::storage::StateKeys& keys) {
    return keys.accounts.size() + keys.codes_of.size() + keys.slots.size() + keys.codes.size() +
           keys.block_hashes.size();
}

std::unexpected<Error> taken_back() {
    return fail(ErrorCode::aborted, "the chain was taken back during the call");
}

api::SealedBlockPtr header_of(const api::SealedBlock& block) {
    auto out = std::make_shared<api::SealedBlock>();
    out->hash = block.hash;
    out->header = block.header;
    out->total_difficulty = block.total_difficulty;
    out->size = block.size;
    return out;
}

}  // namespace

Result<api::storage::StateValues> Storage::read(const Database& database, std::uint64_t version,
                                                std::uint64_t number, const api::storage::StateKeys& keys) {
    if (count(keys) > api::storage::state_keys_max) {
        return fail(ErrorCode::resource_exhausted, "too many keys of the state at once");
    }
    api::storage::StateValues out;
    const auto add_code = [&](const Hash& code_hash) -> Result<void> {
        WEFT_TRY(const auto code, database.code(code_hash));
        out.codes.push_back({code_hash, to_bytes(code->bytes())});
        return {};
    };
    for (const auto& address : keys.accounts) {
        WEFT_TRY(const auto found, database.account(address, version));
        out.accounts.push_back({found.account.has_value(), found.account.value_or(chain::Account{})});
    }
    for (const auto& address : keys.codes_of) {
        WEFT_TRY(const auto found, database.account(address, version));
        if (found.account && found.account->code_hash != chain::empty_code_hash) {
            WEFT_CHECK(add_code(found.account->code_hash));
        }
    }
    for (const auto& slot : keys.slots) {
        WEFT_TRY(const auto value, database.slot(slot.address, slot.key, version));
        out.slots.push_back(value);
    }
    for (const auto& code_hash : keys.codes) WEFT_CHECK(add_code(code_hash));
    for (const auto wanted : keys.block_hashes) {
        api::SealedBlockPtr found;
        if (wanted <= number) {
            WEFT_TRY(found, database.header(wanted));
        }
        out.block_hashes.push_back(found ? found->hash : Hash{});
    }
    return out;
}

Task<api::storage::OpenStateReply> Storage::open_state(mesh::Context, api::storage::OpenState request) {
    api::storage::OpenStateReply reply;
    reply.line = recent_.line();
    const Resolved at = co_await resolve(request.block);
    reply.block = header_of(*at.block);
    reply.version = at.version;
    reply.values = co_await read(*at.database, at.version, at.block->header.number, request.keys);
    if (request.known_line == reply.line) {
        if (const auto changes = recent_.between(request.known_version, at.version)) {
            reply.changes_known = true;
            for (const auto& version : *changes) {
                for (const auto& account : version->accounts) {
                    reply.changed_accounts.push_back(account.address);
                    if (account.deleted || account.storage_wiped) reply.wiped_accounts.push_back(account.address);
                    for (const auto& slot : account.slots) reply.changed_slots.push_back({account.address, slot.key});
                }
            }
        }
    }
    if (recent_.line() != reply.line) co_return taken_back();
    co_return reply;
}

Task<api::storage::StateValues> Storage::read_state(mesh::Context, api::storage::ReadState request) {
    if (request.line != recent_.line()) co_return taken_back();
    const auto database = co_await this->database();
    auto values = co_await read(*database, request.version, request.number, request.keys);
    // Entries of versions that are taken back vanish one by one: what was read meanwhile may be of neither state.
    if (request.line != recent_.line()) co_return taken_back();
    co_return values;
}

Task<api::storage::RootReply> Storage::root_of(mesh::Context context, api::storage::RootOf request) {
    const auto changes =
        std::make_shared<const chain::StateChanges>(api::storage::to_changes(std::move(request.delta)));
    co_return co_await root(context, {changes, request.is_next ? std::nullopt : std::optional(request.base)});
}

}  // namespace weft::service::storage
