#include "service/proxy/block_ref.hpp"

#include <array>

#include "base/hex.hpp"
#include "net/rpc_scan.hpp"

namespace weft::service::proxy {

namespace {

constexpr std::size_t items_max = 8;

/// A block as one value: a tag, a number, a hash, or EIP-1898's object.
struct Named {
    std::optional<std::uint64_t> number;
    bool moving = false;
    bool rewritten = false;
};

Named name_block(std::string_view value, const Heads* heads) {
    const auto tag = [&](std::uint64_t number) -> Named {
        if (heads == nullptr || heads->served() == 0) return {{}, true, false};
        return {number, false, true};
    };
    if (value.empty() || value == "null" || value == "\"latest\"") return tag(heads ? heads->served() : 0);
    if (value == "\"safe\"") return heads && heads->knows_final() ? tag(heads->safe()) : Named{{}, true, false};
    if (value == "\"finalized\"") return heads && heads->knows_final() ? tag(heads->final()) : Named{{}, true, false};
    if (value == "\"pending\"") return {{}, true, false};
    if (value == "\"earliest\"") return {0, false, false};
    if (const auto number = quantity_of(value)) return {number, false, false};
    if (value.starts_with('{')) {
        if (const auto number = quantity_of(net::member_of(value, "blockNumber"))) return {number, false, false};
        return {{}, net::member_of(value, "blockHash").empty(), false};
    }
    return {{}, !value.starts_with("\"0x"), false};  // a hash; or what nobody knows
}

ResolvedCall resolve_logs(std::string params, const Heads* heads) {
    ResolvedCall out;
    std::array<std::string_view, 1> items;
    if (net::items_of(params, items.data(), 1) != 1 || !items[0].starts_with('{')) {
        out.block.moving = true;
        out.params = std::move(params);
        return out;
    }
    const std::string_view object = items[0];
    if (!net::member_of(object, "blockHash").empty()) {
        out.params = std::move(params);
        return out;
    }
    const std::string_view from_text = net::member_of(object, "fromBlock");
    const std::string_view to_text = net::member_of(object, "toBlock");
    const Named from = name_block(from_text, heads);
    const Named to = name_block(to_text, heads);
    out.block = {to.number, from.number, from.moving || to.moving};
    if (!from.rewritten && !to.rewritten) {
        out.params = std::move(params);
        return out;
    }
    std::string text = "[{";
    const auto add = [&](std::string_view name, const Named& block, std::string_view raw) {
        if (text.size() > 2) text.push_back(',');
        text.append("\"").append(name).append("\":");
        if (block.rewritten) {
            text.append(quantity_text(*block.number));
        } else {
            text.append(raw.empty() ? "null" : raw);
        }
    };
    add("fromBlock", from, from_text);
    add("toBlock", to, to_text);
    for (const std::string_view name : {"address", "topics"}) {
        if (const auto value = net::member_of(object, name); !value.empty()) {
            text.append(",\"").append(name).append("\":").append(value);
        }
    }
    out.params = text.append("}]");
    return out;
}

}  // namespace

std::optional<std::uint64_t> quantity_of(std::string_view json) {
    if (json.size() < 5 || json.size() > 20 || !json.starts_with("\"0x") || json.back() != '"') return std::nullopt;
    const auto number = quantity_from_hex(json.substr(1, json.size() - 2));
    return number ? std::optional(*number) : std::nullopt;
}

std::string quantity_text(std::uint64_t number) { return "\"" + to_quantity(number) + "\""; }

ResolvedCall resolve(const Method& method, std::string_view params, const Heads* heads) {
    std::string text = params.empty() ? "[]" : net::without_space(params);
    if (method.kind == Kind::logs) return resolve_logs(std::move(text), heads);
    ResolvedCall out;
    if (method.block < 0) {
        out.params = std::move(text);
        return out;
    }
    const auto index = static_cast<std::size_t>(method.block);
    std::array<std::string_view, items_max> items;
    const std::size_t count = net::items_of(text, items.data(), items.size());
    const bool fits = count <= items.size() && count >= index && (count > index || index > 0);
    if (!fits) {
        out.block.moving = true;
        out.params = std::move(text);
        return out;
    }
    const std::string_view value = count > index ? items[index] : std::string_view();
    const Named block = name_block(value, heads);
    out.block = {block.number, {}, block.moving};
    if (!block.rewritten) {
        out.params = std::move(text);
    } else if (count > index) {
        const auto at = static_cast<std::size_t>(value.data() - text.data());
        out.params.reserve(text.size() + 12);
        out.params.append(text, 0, at).append(quantity_text(*block.number));
        out.params.append(text, at + value.size());
    } else {
        text.pop_back();
        out.params = std::move(text);
        out.params.append(",").append(quantity_text(*block.number)).append("]");
    }
    return out;
}

}  // namespace weft::service::proxy
