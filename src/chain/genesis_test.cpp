#include "chain/genesis.hpp"

#include "base/fixtures.hpp"
#include "base/json.hpp"
#include "chain/test_chain.hpp"

namespace weft::chain {
namespace {

std::optional<std::filesystem::path> tests_folder() {
    const auto folder = fixture("execution-apis");
    if (!folder) return std::nullopt;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(*folder)) {
        if (entry.path().filename() == "genesis.json") return entry.path().parent_path();
    }
    return std::nullopt;
}

/// A chain on a parsed genesis that reads everything from what was stored by path, a new trie for every block.
class Replay final : public AncestorSource, public StateReader {
  public:
    explicit Replay(const Genesis& genesis) : config_(genesis.config), trie_(&nodes_, empty_trie_root) {
        StateChanges changes = genesis_changes(genesis);
        std::vector<NodeChange> nodes;
        (void)trie_.apply(changes, &nodes);
        nodes_.put(nodes);
        codes_.put(changes.codes);
        add(genesis_block(genesis));
    }
    Checked<void> import(Block block) {
        const Block* parent = this->block(block.header.parent_hash);
        if (parent == nullptr) return refuse(Rule::unknown_parent);
        trie_ = StateTrie(&nodes_, parent->header.state_root);
        auto imported = import_block(config_, parent->header, std::move(block), *this, trie_, this);
        if (!imported) return std::unexpected(imported.error());
        nodes_.put(imported->nodes);
        codes_.put(imported->changes.codes);
        add(imported->block);
        return {};
    }
    [[nodiscard]] const Hash& head() const { return hashes_.back(); }
    [[nodiscard]] const Header& head_header() { return block(head())->header; }

    const Block* block(const Hash& hash) override {
        const auto found = blocks_.find(hash);
        return found == blocks_.end() ? nullptr : &found->second;
    }
    std::optional<Account> account(const Address& address) override { return trie_.account(address); }
    U256 storage(const Address& address, const U256& key) override { return trie_.storage(address, key); }
    evm::CodePtr code(const Hash& hash) override { return codes_.code(hash); }
    Hash block_hash(std::uint64_t number) override { return number < hashes_.size() ? hashes_[number] : Hash{}; }
    bool has_storage(const Address& address) override {
        const auto found = trie_.account(address);
        return found && found->storage_root != empty_trie_root;
    }

  private:
    void add(const Block& block) {
        hashes_.push_back(hash_of(block.header));
        blocks_.emplace(hashes_.back(), block);
    }
    ChainConfig config_;
    MemoryNodes nodes_;
    MemoryCodes codes_;
    StateTrie trie_;
    std::unordered_map<Hash, Block> blocks_;
    std::vector<Hash> hashes_;
};

TEST(genesis, the_execution_apis_chain_imports_to_its_head) {
    const auto folder = tests_folder();
    if (!folder) GTEST_SKIP() << no_fixtures;
    const auto genesis = parse_genesis(read_fixture(*folder / "genesis.json"));
    ASSERT_TRUE(genesis) << genesis.error().message;
    EXPECT_EQ(genesis->config.chain_id, 3503995874084926U);
    Replay chain(*genesis);
    const std::string file = read_fixture(*folder / "chain.rlp");
    rlp::Reader reader(as_bytes(file));
    std::size_t transactions = 0;
    while (!reader.done()) {
        const auto item = reader.item();
        ASSERT_TRUE(item);
        auto block = decode_block(*item);
        ASSERT_TRUE(block) << block.error().message;
        EXPECT_EQ(encode(*block), to_bytes(*item));
        transactions += block->transactions.size();
        const std::uint64_t number = block->header.number;
        const auto imported = chain.import(*std::move(block));
        ASSERT_TRUE(imported) << number << ": " << imported.error().message;
    }
    EXPECT_EQ(chain.head_header().number, 54U);
    EXPECT_EQ(transactions, 249U);
    const auto update = json::parse(read_fixture(*folder / "headfcu.json")).value();
    EXPECT_EQ(to_hex(chain.head()), update["params"].items()[0]["headBlockHash"].text());
}

TEST(genesis, official_suite) {
    const auto folder = fixture("ethereum-tests");
    if (!folder) GTEST_SKIP() << no_fixtures;
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(*folder / "GenesisTests")) {
        std::string text = read_fixture(entry.path());
        // What another client's genesis files wrote.
        const std::pair<std::string_view, std::string_view> spellings[] = {{R"("wei")", R"("balance")"},
                                                                          {R"("timestamp": "0x",)", ""}};
        for (const auto& [from, to] : spellings) {
            for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + 1)) {
                text.replace(at, from.size(), to);
            }
        }
        const auto suite = json::parse(text).value();
        for (const auto& [name, test] : suite.members()) {
            SCOPED_TRACE(name);
            std::string with_config = json::to_string(test);
            with_config.insert(1, R"("config":{},)");
            const auto genesis = parse_genesis(with_config);
            ASSERT_TRUE(genesis) << genesis.error().message;
            EXPECT_EQ(to_hex(encode(genesis_block(*genesis))), "0x" + test["result"].text());
            ++count;
        }
    }
    EXPECT_EQ(count, 3U);
}

