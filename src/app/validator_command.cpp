// `weft validator`: what the operator of a node asks and tells it. Votes and questions go to a node that runs; the
// record of what a key signed is moved while it does not.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "api/consensus.hpp"
#include "app/command.hpp"
#include "app/node.hpp"
#include "app/run_file.hpp"
#include "app/validators.hpp"
#include "base/hex.hpp"
#include "base/time.hpp"
#include "chain/block.hpp"
#include "net/grpc.hpp"
#include "net/port.hpp"
#include "service/consensus/guard.hpp"

namespace weft::app {

namespace {

constexpr std::int64_t timeout_ns = 10 * ns_per_s;

struct ValidatorOptions {
    std::string data;
    std::string node = "node-0";
    std::string candidate;
    std::string file;
};

/// Asks one node of the running system.
template <mesh::Operation R>
Result<typename R::Reply> ask_node(const ValidatorOptions& options, R request) {
    WEFT_TRY(const auto system, find_running(options.data));
    std::string address;
    // The node is one process, or its consensus service is.
    const std::string part = "consensus" + options.node.substr(std::min(options.node.find('-'), options.node.size()));
    for (const auto& process : system.processes) {
        if (process.name == options.node || process.name == part) address = process.address;
    }
    if (address.empty()) return fail(ErrorCode::not_found, "no " + options.node + " with a process of its own runs");
    net::LoopGroup loops(1);
    loops.start();
    Result<typename R::Reply> reply = fail(ErrorCode::internal, "not asked");
    {
        const net::GrpcClient client(loops, address, {});
        reply = run(net::remote_port<R>(client)(mesh::Context::with_timeout(timeout_ns), std::move(request)));
    }
    loops.stop();
    return reply;
}

std::string list_of(const std::vector<Address>& addresses) {
    std::string out;
    for (const auto& address : addresses) out += fmt::format("  {}\n", to_hex(address));
    return out;
}

std::string describe(const api::consensus::VotesReply& votes) {
    std::string out = "validators of the next block\n" + list_of(votes.validators);
    for (const auto& vote : votes.open) {
        out += fmt::format("vote to {} {}, so far by\n{}", vote.is_add ? "add" : "drop", to_hex(vote.candidate),
                           list_of(vote.voters));
    }
    for (const auto& vote : votes.own) {
        out += fmt::format("this node votes to {} {}\n", vote.is_add ? "add" : "drop", to_hex(vote.candidate));
    }
    return out;
}

int print(const Result<std::string>& text) {
    if (!text) return fail_with(text.error());
    fmt::print("{}", *text);
    return exit_done;
}

Result<std::string> list(const ValidatorOptions& options) {
    WEFT_TRY(const auto votes, ask_node(options, api::consensus::Votes{}));
    return describe(votes);
}

Result<std::string> vote(const ValidatorOptions& options, std::optional<bool> add) {
    WEFT_TRY(const auto candidate, fixed_from_hex<Address>(options.candidate));
    WEFT_TRY(const auto votes, ask_node(options, api::consensus::ProposeVote{candidate, add}));
    return describe(votes);
}

Result<std::string> evidence(const ValidatorOptions& options) {
    WEFT_TRY(const auto reply, ask_node(options, api::consensus::Evidence{}));
    std::string out;
    for (const auto& item : reply.items) {
        out += fmt::format("{} in height {} round {}: {}\n  {}\n  {}\n", to_hex(item.validator), item.height,
                           item.round, item.rule, to_hex(item.first), to_hex(item.second));
    }
    return out.empty() ? "no validator has contradicted itself, as far as this node has seen\n" : out;
}

std::string folder_of(const ValidatorOptions& options) {
    return (options.data.empty() ? "weft-data" : options.data) + "/" + options.node;
}
std::string record_of(const ValidatorOptions& options) { return folder_of(options) + "/consensus/signed"; }

/// The key's record, which no running node may use meanwhile.
Result<service::consensus::Guard> open_guard(const ValidatorOptions& options) {
    const auto running = find_running(options.data.empty() ? "weft-data" : options.data);
    if (running) return fail(ErrorCode::failed_precondition, "the system runs: stop it first");
    WEFT_TRY(const auto key, read_key(folder_of(options) + "/validator.key"));
    if (!key) return fail(ErrorCode::not_found, folder_of(options) + "/validator.key: there is no such key");
    WEFT_TRY(const auto genesis, read_genesis(made_genesis(options.data.empty() ? "weft-data" : options.data)));
    return service::consensus::Guard::open({genesis.config.chain_id, chain::hash_of(genesis.header)}, *key,
                                           record_of(options));
}

Result<std::string> export_record(const ValidatorOptions& options) {
    WEFT_TRY(const auto guard, open_guard(options));
    if (guard.is_new()) return fail(ErrorCode::not_found, record_of(options) + ": there is no record");
    return guard.interchange() + "\n";
}

Result<std::string> import_record(const ValidatorOptions& options) {
    WEFT_TRY(auto guard, open_guard(options));
    WEFT_TRY(const std::string text, read_file(options.file));
    WEFT_CHECK(guard.import(text));
    return fmt::format("{} has taken in {}\n", to_hex(guard.address()), options.file);
}

Result<std::string> trust(const ValidatorOptions& options) {
    std::error_code wrong;
    std::filesystem::create_directories(folder_of(options) + "/consensus", wrong);
    WEFT_TRY(const auto guard, open_guard(options));
    if (!guard.is_new()) return fail(ErrorCode::already_exists, record_of(options) + ": there is a record");
    WEFT_CHECK(service::consensus::Guard::begin(record_of(options)));
    return fmt::format("{} votes from now on as a key that has signed nothing\n", to_hex(guard.address()));
}

}  // namespace

void define_validator(CLI::App& command, int& status) {
    auto options = std::make_shared<ValidatorOptions>();
    command.require_subcommand(1);
    const auto add = [&](const char* name, const char* help, auto action) {
        auto* const sub = command.add_subcommand(name, help);
        sub->add_option("--data", options->data, "the system's folder (default: the one that was started last)")
            ->type_name("DIR");
        sub->add_option("--node", options->node, "which of its nodes (default node-0)")->type_name("NAME");
        sub->callback([options, action, &status] { status = print(action(*options)); });
        return sub;
    };
    const auto candidate = [&](CLI::App* sub) {
        sub->add_option("address", options->candidate, "of the candidate")->required()->type_name("ADDRESS");
    };
    define_validator_init(command, status);
    add("list", "validators, and votes on changes", list);
    candidate(add("add", "vote for a new validator, in the blocks this node proposes",
                  [](const ValidatorOptions& o) { return vote(o, true); }));
    candidate(add("drop", "vote against a validator", [](const ValidatorOptions& o) { return vote(o, false); }));
    candidate(add("discard", "vote about a candidate no more",
                  [](const ValidatorOptions& o) { return vote(o, std::nullopt); }));
    add("evidence", "validators that contradicted themselves, with what they signed", evidence);
    add("export", "print the record of what the key signed, to move it (EIP-3076's manner)", export_record);
    add("import", "take in such a record, on a node that does not run", import_record)
        ->add_option("file", options->file, "what export printed")
        ->required()
        ->type_name("FILE");
    add("trust", "say that a key without a record has signed nothing, ever", trust);
}

}  // namespace weft::app
