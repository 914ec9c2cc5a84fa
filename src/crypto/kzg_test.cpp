#include "crypto/kzg.hpp"

#include <gtest/gtest.h>

#include "base/fixtures.hpp"
#include "base/hex.hpp"
#include "crypto/vectors.hpp"

namespace weft::crypto {
namespace {

TEST(kzg, precompile_vectors) {
    const auto archive = fixture("precompile-vectors");
    if (!archive) GTEST_SKIP();
    for (const auto& vector : read_precompile_vectors(*archive, "pointEvaluation.json")) {
        SCOPED_TRACE(vector.name);
        EXPECT_EQ(kzg_point_evaluation(vector.input), vector.expected);
    }
}

}  // namespace
}  // namespace weft::crypto
