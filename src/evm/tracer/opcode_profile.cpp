#include "evm/tracer/opcode_profile.hpp"

#include "base/hex.hpp"
#include "base/json.hpp"
#include "evm/opcode.hpp"

namespace weft::evm {

namespace {

constexpr std::size_t selector_size = 4;
/// A node's text, and its counters.
constexpr std::uint64_t node_size_about = 5'000;

bool is_creation(CallKind kind) { return kind == CallKind::create || kind == CallKind::create2; }

std::string name_of(const TraceEnter& enter) {
    std::string out = to_hex(enter.to);
    if (is_creation(enter.message.kind)) return out + ":create";
    const auto input = enter.message.input;
    if (enter.is_precompile || input.size() < selector_size) return out;
    return out + ':' + to_hex_digits(input.first(selector_size));
}

}  // namespace

OpcodeProfileTracer::OpcodeProfileTracer(OpcodeProfileOptions options) : options_(options), nodes_(1) {}

std::size_t OpcodeProfileTracer::child_of(std::size_t parent, const std::string& name) {
    const auto found = nodes_[parent].children.find(name);
    if (found != nodes_[parent].children.end()) return found->second;
    if (options_.budget != nullptr && !options_.budget->take(node_size_about)) return parent;
    const std::size_t index = nodes_.size();
    nodes_[parent].children.emplace(name, index);
    nodes_.emplace_back();
    nodes_.back().name = name;
    nodes_.back().parent = parent;
    return index;
}

void OpcodeProfileTracer::on_enter(const TraceEnter& enter) {
    if (!open_.empty() && !is_creation(enter.message.kind)) {
        // The instruction was charged for what it takes along, and a stipend that comes on top makes it cheaper.
        auto& caller = open_.back();
        const auto along = static_cast<std::int64_t>(enter.message.gas);
        if (caller.last_opcode >= 0) {
            nodes_[caller.node].gas[static_cast<std::size_t>(caller.last_opcode)] -= along;
            caller.spent -= along;
        }
    }
    const std::size_t node = child_of(open_.empty() ? 0 : open_.back().node, name_of(enter));
    ++nodes_[node].calls;
    nodes_[node].is_precompile = enter.is_precompile;
    open_.push_back({node, 0, -1});
}

void OpcodeProfileTracer::on_exit(const TraceExit& exit) {
    const Open done = open_.back();
    open_.pop_back();
    Node& node = nodes_[done.node];
    const auto used = static_cast<std::int64_t>(exit.gas_used);
    if (const std::int64_t rest = used - done.spent; rest != 0) {
        // Code that is deposited, and what a failure takes.
        (node.is_precompile ? node.precompile_gas : node.lost_gas) += rest;
    }
    if (!open_.empty()) open_.back().spent += used;
}

void OpcodeProfileTracer::on_step(const TraceStep& step) { open_.back().last_opcode = step.opcode; }

void OpcodeProfileTracer::on_charged(std::int64_t gas_cost, Status status) {
    Open& frame = open_.back();
    if (frame.last_opcode < 0) return;
    Node& node = nodes_[frame.node];
    const auto opcode = static_cast<std::size_t>(frame.last_opcode);
    ++node.count[opcode];
    if (status > Status::revert) return;  // what it would have cost is not what was spent
    node.gas[opcode] += gas_cost;
    frame.spent += gas_cost;
}

std::vector<std::string> OpcodeProfileTracer::folded() const {
    std::vector<std::string> out;
    const auto add = [&](const std::string& path, std::string_view leaf, std::int64_t weight) {
        if (weight > 0) out.push_back(path + ';' + std::string(leaf) + ' ' + std::to_string(weight));
    };
    for (std::size_t i = 1; i < nodes_.size(); ++i) {
        const Node& node = nodes_[i];
        std::string path = node.name;
        for (auto at = node.parent; at != 0; at = nodes_[at].parent) path = nodes_[at].name + ';' + path;
        for (std::size_t opcode = 0; opcode < 256; ++opcode) {
            const auto weight = options_.unit == ProfileUnit::gas ? node.gas[opcode]
                                                                  : static_cast<std::int64_t>(node.count[opcode]);
            add(path, opcode_name(static_cast<std::uint8_t>(opcode)), weight);
        }
        if (options_.unit == ProfileUnit::count) {
            if (node.is_precompile) add(path, "(precompile)", static_cast<std::int64_t>(node.calls));
            continue;
        }
        add(path, "(precompile)", node.precompile_gas);
        add(path, "(deposit or lost)", node.lost_gas);
    }
    return out;
}

std::string OpcodeProfileTracer::result() const {
    const auto lines = folded();
    std::uint64_t total = 0;
    for (const auto& line : lines) total += std::stoull(line.substr(line.rfind(' ') + 1));
    json::Writer out;
    out.begin_object();
    out.string("by", options_.unit == ProfileUnit::gas ? "gas" : "count");
    out.key("total").unsigned_integer(total);
    out.key("folded").begin_array();
    for (const auto& line : lines) out.string(line);
    out.end_array().end_object();
    return out.take();
}

}  // namespace weft::evm
