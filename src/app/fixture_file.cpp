#include "app/fixture_file.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "base/hex.hpp"
#include "crypto/keccak.hpp"
#include "evm/code.hpp"

namespace weft::app {

namespace {


/// Hexadecimal text with any number of digits, also none.
Bytes bytes_of(std::string_view text) {
    if (!text.starts_with("0x")) return to_bytes(as_bytes(text));
    std::string even(text);
    if (even.size() % 2 != 0) even.insert(2, "0");
    return from_hex(even).value_or(Bytes{});
}

/// The first string that claims to be hexadecimal and isn't.
std::string wrong_hexadecimal(const json::Value& value, const std::string& path) {
    if (value.is_string() && value.text().starts_with("0x") &&
        value.text().find_first_not_of("0123456789abcdefABCDEF", 2) != std::string::npos) {
        return path + ": not hexadecimal";
    }
    for (const auto& [key, member] : value.members()) {
        if (auto wrong = wrong_hexadecimal(member, path.empty() ? key : path + "." + key); !wrong.empty()) return wrong;
    }
    std::size_t index = 0;
    for (const auto& item : value.items()) {
        if (auto wrong = wrong_hexadecimal(item, path + "[" + std::to_string(index++) + "]"); !wrong.empty())
            return wrong;
    }
    return {};
}

bool is_quantity(const json::Value& value, std::size_t digits_max) {
    if (value.is_number()) return true;
    if (!value.is_string()) return false;
    std::string_view digits = value.text();
    if (!digits.starts_with("0x")) return digits.find_first_not_of("0123456789") == std::string_view::npos;
    digits.remove_prefix(2);
    while (digits.size() > digits_max && digits.starts_with('0')) digits.remove_prefix(1);
    return digits.size() <= digits_max;
}

std::string wrong_account(const json::Value& account, const std::string& path) {
    if (!account.is_object()) return path + ": not an account";
    if (!is_quantity(account["balance"], 64)) return path + ".balance: not a number of 256 bits";
    if (!is_quantity(account["nonce"], 16)) return path + ".nonce: not a number of 64 bits";
    if (!account["code"].is_string()) return path + ".code: not there";
    if (!account["storage"].is_object()) return path + ".storage: not there";
    for (const auto& [key, value] : account["storage"].members()) {
        if (!is_quantity(json::Value::string(key), 64) || !is_quantity(value, 64))
            return path + ".storage." + key + ": not a slot";
    }
    return {};
}

/// Names that older suites, or suites with other tools behind them, give what has another name in newer ones.
bool is_name_of(std::string_view name, chain::Rule rule) {
    using enum chain::Rule;
    if (name == chain::fixture_name(rule)) return true;
    switch (rule) {
        case access_list_before_fork:
        case dynamic_fee_before_fork:
        case blob_before_fork:
        case set_code_before_fork: return name == "TransactionException.TYPE_NOT_SUPPORTED";
        // A block with the header of another fork: each pair of forks has a name.
        case invalid_header_fields: return name.starts_with("BlockException.IMPORT_IMPOSSIBLE_");
        case work_after_merge: return name == "BlockException.INVALID_DIFFICULTY";
        // A header with a field left out in the middle can't even be read.
        case malformed_block: return name == "BlockException.INCORRECT_BLOCK_FORMAT";
        default: return false;
    }
}

}  // namespace

std::string wrong_form(const json::Value& test,
                       std::span<const std::pair<std::string_view, json::Kind>> members) {
    constexpr std::size_t address_text_size = 2 + 2 * Address::size;
    if (!test.is_object()) return "not an object";
    for (const auto& [name, kind] : members) {
        const auto* const member = test.find(name);
        if (member == nullptr) return std::string(name) + ": not there";
        if (member->kind() != kind) return std::string(name) + ": not what it should be";
    }
    if (auto wrong = wrong_hexadecimal(test, ""); !wrong.empty()) return wrong;
    for (const auto& [address, account] : test["pre"].members()) {
        const std::string path = "pre." + address;
        if (address.size() != address_text_size || !from_hex(address)) return path + ": not an address";
        if (auto wrong = wrong_account(account, path); !wrong.empty()) return wrong;
    }
    return {};
}

Result<std::vector<std::filesystem::path>> fixture_files(std::span<const std::string> paths) {
    std::vector<std::filesystem::path> out;
    for (const auto& path : paths) {
        if (std::filesystem::is_regular_file(path)) {
            out.emplace_back(path);
        } else if (std::filesystem::is_directory(path)) {
            for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
                const bool is_index = entry.path().string().find("/.meta/") != std::string::npos;
                if (entry.is_regular_file() && entry.path().extension() == ".json" && !is_index)
                    out.push_back(entry.path());
            }
        } else {
            return weft::fail(ErrorCode::not_found, path + ": no such file or folder");
        }
    }
    std::ranges::sort(out);
    return out;
}

Result<json::Value> read_fixture_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return weft::fail(ErrorCode::not_found, path.string() + ": can't be read");
    std::stringstream text;
    text << in.rdbuf();
    auto value = json::parse(text.view());
    if (!value) return weft::fail(ErrorCode::invalid_argument, path.string() + ": " + value.error().message);
    return value;
}

U256 fixture_u256(const json::Value& value) {
    if (value.is_number() || (!value.text().empty() && !value.text().starts_with("0x"))) {
        return u256_from_number(value.text()).value_or(U256{});
    }
    return U256::from_bytes(bytes_of(value.text()));
}
std::uint64_t fixture_u64(const json::Value& value) { return fixture_u256(value).low(); }
Bytes fixture_bytes(const json::Value& value) { return bytes_of(value.text()); }
Address fixture_address(const json::Value& value) { return Address::from(bytes_of(value.text())); }
Hash fixture_hash(const json::Value& value) { return Hash::from(bytes_of(value.text())); }

