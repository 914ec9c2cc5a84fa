#include "app/bench_precompiles.hpp"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "app/bench_library.hpp"
#include "app/cpu_time.hpp"
#include "base/hex.hpp"
#include "base/json.hpp"
#include "chain/fork.hpp"
#include "crypto/bls12_381.hpp"
#include "crypto/bn254.hpp"
#include "crypto/secp256k1.hpp"
#include "evm/precompile.hpp"

namespace weft::app {

namespace {

constexpr std::int64_t repetition_ns = 20'000'000;

struct Row {
    std::string name;
    std::uint16_t number;  // the precompile's address
    Bytes input;
    std::string library;
    LibraryCall call;      // empty: none to compare with

    [[nodiscard]] Address address() const { return Address::from(U256(number).to_hash().view().subspan(12)); }

    std::int64_t gas = 0;
    double ns = 0;
    double library_ns = 0;

    [[nodiscard]] double mgas_per_s() const { return static_cast<double>(gas) * 1000 / ns; }
};

Bytes word(const U256& value) { return to_bytes(value.to_hash()); }
Bytes joined(std::initializer_list<Bytes> parts) {
    Bytes out;
    for (const auto& part : parts) append(out, part);
    return out;
}
/// Bytes that are the same in every run.
Bytes filler(std::size_t size, std::uint64_t seed = 1) {
    Bytes out(size);
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(mix64(seed * 1'000'003 + i));
    return out;
}
template <class Make>
Bytes repeated(std::size_t count, Make&& make) {
    Bytes out;
    for (std::size_t i = 0; i < count; ++i) append(out, make(i + 1));
    return out;
}

// --- inputs

Bytes recovery_input() {
    const Hash message = Hash::from(filler(32));
    const auto signature = *crypto::sign(message, U256(4711).to_hash());
    return joined({to_bytes(message), word(27 + signature.y_parity), to_bytes(signature.r), to_bytes(signature.s)});
}

struct Modexp {
    std::size_t base, exponent, modulus;
    bool even = false;
    std::optional<std::uint64_t> small_exponent = std::nullopt;
};
/// Numbers as large as their sizes say, but for the exponent if a small one is wanted.
Bytes modexp_input(const Modexp& sizes) {
    Bytes base = filler(sizes.base, 2), exponent = filler(sizes.exponent, 3), modulus = filler(sizes.modulus, 4);
    for (auto* const number : {&base, &exponent, &modulus}) {
        if (!number->empty()) number->front() = 0xff;
    }
    if (sizes.small_exponent) {
        exponent.assign(sizes.exponent, 0);
        const Bytes value = word(*sizes.small_exponent);
        std::copy(value.end() - static_cast<std::ptrdiff_t>(std::min<std::size_t>(sizes.exponent, 8)), value.end(),
                  exponent.end() - static_cast<std::ptrdiff_t>(std::min<std::size_t>(sizes.exponent, 8)));
    }
    modulus.back() = sizes.even ? 0xfe : 0xff;
    return joined({word(sizes.base), word(sizes.exponent), word(sizes.modulus), base, exponent, modulus});
}

Bytes bn254_g1(std::uint64_t seed) { return *crypto::bn254_multiply(joined({word(1), word(2), filler(32, seed)})); }
/// The generator that EIP-197 names.
const Bytes& bn254_g2() {
    static const Bytes point = *from_hex(
        "0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2"
        "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed"
        "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b"
        "12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa");
    return point;
}
Bytes bn254_pair(std::uint64_t seed) { return joined({bn254_g1(seed), bn254_g2()}); }

Bytes bls_fp(std::uint64_t seed) {
    Bytes out(64);
    const Bytes value = filler(47, seed);  // below the prime
    std::ranges::copy(value, out.begin() + 17);
    return out;
}
Bytes bls_g1(std::uint64_t seed) { return *crypto::bls_map_fp_to_g1(bls_fp(seed)); }
Bytes bls_g2(std::uint64_t seed) { return *crypto::bls_map_fp2_to_g2(joined({bls_fp(seed), bls_fp(seed + 1000)})); }
Bytes g1_term(std::uint64_t seed) { return joined({bls_g1(seed), filler(32, seed)}); }
Bytes g2_term(std::uint64_t seed) { return joined({bls_g2(seed), filler(32, seed)}); }
Bytes bls_pair(std::uint64_t seed) { return joined({bls_g1(seed), bls_g2(seed)}); }

Bytes blake2_input(std::uint32_t rounds) {
    Bytes out(4);
    for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(rounds >> (24 - 8 * i));
    append(out, filler(208));
    out.push_back(1);
    return out;
}

/// The example of EIP-4844's tests.
Bytes point_evaluation_input() {
    return *from_hex(
        "0x01e798154708fe7789429634053cbf9f99b619f9f084048927333fce637f549b"
        "564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d36306"
        "24d25032e67a7e6a4910df5834b8fe70e6bcfeeac0352434196bdf4b2485d5a1"
        "8f59a8d2a1a625a17f3fea0fe5eb8c896db3764f3185481bc22f91b4aaffcca25f26936857bc3a7c2539ea8ec3a952b7"
        "873033e038326e87ed3e1276fd140253fa08e9fc25fb2d9a98527fc22a2c9612fbeafdad446cbc7bcdbdcd780af2c16a");
}
/// RFC 6979, A.2.5, with "sample".
Bytes p256_input() {
    return *from_hex(
        "0xaf2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf"
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
        "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
}

// --- rows

class Rows {
  public:
    explicit Rows(const Blst* blst) : blst_(blst) {
        const Bytes recovery = recovery_input();
        add("ecrecover", 0x01, recovery, "libsecp256k1", secp256k1_recover(recovery));
        add_hashes();
        add_modexp();
        add_bn254();
        add_bls();
        add("p256verify", 0x100, p256_input(), "OpenSSL", openssl_p256(p256_input()));
    }
    std::vector<Row> all;

  private:
    void add(std::string name, std::uint16_t number, Bytes input, std::string library = {}, LibraryCall call = {}) {
        all.push_back({std::move(name), number, std::move(input), std::move(library), std::move(call)});
    }
    void add_hashes() {
        for (const std::size_t size : {0, 32, 1024, 65536}) {
            const Bytes input = filler(size);
            const std::string of = size < 1024 ? fmt::format("{} B", size) : fmt::format("{} kB", size / 1024);
            add("sha256 " + of, 0x02, input, "OpenSSL", openssl_sha256(input));
            add("ripemd160 " + of, 0x03, input, "OpenSSL", openssl_ripemd160(input));
            add("identity " + of, 0x04, input);
        }
        for (const std::uint32_t rounds : {0, 1, 12, 1'000'000}) {
            add(fmt::format("blake2f {} rounds", rounds), 0x09, blake2_input(rounds));
        }
    }
    void add_modexp() {
        const struct {
            const char* name;
            Modexp sizes;
        } table[] = {
            {"modexp 1 B", {1, 1, 1}},
            {"modexp 32 B", {32, 32, 32}},
            {"modexp 32 B even", {32, 32, 32, true}},
            {"modexp 32 B, exponent 3", {32, 1, 32, false, 3}},
            {"modexp 40 B", {40, 32, 40}},
            {"modexp 64 B", {64, 64, 64}},
            {"modexp 128 B", {128, 128, 128}},
            {"modexp 256 B, exponent 65537", {256, 3, 256, false, 65537}},
            {"modexp 256 B", {256, 256, 256}},
            {"modexp 256 B even", {256, 256, 256, true}},
            {"modexp 512 B, exponent 32 B", {512, 32, 512}},
            {"modexp 1024 B, exponent 0", {1024, 1, 1024, false, 0}},
            {"modexp 1024 B, exponent 2", {1024, 1, 1024, false, 2}},
            {"modexp 1024 B, exponent 3", {1024, 1, 1024, false, 3}},
            {"modexp 1024 B, exponent 3, even", {1024, 1, 1024, true, 3}},
            {"modexp 1024 B, exponent 32 B", {1024, 32, 1024}},
            {"modexp 1024 B, exponent 32 B, even", {1024, 32, 1024, true}},
            {"modexp 1024 B by 32 B, exponent 32 B", {1024, 32, 32}},
            {"modexp 32 B by 1024 B, exponent 32 B", {32, 32, 1024}},
            {"modexp 1 B, exponent 1024 B", {1, 1024, 1}},
            {"modexp 8 B, exponent 1024 B", {8, 1024, 8}},
            {"modexp 32 B, exponent 1024 B, even", {32, 1024, 32, true}},
        };
        for (const auto& [name, sizes] : table) {
            const Bytes input = modexp_input(sizes);
            add(name, 0x05, input, "GMP", gmp_modexp(input));
        }
    }
    void add_bn254() {
        add("bn254 add", 0x06, joined({bn254_g1(1), bn254_g1(2)}));
        add("bn254 double", 0x06, joined({bn254_g1(1), bn254_g1(1)}));
        add("bn254 multiply", 0x07, joined({bn254_g1(1), filler(32, 9)}));
        add("bn254 multiply by 2^256 - 1", 0x07, joined({bn254_g1(1), Bytes(32, 0xff)}));
        for (const std::size_t pairs : {0, 1, 2, 3, 10})
            add(fmt::format("bn254 pairing {}", pairs), 0x08, repeated(pairs, bn254_pair));
    }
    void add_bls() {
        with_blst("kzg point evaluation", 0x0a, point_evaluation_input());
        with_blst("bls g1 add", 0x0b, joined({bls_g1(1), bls_g1(2)}));
        with_blst("bls g2 add", 0x0d, joined({bls_g2(1), bls_g2(2)}));
        for (const std::size_t terms : {1, 2, 16, 128}) {
            with_blst(fmt::format("bls g1 msm {}", terms), 0x0c, repeated(terms, g1_term));
            with_blst(fmt::format("bls g2 msm {}", terms), 0x0e, repeated(terms, g2_term));
        }
        for (std::size_t pairs = 1; pairs <= 8; ++pairs)
            with_blst(fmt::format("bls pairing {}", pairs), 0x0f, repeated(pairs, bls_pair));
        with_blst("bls map to g1", 0x10, bls_fp(1));
        with_blst("bls map to g2", 0x11, joined({bls_fp(1), bls_fp(2)}));
    }
    void with_blst(std::string name, std::uint16_t number, const Bytes& input) {
        add(std::move(name), number, input, "blst", blst_ == nullptr ? LibraryCall{} : blst_->call(number, input));
    }

    const Blst* blst_;
};

// --- measuring

/// CPU nanoseconds of one call: the lowest of some repetitions, each of as many calls as it takes to be seen.
template <class Call>
double measure(int repetitions, Call&& call) {
    std::int64_t calls = 1;
    for (;; calls *= 4) {
        const std::int64_t start = thread_cpu_ns();
        for (std::int64_t i = 0; i < calls; ++i) call();
        const std::int64_t took = thread_cpu_ns() - start;
        if (took < repetition_ns / 8) continue;
        calls = std::max<std::int64_t>(1, calls * repetition_ns / std::max<std::int64_t>(took, 1));
        break;
    }
    double best = std::numeric_limits<double>::max();
    for (int repetition = 0; repetition < repetitions; ++repetition) {
        const std::int64_t start = thread_cpu_ns();
        for (std::int64_t i = 0; i < calls; ++i) call();
        best = std::min(best, static_cast<double>(thread_cpu_ns() - start) / static_cast<double>(calls));
    }
    return best;
}

Result<void> run(Row& row, evm::Revision revision, int repetitions) {
    const Address address = row.address();
    constexpr std::int64_t gas = 1LL << 40;
    const auto result = evm::call_precompile(address, revision, row.input, gas);
    if (result.status != evm::Status::success) return fail(ErrorCode::internal, row.name + ": refused its input");
    row.gas = gas - result.gas_left;
    row.ns = measure(repetitions, [&] { (void)evm::call_precompile(address, revision, row.input, gas); });
    if (!row.call) return {};
    if (!row.call()) return fail(ErrorCode::internal, row.name + ": " + row.library + " refused its input");
    row.library_ns = measure(repetitions, [&] { (void)row.call(); });
    return {};
}

void print(const std::vector<Row>& rows) {
    fmt::print("{:<40}{:>14}{:>12}{:>10}  {:<14}{:>14}{:>8}\n", "precompile", "ns", "gas", "Mgas/s", "library",
               "its ns", "ratio");
    for (const auto& row : rows) {
        fmt::print("{:<40}{:>14.1f}{:>12}{:>10.0f}", row.name, row.ns, row.gas, row.mgas_per_s());
        if (row.library_ns > 0) {
            fmt::print("  {:<14}{:>14.1f}{:>8.2f}", row.library, row.library_ns, row.ns / row.library_ns);
        }
        fmt::print("\n");
    }
}

void print_json(const std::vector<Row>& rows) {
    json::Writer writer;
    writer.begin_array();
    for (const auto& row : rows) {
        writer.begin_object().string("name", row.name).key("ns").real(row.ns).key("gas").integer(row.gas);
        writer.key("mgas_per_s").real(row.mgas_per_s());
        if (row.library_ns > 0) {
            writer.string("library", row.library).key("library_ns").real(row.library_ns);
            writer.key("ratio").real(row.ns / row.library_ns);
        }
        writer.end_object();
    }
    writer.end_array();
    fmt::print("{}\n", writer.text());
}

}  // namespace

Result<void> bench_precompiles(const BenchPrecompilesOptions& options) {
    const auto fork = chain::fork_from_fixture_name(options.fork);
    if (!fork) return fail(ErrorCode::invalid_argument, "no such fork: " + options.fork);
    const auto revision = chain::revision_of(*fork);
    std::unique_ptr<Blst> blst;
    if (options.blst.empty()) {
        fmt::print(stderr, "blst: absent (give its shared library with --blst)\n");
    } else {
        WEFT_TRY(blst, Blst::open(options.blst));
    }
    std::vector<Row> rows = Rows(blst.get()).all;
    std::erase_if(rows, [&](const Row& row) {
        return !row.name.contains(options.filter) || !evm::is_precompile(row.address(), revision);
    });
    for (auto& row : rows) WEFT_CHECK(run(row, revision, options.repetitions));
    if (options.json) {
        print_json(rows);
    } else {
        print(rows);
    }
    return {};
}

}  // namespace weft::app
