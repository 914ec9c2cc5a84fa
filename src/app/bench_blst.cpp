// What blst does for the precompiles of EIP-2537 and EIP-4844, through the functions of its shared library.

#include <dlfcn.h>

#include <algorithm>
#include <array>

#include "app/bench_library.hpp"
#include "base/hex.hpp"

namespace weft::app {

namespace {

// blst's types, by their size alone.
struct alignas(8) Fp { std::array<std::uint8_t, 48> bytes; };
struct Fp2 { std::array<Fp, 2> parts; };
struct Fp12 { std::array<Fp, 12> parts; };
struct P1Affine { Fp x, y; };
struct P2Affine { Fp2 x, y; };
struct P1 { Fp x, y, z; };
struct P2 { Fp2 x, y, z; };
using Scalar = std::array<std::uint8_t, 32>;  // least significant byte first

/// [s]G2 of the trusted setup. @source EIP-4844, the ceremony's output.
constexpr std::string_view setup_g2 =
    "0xb5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72"
    "185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2";

Scalar to_scalar(const std::uint8_t* big_endian) {
    Scalar out;
    std::reverse_copy(big_endian, big_endian + out.size(), out.begin());
    return out;
}

}  // namespace

struct Blst::Functions {
    void* library = nullptr;
    void (*fp_from_bendian)(Fp*, const std::uint8_t*) = nullptr;
    void (*bendian_from_fp)(std::uint8_t*, const Fp*) = nullptr;
    bool (*p1_affine_on_curve)(const P1Affine*) = nullptr;
    bool (*p2_affine_on_curve)(const P2Affine*) = nullptr;
    bool (*p1_affine_in_g1)(const P1Affine*) = nullptr;
    bool (*p2_affine_in_g2)(const P2Affine*) = nullptr;
    void (*p1_from_affine)(P1*, const P1Affine*) = nullptr;
    void (*p2_from_affine)(P2*, const P2Affine*) = nullptr;
    void (*p1_to_affine)(P1Affine*, const P1*) = nullptr;
    void (*p2_to_affine)(P2Affine*, const P2*) = nullptr;
    void (*p1_add_or_double_affine)(P1*, const P1*, const P1Affine*) = nullptr;
    void (*p2_add_or_double_affine)(P2*, const P2*, const P2Affine*) = nullptr;
    void (*p1_add_or_double)(P1*, const P1*, const P1*) = nullptr;
    void (*p1_cneg)(P1*, bool) = nullptr;
    void (*p1_mult)(P1*, const P1*, const std::uint8_t*, std::size_t) = nullptr;
    void (*p2_mult)(P2*, const P2*, const std::uint8_t*, std::size_t) = nullptr;
    std::size_t (*p1s_mult_pippenger_scratch_sizeof)(std::size_t) = nullptr;
    std::size_t (*p2s_mult_pippenger_scratch_sizeof)(std::size_t) = nullptr;
    void (*p1s_mult_pippenger)(P1*, const P1Affine* const*, std::size_t, const std::uint8_t* const*, std::size_t,
                               std::uint64_t*) = nullptr;
    void (*p2s_mult_pippenger)(P2*, const P2Affine* const*, std::size_t, const std::uint8_t* const*, std::size_t,
                               std::uint64_t*) = nullptr;
    void (*miller_loop_n)(Fp12*, const P2Affine* const*, const P1Affine* const*, std::size_t) = nullptr;
    void (*final_exp)(Fp12*, const Fp12*) = nullptr;
    bool (*fp12_is_one)(const Fp12*) = nullptr;
    void (*map_to_g1)(P1*, const Fp*, const Fp*) = nullptr;
    void (*map_to_g2)(P2*, const Fp2*, const Fp2*) = nullptr;
    int (*p1_uncompress)(P1Affine*, const std::uint8_t*) = nullptr;
    int (*p2_uncompress)(P2Affine*, const std::uint8_t*) = nullptr;
    const P1* (*p1_generator)() = nullptr;
    const P2Affine* (*p2_affine_generator)() = nullptr;
    P2Affine setup{};

    ~Functions() {
        if (library != nullptr) dlclose(library);
    }

