#include "crypto/modexp.hpp"

#include <gmp.h>

namespace weft::crypto {

namespace {

class Integer {
  public:
    Integer() { mpz_init(value_); }
    explicit Integer(BytesView big_endian) : Integer() {
        mpz_import(value_, big_endian.size(), 1, 1, 1, 0, big_endian.data());
    }
    ~Integer() { mpz_clear(value_); }
    Integer(const Integer&) = delete;
    Integer& operator=(const Integer&) = delete;

    mpz_ptr get() { return value_; }

  private:
    mpz_t value_;
};

}  // namespace

Bytes modexp(BytesView base, BytesView exponent, BytesView modulus) {
    Bytes out(modulus.size());
    Integer m(modulus);
    if (mpz_cmp_ui(m.get(), 1) <= 0) return out;
    Integer b(base);
    Integer e(exponent);
    mpz_powm(b.get(), b.get(), e.get(), m.get());
    const std::size_t size = (mpz_sizeinbase(b.get(), 2) + 7) / 8;
    mpz_export(out.data() + (out.size() - size), nullptr, 1, 1, 1, 0, b.get());  // writes nothing for 0
    return out;
}

}  // namespace weft::crypto
