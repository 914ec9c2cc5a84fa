#include "model/pbft_cluster_impl.hpp"

namespace weft::model {

PbftOptions draw_pbft_options(std::uint64_t seed) {
    verify::Random random(seed, 100);
    PbftOptions out;
    out.seed = seed;
    static constexpr unsigned sizes[] = {4, 4, 4, 4, 5, 6, 7, 1, 2, 3};
    out.n = sizes[random.below(std::size(sizes))];
    auto faults = static_cast<unsigned>(pbft::faults(out.n));
    if (faults > 0 && random.chance(150'000)) out.far_clock = true, --faults;
    if (faults > 0 && random.chance(100'000)) out.bad_executor = true, --faults;
    if (faults > 0 && random.chance(700'000)) {
        out.liars = faults;
        out.twins = random.chance(600'000);
        out.forges = !out.twins || random.chance(500'000);
    }
    out.guarded = random.chance(500'000);
    out.delay_mean_ms = random.between(1, random.chance(300'000) ? 400 : 60);
    out.spikes = random.chance(300'000);
    const auto sometimes = [&](std::uint32_t most) {
        return random.chance(500'000) ? static_cast<std::uint32_t>(random.below(most)) : 0;
    };
    out.loss = sometimes(300'000);
    if (random.chance(250'000)) {
        out.prepare_loss = sometimes(700'000);
        out.commit_loss = sometimes(950'000);
    }
    out.duplicates = sometimes(300'000);
    out.partition = sometimes(200'000);
    out.clog = sometimes(500'000);
    out.crash = sometimes(150'000);
    out.crash_at_write = random.chance(250'000) ? static_cast<std::uint32_t>(random.below(100'000)) : 0;
    out.down_ms = random.between(10, 8000);
    out.torn = static_cast<std::uint32_t>(random.below(1'000'000));
    out.write_ms = random.between(0, 30);
    out.execute_ms = random.between(0, random.chance(100'000) ? 1500 : 50);
    out.skew_ms = random.chance(300'000) ? random.between(0, 900) : 0;
    out.idle = sometimes(200'000);
    if (random.chance(100'000)) {
        out.outage_ms = random.between(10'000, 1'500'000);
        out.half_outage = random.chance(500'000);
    }
    return out;
}

std::string PbftOptions::to_string() const {
    std::string out = "seed " + std::to_string(seed) + ": n " + std::to_string(n);
    const auto add = [&out](const char* what, std::uint64_t value) {
        if (value != 0) out += std::string(", ") + what + " " + std::to_string(value);
    };
    const auto flag = [&out](const char* what, bool is_on) {
        if (is_on) out += std::string(", ") + what;
    };
    add("liars", liars);
    flag("twins", twins);
    flag("forges", forges);
    flag("unguarded", !guarded);
    add("delay", static_cast<std::uint64_t>(delay_mean_ms));
    flag("spikes", spikes);
    add("loss", loss);
    add("prepare loss", prepare_loss);
    add("commit loss", commit_loss);
    add("duplicates", duplicates);
    add("partition", partition);
    add("clog", clog);
    add("crash", crash);
    add("crash at write", crash_at_write);
    add("write", static_cast<std::uint64_t>(write_ms));
    add("execute", static_cast<std::uint64_t>(execute_ms));
    add("skew", static_cast<std::uint64_t>(skew_ms));
    flag("far clock", far_clock);
    flag("bad executor", bad_executor);
    add("idle", idle);
    add("outage", static_cast<std::uint64_t>(outage_ms));
    flag("of prepares", half_outage);
    return out;
}

PbftRun run_pbft(const PbftOptions& options, bool trace) {
    return PbftCluster<pbft::Mutant::none>(options, trace).run();
}

PbftOptions shrink_pbft(const PbftOptions& options, const std::string& mutant) {
    const auto fails = [&](const PbftOptions& it) {
        return !(mutant.empty() ? run_pbft(it) : run_pbft_mutant(mutant, it)).failure.empty();
    };
    PbftOptions best = options;
    const auto try_with = [&](auto&& change) {
        PbftOptions tried = best;
        change(tried);
        if (fails(tried)) best = tried;
    };
    for (const auto field : {&PbftOptions::loss, &PbftOptions::prepare_loss, &PbftOptions::commit_loss,
                             &PbftOptions::crash_at_write, &PbftOptions::duplicates, &PbftOptions::partition,
                             &PbftOptions::clog, &PbftOptions::crash, &PbftOptions::idle}) {
        try_with([&](PbftOptions& it) { it.*field = 0; });
    }
    for (const auto field : {&PbftOptions::spikes, &PbftOptions::far_clock, &PbftOptions::bad_executor,
                             &PbftOptions::forges, &PbftOptions::twins}) {
        try_with([&](PbftOptions& it) { it.*field = false; });
    }
    try_with([](PbftOptions& it) { it.skew_ms = 0; });
    try_with([](PbftOptions& it) { it.outage_ms = 0; });
    try_with([](PbftOptions& it) { it.liars = 0; });
    for (int i = 0; i < 6; ++i) try_with([](PbftOptions& it) { it.faulty_ms /= 2; });
    return best;
}

}  // namespace weft::model