    template <class Function>
    void find(Function& function, const char* name, bool& all) const {
        function = reinterpret_cast<Function>(dlsym(library, name));
        all &= function != nullptr;
    }
    [[nodiscard]] bool find_all() {
        bool all = true;
#define WEFT_FIND(name) find(name, "blst_" #name, all)
        WEFT_FIND(fp_from_bendian), WEFT_FIND(bendian_from_fp);
        WEFT_FIND(p1_affine_on_curve), WEFT_FIND(p2_affine_on_curve);
        WEFT_FIND(p1_affine_in_g1), WEFT_FIND(p2_affine_in_g2);
        WEFT_FIND(p1_from_affine), WEFT_FIND(p2_from_affine), WEFT_FIND(p1_to_affine), WEFT_FIND(p2_to_affine);
        WEFT_FIND(p1_add_or_double_affine), WEFT_FIND(p2_add_or_double_affine), WEFT_FIND(p1_add_or_double);
        WEFT_FIND(p1_cneg), WEFT_FIND(p1_mult), WEFT_FIND(p2_mult);
        WEFT_FIND(p1s_mult_pippenger_scratch_sizeof), WEFT_FIND(p2s_mult_pippenger_scratch_sizeof);
        WEFT_FIND(p1s_mult_pippenger), WEFT_FIND(p2s_mult_pippenger);
        WEFT_FIND(miller_loop_n), WEFT_FIND(final_exp), WEFT_FIND(fp12_is_one);
        WEFT_FIND(map_to_g1), WEFT_FIND(map_to_g2), WEFT_FIND(p1_uncompress), WEFT_FIND(p2_uncompress);
        WEFT_FIND(p1_generator), WEFT_FIND(p2_affine_generator);
#undef WEFT_FIND
        return all;
    }

    // --- the EVM's encoding; whether an element is below the prime is not looked at

    [[nodiscard]] Fp read_fp(const std::uint8_t* from) const {
        Fp out;
        fp_from_bendian(&out, from + 16);
        return out;
    }
    [[nodiscard]] Fp2 read_fp2(const std::uint8_t* from) const { return {{read_fp(from), read_fp(from + 64)}}; }
    [[nodiscard]] bool read(P1Affine& out, const std::uint8_t* from) const {
        out = {read_fp(from), read_fp(from + 64)};
        return p1_affine_on_curve(&out);
    }
    [[nodiscard]] bool read(P2Affine& out, const std::uint8_t* from) const {
        out = {read_fp2(from), read_fp2(from + 128)};
        return p2_affine_on_curve(&out);
    }
    bool write(const P1& point) const {
        P1Affine affine;
        p1_to_affine(&affine, &point);
        std::array<std::uint8_t, 128> out{};
        bendian_from_fp(out.data() + 16, &affine.x);
        bendian_from_fp(out.data() + 80, &affine.y);
        return out[127] != 0 || out[126] != 0;
    }
    bool write(const P2& point) const {
        P2Affine affine;
        p2_to_affine(&affine, &point);
        std::array<std::uint8_t, 256> out{};
        for (std::size_t i = 0; i < 2; ++i) {
            bendian_from_fp(out.data() + 64 * i + 16, &affine.x.parts[i]);
            bendian_from_fp(out.data() + 128 + 64 * i + 16, &affine.y.parts[i]);
        }
        return out[255] != 0 || out[254] != 0;
    }

    // --- the precompiles

