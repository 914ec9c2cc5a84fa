#include "chain/memory.hpp"

#include "base/result.hpp"
#include "evm/code.hpp"

namespace weft::chain {

namespace {

std::string key_of(const Hash& owner, NibblesView path) {
    std::string key(as_text(owner));
    key += as_text(path);
    return key;
}

}  // namespace

Bytes MemoryNodes::node(const Hash& owner, NibblesView path) {
    const auto found = nodes_.find(key_of(owner, path));
    return found == nodes_.end() ? Bytes{} : found->second;
}

void MemoryNodes::put(std::span<const NodeChange> changes) {
    for (const auto& change : changes) {
        if (change.rlp.empty()) {
            nodes_.erase(key_of(change.owner, change.path));
        } else {
            nodes_[key_of(change.owner, change.path)] = change.rlp;
        }
    }
}

void MemoryCodes::put(std::span<const CodeChange> codes) {
    for (const auto& change : codes) codes_[change.code_hash] = change.code;
}

evm::CodePtr MemoryCodes::code(const Hash& code_hash) const {
    if (code_hash == empty_code_hash) return evm::empty_code();
    const auto found = codes_.find(code_hash);
    WEFT_ASSERT(found != codes_.end());
    return found->second;
}

}  // namespace weft::chain
