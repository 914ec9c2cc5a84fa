#include <algorithm>
#include <array>

#include "consensus/pbft/rules.hpp"
#include "model/pbft_cluster.hpp"
#include "verify/random.hpp"

namespace weft::model {

namespace {

template <class T>
struct Field {
    const char* name;
    T PbftOptions::* member;
};

// All faults a seed can draw, in the order in which a failing run is tried without them.
constexpr std::array chances = {Field<std::uint32_t>{"loss", &PbftOptions::loss},
                                Field<std::uint32_t>{"proposal loss", &PbftOptions::proposal_loss},
                                Field<std::uint32_t>{"prepare loss", &PbftOptions::prepare_loss},
                                Field<std::uint32_t>{"commit loss", &PbftOptions::commit_loss},
                                Field<std::uint32_t>{"round change loss", &PbftOptions::round_change_loss},
                                Field<std::uint32_t>{"status loss", &PbftOptions::status_loss},
                                Field<std::uint32_t>{"decided loss", &PbftOptions::decided_loss},
                                Field<std::uint32_t>{"reorder", &PbftOptions::reorder},
                                Field<std::uint32_t>{"crash at write", &PbftOptions::crash_at_write},
                                Field<std::uint32_t>{"duplicates", &PbftOptions::duplicates},
                                Field<std::uint32_t>{"partition", &PbftOptions::partition},
                                Field<std::uint32_t>{"clog", &PbftOptions::clog},
                                Field<std::uint32_t>{"swizzle", &PbftOptions::swizzle},
                                Field<std::uint32_t>{"split", &PbftOptions::split},
                                Field<std::uint32_t>{"crash", &PbftOptions::crash},
                                Field<std::uint32_t>{"full disk", &PbftOptions::full_disk},
                                Field<std::uint32_t>{"jump", &PbftOptions::jump},
                                Field<std::uint32_t>{"drift ppm", &PbftOptions::drift_ppm},
                                Field<std::uint32_t>{"idle", &PbftOptions::idle}};
constexpr std::array flags = {Field<bool>{"spikes", &PbftOptions::spikes},
                              Field<bool>{"far clock", &PbftOptions::far_clock},
                              Field<bool>{"bad executor", &PbftOptions::bad_executor},
                              Field<bool>{"old backup", &PbftOptions::old_backup},
                              Field<bool>{"rotten record", &PbftOptions::rotten},
                              Field<bool>{"wiped", &PbftOptions::wiped},
                              Field<bool>{"lost guard", &PbftOptions::lost_guard},
                              Field<bool>{"withholds", &PbftOptions::withholds},
                              Field<bool>{"slow leader", &PbftOptions::slow_leader},
                              Field<bool>{"upgrade", &PbftOptions::upgrade},
                              Field<bool>{"forges", &PbftOptions::forges},
                              Field<bool>{"twins", &PbftOptions::twins}};
constexpr std::array times = {Field<std::int64_t>{"skew", &PbftOptions::skew_ms},
                              Field<std::int64_t>{"outage", &PbftOptions::outage_ms}};
constexpr std::array counts = {Field<unsigned>{"liars", &PbftOptions::liars},
                               Field<unsigned>{"changes of validators", &PbftOptions::changes}};

/// Faults of whole validators; together no more than the cluster bears.
void draw_faulty(verify::Random& random, PbftOptions& out) {
    auto faults = out.changes == 0 ? static_cast<unsigned>(consensus::pbft::faults(out.n)) : out.changes == 3 ? 1U : 0U;
    if (out.changes == 0) {
        if (faults > 0 && random.chance(150'000)) out.far_clock = true, --faults;
        if (faults > 0 && random.chance(100'000)) out.bad_executor = true, --faults;
        if (faults > 0 && random.chance(200'000)) {
            --faults;
            const auto kind = random.below(3);
            (kind == 0 ? out.old_backup : kind == 1 ? out.rotten : out.wiped) = true;
            out.lost_guard = out.wiped && random.chance(500'000);
        }
    }
    if (faults > 0 && random.chance(700'000)) {
        out.liars = faults;
        out.twins = random.chance(600'000);
        out.forges = !out.twins || random.chance(500'000);
        if (!out.twins && random.chance(500'000)) out.withholds = true, out.forges = random.chance(500'000);
    }
    out.guarded = out.old_backup || out.rotten || out.wiped || random.chance(500'000);
}

void draw_network(verify::Random& random, PbftOptions& out) {
    const auto sometimes = [&](std::uint32_t most) {
        return random.chance(500'000) ? static_cast<std::uint32_t>(random.below(most)) : 0;
    };
    out.delay_mean_ms = random.between(1, random.chance(300'000) ? 400 : 60);
    out.spikes = random.chance(300'000);
    out.loss = sometimes(300'000);
    if (random.chance(250'000)) {
        out.prepare_loss = sometimes(700'000);
        out.commit_loss = sometimes(950'000);
    }
    if (random.chance(150'000)) {
        out.proposal_loss = sometimes(700'000);
        out.round_change_loss = sometimes(900'000);
        out.status_loss = sometimes(1'000'000);
        out.decided_loss = sometimes(1'000'000);
    }
    out.reorder = random.chance(200'000) ? sometimes(300'000) : 0;
    out.duplicates = sometimes(300'000);
    out.partition = sometimes(200'000);
    out.clog = sometimes(500'000);
    out.swizzle = random.chance(200'000) ? sometimes(200'000) : 0;
    out.slow_leader = random.chance(100'000);
    if (random.chance(100'000)) {
        out.outage_ms = random.between(10'000, 1'500'000);
        out.half_outage = out.changes == 0 && random.chance(500'000);
    }
}

void draw_machines(verify::Random& random, PbftOptions& out) {
    const auto sometimes = [&](std::uint32_t most) {
        return random.chance(500'000) ? static_cast<std::uint32_t>(random.below(most)) : 0;
    };
    out.crash = sometimes(150'000);
    out.crash_at_write = random.chance(250'000) ? static_cast<std::uint32_t>(random.below(100'000)) : 0;
    out.down_ms = random.between(10, 8000);
    out.torn = static_cast<std::uint32_t>(random.below(1'000'000));
    out.write_ms = random.between(0, 30);
    out.full_disk = random.chance(200'000) ? sometimes(100'000) : 0;
    out.execute_ms = random.between(0, random.chance(100'000) ? 1500 : 50);
    out.skew_ms = random.chance(300'000) ? random.between(0, 900) : 0;
    out.jump = random.chance(300'000) ? sometimes(300'000) : 0;
    out.drift_ppm = random.chance(200'000) ? sometimes(30'000) : 0;
    out.upgrade = random.chance(100'000);
    out.idle = sometimes(200'000);
}

}  // namespace

PbftOptions draw_pbft_options(std::uint64_t seed) {
    verify::Random random(seed, 100);
    PbftOptions out;
    out.seed = seed;
    static constexpr unsigned sizes[] = {4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 6, 6, 7, 1, 2, 3};
    out.n = sizes[random.below(std::size(sizes))];
    if (random.chance(30'000)) out.n = static_cast<unsigned>(random.between(8, 13));
    if (random.chance(100'000)) {
        out.changes = static_cast<unsigned>(random.between(1, 3));
        out.n = 7;
    }
    draw_faulty(random, out);
    draw_network(random, out);
    draw_machines(random, out);
    return out;
}

std::string PbftOptions::to_string() const {
    std::string out = "seed " + std::to_string(seed) + ": n " + std::to_string(n);
    const auto add = [&](const auto& fields) {
        for (const auto& it : fields) {
            if (this->*it.member != 0) out += std::string(", ") + it.name + " " + std::to_string(this->*it.member);
        }
    };
    add(counts);
    for (const auto& it : flags) {
        if (this->*it.member) out += std::string(", ") + it.name;
    }
    if (!guarded) out += ", unguarded";
    add(chances);
    add(times);
    if (half_outage) out += ", of prepares";
    out += ", delay " + std::to_string(delay_mean_ms) + ", write " + std::to_string(write_ms);
    out += ", execute " + std::to_string(execute_ms);
    if (!script.empty()) out += ", " + std::to_string(script.size()) + " set faults";
    return out;
}

PbftOptions shrink_pbft(const PbftOptions& options, const std::string& mutant) {
    PbftOptions best = options;
    const auto try_with = [&](auto&& change) {
        PbftOptions tried = best;
        change(tried);
        if (!(mutant.empty() ? run_pbft(tried) : run_pbft_mutant(mutant, tried)).failure.empty()) best = tried;
    };
    const auto try_without = [&](const auto& fields) {
        for (const auto& it : fields) {
            if (best.*it.member != 0) try_with([&](PbftOptions& tried) { tried.*it.member = {}; });
        }
    };
    try_without(chances);
    try_without(flags);
    try_without(times);
    try_without(counts);
    for (std::size_t i = best.script.size(); i-- > 0;) {
        try_with([&](PbftOptions& it) { it.script.erase(it.script.begin() + static_cast<std::ptrdiff_t>(i)); });
    }
    for (int i = 0; i < 6; ++i) try_with([](PbftOptions& tried) { tried.faulty_ms /= 2; });
    return best;
}

}  // namespace weft::model
