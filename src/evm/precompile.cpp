#include "evm/precompile.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>

#include "base/result.hpp"
#include "base/u256.hpp"
#include "crypto/blake2.hpp"
#include "crypto/bls12_381.hpp"
#include "crypto/bn254.hpp"
#include "crypto/kzg.hpp"
#include "crypto/modexp.hpp"
#include "crypto/p256.hpp"
#include "crypto/ripemd160.hpp"
#include "crypto/secp256k1.hpp"
#include "crypto/sha2.hpp"
#include "evm/gas.hpp"

namespace weft::evm {

namespace {

/// A price that no gas limit reaches.
constexpr std::int64_t unpayable = std::numeric_limits<std::int64_t>::max();

/// What a precompile is: its price for an input, and its function, nullopt when the input breaks its rules.
struct Precompile {
    std::uint16_t number;  // the address
    Revision since;
    std::int64_t (*price)(BytesView input, Revision revision);
    std::optional<Bytes> (*run)(BytesView input, Revision revision);
};

std::int64_t words(BytesView input) { return word_count(input.size()); }

/// Bytes [offset, offset + size) of the input as if zeros followed it.
Bytes slice(BytesView input, std::size_t offset, std::size_t size) {
    Bytes out(size);
    if (offset < input.size() && size != 0) {
        std::memcpy(out.data(), input.data() + offset, std::min(size, input.size() - offset));
    }
    return out;
}

// --- 1 to 4

std::optional<Bytes> recover(BytesView input, Revision /*revision*/) {
    const Bytes padded = slice(input, 0, 128);
    const BytesView view(padded);
    const U256 v = U256::from_bytes(view.subspan(32, 32));
    if (v != U256(27) && v != U256(28)) return Bytes{};
    const crypto::Signature signature{Hash::from(view.subspan(64, 32)), Hash::from(view.subspan(96, 32)),
                                      static_cast<std::uint8_t>(v.low() - 27)};
    const auto address = crypto::recover_address(Hash::from(view.subspan(0, 32)), signature);
    if (!address) return Bytes{};
    return to_bytes(Hash::from(*address));
}

std::optional<Bytes> sha256(BytesView input, Revision /*revision*/) { return to_bytes(crypto::sha256(input)); }

std::optional<Bytes> ripemd160(BytesView input, Revision /*revision*/) {
    return to_bytes(Hash::from(crypto::ripemd160(input)));
}

std::optional<Bytes> identity(BytesView input, Revision /*revision*/) { return to_bytes(input); }

// --- 5: modexp

/// The operand sizes that stand before the operands.
struct ModexpSizes {
    U256 base, exponent, modulus;
};

ModexpSizes modexp_sizes(BytesView input) {
    const Bytes head = slice(input, 0, 96);
    return {U256::from_big_endian(head.data()), U256::from_big_endian(head.data() + 32),
            U256::from_big_endian(head.data() + 64)};
}

/// @source EIP-198, mult_complexity.
unsigned __int128 complexity_byzantium(unsigned __int128 size) {
    if (size <= 64) return size * size;
    if (size <= 1024) return size * size / 4 + 96 * size - 3072;
    return size * size / 16 + 480 * size - 199680;
}

std::int64_t modexp_price(BytesView input, Revision revision) {
    using Wide = unsigned __int128;
    constexpr std::uint64_t operand_max = 0xffffffff;  // beyond it the price is, whatever the rest, above 10^16
    const auto sizes = modexp_sizes(input);
    const bool osaka = revision >= Revision::osaka;
    const bool berlin = revision >= Revision::berlin;
    const std::int64_t least = osaka ? 500 : berlin ? 200 : 0;
    if (sizes.base > U256(operand_max) || sizes.modulus > U256(operand_max)) return unpayable;
    const std::uint64_t size = std::max(sizes.base.low(), sizes.modulus.low());
    if (size == 0 && !osaka) return least;
    if (sizes.exponent > U256(operand_max)) return unpayable;
    const std::uint64_t exponent_size = sizes.exponent.low();

    const std::uint64_t head_size = std::min<std::uint64_t>(exponent_size, 32);
    const U256 head = U256::from_bytes(slice(input, 96 + sizes.base.low(), head_size));
    const std::uint64_t head_bits = head.is_zero() ? 0 : head.bit_length() - 1;
    const std::uint64_t byte_weight = osaka ? 16 : 8;
    const std::uint64_t iterations =
        std::max<std::uint64_t>(1, head_bits + (exponent_size > 32 ? byte_weight * (exponent_size - 32) : 0));

    const Wide size_words = (Wide{size} + 7) / 8;
    Wide cost = 0;
    if (osaka) {
        cost = (size <= 32 ? Wide{16} : 2 * size_words * size_words) * iterations;  // EIP-7883
    } else if (berlin) {
        cost = size_words * size_words * iterations / 3;  // EIP-2565
    } else {
        cost = complexity_byzantium(size) * iterations / 20;
    }
    if (cost > static_cast<Wide>(unpayable)) return unpayable;
    return std::max(least, static_cast<std::int64_t>(cost));
}

std::optional<Bytes> modexp(BytesView input, Revision revision) {
    const auto sizes = modexp_sizes(input);
    if (revision >= Revision::osaka) {  // EIP-7823
        const U256 size_max = 1024;
        if (sizes.base > size_max || sizes.exponent > size_max || sizes.modulus > size_max) return std::nullopt;
    }
    if (sizes.modulus.is_zero()) return Bytes{};
    const auto base_size = sizes.base.low();
    const auto exponent_size = sizes.exponent.low();
    return crypto::modexp(slice(input, 96, base_size), slice(input, 96 + base_size, exponent_size),
                          slice(input, 96 + base_size + exponent_size, sizes.modulus.low()));
}

// --- 6 to 8: BN254

std::optional<Bytes> bn254_add(BytesView input, Revision /*revision*/) { return crypto::bn254_add(input); }
std::optional<Bytes> bn254_multiply(BytesView input, Revision /*revision*/) { return crypto::bn254_multiply(input); }
std::optional<Bytes> bn254_pairing(BytesView input, Revision /*revision*/) { return crypto::bn254_pairing(input); }

std::int64_t bn254_pairing_price(BytesView input, Revision revision) {
    const auto pairs = static_cast<std::int64_t>(input.size() / 192);
    return revision >= Revision::istanbul ? 45000 + 34000 * pairs : 100000 + 80000 * pairs;  // EIP-1108
}

// --- 9: BLAKE2b's compression

constexpr std::size_t blake2_input_size = 213;

std::int64_t blake2_price(BytesView input, Revision /*revision*/) {
    if (input.size() != blake2_input_size) return 0;  // and then it fails
    return std::int64_t{input[0]} << 24 | input[1] << 16 | input[2] << 8 | input[3];
}

std::optional<Bytes> blake2(BytesView input, Revision revision) {
    if (input.size() != blake2_input_size || input[212] > 1) return std::nullopt;
    std::uint64_t h[8];
    std::uint64_t m[16];
    std::uint64_t t[2];
    static_assert(std::endian::native == std::endian::little);
    std::memcpy(h, input.data() + 4, sizeof h);
    std::memcpy(m, input.data() + 68, sizeof m);
    std::memcpy(t, input.data() + 196, sizeof t);
    crypto::blake2b_compress(h, m, t[0], t[1], input[212] != 0,
                             static_cast<std::uint32_t>(blake2_price(input, revision)));
    Bytes out(sizeof h);
    std::memcpy(out.data(), h, sizeof h);
    return out;
}

// --- 10: KZG, 11 to 17: BLS12-381, 256: P-256

std::optional<Bytes> point_evaluation(BytesView input, Revision /*revision*/) {
    return crypto::kzg_point_evaluation(input);
}

/// Thousandths of the full price a point of a sum of k products costs, k = 1 to 128 and the last for more.
/// @source EIP-2537, discounts for G1 and G2 MSM.
constexpr std::int16_t g1_discounts[128] = {
    1000, 949, 848, 797, 764, 750, 738, 728, 719, 712, 705, 698, 692, 687, 682, 677, 673, 669, 665, 661, 658, 654,
    651, 648, 645, 642, 640, 637, 635, 632, 630, 627, 625, 623, 621, 619, 617, 615, 613, 611, 609, 608, 606, 604,
    603, 601, 599, 598, 596, 595, 593, 592, 591, 589, 588, 586, 585, 584, 582, 581, 580, 579, 577, 576, 575, 574,
    573, 572, 570, 569, 568, 567, 566, 565, 564, 563, 562, 561, 560, 559, 558, 557, 556, 555, 554, 553, 552, 551,
    550, 549, 548, 547, 547, 546, 545, 544, 543, 542, 541, 540, 540, 539, 538, 537, 536, 536, 535, 534, 533, 532,
    532, 531, 530, 529, 528, 528, 527, 526, 525, 525, 524, 523, 522, 522, 521, 520, 520, 519};
constexpr std::int16_t g2_discounts[128] = {
    1000, 1000, 923, 884, 855, 832, 812, 796, 782, 770, 759, 749, 740, 732, 724, 717, 711, 704, 699, 693, 688, 683,
    679, 674, 670, 666, 663, 659, 655, 652, 649, 646, 643, 640, 637, 634, 632, 629, 627, 624, 622, 620, 618, 615,
    613, 611, 609, 607, 606, 604, 602, 600, 598, 597, 595, 593, 592, 590, 589, 587, 586, 584, 583, 582, 580, 579,
    578, 576, 575, 574, 573, 571, 570, 569, 568, 567, 566, 565, 563, 562, 561, 560, 559, 558, 557, 556, 555, 554,
    553, 552, 552, 551, 550, 549, 548, 547, 546, 545, 545, 544, 543, 542, 541, 541, 540, 539, 538, 537, 537, 536,
    535, 535, 534, 533, 532, 532, 531, 530, 530, 529, 528, 528, 527, 526, 526, 525, 524, 524};

template <std::size_t item_size, std::int64_t item_gas, const std::int16_t (&discounts)[128]>
std::int64_t msm_price(BytesView input, Revision /*revision*/) {
    const std::size_t count = input.size() / item_size;
    if (count == 0) return 0;  // and then it fails
    return static_cast<std::int64_t>(count) * item_gas * discounts[std::min<std::size_t>(count, 128) - 1] / 1000;
}

template <std::optional<Bytes> (*function)(BytesView)>
std::optional<Bytes> bls(BytesView input, Revision /*revision*/) {
    return function(input);
}

std::optional<Bytes> p256(BytesView input, Revision /*revision*/) {
    if (!crypto::p256_verify(input)) return Bytes{};
    return to_bytes(U256(1).to_hash());
}

template <std::int64_t gas>
std::int64_t flat(BytesView /*input*/, Revision /*revision*/) {
    return gas;
}
template <std::int64_t once, std::int64_t each_word>
std::int64_t by_word(BytesView input, Revision /*revision*/) {
    return once + each_word * words(input);
}
/// The price until Istanbul and from it on (EIP-1108).
template <std::int64_t before, std::int64_t since>
std::int64_t cheaper_from_istanbul(BytesView /*input*/, Revision revision) {
    return revision >= Revision::istanbul ? since : before;
}

constexpr Precompile table[] = {
    {0x01, Revision::frontier, flat<3000>, recover},
    {0x02, Revision::frontier, by_word<60, 12>, sha256},
    {0x03, Revision::frontier, by_word<600, 120>, ripemd160},
    {0x04, Revision::frontier, by_word<15, 3>, identity},
    {0x05, Revision::byzantium, modexp_price, modexp},
    {0x06, Revision::byzantium, cheaper_from_istanbul<500, 150>, bn254_add},
    {0x07, Revision::byzantium, cheaper_from_istanbul<40000, 6000>, bn254_multiply},
    {0x08, Revision::byzantium, bn254_pairing_price, bn254_pairing},
    {0x09, Revision::istanbul, blake2_price, blake2},                                    // EIP-152
    {0x0a, Revision::cancun, flat<50000>, point_evaluation},                             // EIP-4844
    {0x0b, Revision::prague, flat<375>, bls<crypto::bls_g1_add>},                        // EIP-2537 up to 0x11
    {0x0c, Revision::prague, msm_price<160, 12000, g1_discounts>, bls<crypto::bls_g1_msm>},
    {0x0d, Revision::prague, flat<600>, bls<crypto::bls_g2_add>},
    {0x0e, Revision::prague, msm_price<288, 22500, g2_discounts>, bls<crypto::bls_g2_msm>},
    {0x0f, Revision::prague,
     [](BytesView input, Revision) { return 37700 + 32600 * static_cast<std::int64_t>(input.size() / 384); },
     bls<crypto::bls_pairing>},
    {0x10, Revision::prague, flat<5500>, bls<crypto::bls_map_fp_to_g1>},
    {0x11, Revision::prague, flat<23800>, bls<crypto::bls_map_fp2_to_g2>},
    {0x100, Revision::osaka, flat<6900>, p256},                                          // EIP-7951
};

const Precompile* find(const Address& address, Revision revision) {
    std::uint64_t high[2];
    std::memcpy(high, address.data(), 16);
    if ((high[0] | high[1] | address.bytes[16] | address.bytes[17]) != 0) return nullptr;
    const auto number = static_cast<std::uint16_t>(address.bytes[18] << 8 | address.bytes[19]);
    // The first ones stand in order, from 1 on, so a number is its place.
    const std::size_t index = number <= 0x11 ? number - std::size_t{1} : std::size(table) - 1;
    if (index >= std::size(table) || table[index].number != number || revision < table[index].since) return nullptr;
    return &table[index];
}

}  // namespace

bool is_precompile(const Address& address, Revision revision) { return find(address, revision) != nullptr; }

std::vector<Address> precompiles(Revision revision) {
    std::vector<Address> out;
    for (const auto& entry : table) {
        if (revision < entry.since) continue;
        Address address;
        address.bytes[18] = static_cast<std::uint8_t>(entry.number >> 8);
        address.bytes[19] = static_cast<std::uint8_t>(entry.number);
        out.push_back(address);
    }
    return out;
}

PrecompileResult call_precompile(const Address& address, Revision revision, BytesView input, std::int64_t gas) {
    const auto* const precompile = find(address, revision);
    WEFT_ASSERT(precompile != nullptr);
    const std::int64_t price = precompile->price(input, revision);
    if (price > gas) return {Status::out_of_gas, 0, {}};
    auto output = precompile->run(input, revision);
    if (!output) return {Status::precompile_failure, 0, {}};
    return {Status::success, gas - price, std::move(*output)};
}

}  // namespace weft::evm
