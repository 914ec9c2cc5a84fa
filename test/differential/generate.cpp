// Where cases come from: a world of a few accounts that know one another, and a transaction into it.

#include <algorithm>

#include "base/hex.hpp"
#include "case.hpp"
#include "crypto/secp256k1.hpp"
#include "evm/call.hpp"
#include "program.hpp"
#include "weft_side.hpp"

namespace weft::differential {

namespace {

using chain::Fork;
using chain::TransactionType;
using evm::Revision;

constexpr std::uint64_t sender_key = 1000;
constexpr std::uint64_t authority_key = 2000;  // and the ones after it
constexpr std::uint64_t authority_count = 4;
constexpr std::uint64_t block_senders = 4;  // the first is the sender of single cases
constexpr std::uint64_t usual_gas = 400'000;
constexpr std::uint64_t ample_gas = 5'500'000;  // enough for the largest contract that may be created

Address plain_address(std::uint64_t number) { return Address::from(U256(number).to_hash().view().subspan(12)); }
Address authority(std::uint64_t index) { return *crypto::address_of(U256(authority_key + index).to_hash()); }

class Maker {
  public:
    explicit Maker(std::uint64_t seed) : random_(seed) {}

    Case make() {
        choose_fork();
        make_block();
        make_accounts();
        make_transaction();
        choose_gas();
        return std::move(case_);
    }

    Block make_block_of_many() {
        choose_fork();
        // Before, a receipt holds the state's root, and everything runs in turn.
        if (!since(Revision::byzantium)) choose_fork(Revision::osaka);
        make_block();
        make_accounts();
        std::array<std::uint64_t, block_senders> nonces{};
        for (std::uint64_t i = 1; i < block_senders; ++i) {
            auto& account = case_.pre[*crypto::address_of(U256(sender_key + i).to_hash())];
            account.balance = U256(1) << 120;
        }
        nonces[0] = case_.pre[sender_].nonce;
        Block out;
        for (auto count = random_.between(2, 14); count > 0; --count) {
            const auto index = random_.below(block_senders);
            case_.secret_key = U256(sender_key + index).to_hash();
            sender_ = *crypto::address_of(case_.secret_key);
            case_.transaction = {};
            make_transaction();
            auto& tx = case_.transaction;
            tx.nonce = nonces[index];
            tx.gas_limit = random_.chance(90) ? random_.between(50'000, usual_gas) : random_.between(0, 60'000);
            if (random_.chance(3)) tx.nonce += random_.chance(50) ? 1 : ~0ULL;
            if (auto made = chain::sign_transaction(tx, case_.secret_key)) {
                out.transactions.push_back(std::move(made));
                if (random_.chance(95)) ++nonces[index];
            }
        }
        out.world = std::move(case_);
        return out;
    }

  private:
    [[nodiscard]] bool since(Revision revision) const { return revision_ >= revision; }

    void choose_fork() {
        constexpr std::array recent = {Revision::osaka, Revision::osaka, Revision::prague, Revision::prague,
                                       Revision::cancun};
        choose_fork(random_.chance(78) ? random_.pick(recent)
                                       : static_cast<Revision>(random_.below(evm::revision_count)));
    }
    void choose_fork(Revision revision) {
        revision_ = revision;
        case_.fork = *chain::fork_from_fixture_name(evm::to_string(revision_));
    }