    [[nodiscard]] bool g1_add(const Bytes& in) const {
        P1Affine a, b;
        if (!read(a, in.data()) || !read(b, in.data() + 128)) return false;
        P1 sum;
        p1_from_affine(&sum, &a);
        p1_add_or_double_affine(&sum, &sum, &b);
        return write(sum);
    }
    [[nodiscard]] bool g2_add(const Bytes& in) const {
        P2Affine a, b;
        if (!read(a, in.data()) || !read(b, in.data() + 256)) return false;
        P2 sum;
        p2_from_affine(&sum, &a);
        p2_add_or_double_affine(&sum, &sum, &b);
        return write(sum);
    }
    [[nodiscard]] bool g1_msm(const Bytes& in) const {
        return msm<P1Affine, P1>(in, 128, p1_affine_in_g1, p1_from_affine, p1_mult, p1s_mult_pippenger_scratch_sizeof,
                                 p1s_mult_pippenger);
    }
    [[nodiscard]] bool g2_msm(const Bytes& in) const {
        return msm<P2Affine, P2>(in, 256, p2_affine_in_g2, p2_from_affine, p2_mult, p2s_mult_pippenger_scratch_sizeof,
                                 p2s_mult_pippenger);
    }
    template <class Affine, class Point>
    [[nodiscard]] bool msm(const Bytes& in, std::size_t point_size, bool (*is_in_group)(const Affine*),
                           void (*from_affine)(Point*, const Affine*),
                           void (*mult)(Point*, const Point*, const std::uint8_t*, std::size_t),
                           std::size_t (*scratch_size)(std::size_t),
                           void (*pippenger)(Point*, const Affine* const*, std::size_t, const std::uint8_t* const*,
                                             std::size_t, std::uint64_t*)) const {
        const std::size_t count = in.size() / (point_size + 32);
        std::vector<Affine> points(count);
        std::vector<Scalar> scalars(count);
        for (std::size_t i = 0; i < count; ++i) {
            const auto* const from = in.data() + i * (point_size + 32);
            if (!read(points[i], from) || !is_in_group(&points[i])) return false;
            scalars[i] = to_scalar(from + point_size);
        }
        Point out;
        if (count == 1) {
            from_affine(&out, points.data());
            mult(&out, &out, scalars[0].data(), 256);
            return write(out);
        }
        std::vector<std::uint64_t> scratch(scratch_size(count) / 8 + 1);
        const std::array<const Affine*, 2> point_list{points.data(), nullptr};  // null: the others follow the first
        const std::array<const std::uint8_t*, 2> scalar_list{scalars[0].data(), nullptr};
        pippenger(&out, point_list.data(), count, scalar_list.data(), 256, scratch.data());
        return write(out);
    }
    /// @return whether it could be computed, not whether it is one.
    [[nodiscard]] bool pairing(const Bytes& in) const {
        const std::size_t count = in.size() / 384;
        std::vector<P1Affine> p(count);
        std::vector<P2Affine> q(count);
        for (std::size_t i = 0; i < count; ++i) {
            if (!read(p[i], in.data() + 384 * i) || !read(q[i], in.data() + 384 * i + 128)) return false;
            if (!p1_affine_in_g1(&p[i]) || !p2_affine_in_g2(&q[i])) return false;
        }
        (void)is_one(q.data(), p.data(), count);
        return true;
    }
    [[nodiscard]] bool is_one(const P2Affine* q, const P1Affine* p, std::size_t count) const {
        const std::array<const P2Affine*, 2> q_list{q, nullptr};
        const std::array<const P1Affine*, 2> p_list{p, nullptr};
        Fp12 product;
        miller_loop_n(&product, q_list.data(), p_list.data(), count);
        final_exp(&product, &product);
        return fp12_is_one(&product);
    }
    [[nodiscard]] bool to_g1(const Bytes& in) const {
        const Fp u = read_fp(in.data());
        P1 out;
        map_to_g1(&out, &u, nullptr);
        return write(out);
    }
    [[nodiscard]] bool to_g2(const Bytes& in) const {
        const Fp2 u = read_fp2(in.data());
        P2 out;
        map_to_g2(&out, &u, nullptr);
        return write(out);
    }
    /// e(C - [y]G1 + [z]proof, G2) = e(proof, [s]G2)
    [[nodiscard]] bool point_evaluation(const Bytes& in) const {
        P1Affine commitment, proof;
        if (p1_uncompress(&commitment, in.data() + 96) != 0 || p1_uncompress(&proof, in.data() + 144) != 0 ||
            !p1_affine_in_g1(&commitment) || !p1_affine_in_g1(&proof)) {
            return false;
        }
        P1 left, times_y, negated;
        p1_from_affine(&negated, &proof);
        p1_mult(&left, &negated, to_scalar(in.data() + 32).data(), 255);
        p1_mult(&times_y, p1_generator(), to_scalar(in.data() + 64).data(), 255);
        p1_cneg(&times_y, true);
        p1_add_or_double(&left, &left, &times_y);
        p1_add_or_double_affine(&left, &left, &commitment);
        p1_cneg(&negated, true);
        std::array<P1Affine, 2> p;
        p1_to_affine(p.data(), &left);
        p1_to_affine(&p[1], &negated);
        const std::array<P2Affine, 2> q{*p2_affine_generator(), setup};
        return is_one(q.data(), p.data(), 2);
    }
};

Blst::Blst(std::unique_ptr<Functions> functions) : functions_(std::move(functions)) {}
Blst::~Blst() = default;

Result<std::unique_ptr<Blst>> Blst::open(const std::string& path) {
    auto functions = std::make_unique<Functions>();
    functions->library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (functions->library == nullptr) return fail(ErrorCode::not_found, dlerror());
    if (!functions->find_all()) return fail(ErrorCode::not_found, path + " lacks functions of blst");
    const Bytes setup = *from_hex(setup_g2);
    if (functions->p2_uncompress(&functions->setup, setup.data()) != 0)
        return fail(ErrorCode::internal, "blst refuses the trusted setup");
    return std::unique_ptr<Blst>(new Blst(std::move(functions)));
}

LibraryCall Blst::call(std::uint16_t number, const Bytes& input) const {
    using Member = bool (Functions::*)(const Bytes&) const;
    static constexpr std::array<Member, 8> members = {
        &Functions::point_evaluation, &Functions::g1_add, &Functions::g1_msm, &Functions::g2_add,
        &Functions::g2_msm, &Functions::pairing, &Functions::to_g1, &Functions::to_g2};
    const Member member = members.at(number - std::size_t{0x0a});
    return [functions = functions_.get(), member, input] { return (functions->*member)(input); };
}

}  // namespace weft::app
