#include "crypto/bn254.hpp"

#include <gtest/gtest.h>

#include "base/fixtures.hpp"
#include "base/hex.hpp"
#include "base/u256.hpp"
#include "crypto/vectors.hpp"

namespace weft::crypto {
namespace {

TEST(bn254, precompile_vectors) {
    const auto archive = fixture("precompile-vectors");
    if (!archive) GTEST_SKIP();
    const struct {
        const char* file;
        std::optional<Bytes> (*run)(BytesView);
    } table[] = {
        {"bn256Add.json", bn254_add},
        {"bn256ScalarMul.json", bn254_multiply},
        {"bn256Pairing.json", bn254_pairing},
    };
    for (const auto& [file, run] : table) {
        for (const auto& vector : read_precompile_vectors(*archive, file)) {
            SCOPED_TRACE(std::string(file) + " " + vector.name);
            EXPECT_EQ(run(vector.input), vector.expected);
        }
    }
}

}  // namespace
}  // namespace weft::crypto