    void make_block() {
        auto& block = case_.block;
        block.number = random_.chance(90) ? random_.between(1, 1000) : 1'000'000;
        block.timestamp = random_.between(1'000, 2'000'000'000);
        block.gas_limit = 0x7fffffffffffffff;
        block.coinbase = random_.chance(80) ? plain_address(0x2adc) : plain_address(0x1001);
        if (random_.chance(4)) block.coinbase = *crypto::address_of(U256(sender_key).to_hash());
        if (since(Revision::paris)) {
            block.prev_randao = random_.word().to_hash();
        } else {
            block.difficulty = random_.between(0x20000, 0x200000);
        }
        if (since(Revision::london)) block.base_fee = random_.pick(std::array<std::uint64_t, 3>{7, 10, 1'000'000'000});
        if (since(Revision::cancun)) case_.excess_blob_gas = random_.chance(80) ? 0 : random_.below(40'000'000);
        block.blob_base_fee = chain::blob_base_fee(chain::rules_of_fork(case_.fork), case_.excess_blob_gas);
    }

    // --- accounts

    void make_accounts() {
        sender_ = *crypto::address_of(U256(sender_key).to_hash());
        case_.secret_key = U256(sender_key).to_hash();
        around_.revision = revision_;
        const auto contracts = random_.between(2, 5);
        for (std::uint64_t i = 0; i < contracts; ++i) around_.contracts.push_back(plain_address(0x1000 + i));
        name_others();
        for (const auto& address : around_.contracts) make_contract(address);
        auto& sender = case_.pre[sender_];
        sender.balance = U256(1) << 120;
        sender.nonce = random_.chance(90) ? random_.below(3) : random_.chance(50) ? 127 : ~0ULL - 1 - random_.below(2);
        // A sender may delegate; any other code would bar it from sending.
        if (since(Revision::prague) && random_.chance(6)) sender.code = delegation();
    }
    void name_others() {
        around_.accounts = {sender_, case_.block.coinbase, plain_address(0), plain_address(0x2000),
                            plain_address(random_.between(1, 0x12)), plain_address(0x100), plain_address(0xdead)};
        case_.pre[plain_address(0x2000)].balance = random_.between(1, 1000);
        for (std::uint64_t i = 0; i < 2; ++i) {  // what the first contracts create
            around_.accounts.push_back(evm::create_address(around_.contracts[i], 1));
        }
        for (std::uint64_t i = 0; i < authority_count && since(Revision::prague); ++i) {
            const Address address = authority(i);
            around_.accounts.push_back(address);
            if (random_.chance(40)) continue;
            auto& account = case_.pre[address];
            account.balance = random_.below(100);
            account.nonce = random_.chance(90) ? random_.between(1, 3) : ~0ULL - random_.below(2);
            if (random_.chance(60)) account.code = delegation();
        }
        if (!since(Revision::spurious_dragon) && random_.chance(30)) case_.pre[plain_address(0xdead)] = {};
    }
    Bytes delegation() {
        Bytes out{0xef, 0x01, 0x00};
        append(out, random_.chance(70) ? random_.pick(around_.contracts) : random_.pick(around_.accounts));
        return out;
    }
    void make_contract(const Address& address) {
        auto& account = case_.pre[address];
        const bool recursive = random_.chance(2);
        account.code = recursive ? make_recursion(random_, around_) : make_program(random_, around_);
        if (account.code.empty()) account.code = {0x00};
        if (recursive && random_.chance(40)) deep_ = address;
        account.balance = random_.chance(30) ? U256{} : U256(random_.below(1000));
        account.nonce = since(Revision::spurious_dragon) ? 1 : 0;
        if (random_.chance(3)) account.nonce = ~0ULL - random_.below(2);  // EIP-2681: may or may not create once
        for (std::uint64_t i = 0; i < 4; ++i) {
            if (random_.chance(50)) account.storage[i] = random_.chance(70) ? U256(random_.between(1, 3)) : word();
        }
    }
    U256 word() {
        const U256 out = random_.word();
        return out.is_zero() ? U256(1) : out;
    }

    // --- the transaction

    void make_transaction() {
        auto& tx = case_.transaction;
        tx.type = choose_type();
        if (tx.type != TransactionType::legacy || (since(Revision::spurious_dragon) && random_.chance(60)))
            tx.chain_id = 1;
        tx.nonce = case_.pre[sender_].nonce;
        if (random_.chance(1)) tx.nonce += random_.chance(50) ? 1 : ~0ULL;
        choose_fees();
        choose_target();
        tx.value = random_.chance(60) ? U256{} : random_.chance(95) ? U256(random_.below(2000)) : U256(1) << 119;
        if (tx.has_access_list()) add_access_list();
        if (tx.type == TransactionType::blob) add_blobs();
        if (tx.type == TransactionType::set_code) add_authorizations();
    }
    TransactionType choose_type() {
        std::vector<TransactionType> types(2, TransactionType::legacy);
        if (since(Revision::berlin)) types.push_back(TransactionType::access_list);
        if (since(Revision::london)) types.push_back(TransactionType::dynamic_fee);
        if (since(Revision::cancun)) types.push_back(TransactionType::blob);
        if (since(Revision::prague)) types.insert(types.end(), 3, TransactionType::set_code);
        return random_.pick(types);
    }
    void choose_fees() {
        auto& tx = case_.transaction;
        const U256 least = case_.block.base_fee;
        tx.max_fee_per_gas = random_.chance(98) ? least + U256(random_.below(20)) : U256(random_.below(10));
        tx.max_priority_fee_per_gas = tx.max_fee_per_gas;
        if (tx.has_dynamic_fee() && random_.chance(80) && !tx.max_fee_per_gas.is_zero())
            tx.max_priority_fee_per_gas = random_.below(tx.max_fee_per_gas.low() + 1);
    }
    void choose_target() {
        auto& tx = case_.transaction;
        const bool may_create = tx.type != TransactionType::blob && tx.type != TransactionType::set_code;
        if (may_create && random_.chance(12)) {
            tx.data = make_init_code(random_, around_);
            if (random_.chance(2)) tx.data.resize(random_.pick(std::array<std::size_t, 3>{49151, 49152, 49153}));
            return;
        }
        tx.to = random_.chance(88) ? random_.pick(around_.contracts) : random_.pick(around_.accounts);
        tx.data = random_.bytes(random_.chance(70) ? random_.below(100) : 0);
        for (auto& byte : tx.data) {
            if (random_.chance(40)) byte = 0;
        }
        if (random_.chance(2)) tx.data.resize(random_.below(4000), 0xff);  // where EIP-7623's floor counts
    }
    void add_access_list() {
        auto& tx = case_.transaction;
        for (auto count = random_.below(4); count > 0; --count) {
            auto& entry = tx.access_list.emplace_back();
            entry.address = random_.chance(60) ? random_.pick(around_.contracts) : random_.pick(around_.accounts);
            for (auto keys = random_.below(4); keys > 0; --keys)
                entry.storage_keys.push_back(U256(random_.below(4)).to_hash());
        }
    }
    void add_blobs() {
        auto& tx = case_.transaction;
        tx.max_fee_per_blob_gas = case_.block.blob_base_fee + U256(random_.below(3));
        if (random_.chance(2)) tx.max_fee_per_blob_gas -= U256(1);
        auto count = random_.chance(96) ? random_.between(1, 6) : random_.pick(std::array<std::uint64_t, 3>{0, 7, 10});
        for (; count > 0; --count) {
            auto& hash = tx.blob_hashes.emplace_back(random_.word().to_hash());
            hash.bytes[0] = random_.chance(99) ? 1 : 2;
        }
    }
    void add_authorizations() {
        auto& tx = case_.transaction;
        for (auto count = random_.chance(98) ? random_.between(1, 4) : 0; count > 0; --count) {
            chain::Authorization authorization;
            authorization.chain_id = random_.chance(90) ? U256(random_.below(2)) : random_.word();
            authorization.address = Address::from(BytesView(delegation()).subspan(3));
            const bool own = random_.chance(8);  // by the sender itself, whose nonce is one higher by then
            const auto index = random_.below(authority_count);
            const auto found = case_.pre.find(own ? sender_ : authority(index));
            authorization.nonce = found == case_.pre.end() ? 0 : found->second.nonce;
            if (own || random_.chance(8)) ++authorization.nonce;
            const auto key = own ? U256(sender_key) : U256(authority_key + index);
            (void)chain::sign_authorization(authorization, key.to_hash());
            if (random_.chance(4)) authorization.s = crypto::secp256k1_order() - authorization.s;
            if (random_.chance(3)) authorization.r = random_.word();
            if (random_.chance(3)) authorization.y_parity = static_cast<std::uint8_t>(random_.below(4));
            tx.authorizations.push_back(authorization);
        }
    }

    /// Runs it once with more than enough, to stop the real run at any point of that.
    void choose_gas() {
        auto& tx = case_.transaction;
        if (deep_ && !since(Revision::osaka)) {  // 2^39 is enough for 1024 calls, 2^45 for creations
            tx.to = *deep_;
            tx.gas_limit = 1ULL << random_.between(30, 46);
            return;
        }
        tx.gas_limit = random_.chance(85) ? usual_gas : ample_gas;
        const Ending ending = run(case_, Tier::exact);
        const auto intrinsic = chain::intrinsic_gas(tx, revision_);
        const auto least = std::max(intrinsic.regular, intrinsic.floor);
        const auto most = std::max(ending.refused ? 0 : ending.gas_used_peak, least);
        switch (random_.below(20)) {
            case 0: tx.gas_limit = least; break;
            case 1: tx.gas_limit = most; break;
            case 2: tx.gas_limit = most - 1; break;
            case 3: tx.gas_limit = random_.chance(20) ? least - 1 : least + random_.below(3000); break;
            case 4:
            case 5:
            case 6:
            case 7:
            case 8: tx.gas_limit = random_.between(least, most); break;
            case 9: tx.gas_limit = random_.between(most, 4 * most); break;
            case 10: tx.gas_limit = chain::transaction_gas_limit_max + random_.below(random_.chance(80) ? 1 : 2); break;
            default: break;
        }
        if (random_.chance(2)) {  // the sender has just enough, or not quite
            const auto cost = chain::maximum_cost(tx);
            if (cost && !cost->is_zero()) case_.pre[sender_].balance = *cost - U256(random_.below(2));
        }
    }

    Random random_;
    Case case_;
    Revision revision_ = Revision::osaka;
    Surroundings around_;
    Address sender_;
    std::optional<Address> deep_;  // recurses, and is to get as deep as it can
};

/// Code with some instruction, operand or stretch of it changed.
void mutate_code(Random& random, Bytes& code) {
    if (code.empty()) return;
    for (auto count = random.between(1, 3); count > 0; --count) {
        const auto at = random.below(code.size());
        switch (random.below(5)) {
            case 0: code[at] = static_cast<std::uint8_t>(random.next()); break;
            case 1: code[at] = static_cast<std::uint8_t>(code[at] + random.below(3) - 1); break;
            case 2: code[at] ^= static_cast<std::uint8_t>(1U << random.below(8)); break;
            case 3: code.resize(at + 1); break;
            default: {
                const Bytes piece(code.begin() + static_cast<std::ptrdiff_t>(at),
                                  code.begin() + static_cast<std::ptrdiff_t>(std::min(code.size(), at + 8)));
                const auto to = static_cast<std::ptrdiff_t>(random.below(code.size()));
                code.insert(code.begin() + to, piece.begin(), piece.end());
            }
        }
    }
}

}  // namespace

Case make_case(std::uint64_t seed) { return Maker(seed).make(); }

Block make_block(std::uint64_t seed) { return Maker(seed).make_block_of_many(); }

void mutate(Case& subject, std::uint64_t seed) {
    Random random(seed);
    auto& tx = subject.transaction;
    for (auto& [address, account] : subject.pre) {
        // A delegation, or the code of a system contract, is left what it is.
        if (account.code.size() > 23 && random.chance(50)) mutate_code(random, account.code);
        for (auto& [key, value] : account.storage) {
            if (random.chance(10) && !random.word().is_zero()) value = U256(random.between(1, 5));
        }
    }
    switch (random.below(6)) {
        case 0: mutate_code(random, tx.data); break;
        case 1: tx.value = random.below(3); break;
        case 2: tx.gas_limit = random.below(tx.gas_limit + 1); break;
        case 3: tx.gas_limit = std::max<std::uint64_t>(tx.gas_limit, 21000) - random.below(2000); break;
        default: break;
    }
    tx.gas_limit = std::min<std::uint64_t>(tx.gas_limit, 1'000'000);
}

}  // namespace weft::differential
