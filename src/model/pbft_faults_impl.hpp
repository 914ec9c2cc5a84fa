#pragma once
// What befalls links, clocks, disks and machines: part of pbft_cluster_impl.hpp.

#include "model/pbft_cluster_impl.hpp"

namespace weft::model {

template <pbft::Mutant mutant>
void PbftCluster<mutant>::happen(Second&) {
    schedule_.at(schedule_.now() + 1000, tie(), Second{});
    if (is_healed_) return;
    trouble_links();
    if (load_.chance(options_.idle)) {
        transactions_wait_ = !transactions_wait_;
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            if (nodes_[i].is_up) feed(i, cs::Waiting{transactions_wait_});
        }
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) trouble_node(i);
}

template <pbft::Mutant mutant>
void PbftCluster<mutant>::trouble_links() {
    const std::size_t count = nodes_.size();
    if (net_.chance(options_.partition)) {
        const bool one_way = net_.chance(300'000);
        note(one_way ? "partition of one direction" : "partition");
        const std::uint64_t side = net_.next();
        const std::int64_t until = schedule_.now() + net_.between(500, 12'000);
        for (std::size_t a = 0; a < count; ++a) {
            for (std::size_t b = 0; b < count; ++b) {
                const bool first = (side >> (a % 64) & 1) != 0;
                const bool second = (side >> (b % 64) & 1) != 0;
                if (first != second && (first || !one_way)) cut_[a * count + b] = until;
            }
        }
    }
    if (net_.chance(options_.clog)) {
        note("clogged link");
        cut_[net_.below(count) * count + net_.below(count)] = schedule_.now() + net_.between(100, 5000);
    }
    if (net_.chance(options_.split)) {
        note("split with twins");
        const std::uint64_t side = net_.next();
        const std::int64_t until = schedule_.now() + net_.between(500, 6000);
        const auto half = [&](std::size_t i) {
            const bool is_twin = i > 0 && nodes_[i - 1].validator == nodes_[i].validator;
            return (side >> (nodes_[i].validator % 64) & 1) != (is_twin ? 1U : 0U);
        };
        for (std::size_t a = 0; a < count; ++a) {
            for (std::size_t b = 0; b < count; ++b) {
                if (half(a) != half(b)) cut_[a * count + b] = until;
            }
        }
    }
    if (net_.chance(options_.swizzle)) {
        note("swizzled links");
        for (std::size_t link = 0; link < count * count; ++link) {
            if (!net_.chance(400'000)) continue;
            const auto from = schedule_.now() + net_.between(0, 3000);
            schedule_.at(from, tie(), Clog{link, from + net_.between(3000, 6000)});
        }
    }
}

template <pbft::Mutant mutant>
void PbftCluster<mutant>::trouble_node(std::size_t i) {
    Node& node = nodes_[i];
    if (node.is_damaged && schedule_.now() % 5000 == 0) node.backup = {node.record, node.chain.size()};
    if (crash_.chance(options_.crash)) crash(i, down_time());
    if (disk_.chance(options_.full_disk)) node.full_until = schedule_.now() + disk_.between(100, 5000);
    const bool has_far_clock = i + 1 == nodes_.size() && options_.far_clock;
    if (options_.skew_ms > 0 && !has_far_clock && crash_.chance(options_.jump)) {
        note("jump of a clock");
        node.skew_ms = crash_.between(-options_.skew_ms, options_.skew_ms);
    }
    if (node.drift_ppm != 0) note("drifting clock");
    if (node.is_honest) return;
    const auto draw_some = [&](std::set<std::size_t>& out) {
        out.clear();
        for (std::size_t j = 0; j < nodes_.size(); ++j) {
            if (lie_.chance(400'000)) out.insert(j);
        }
    };
    if (options_.twins && options_.split == 0) draw_some(node.deaf_to);
    if (options_.withholds) draw_some(node.unsent);
}

/// Comes back with less than it had. A wiped one fetches its chain again.
template <pbft::Mutant mutant>
void PbftCluster<mutant>::damage(std::size_t i) {
    Node& node = nodes_[i];
    const auto go_back = [&](cs::RecordPtr record, std::size_t heights) {
        node.record = std::move(record);
        node.chain.resize(heights);
        node.proofs.resize(heights);
    };
    if (options_.rotten) {
        note("rotten record");
        node.record = nullptr;
    } else if (options_.old_backup) {
        note("old backup");
        go_back(node.backup.record, std::max<std::size_t>(node.backup.height, 1));
    } else {
        note("wiped disk");
        go_back(nullptr, 1);
    }
    if (!options_.lost_guard) return;
    note("lost guard");
    node.guard = {};
    node.is_listening = true;
    node.told.clear();
}

/// A validator that does not know what its key signed. If it voted in a height, a quorum had committed the one before,
/// so of any quorum, it included, one correct validator at least is at most two heights behind that vote: it hears
/// where so many stand and keeps silent in two heights more than the highest of them has.
template <pbft::Mutant mutant>
void PbftCluster<mutant>::listen(Node& node, const Address& from, const pbft::PbftMessage& status) {
    node.told[from] = std::max(node.told[from], status.height);
    if (node.told.size() + 1 < pbft::quorum(options_.n)) return;
    for (const auto& [validator, height] : node.told) node.silent_to = std::max(node.silent_to, height + 2);
    node.is_listening = false;
    note("listened before its first vote");
}

template <pbft::Mutant mutant>
void PbftCluster<mutant>::happen(Clog& it) {
    if (!is_healed_) cut_[it.link] = std::max(cut_[it.link], it.until);
}

/// Stops in good order, with all that it has on disk, and starts again; then the next one does.
template <pbft::Mutant mutant>
void PbftCluster<mutant>::happen(Upgrade& it) {
    if (is_healed_ || it.node >= nodes_.size()) return;
    if (Node& node = nodes_[it.node]; node.is_up && !node.is_damaged) {
        note("upgrade");
        if (node.writing) node.record = std::move(node.writing);
        node.writing = nullptr;
        crash(it.node, 50);
    }
    schedule_.at(schedule_.now() + crash_.between(500, 3000), tie(), Upgrade{it.node + 1});
}

template <pbft::Mutant mutant>
void PbftCluster<mutant>::happen(Scripted& it) {
    const PbftFault& fault = options_.script[it.fault];
    const std::int64_t until = schedule_.now() + fault.for_ms;
    Node& node = nodes_[fault.node];
    switch (fault.kind) {
        case PbftFault::crash: crash(fault.node, fault.for_ms); break;
        case PbftFault::cut: cut_[fault.node * nodes_.size() + fault.to] = until; break;
        case PbftFault::isolate:
            for (std::size_t j = 0; j < nodes_.size(); ++j) {
                cut_[fault.node * nodes_.size() + j] = cut_[j * nodes_.size() + fault.node] = until;
            }
            break;
        case PbftFault::full_disk: node.full_until = until; break;
        case PbftFault::damage:
            node.is_damaged = true;
            crash(fault.node, fault.for_ms);
            damage(fault.node);
            break;
        default: node.skew_ms += fault.for_ms;
    }
}

}  // namespace weft::model
