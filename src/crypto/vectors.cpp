#include "crypto/vectors.hpp"

#include "base/fixtures.hpp"
#include "base/hex.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace weft::crypto {

std::vector<PrecompileVector> read_precompile_vectors(const std::filesystem::path& archive, std::string_view file) {
    const auto document = json::parse(read_fixture(archive / "geth-precompiles" / file));
    WEFT_ASSERT(document && document->is_array());
    const auto bytes = [](const json::Value& digits) {
        auto out = from_hex("0x" + digits.text());
        WEFT_ASSERT(out);
        return *std::move(out);
    };
    std::vector<PrecompileVector> out;
    for (const auto& item : document->items()) {
        const bool must_fail = item.find("ExpectedError") != nullptr;
        out.push_back({item["Name"].text(), bytes(item["Input"]), bytes(item["Expected"]), must_fail});
    }
    WEFT_ASSERT(!out.empty());
    return out;
}

}  // namespace weft::crypto
