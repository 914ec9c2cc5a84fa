#include "crypto/bls12_381.hpp"

#include <gtest/gtest.h>

#include "base/fixtures.hpp"
#include "base/hex.hpp"
#include "base/u256.hpp"
#include "crypto/bls12_381_curve.hpp"
#include "crypto/vectors.hpp"

namespace weft::crypto {
namespace {

TEST(bls12_381, precompile_vectors) {
    const auto archive = fixture("precompile-vectors");
    if (!archive) GTEST_SKIP();
    const struct {
        const char* name;
        std::optional<Bytes> (*run)(BytesView);
    } table[] = {
        {"blsG1Add", bls_g1_add},      {"blsG1Mul", bls_g1_msm},    {"blsG1MultiExp", bls_g1_msm},
        {"blsG2Add", bls_g2_add},      {"blsG2Mul", bls_g2_msm},    {"blsG2MultiExp", bls_g2_msm},
        {"blsPairing", bls_pairing},   {"blsMapG1", bls_map_fp_to_g1}, {"blsMapG2", bls_map_fp2_to_g2},
    };
    for (const auto& [name, run] : table) {
        for (const auto* prefix : {"", "fail-"}) {
            for (const auto& vector : read_precompile_vectors(*archive, prefix + std::string(name) + ".json")) {
                SCOPED_TRACE(prefix + std::string(name) + " " + vector.name);
                const auto got = run(vector.input);
                EXPECT_EQ(got.has_value(), !vector.must_fail);
                if (got) EXPECT_EQ(*got, vector.expected);
            }
        }
    }
}

}  // namespace
}  // namespace weft::crypto
