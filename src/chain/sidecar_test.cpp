// What a blob transaction on its way to a block must show of its blobs.

#include <gtest/gtest.h>

#include <functional>

#include "chain/validate.hpp"
#include "crypto/kzg.hpp"
#include "crypto/kzg_blob.hpp"

namespace weft::chain {
namespace {

/// Blobs of zeros: commitment and all proofs are infinity.
SignedTransaction with_blobs(std::size_t count, std::uint8_t version) {
    Bytes infinity(48);
    infinity[0] = 0xc0;
    BlobSidecar sidecar;
    sidecar.version = version;
    sidecar.blobs.assign(count, Bytes(crypto::blob_size));
    sidecar.commitments.assign(count, infinity);
    sidecar.proofs.assign(count * (version == 0 ? 1 : crypto::cells_per_blob), infinity);
    SignedTransaction out;
    out.transaction.type = TransactionType::blob;
    out.transaction.blob_hashes.assign(count, crypto::kzg_to_versioned_hash(infinity));
    out.sidecar = std::make_shared<const BlobSidecar>(std::move(sidecar));
    return out;
}

Checked<void> check(const SignedTransaction& transaction, Fork fork) {
    if (auto checked = validate_sidecar(transaction, rules_of_fork(fork)); !checked) return checked;
    return validate_blob_proofs(*transaction.sidecar);
}

TEST(sidecar, blobs_that_are_what_their_proofs_show_pass) {
    EXPECT_TRUE(check(with_blobs(2, 0), Fork::prague));
    EXPECT_TRUE(check(with_blobs(2, 1), Fork::osaka));
}

TEST(sidecar, anything_else_is_refused) {
    const struct {
        const char* name;
        std::function<void(SignedTransaction&, BlobSidecar&)> change;
        const char* why;
    } table[] = {
        {"other version", [](auto&, auto& sidecar) { sidecar.version ^= 1; }, "version"},
        {"blob missing", [](auto&, auto& sidecar) { sidecar.blobs.pop_back(); }, "wrong number"},
        {"commitment missing", [](auto&, auto& sidecar) { sidecar.commitments.pop_back(); }, "wrong number"},
        {"proof missing", [](auto&, auto& sidecar) { sidecar.proofs.pop_back(); }, "wrong number"},
        {"proof too many", [](auto&, auto& sidecar) { sidecar.proofs.push_back(sidecar.proofs[0]); }, "wrong number"},
        {"short blob", [](auto&, auto& sidecar) { sidecar.blobs[1].pop_back(); }, "wrong size"},
        {"long commitment", [](auto&, auto& sidecar) { sidecar.commitments[1].push_back(0); }, "wrong size"},
        {"short proof", [](auto&, auto& sidecar) { sidecar.proofs[1].pop_back(); }, "wrong size"},
        {"other hash", [](auto& tx, auto&) { tx.transaction.blob_hashes[1].bytes[9] ^= 1; }, "blob 1 mismatches"},
        {"other blob", [](auto&, auto& sidecar) { sidecar.blobs[1][777] = 1; }, "blob 1 is not what its proofs show"},
        {"other proof", [](auto&, auto& sidecar) { sidecar.proofs.back()[0] = 0; }, "blob 1 is not what its proofs"},
    };
    for (const auto& [version, fork] : {std::pair{std::uint8_t{0}, Fork::prague}, {std::uint8_t{1}, Fork::osaka}}) {
        for (const auto& [name, change, why] : table) {
            SCOPED_TRACE(std::string(name) + ", version " + std::to_string(version));
            SignedTransaction tx = with_blobs(2, version);
            BlobSidecar sidecar = *tx.sidecar;
            change(tx, sidecar);
            tx.sidecar = std::make_shared<const BlobSidecar>(std::move(sidecar));
            const auto checked = check(tx, fork);
            ASSERT_FALSE(checked);
            EXPECT_EQ(checked.error().rule, Rule::sidecar_mismatch);
            EXPECT_TRUE(checked.error().message.contains(why)) << checked.error().message;
        }
    }
}

}  // namespace
}  // namespace weft::chain
