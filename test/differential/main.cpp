// weft's side of the differential fuzzer, a server of lines: one request on a line of the input, one reply, in JSON, on
// a line of the output.
//
//   generate SEED    the case of a seed, and how weft ends it
//   mutate SEED FILE a case of an official state test file, changed, and how weft ends it
//   block SEED       whether a block of many transactions ends the same in order and executed ahead by three threads
//   run CASE         how weft ends a case
//   trace CASE       its steps
//   fixture CASE     the case as a state test file, with the "post" and "logs" that it comes with as what must be
//   coverage         what the cases so far have reached
//
// A reply to the first three has "tiers" if weft's own ways to run code do not agree.

#include <cstdio>
#include <iostream>

#include "app/fixture_file.hpp"
#include "base/hex.hpp"
#include "chain/receipt.hpp"
#include "chain/test_workers.hpp"
#include "crypto/keccak.hpp"
#include "evm/status.hpp"
#include "random.hpp"
#include "weft_side.hpp"

namespace weft::differential {

namespace {

void write_logs(json::Writer& writer, const std::vector<evm::Log>& logs) {
    writer.key("logs").begin_array();
    for (const auto& log : logs) {
        writer.begin_object().data("address", log.address).key("topics").begin_array();
        for (const auto& topic : log.topics) writer.data(topic);
        writer.end_array().data("data", log.data).end_object();
    }
    writer.end_array();
}

void write_ending(json::Writer& writer, const Ending& ending) {
    writer.begin_object().boolean("refused", ending.refused);
    if (ending.refused) {
        writer.string("reason", ending.reason);
    } else {
        writer.boolean("success", ending.status == evm::Status::success);
        writer.string("status", evm::to_string(ending.status));
        writer.key("gasUsed").unsigned_integer(ending.gas_used).data("output", ending.output);
        write_logs(writer, ending.logs);
    }
    writer.key("absentAuthorities").unsigned_integer(ending.absent_authorities);
    writer.key("blockHashes").begin_array();
    for (const auto number : ending.block_hashes) writer.unsigned_integer(number);
    writer.end_array().key("post");
    write_state(writer, ending.post);
    writer.end_object();
}

class Server {
  public:
    std::string answer(const std::string& line) {
        const auto space = line.find(' ');
        const std::string verb = line.substr(0, space);
        const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
        if (verb == "generate") return generate(std::stoull(rest));
        if (verb == "mutate") return mutated(rest);
        if (verb == "block") return block(std::stoull(rest));
        if (verb == "coverage") return coverage();
        const auto value = json::parse(rest);
        if (!value) return error(value.error().message);
        auto subject = read_case(*value);
        if (!subject) return error(subject.error().message);
        if (verb == "run") return run_all(*subject);
        if (verb == "trace") return trace(*subject);
        if (verb == "fixture") return fixture(*subject, *value);
        return error("no such request: " + verb);
    }

  private:
    static std::string error(std::string_view what) {
        json::Writer writer;
        writer.begin_object().string("error", what).end_object();
        return writer.take();
    }

    std::string generate(std::uint64_t seed) { return run_all(make_case(seed)); }

    std::string mutated(const std::string& arguments) {
        const auto space = arguments.find(' ');
        const std::uint64_t seed = std::stoull(arguments);
        const auto content = app::read_fixture_file(arguments.substr(space + 1));
        if (!content || content->members().empty()) return error("no fixture");
        Random random(seed);
        auto subject = read_case(random.pick(content->members()).second);
        if (!subject) return error(subject.error().message);
        mutate(*subject, seed);
        return run_all(*subject);
    }

    static std::string block(std::uint64_t seed) {
        const Block subject = make_block(seed);
        const BlockEnding in_order = run(subject, serial_workers());
        chain::TestWorkers workers(3);
        const BlockEnding ahead = run(subject, workers);
        json::Writer writer;
        writer.begin_object().boolean("agrees", in_order == ahead);
        writer.string("fork", evm::to_string(chain::revision_of(subject.world.fork)));
        writer.key("transactions").unsigned_integer(subject.transactions.size());
        writer.key("executed").unsigned_integer(in_order.receipts.size());
        writer.key("held").unsigned_integer(ahead.counts.held);
        writer.key("repeated").unsigned_integer(ahead.counts.repeated);
        if (!(in_order == ahead)) {
            writer.boolean("answers", in_order.answers == ahead.answers);
            writer.boolean("receipts", in_order.receipts == ahead.receipts);
            writer.key("in order");
            write_state(writer, in_order.post);
            writer.key("ahead");
            write_state(writer, ahead.post);
        }
        writer.end_object();
        return writer.take();
    }

    std::string run_all(const Case& subject) {
        json::Writer writer;
        writer.begin_object().key("case").begin_object();
        write_case(writer, subject);
        if (const auto made = chain::sign_transaction(subject.transaction, subject.secret_key))
            writer.data("txbytes", chain::encode_network_form(*made));
        writer.end_object();
        const Ending exact = run(subject, Tier::exact);
        const Ending translated = run(subject, Tier::translated);
        coverage_.begin(chain::revision_of(subject.fork));
        const Ending traced = run(subject, Tier::traced, &coverage_);
        writer.key("weft");
        write_ending(writer, exact);
        if (!(exact == translated) || !(exact == traced)) {
            writer.key("tiers").begin_object().key("translated");
            write_ending(writer, translated);
            writer.key("traced");
            write_ending(writer, traced);
            writer.end_object();
        }
        writer.end_object();
        return writer.take();
    }

    static std::string trace(const Case& subject) {
        StepWriter steps;
        (void)run(subject, Tier::traced, &steps);
        return steps.take();
    }

    static std::string fixture(const Case& subject, const json::Value& from) {
        const auto made = chain::sign_transaction(subject.transaction, subject.secret_key);
        if (!made) return error("can't be signed");
        std::vector<evm::Log> logs;
        for (const auto& log : from["logs"].items()) {
            auto& added = logs.emplace_back();
            added.address = app::fixture_address(log["address"]);
            for (const auto& topic : log["topics"].items()) added.topics.push_back(app::fixture_hash(topic));
            added.data = app::fixture_bytes(log["data"]);
        }
        auto expected = app::fixture_state(from["post"]);
        const std::string fork(evm::to_string(chain::revision_of(subject.fork)));
        json::Writer writer;
        writer.begin_object().key(from["name"].text()).begin_object();
        write_case(writer, subject);
        writer.key("post").begin_object().key(fork).begin_array().begin_object();
        writer.data("hash", expected.trie.root()).data("logs", chain::logs_hash(logs));
        writer.data("txbytes", chain::encode_network_form(*made));
        if (from["refused"].as_boolean()) writer.string("expectException", "any");
        writer.key("indexes").begin_object();
        for (const auto* const name : {"data", "gas", "value"}) writer.key(name).integer(0);
        writer.end_object().key("state").value(from["post"]);
        writer.end_object().end_array().end_object().end_object().end_object();
        return writer.take();
    }

    std::string coverage() const {
        json::Writer writer;
        coverage_.write(writer);
        return writer.take();
    }

    Coverage coverage_;
};

}  // namespace

}  // namespace weft::differential

int main() {
    std::ios::sync_with_stdio(false);
    weft::differential::Server server;
    std::string line;
    while (std::getline(std::cin, line)) std::cout << server.answer(line) << '\n' << std::flush;
    return 0;
}