TEST(genesis, names_the_field_that_is_wrong) {
    const struct {
        std::string_view text;
        std::string_view want;
    } cases[] = {
        {"{", "genesis: line"},
        {"[]", "genesis: want an object"},
        {"{}", "genesis: config: want an object"},
        {R"({"config":{"chainId":"x"}})", "genesis: config.chainId: "},
        {R"({"config":{"shanghaiTime":true}})", "genesis: config.shanghaiTime: want a number"},
        {R"({"config":{"cancunTime":"0x10000000000000000"}})", "genesis: config.cancunTime: above 2^64 - 1"},
        {R"({"config":{"depositContractAddress":"0x12"}})", "genesis: config.depositContractAddress: want 20 bytes"},
        {R"({"config":{"blobSchedule":{"cancun":{"max":6}}}})",
         "genesis: config.blobSchedule.cancun.baseFeeUpdateFraction"},
        {R"({"config":{},"extraData":"0x1"})", "genesis: extraData: "},
        {R"({"config":{},"alloc":{"0x01":{}}})", "genesis: alloc.0x01: want 20 bytes"},
        {R"({"config":{},"alloc":{"0x0000000000000000000000000000000000000001":{"balance":"y"}}})",
         "genesis: alloc.0x0000000000000000000000000000000000000001.balance: "},
    };
    for (const auto& [text, want] : cases) {
        const auto parsed = parse_genesis(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_TRUE(parsed.error().message.starts_with(want)) << parsed.error().message;
    }
}

TEST(genesis, mixes_numbers_hexadecimal_and_decimal_and_ignores_the_unknown) {
    const auto parsed = parse_genesis(R"({"config":{"chainId":9007199254740993,"londonBlock":0,"homesteadBlock":"0x0",
        "somethingElse":{}, "clique":null},"gasLimit":"30000000","difficulty":"0x1","baseFeePerGas":"0x7",
        "alloc":{"00000000000000000000000000000000000000ff":{"balance":"1000","nonce":"0x2","code":"0x00",
        "storage":{"0x1":"0x0","0x2":"0x5"}}}})");
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->config.chain_id, 9007199254740993U);
    EXPECT_EQ(parsed->header.gas_limit, 30'000'000U);
    EXPECT_EQ(parsed->header.base_fee, U256(7));
    ASSERT_EQ(parsed->alloc.size(), 1U);
    EXPECT_EQ(parsed->alloc[0].balance, U256(1000));
    EXPECT_EQ(parsed->alloc[0].storage, (std::vector<SlotChange>{{U256(2), U256(5)}}));
    EXPECT_TRUE(json::parse(to_json(parsed->config)));
}

TEST(genesis, the_development_chain_has_what_tools_expect) {
    const Genesis genesis = dev_genesis(std::vector<Address>{test_address(1)});
    EXPECT_EQ(genesis.config.chain_id, 31337U);
    EXPECT_EQ(genesis.header.gas_limit, 30'000'000U);
    EXPECT_EQ(genesis.header.base_fee, U256(1'000'000'000));
    EXPECT_EQ(rules_of(genesis.config, genesis.header).fork, Fork::osaka);
    EXPECT_EQ(system_contracts(genesis.config, rules_of_fork(Fork::osaka)).size(), 5U);
}

}  // namespace
}  // namespace weft::chain
