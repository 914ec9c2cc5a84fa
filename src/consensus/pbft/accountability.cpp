#include "consensus/pbft/accountability.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace weft::consensus::pbft {

namespace {

/// What one validator signed, each content once.
class Statements {
  public:
    Statements(const Validators& validators, const Verifier& verifier) : validators_(validators), verifier_(verifier) {}

    void add(const Ptr& message) {
        if (!message || message->kind > Kind::round_change) return;
        if (!std::ranges::binary_search(validators_, message->signer) || !verifier_.is_signed(*message)) return;
        const auto content = std::tuple(message->kind, message->height, message->round, message->digest,
                                        message->prepared_round);
        if (auto& known = said_[message->signer][content]; !known) known = message;
    }
    void add_all(const std::vector<Ptr>& messages) {
        for (const auto& it : messages) {
            if (!it) continue;
            add(it);
            add_all(it->round_changes);
            add_all(it->votes);
        }
    }
    [[nodiscard]] std::vector<Culprit> culprits() const {
        std::vector<Culprit> out;
        for (const auto& [signer, messages] : said_) {
            if (auto found = conflict_among(signer, messages); found.first) out.push_back(std::move(found));
        }
        return out;
    }

  private:
    using Content = std::tuple<Kind, Height, Round, Hash, std::int64_t>;
    using Messages = std::map<Content, Ptr>;

    static Culprit conflict_among(const Address& signer, const Messages& messages) {
        for (auto one = messages.begin(); one != messages.end(); ++one) {
            for (auto other = std::next(one); other != messages.end(); ++other) {
                const auto rule = broken_rule(*one->second, *other->second);
                if (!rule.empty()) return {signer, rule, one->second, other->second};
            }
        }
        return {};
    }

    const Validators& validators_;
    const Verifier& verifier_;
    std::map<Address, Messages> said_;
};

/// Who commits in a round has prepared there, and claims as much when it asks for a later one.
bool forgets(const PbftMessage& commit, const PbftMessage& asked) {
    if (commit.kind != Kind::commit || asked.kind != Kind::round_change || commit.round >= asked.round) return false;
    const auto round = static_cast<std::int64_t>(commit.round);
    return asked.prepared_round < round || (asked.prepared_round == round && asked.digest != commit.digest);
}

}  // namespace

std::string_view broken_rule(const PbftMessage& one, const PbftMessage& other) {
    if (one.signer != other.signer || one.height != other.height) return {};
    if (forgets(one, other) || forgets(other, one)) return "a commit forgotten";
    if (one.round != other.round) return {};
    const bool differs = one.digest != other.digest;
    if (one.kind != other.kind) {
        const bool are_votes = std::min(one.kind, other.kind) == Kind::prepare &&
                               std::max(one.kind, other.kind) == Kind::commit;
        return are_votes && differs ? "a commit of what it did not prepare" : std::string_view();
    }
    switch (one.kind) {
        case Kind::proposal: return differs ? "two proposals of a round" : std::string_view();
        case Kind::prepare: return differs ? "two prepares of a round" : std::string_view();
        case Kind::commit: return differs ? "two commits of a round" : std::string_view();
        case Kind::round_change:
            return differs || one.prepared_round != other.prepared_round ? "two round changes of a round"
                                                                         : std::string_view();
        default: return {};  // unsigned: nobody can be held to it
    }
}

std::vector<Culprit> find_culprits(const Validators& validators, const Verifier& verifier,
                                   const std::vector<Ptr>& first, const std::vector<Ptr>& second,
                                   const std::vector<Ptr>& kept) {
    Statements statements(validators, verifier);
    statements.add_all(first);
    statements.add_all(second);
    statements.add_all(kept);
    return statements.culprits();
}

}  // namespace weft::consensus::pbft