FixtureState fixture_state(const json::Value& accounts) {
    FixtureState out;
    chain::StateChanges changes;
    for (const auto& [text, value] : accounts.members()) {
        chain::AccountChange& change = changes.accounts.emplace_back();
        change.address = Address::from(bytes_of(text));
        change.account.nonce = fixture_u64(value["nonce"]);
        change.account.balance = fixture_u256(value["balance"]);
        const Bytes code = fixture_bytes(value["code"]);
        if (!code.empty()) {
            change.account.code_hash = crypto::keccak256(code);
            changes.codes.push_back({change.account.code_hash, evm::make_code(code, change.account.code_hash), code});
        }
        for (const auto& [key, slot] : value["storage"].members()) {
            const U256 number = fixture_u256(slot);
            if (!number.is_zero()) change.slots.push_back({U256::from_bytes(bytes_of(key)), number});
        }
    }
    (void)out.trie.apply(changes, nullptr);
    out.codes.put(changes.codes);
    return out;
}

std::string difference(const json::Value& expected, chain::StateTrie& got, const chain::MemoryCodes& codes) {
    std::string out;
    const auto line = [&out](const std::string& where, const std::string& want, const std::string& have) {
        if (want != have) out += "    " + where + ": expected " + want + ", got " + have + "\n";
    };
    std::map<Hash, std::string> known;
    for (const auto& [text, value] : expected.members()) {
        const Address address = Address::from(bytes_of(text));
        known[crypto::keccak256(address)] = text;
        const auto account = got.account(address);
        if (!account) {
            out += "    " + text + ": expected, not there\n";
            continue;
        }
        line(text + " nonce", std::to_string(fixture_u64(value["nonce"])), std::to_string(account->nonce));
        line(text + " balance", to_quantity(fixture_u256(value["balance"])), to_quantity(account->balance));
        line(text + " code", to_hex(fixture_bytes(value["code"])), to_hex(codes.code(account->code_hash)->bytes()));
        std::map<Hash, std::string> slots;
        for (const auto& [key, slot] : value["storage"].members()) {
            const U256 index = U256::from_bytes(bytes_of(key));
            slots[crypto::keccak256(index.to_hash())] = key;
            line(text + " storage " + key, to_quantity(fixture_u256(slot)), to_quantity(got.storage(address, index)));
        }
        got.for_each_slot(crypto::keccak256(address), [&](const Hash& key, const U256& slot) {
            if (!slots.contains(key))
                out += "    " + text + " storage of hash " + to_hex(key) + ": got " + to_quantity(slot) + "\n";
        });
    }
    got.for_each_account([&](const Hash& hash, const chain::Account& account) {
        if (!known.contains(hash)) {
            out += "    account of hash " + to_hex(hash) + ": not expected (nonce " + std::to_string(account.nonce) +
                   ", balance " + to_quantity(account.balance) + ")\n";
        }
    });
    return out;
}

void set_blob_schedule(chain::ChainConfig& config, const json::Value& schedule) {
    for (const auto& [name, value] : schedule.members()) {
        const auto fork = chain::fork_from_fixture_name(name);
        if (!fork) continue;
        config.blob_schedule[static_cast<std::size_t>(*fork)] = chain::BlobSchedule{
            fixture_u64(value["target"]), fixture_u64(value["max"]), fixture_u64(value["baseFeeUpdateFraction"])};
    }
}

bool is_expected(std::string_view expected, chain::Rule got) {
    while (!expected.empty()) {
        const auto bar = expected.find('|');
        if (is_name_of(expected.substr(0, bar), got)) return true;
        if (bar == std::string_view::npos) break;
        expected.remove_prefix(bar + 1);
    }
    return false;
}

void Score::fail(const std::string& test, const std::string& why) {
    ++failed_;
    std::fprintf(out_, "FAIL %s%s%s\n    %s\n", file_.c_str(), test.empty() ? "" : ": ", test.c_str(), why.c_str());
}

void Score::other_reason(std::string_view expected, std::string_view got) {
    ++other_reasons_[std::string(expected) + " refused as " + std::string(got)];
}

int Score::finish() const {
    for (const auto& [reason, count] : other_reasons_)
        std::fprintf(out_, "reason differs, %zu times: %s\n", count, reason.c_str());
    for (const auto& [reason, count] : skipped_) std::fprintf(out_, "skipped, %zu times: %s\n", count, reason.c_str());
    std::size_t skipped = 0;
    for (const auto& [reason, count] : skipped_) skipped += count;
    std::fprintf(out_, "%zu passed, %zu failed", passed_, failed_);
    if (skipped != 0) std::fprintf(out_, ", %zu skipped", skipped);
    std::fprintf(out_, "\n");
    return failed_ == 0 && passed_ != 0 ? 0 : 1;
}

int run_fixture_files(std::string_view command, std::span<const std::string> paths,
                      const std::function<void(const std::string&, const json::Value&, Score&)>& run) {
    const auto files = fixture_files(paths);
    if (!files) {
        std::fprintf(stderr, "weft %s: %s\n", std::string(command).c_str(), files.error().message.c_str());
        return 1;
    }
    Score score;
    for (const auto& file : *files) {
        score.begin_file(file);
        const auto content = read_fixture_file(file);
        if (!content) {
            score.fail("", content.error().message);
            continue;
        }
        if (content->members().empty()) score.fail("", "no tests: not an object, or an empty one");
        for (const auto& [name, test] : content->members()) run(name, test, score);
    }
    return score.finish();
}

}  // namespace weft::app
