#include "evm/tracer/four_byte.hpp"

#include "base/hex.hpp"
#include "base/json.hpp"

namespace weft::evm {

void FourByteTracer::on_enter(const TraceEnter& enter) {
    constexpr std::size_t selector_size = 4;
    const auto kind = enter.message.kind;
    if (kind == CallKind::create || kind == CallKind::create2 || enter.is_precompile) return;
    const auto input = enter.message.input;
    if (input.size() < selector_size) return;
    ++counts_[to_hex(input.first(selector_size)) + "-" + std::to_string(input.size() - selector_size)];
}

std::string FourByteTracer::result() const {
    json::Writer out;
    out.begin_object();
    for (const auto& [name, count] : counts_) out.key(name).unsigned_integer(count);
    out.end_object();
    return out.take();
}

}  // namespace weft::evm
