#include "app/statetest.hpp"

#include <cstdio>

#include "app/fixture_file.hpp"
#include "base/hex.hpp"
#include "chain/execute.hpp"
#include "crypto/keccak.hpp"

namespace weft::app {

namespace {

using namespace chain;

/// A reader whose block hashes are those that state tests assume: keccak256 of the number in decimal digits.
class FixtureReader final : public TrieStateReader {
  public:
    using TrieStateReader::TrieStateReader;
    [[nodiscard]] Hash block_hash(std::uint64_t number) override {
        return crypto::keccak256(as_bytes(std::to_string(number)));
    }
};

BlockEnvironment environment_of(const json::Value& test, Fork fork) {
    ChainConfig config = config_of(fork);
    set_blob_schedule(config, test["config"]["blobSchedule"]);
    const json::Value& env = test["env"];
    BlockEnvironment out;
    out.rules = rules_at(config, 1, 1, fork >= Fork::paris);
    out.block.number = fixture_u64(env["currentNumber"]);
    out.block.timestamp = fixture_u64(env["currentTimestamp"]);
    out.block.gas_limit = fixture_u64(env["currentGasLimit"]);
    out.block.coinbase = fixture_address(env["currentCoinbase"]);
    out.block.difficulty = fixture_u256(env["currentDifficulty"]);
    out.block.prev_randao = fixture_hash(env["currentRandom"]);
    if (fork >= Fork::london) out.block.base_fee = fixture_u256(env["currentBaseFee"]);
    out.block.blob_base_fee = blob_base_fee(out.rules, fixture_u64(env["currentExcessBlobGas"]));
    out.block.chain_id = env.find("currentChainID") != nullptr ? fixture_u64(env["currentChainID"]) : 1;
    if (const auto* id = test["config"].find("chainid")) out.block.chain_id = fixture_u64(*id);
    return out;
}

/// What the block that holds the transaction would refuse, then the transaction's own rules.
Checked<TransactionOutcome> run(State& state, const BlockEnvironment& environment, const json::Value& post) {
    auto signed_transaction = decode_network_form(fixture_bytes(post["txbytes"]));
    if (!signed_transaction) return refuse(Rule::malformed_transaction, signed_transaction.error().message);
    const auto sender = recover_sender(signed_transaction->transaction, environment.rules.revision);
    if (!sender) return refuse(Rule::invalid_signature);
    signed_transaction->sender = *sender;
    const Transaction& tx = signed_transaction->transaction;
    if (tx.gas_limit > environment.block.gas_limit) return refuse(Rule::block_gas_exceeded);
    if (tx.blob_hashes.size() > environment.rules.blobs.max && environment.rules.at_least(evm::Revision::cancun)) {
        return refuse(Rule::block_blob_gas_exceeded);
    }
    return execute_transaction(state, environment, *signed_transaction);
}

void run_case(const std::string& name, const json::Value& test, Fork fork, const json::Value& post, Score& score) {
    FixtureState pre = fixture_state(test["pre"]);
    FixtureReader reader(pre.trie, pre.codes);
    State state(reader);
    const BlockEnvironment environment = environment_of(test, fork);
    state.begin_block(environment.block.number, environment.rules.revision);
    const auto outcome = run(state, environment, post);

    const json::Value* exception = post.find("expectException");
    if (!outcome && exception == nullptr) return score.fail(name, "refused: " + outcome.error().message);
    if (outcome && exception != nullptr) return score.fail(name, "accepted, expected " + exception->text());
    if (!outcome && !is_expected(exception->text(), outcome.error().rule)) {
        score.other_reason(exception->text(), fixture_name(outcome.error().rule));
    }
    StateChanges changes = state.take_changes();
    StateTrie after = pre.trie;
    const Hash root = after.apply(changes, nullptr);
    pre.codes.put(changes.codes);
    if (root != fixture_hash(post["hash"])) {
        std::string why = "root " + to_hex(root) + ", expected " + post["hash"].text() + "\n";
        if (outcome)
            why += "    gas used " + std::to_string(outcome->gas_used) + ", status " + failure_message(*outcome) + "\n";
        if (post.find("state") != nullptr) why += difference(post["state"], after, pre.codes);
        return score.fail(name, why);
    }
    const Hash logs = logs_hash(outcome ? outcome->logs : std::vector<evm::Log>{});
    if (logs != fixture_hash(post["logs"]))
        return score.fail(name, "logs " + to_hex(logs) + ", expected " + post["logs"].text());
    score.pass();
}

}  // namespace

void run_state_test(const std::string& name, const json::Value& test, Score& score) {
    if (test.find("blocks") != nullptr) return score.skip("not a state test");
    using enum json::Kind;
    constexpr std::pair<std::string_view, json::Kind> members[] = {
        {"env", object}, {"pre", object}, {"transaction", object}, {"post", object}};
    if (const std::string wrong = wrong_form(test, members); !wrong.empty()) return score.fail(name, wrong);
    if (test["post"].members().empty()) return score.fail(name, "post: no fork");
    for (const auto& [fork_name, cases] : test["post"].members()) {
        if (cases.items().empty()) score.fail(name, "post." + fork_name + ": no cases");
        const auto fork = fork_from_fixture_name(fork_name);
        for (const auto& post : cases.items()) {
            if (!fork) {
                score.skip("unknown fork " + fork_name);
            } else {
                run_case(name, test, *fork, post, score);
            }
        }
    }
}

int statetest_command(std::span<const std::string> paths) {
    return run_fixture_files("statetest", paths, run_state_test);
}

}  // namespace weft::app
