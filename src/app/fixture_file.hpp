#pragma once
// What the runners of Ethereum's JSON fixtures share: finding files, reading their values, keeping score.

#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "chain/memory.hpp"
#include "chain/validate.hpp"

namespace weft::app {

/// Every .json file under the given files and folders, in order of path.
/// @errors not_found  a path that doesn't exist.
[[nodiscard]] Result<std::vector<std::filesystem::path>> fixture_files(std::span<const std::string> paths);
/// @errors not_found, invalid_argument  names the file.
[[nodiscard]] Result<json::Value> read_fixture_file(const std::filesystem::path& path);

/// What is wrong with the form of a test, with where: "pre.0x...: not an address". Empty if nothing.
///
/// Whatever begins with 0x must be hexadecimal; each of @p members must be there and be of its kind; accounts, below
/// "pre", must be accounts.
/// @param members  e.g. {"pre", json::Kind::object}.
[[nodiscard]] std::string wrong_form(const json::Value& test,
                                     std::span<const std::pair<std::string_view, json::Kind>> members);

/// Values as fixtures spell them: quantities with leading zeros, data, empty strings. One that is wrong_form() reads as
/// zero.
[[nodiscard]] std::uint64_t fixture_u64(const json::Value& value);
[[nodiscard]] U256 fixture_u256(const json::Value& value);
[[nodiscard]] Bytes fixture_bytes(const json::Value& value);
[[nodiscard]] Address fixture_address(const json::Value& value);
[[nodiscard]] Hash fixture_hash(const json::Value& value);

/// The accounts of a "pre" or "state" object.
struct FixtureState {
    chain::StateTrie trie;
    chain::MemoryCodes codes;
};
[[nodiscard]] FixtureState fixture_state(const json::Value& accounts);
/// Lines that say how accounts differ from a "state" object, empty if they don't.
[[nodiscard]] std::string difference(const json::Value& expected, chain::StateTrie& got,
                                     const chain::MemoryCodes& codes);
/// Applies a fixture's own "blobSchedule" to a configuration.
void set_blob_schedule(chain::ChainConfig& config, const json::Value& schedule);

/// Whether a refusal is one of "A|B|...", by its fixture name.
[[nodiscard]] bool is_expected(std::string_view expected, chain::Rule got);

/// Counts, prints failures as they come, and the last line.
class Score {
  public:
    /// @param out  where the failures and totals go; it outlives this.
    explicit Score(std::FILE* out = stdout) : out_(out) {}

    /// The file that the next tests are of, for messages.
    void begin_file(const std::filesystem::path& file) { file_ = file; }
    void pass() { ++passed_; }
    void fail(const std::string& test, const std::string& why);
    void skip(const std::string& reason) { ++skipped_[reason]; }
    /// A block or transaction refused as it must be, but for another reason than the fixture gives.
    void other_reason(std::string_view expected, std::string_view got);
    /// Prints the totals. @return the process's exit status.
    [[nodiscard]] int finish() const;

  private:
    std::FILE* out_;
    std::filesystem::path file_;
    std::size_t passed_ = 0;
    std::size_t failed_ = 0;
    std::map<std::string, std::size_t> skipped_;
    std::map<std::string, std::size_t> other_reasons_;
};

/// Runs every test of the files below @p paths.
/// @param command  for messages, "statetest".
/// @return         the process's exit status.
[[nodiscard]] int run_fixture_files(
    std::string_view command, std::span<const std::string> paths,
    const std::function<void(const std::string& name, const json::Value& test, Score& score)>& run);

}  // namespace weft::app
