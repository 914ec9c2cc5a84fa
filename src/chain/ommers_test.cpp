// Ommers: which a block of proof of work may name, and what it is paid for.

#include <map>

#include "chain/test_chain.hpp"

namespace weft::chain {
namespace {

constexpr std::uint64_t parent_number = 10;

/// Eleven blocks of proof of work, and others beside them.
class Chain final : public AncestorSource {
  public:
    Chain() {
        Header genesis;
        genesis.difficulty = U256(1'000'000);
        genesis.gas_limit = 8'000'000;
        add(genesis);
        while (headers_.size() <= parent_number) add(child_of(headers_.back(), {}));
    }
    const Block* block(const Hash& hash) override {
        const auto found = blocks_.find(hash);
        return found == blocks_.end() ? nullptr : &found->second;
    }
    const Header& at(std::uint64_t number) const { return headers_[number]; }
    /// Another header after the same parent.
    Header beside(std::uint64_t number, std::uint8_t which = 1) const {
        return child_of(headers_[number - 1], Bytes{which});
    }
    /// Has the block of a number name an ommer.
    void name(std::uint64_t number, const Header& ommer) { blocks_[hash_of(at(number))].ommers.push_back(ommer); }
    Block next(std::vector<Header> ommers) const {
        return {child_of(headers_.back(), {}), {}, std::move(ommers), std::nullopt};
    }
    const ChainConfig& config() const { return config_; }

  private:
    Header child_of(const Header& parent, Bytes extra_data) const {
        BlockAttributes attributes;
        attributes.timestamp = parent.timestamp + 10;
        attributes.extra_data = std::move(extra_data);
        return make_header(config_, parent, attributes);
    }
    void add(const Header& header) {
        headers_.push_back(header);
        blocks_[hash_of(header)] = {header, {}, {}, std::nullopt};
    }

    ChainConfig config_ = config_of(Fork::berlin);
    std::vector<Header> headers_;
    std::map<Hash, Block> blocks_;
};

TEST(ommers, are_valid_headers_of_six_generations_named_once) {
    Chain chain;
    const Header named = chain.beside(8);
    chain.name(9, named);
    const auto spoilt = [&](auto spoil) {
        Header out = chain.beside(9);
        spoil(out);
        return out;
    };
    const struct {
        const char* name;
        std::vector<Header> ommers;
        std::optional<Rule> broken;
    } cases[] = {
        {"none", {}, {}},
        {"of the generation before", {chain.beside(10)}, {}},
        {"of six generations ago", {chain.beside(5)}, {}},
        {"two", {chain.beside(10), chain.beside(10, 2)}, {}},
        {"three", {chain.beside(10), chain.beside(9), chain.beside(8, 2)}, Rule::invalid_ommers},
        {"the same twice", {chain.beside(9), chain.beside(9)}, Rule::invalid_ommers},
        {"named before", {named}, Rule::invalid_ommers},
        {"an ancestor", {chain.at(9)}, Rule::invalid_ommers},
        {"the parent", {chain.at(10)}, Rule::invalid_ommers},
        {"of the block's own generation", {chain.beside(11)}, Rule::invalid_ommer_parent},
        {"of seven generations ago", {chain.beside(4)}, Rule::invalid_ommer_parent},
        {"after an unknown block", {spoilt([](Header& h) { h.parent_hash = {}; })}, Rule::invalid_ommer_parent},
        {"of another number", {spoilt([](Header& h) { ++h.number; })}, Rule::invalid_number},
        {"too easy", {spoilt([](Header& h) { h.difficulty -= U256(1); })}, Rule::invalid_difficulty},
        {"before its parent", {spoilt([](Header& h) { h.timestamp = 0; })}, Rule::invalid_timestamp},
        {"with too much gas", {spoilt([](Header& h) { h.gas_limit *= 2; })}, Rule::invalid_gas_limit},
        {"the second is wrong", {chain.beside(9), chain.beside(4)}, Rule::invalid_ommer_parent},
    };
    for (const auto& [name, ommers, broken] : cases) {
        SCOPED_TRACE(name);
        const auto checked = validate_ommers(chain.config(), chain.next(ommers), chain);
        EXPECT_EQ(checked.has_value(), !broken.has_value());
        if (!checked && broken) {
            EXPECT_EQ(fixture_name(checked.error().rule), fixture_name(*broken)) << checked.error().message;
        }
    }
}

TEST(ommers, are_paid_by_their_distance_and_their_block_for_naming_them) {
    const struct {
        Fork fork;
        std::uint64_t ether;
    } eras[] = {{Fork::frontier, 5},
                {Fork::spurious_dragon, 5},
                {Fork::byzantium, 3},
                {Fork::petersburg, 2},
                {Fork::gray_glacier, 2}};
    for (const auto& [fork, ether] : eras) {
        SCOPED_TRACE(to_string(fork));
        const U256 reward = U256(ether) * U256(1'000'000'000'000'000'000ULL);
        Header header;
        header.number = 20;
        header.difficulty = U256(1);
        header.coinbase = address_with_end(1);
        std::vector<Header> ommers(2);
        ommers[0].number = 19;
        ommers[0].coinbase = address_with_end(2);
        ommers[1].number = 14;
        ommers[1].coinbase = address_with_end(3);
        StateTrie trie;
        const MemoryCodes codes;
        TrieStateReader reader(trie, codes);
        State state(reader);
        const ChainConfig config = config_of(fork);
        BlockExecution execution(config, header, state, &trie);
        ASSERT_TRUE(execution.begin());
        ASSERT_TRUE(execution.finish(ommers, std::nullopt));
        const auto balance = [&](std::uint8_t end) { return to_decimal(state.balance(address_with_end(end))); };
        EXPECT_EQ(balance(1), to_decimal(reward + reward / U256(16)));
        EXPECT_EQ(balance(2), to_decimal(reward * U256(7) / U256(8)));
        EXPECT_EQ(balance(3), to_decimal(reward * U256(2) / U256(8)));
    }
}

TEST(merge, is_where_the_total_difficulty_says) {
    ChainConfig config = config_of(Fork::london);
    config.terminal_total_difficulty = U256(1000);
    Header work;
    work.difficulty = U256(131'072);
    const Header stake;
    EXPECT_TRUE(validate_merge(config, work, U256(999)));
    EXPECT_TRUE(validate_merge(config, stake, U256(1000)));
    EXPECT_EQ(validate_merge(config, work, U256(1000)).error().rule, Rule::work_after_merge);
    EXPECT_EQ(validate_merge(config, stake, U256(999)).error().rule, Rule::stake_before_merge);
    config.terminal_total_difficulty.reset();
    EXPECT_TRUE(validate_merge(config, work, U256(1000)));
}

}  // namespace
}  // namespace weft::chain
