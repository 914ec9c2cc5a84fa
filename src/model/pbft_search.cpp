#include <array>

#include "model/pbft_search_impl.hpp"

namespace weft::model {

namespace {

using search::pbft::Mutant;

struct Entry {
    const char* name;
    PbftSearchResult (*run)(const PbftSearchOptions&);
};

template <Mutant mutant>
PbftSearchResult run(const PbftSearchOptions& options) {
    return PbftSearch<mutant>(options).run();
}

constexpr std::array entries = {
    Entry{"small_quorum", run<Mutant::small_quorum>},
    Entry{"any_claim", run<Mutant::any_claim>},
    Entry{"unproved_claim", run<Mutant::unproved_claim>},
    Entry{"no_justification", run<Mutant::no_justification>},
    Entry{"late_commit", run<Mutant::late_commit>},
    Entry{"double_votes", run<Mutant::double_votes>},
    Entry{"double_prepare", run<Mutant::double_prepare>},
    Entry{"forgets_prepared", run<Mutant::forgets_prepared>},
    Entry{"no_record", run<Mutant::no_record>},
};

}  // namespace

const std::vector<std::string>& pbft_search_mutants() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> out;
        for (const auto& it : entries) out.emplace_back(it.name);
        return out;
    }();
    return names;
}

PbftSearchResult search_pbft(const PbftSearchOptions& options, const std::string& mutant) {
    if (mutant.empty()) return run<Mutant::none>(options);
    for (const auto& it : entries) {
        if (mutant == it.name) return it.run(options);
    }
    WEFT_ASSERT(false);
    return {};
}

}  // namespace weft::model
