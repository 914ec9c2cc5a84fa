// eth_createAccessList: runs a call again and again, each time with the list the last run found, until it stays the
// same.

#include <set>

#include "crypto/keccak.hpp"
#include "evm/execute.hpp"
#include "evm/tracer/access_list.hpp"
#include "service/contract/contract.hpp"
#include "service/contract/message.hpp"

namespace weft::service::contract {

namespace {

constexpr int rounds_max = 16;

std::set<Address> warm_anyway(const chain::Transaction& call, const Address& sender, const Address& recipient,
                              evm::Revision revision) {
    std::set<Address> out{sender, recipient};
    for (const auto& address : evm::precompiles(revision)) out.insert(address);
    for (const auto& authorization : call.authorizations) {
        if (const auto authority = chain::recover_authority(authorization)) out.insert(*authority);
    }
    return out;
}

std::vector<evm::AccessListTracer::Entry> to_entries(const chain::AccessList& list) {
    std::vector<evm::AccessListTracer::Entry> out;
    for (const auto& entry : list) {
        out.push_back({entry.address, {}});
        for (const auto& key : entry.storage_keys) out.back().slots.push_back(U256::from_bytes(key));
    }
    return out;
}

chain::AccessList to_list(const std::vector<evm::AccessListTracer::Entry>& entries) {
    chain::AccessList out;
    for (const auto& entry : entries) {
        out.push_back({entry.address, {}});
        for (const auto& slot : entry.slots) out.back().storage_keys.push_back(slot.to_hash());
    }
    return out;
}

/// Of a contract that an account creates: keccak256(rlp([sender, nonce])), the last 20 bytes.
Address created_address(const Address& sender, std::uint64_t nonce) {
    rlp::Writer writer;
    const auto list = writer.begin_list();
    writer.string(sender).number(nonce).end_list(list);
    return Address::from(crypto::keccak256(writer.bytes()));
}

}  // namespace

Task<api::contract::AccessListReply> Contract::create_access_list(mesh::Context context,
                                                                 api::contract::CreateAccessList request) {
    const auto work = [&](Run& run) -> Result<api::contract::AccessListReply> {
        StateAt& at = run.at;
        auto environment = make_environment(config_, at.block->header, {});
        environment.limiter = &run.limiter;
        const Address sender = request.call.from.value_or(Address{});
        auto call = to_transaction(request.call, config_, environment.block.base_fee, limits_.gas_max());
        if (call.type == chain::TransactionType::legacy) call.type = chain::TransactionType::access_list;
        auto account = at.reader->account(sender).value_or(chain::Account{});
        const Address recipient = call.to.value_or(created_address(sender, request.call.nonce.value_or(account.nonce)));
        const auto excluded = warm_anyway(call, sender, recipient, environment.rules.revision);
        auto entries = to_entries(call.access_list);
        for (int round = 0; round < rounds_max; ++round) {
            chain::State state(*at.reader);
            state.begin_block(environment.block.number, environment.rules.revision);
            evm::AccessListTracer tracer(excluded);
            tracer.add(entries);
            call.access_list = to_list(entries);
            const auto outcome = chain::execute_call(state, environment, call, sender, &tracer);
            if (!outcome) return std::unexpected(chain::to_error(outcome.error()));
            auto found = tracer.result();
            if (found == entries || round + 1 == rounds_max || run.limiter.requested()) {
                const auto error = outcome->succeeded() ? std::string() : chain::failure_message(*outcome);
                return api::contract::AccessListReply{to_list(found), outcome->gas_used, error};
            }
            entries = std::move(found);
        }
        return fail(ErrorCode::internal, "not reached");
    };
    co_return co_await with_state<api::contract::AccessListReply>(context, wanted_by(request.call, request.block),
                                                                  work);
}

}  // namespace weft::service::contract
