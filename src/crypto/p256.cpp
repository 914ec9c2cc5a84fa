#include "crypto/p256.hpp"

#include <memory>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include "base/result.hpp"

namespace weft::crypto {

namespace {

constexpr std::size_t word_size = 32;

struct Deleter {
    void operator()(BN_CTX* context) const { BN_CTX_free(context); }
    void operator()(EC_POINT* point) const { EC_POINT_free(point); }
    void operator()(EC_GROUP* group) const { EC_GROUP_free(group); }
    void operator()(BIGNUM* number) const { BN_free(number); }
};
template <class T>
using Owned = std::unique_ptr<T, Deleter>;

struct Curve {
    Owned<EC_GROUP> group{EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)};
    Owned<BIGNUM> prime{BN_new()};
    Curve() {
        WEFT_ASSERT(group && prime);
        WEFT_ASSERT(EC_GROUP_get_curve(group.get(), prime.get(), nullptr, nullptr, nullptr) == 1);
    }
};

/// Made once and only read afterwards, so one serves all threads.
const Curve& curve() {
    static const Curve instance;
    return instance;
}

/// Numbers that live until the frame is left.
class Frame {
  public:
    Frame() : context_(BN_CTX_new()) {
        WEFT_ASSERT(context_);
        BN_CTX_start(context_.get());
    }
    ~Frame() { BN_CTX_end(context_.get()); }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

    [[nodiscard]] BIGNUM* number() { return BN_CTX_get(context_.get()); }
    [[nodiscard]] BIGNUM* read(const std::uint8_t* word) { return BN_bin2bn(word, word_size, number()); }
    [[nodiscard]] BN_CTX* context() { return context_.get(); }

  private:
    Owned<BN_CTX> context_;
};

bool in_scalar_range(const BIGNUM* value, const BIGNUM* order) {
    return !BN_is_zero(value) && BN_cmp(value, order) < 0;
}

}  // namespace

bool p256_verify(BytesView input160) {
    if (input160.size() != 5 * word_size) return false;
    const std::uint8_t* const words = input160.data();
    const EC_GROUP* const group = curve().group.get();
    const BIGNUM* const order = EC_GROUP_get0_order(group);

    // Not ECDSA_do_verify on a key object: it multiplies the public key by the order to check it, which on a curve of
    // prime order says nothing that being on the curve doesn't, and takes as long as the verification.
    Frame frame;
    BIGNUM* const hash = frame.read(words);
    BIGNUM* const r = frame.read(words + word_size);
    BIGNUM* const s = frame.read(words + 2 * word_size);
    BIGNUM* const x = frame.read(words + 3 * word_size);
    BIGNUM* const y = frame.read(words + 4 * word_size);
    if (!in_scalar_range(r, order) || !in_scalar_range(s, order)) return false;
    if (BN_cmp(x, curve().prime.get()) >= 0 || BN_cmp(y, curve().prime.get()) >= 0) return false;

    const Owned<EC_POINT> key(EC_POINT_new(group));
    const Owned<EC_POINT> sum(EC_POINT_new(group));
    BIGNUM* const inverse = frame.number();
    BIGNUM* const u1 = frame.number();
    BIGNUM* const u2 = frame.number();
    WEFT_ASSERT(key && sum && u2 != nullptr);
    // Fails for a point that is not on the curve, (0, 0) among them.
    if (EC_POINT_set_affine_coordinates(group, key.get(), x, y, frame.context()) != 1) return false;
    if (BN_mod_inverse(inverse, s, order, frame.context()) == nullptr ||
        BN_mod_mul(u1, hash, inverse, order, frame.context()) != 1 ||
        BN_mod_mul(u2, r, inverse, order, frame.context()) != 1 ||
        EC_POINT_mul(group, sum.get(), u1, key.get(), u2, frame.context()) != 1 ||
        EC_POINT_is_at_infinity(group, sum.get()) == 1 ||
        EC_POINT_get_affine_coordinates(group, sum.get(), x, nullptr, frame.context()) != 1) {
        return false;
    }
    return BN_nnmod(x, x, order, frame.context()) == 1 && BN_cmp(x, r) == 0;
}

}  // namespace weft::crypto
