// What comes from peers, and what a peer's compact block names.

#include <algorithm>
#include <unordered_map>

#include "crypto/siphash.hpp"
#include "service/validation/validation.hpp"

namespace weft::service::validation {

namespace {

/// Whether a transaction that breaks @p rule breaks it on every node, whatever that node's head and pool are.
bool is_malformed(chain::Rule rule) {
    switch (rule) {
        // A node that is ahead of this one may have passed the fork.
        case chain::Rule::type_not_supported:
        case chain::Rule::access_list_before_fork:
        case chain::Rule::dynamic_fee_before_fork:
        case chain::Rule::blob_before_fork:
        case chain::Rule::set_code_before_fork:
        case chain::Rule::init_code_size_exceeded:
        case chain::Rule::intrinsic_gas_too_low:
        case chain::Rule::floor_gas_too_low:
        case chain::Rule::gas_limit_above_cap:
        case chain::Rule::blob_count_exceeded:
        case chain::Rule::not_replay_protected: return false;
        default: return rule < chain::Rule::fee_cap_below_base_fee || rule == chain::Rule::sidecar_mismatch;
    }
}

}  // namespace

Task<api::validation::ImportReply> Validation::import(mesh::Context context, api::validation::Import request) {
    if (request.transactions.size() > api::validation::import_count_max) {
        co_return fail(ErrorCode::resource_exhausted, "too many transactions at once");
    }
    // Whose loop this is has other things to do than to recover senders.
    co_return co_await net::run_at(pool_threads_, import_here(context, std::move(request)));
}

Task<api::validation::ImportReply> Validation::import_here(mesh::Context context, api::validation::Import request) {
    using api::validation::Admission;
    api::validation::ImportReply reply;
    api::network::Announce news;
    news.from = std::move(request.peer);
    for (const auto& encoded : request.transactions) {
        reply.admissions.push_back(Admission::malformed);
        auto decoded = chain::decode_network_form(encoded);
        if (!decoded) continue;
        if (is_waiting(decoded->hash)) {
            reply.admissions.back() = Admission::known;
            continue;
        }
        const auto sender = chain::recover_sender(decoded->transaction);
        if (!sender) continue;
        decoded->sender = *sender;
        auto transaction = std::make_shared<const chain::SignedTransaction>(*std::move(decoded));
        const auto refusal = co_await settled(try_admit(context, transaction));
        if (!refusal) {
            reply.admissions.back() = Admission::refused;  // the state can't be read
        } else if (!*refusal) {
            reply.admissions.back() = Admission::added;
            news.transactions.push_back(std::move(transaction));
        } else if ((*refusal)->rule == chain::Rule::already_known) {
            reply.admissions.back() = Admission::known;
        } else if (!is_malformed((*refusal)->rule)) {
            reply.admissions.back() = Admission::refused;
        }
    }
    if (news.transactions.empty()) co_return reply;
    const Hash newest = news.transactions.back()->hash;
    (void)co_await settled(ports_.announce(context, std::move(news)));
    (void)co_await settled(ports_.notify(context, {newest}));
    co_return reply;
}

bool Validation::is_waiting(const Hash& hash) const {
    const std::lock_guard lock(mutex_);
    return pool_.contains(hash);
}

Task<api::validation::MatchReply> Validation::match(mesh::Context, api::validation::Match request) {
    constexpr std::uint64_t id_mask = (std::uint64_t{1} << 48) - 1;
    struct Found {
        std::uint64_t index = 0;
        chain::TransactionPtr transaction;
        bool ambiguous = false;
    };
    std::unordered_map<std::uint64_t, Found> wanted;
    wanted.reserve(request.ids.size());
    for (std::uint64_t i = 0; i < request.ids.size(); ++i) {
        const auto [at, is_new] = wanted.try_emplace(request.ids[i], Found{i, nullptr, false});
        if (!is_new) at->second.ambiguous = true;
    }
    const crypto::SipKey key{request.key_low, request.key_high};
    const auto offer = [&](const chain::TransactionPtr& transaction) {
        const auto at = wanted.find(crypto::siphash24(key, transaction->hash) & id_mask);
        if (at == wanted.end()) return;
        if (at->second.transaction != nullptr && at->second.transaction->hash != transaction->hash) {
            at->second.ambiguous = true;
        }
        at->second.transaction = transaction;
    };
    std::vector<chain::Pool::Content> queued;
    std::vector<chain::TransactionPtr> pending;
    {
        const std::lock_guard lock(mutex_);
        pending = pool_.pending();
        // Those behind a gap here may well be in a block of somebody who has what fills it.
        if (pool_.status().queued != 0) queued = pool_.content();
    }
    std::ranges::for_each(pending, offer);
    for (const auto& sender : queued) std::ranges::for_each(sender.queued, offer);
    std::vector<const Found*> found;
    for (const auto& [id, at] : wanted) {
        if (at.transaction != nullptr && !at.ambiguous) found.push_back(&at);
    }
    std::ranges::sort(found, {}, [](const Found* at) { return at->index; });
    api::validation::MatchReply reply;
    for (const auto* at : found) {
        reply.indices.push_back(at->index);
        reply.transactions.push_back(at->transaction);
    }
    co_return reply;
}

}  // namespace weft::service::validation
