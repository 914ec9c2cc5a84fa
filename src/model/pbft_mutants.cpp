#include <array>
#include <utility>

#include "base/result.hpp"
#include "model/pbft_cluster_impl.hpp"

namespace weft::model {

namespace {

using pbft::Mutant;

struct Entry {
    const char* name;
    PbftRun (*run)(const PbftOptions&);
};

template <Mutant mutant>
PbftRun run(const PbftOptions& options) {
    return PbftCluster<mutant>(options, false).run();
}

constexpr std::array entries = {
    Entry{"small_quorum", run<Mutant::small_quorum>},
    Entry{"any_claim", run<Mutant::any_claim>},
    Entry{"unproved_claim", run<Mutant::unproved_claim>},
    Entry{"no_justification", run<Mutant::no_justification>},
    Entry{"late_commit", run<Mutant::late_commit>},
    Entry{"mixed_commits", run<Mutant::mixed_commits>},
    Entry{"double_votes", run<Mutant::double_votes>},
    Entry{"double_prepare", run<Mutant::double_prepare>},
    Entry{"forgets_prepared", run<Mutant::forgets_prepared>},
    Entry{"no_record", run<Mutant::no_record>},
    Entry{"late_record", run<Mutant::late_record>},
    Entry{"rebuilt_proposal", run<Mutant::rebuilt_proposal>},
    Entry{"unchecked_signatures", run<Mutant::unchecked_signatures>},
    Entry{"unproved_final", run<Mutant::unproved_final>},
    Entry{"unexecuted_prepare", run<Mutant::unexecuted_prepare>},
    Entry{"no_early_change", run<Mutant::no_early_change>},
    Entry{"lonely_rounds", run<Mutant::lonely_rounds>},
    Entry{"endless_backoff", run<Mutant::endless_backoff>},
    Entry{"no_repetition", run<Mutant::no_repetition>},
    Entry{"no_help", run<Mutant::no_help>},
};

}  // namespace

const std::vector<std::string>& pbft_mutants() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> out;
        for (const auto& it : entries) out.emplace_back(it.name);
        return out;
    }();
    return names;
}

PbftRun run_pbft_mutant(const std::string& name, const PbftOptions& options) {
    for (const auto& it : entries) {
        if (name == it.name) return it.run(options);
    }
    WEFT_ASSERT(false);
    return {};
}

}  // namespace weft::model
