#include "app/bench_execute.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <random>
#include <unordered_map>

#include "app/bench_state.hpp"
#include "app/cpu_time.hpp"
#include "base/hex.hpp"
#include "base/time.hpp"
#include "chain/execute.hpp"
#include "crypto/keccak.hpp"
#include "net/workers.hpp"
#include "service/storage/database.hpp"

namespace weft::app {

namespace {

using service::storage::Database;
using service::storage::DatabaseConfig;

constexpr std::size_t queued_max = 1'000;
constexpr std::uint64_t base_fee = 1'000'000'000;

enum class Kind : std::uint8_t { transfer, token, swap, hot_swap };
constexpr std::array kind_names = {"ETH transfers", "ERC-20 transfers", "swaps, many pairs", "swaps, one pair"};

/// The workers of the row that is measured.
class ChosenWorkers final : public Workers {
  public:
    void choose(Workers& workers) { chosen_ = &workers; }
    [[nodiscard]] std::size_t width() const override { return chosen_->width(); }
    [[nodiscard]] bool pays(std::int64_t work_ns) const override { return chosen_->pays(work_ns); }
    void run(std::size_t count, const std::function<void(std::size_t)>& piece) override { chosen_->run(count, piece); }

  private:
    Workers* chosen_ = &serial_workers();
};

/// A folder that goes with this, unless it is to be kept.
class Folder {
  public:
    explicit Folder(const std::string& given)
        : kept_(!given.empty()),
          path_(kept_ ? std::filesystem::path(given)
                      : std::filesystem::temp_directory_path() / fmt::format("weft-bench-{}", getpid())) {}
    ~Folder() {
        std::error_code ignored;
        if (!kept_) std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    bool kept_;
    std::filesystem::path path_;
};

double seconds_since(std::int64_t start) { return static_cast<double>(monotonic_ns() - start) / 1e9; }
double gib(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

std::uint64_t folder_size(const std::filesystem::path& path) {
    std::uint64_t out = 0;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path, ignored)) {
        if (entry.is_regular_file(ignored)) out += entry.file_size(ignored);
    }
    return out;
}

std::uint64_t resident_size() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t total = 0;
    std::uint64_t resident = 0;
    file >> total >> resident;
    return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

/// Opens the state in a folder, or loads it.
Result<std::unique_ptr<Database>> open_state(const BenchState& state, const std::filesystem::path& folder,
                                             Workers& loading, Workers& workers) {
    const auto note = folder / "loaded";
    const std::string wanted = fmt::format("{} {}", state.accounts, state.pairs);
    auto genesis = BenchState::genesis();
    DatabaseConfig config;
    config.path = folder / "chain";
    if (std::string line, root; std::filesystem::exists(note)) {
        std::ifstream file(note);
        std::getline(file, line);
        std::getline(file, root);
        if (line != wanted) {
            return fail(ErrorCode::failed_precondition,
                        fmt::format("{}: holds a state of \"{}\" accounts and pairs, not \"{}\"", folder.string(), line,
                                    wanted));
        }
        WEFT_TRY(const Bytes bytes, from_hex(root));
        genesis.header.state_root = Hash::from(bytes);
    } else {
        const std::int64_t start = monotonic_ns();
        auto load = state.to_load();
        load.progress = [start](std::string_view step) {
            fmt::print(stderr, "{:7.1f} s  {:.1f} GiB  {}\n", seconds_since(start), gib(resident_size()), step);
        };
        config.workers = &loading;
        WEFT_CHECK(service::storage::load_database(config, genesis, load));
        std::ofstream(note) << wanted << '\n' << to_hex(genesis.header.state_root) << '\n';
        const std::uint64_t size = folder_size(folder);
        fmt::print("loaded {} accounts in {:.1f} s: {:.2f} GiB on disk, {:.0f} bytes an account\n", state.accounts,
                   seconds_since(start), gib(size), static_cast<double>(size) / state.accounts);
    }
    config.workers = &workers;
    WEFT_TRY(auto database, Database::open(config, genesis));
    WEFT_CHECK(database->rewind(1));  // what an earlier run added
    return database;
}

/// Makes transactions of accounts drawn from the whole state.
class Traffic {
  public:
    explicit Traffic(const BenchState& state) : state_(state) {}

    std::vector<chain::TransactionPtr> block(Kind kind, std::uint32_t count) {
        std::vector<chain::TransactionPtr> out;
        for (std::uint32_t i = 0; i < count; ++i) out.push_back(one(kind));
        return out;
    }

  private:
    chain::TransactionPtr one(Kind kind) {
        chain::Transaction tx;
        Address sender = any_account();
        if (kind == Kind::transfer) {
            tx.to = any_account();
            tx.value = U256(1);
            tx.gas_limit = 21'000;
        } else if (kind == Kind::token) {
            tx.to = BenchState::token();
            tx.data = {0xa9, 0x05, 0x9c, 0xbb};  // transfer(address,uint256)
            append(tx.data, Hash::from(any_account()));
            append(tx.data, U256(1000).to_hash());
            tx.gas_limit = 100'000;
        } else {
            auto user = static_cast<std::uint32_t>(random_() % state_.users());
            if (kind == Kind::hot_swap) user -= user % state_.pairs;
            sender = state_.user(user);
            tx.to = BenchState::pair(user % state_.pairs);
            append(tx.data, crypto::keccak256(as_bytes("swap(uint256,uint256,bool)")).view().first(4));
            append(tx.data, U256(1'000'000).to_hash());
            append(tx.data, U256(1).to_hash());
            append(tx.data, U256(1).to_hash());
            tx.gas_limit = 300'000;
        }
        return sign(std::move(tx), sender);
    }
    /// Their senders are known to the benchmark, so nothing is recovered: signatures are made up.
    chain::TransactionPtr sign(chain::Transaction tx, const Address& sender) {
        tx.type = chain::TransactionType::dynamic_fee;
        tx.chain_id = BenchState::genesis().config.chain_id;
        tx.nonce = nonces_[sender]++;
        tx.max_fee_per_gas = U256(10 * base_fee);
        tx.max_priority_fee_per_gas = U256(base_fee);
        tx.r = tx.s = U256(1);
        auto out = std::make_shared<chain::SignedTransaction>();
        out->encoded = chain::encode(tx);
        out->hash = chain::hash_of(tx);
        out->sender = sender;
        out->transaction = std::move(tx);
        return out;
    }
    Address any_account() { return state_.account(static_cast<std::uint32_t>(random_() % state_.accounts)); }

    const BenchState& state_;
    std::mt19937_64 random_{1};
    std::unordered_map<Address, std::uint64_t> nonces_;
};

struct Row {
    std::uint64_t transactions = 0;
    std::uint64_t gas = 0;
    std::int64_t execute_ns = 0;
    std::int64_t lists_ns = 0;
    std::int64_t trie_ns = 0;
    std::int64_t commit_ns = 0;
    std::int64_t cpu_ns = 0;
    chain::AheadCounts ahead;
};

/// Builds and commits a block as the node does.
Result<void> run_block(Database& database, std::span<const chain::TransactionPtr> transactions, Workers& workers,
                       Row& row) {
    const auto genesis = BenchState::genesis();
    const auto head = database.head();
    const auto& parent = head.block->header;
    chain::BlockAttributes attributes;
    attributes.timestamp = parent.timestamp + 1;
    attributes.coinbase = BenchState::pair(1'000'000);
    attributes.gas_limit = parent.gas_limit;
    attributes.base_fee = U256(base_fee);
    auto block = std::make_shared<api::SealedBlock>();
    block->header = chain::make_header(genesis.config, parent, attributes);

    const std::int64_t cpu_before = process_cpu_ns();
    const std::int64_t start = monotonic_ns();
    service::storage::StateView view(database, head.version, parent.number);
    chain::State state(view);
    chain::BlockExecution execution(genesis.config, block->header, state);
    std::optional<chain::Refusal> refusal;
    (void)execution.begin();
    execution.add_all(transactions, workers, [&](std::size_t, chain::Checked<void> added) {
        if (!added) refusal = added.error();
        return added.has_value();
    });
    if (refusal) return fail(ErrorCode::failed_precondition, "a transaction was refused: " + refusal->message);
    if (const auto ended = execution.finish({}, std::vector<chain::Withdrawal>{}); !ended) {
        return std::unexpected(chain::to_error(ended.error()));
    }
    const auto changes = execution.take_changes();
    const std::int64_t executed = monotonic_ns();
    block->transactions = execution.transactions();
    block->receipts = execution.take_receipts();
    chain::fill_header(block->header, {block->transactions, block->receipts, execution.requests(), {},
                                       execution.gas_used(), execution.blob_gas_used()});
    const std::int64_t listed = monotonic_ns();
    WEFT_TRY(block->header.state_root, database.root(changes));
    const std::int64_t hashed = monotonic_ns();
    block->hash = chain::hash_of(block->header);
    for (const auto& receipt : block->receipts) {
        if (!receipt.success) return fail(ErrorCode::failed_precondition, "a transaction failed");
    }
    WEFT_CHECK(database.commit(block, changes));
    const std::int64_t committed = monotonic_ns();

    row.transactions += transactions.size();
    row.gas += execution.gas_used();
    row.execute_ns += executed - start;
    row.lists_ns += listed - executed;
    row.trie_ns += hashed - listed;
    row.commit_ns += committed - hashed;
    row.cpu_ns += process_cpu_ns() - cpu_before;
    row.ahead.held += execution.ahead_counts().held;
    row.ahead.repeated += execution.ahead_counts().repeated;
    row.ahead.in_turn += execution.ahead_counts().in_turn;
    return {};
}

void print(const Row& row, Kind kind, std::size_t workers) {
    const auto all = static_cast<double>(row.execute_ns + row.lists_ns + row.trie_ns + row.commit_ns);
    const auto share = [&](std::int64_t part) { return 100 * static_cast<double>(part) / all; };
    const double cpu_us = static_cast<double>(row.cpu_ns) / 1e3;
    const auto per_second = [&](std::uint64_t count) { return static_cast<double>(count) / all * 1e9; };
    fmt::print("{:<18} {:>7} {:>9.1f} {:>9.0f} {:>9.1f} {:>8.0f}% {:>7.0f}% {:>7.0f}% {:>7.0f}% {:>9} {:>9} {:>9}\n",
               kind_names[static_cast<std::size_t>(kind)], workers, per_second(row.gas) / 1e6,
               per_second(row.transactions), cpu_us / static_cast<double>(row.transactions), share(row.execute_ns),
               share(row.lists_ns), share(row.trie_ns), share(row.commit_ns), row.ahead.held,
               row.ahead.repeated, row.ahead.in_turn);
    std::fflush(stdout);
}

}  // namespace

Result<void> bench_execute(const BenchExecuteOptions& options) {
    const BenchState state{options.accounts, options.pairs};
    if (state.users() == 0) return fail(ErrorCode::invalid_argument, "fewer accounts than pairs");
    const Folder folder(options.data);
    net::WorkerPool pool(options.workers, queued_max);
    net::PoolWorkers several(pool, options.workers);
    ChosenWorkers workers;
    WEFT_TRY(const auto database, open_state(state, folder.path(), several, workers));
    const std::uint64_t disk_before = folder_size(folder.path());

    Traffic traffic(state);
    std::uint64_t transactions = 0;
    fmt::print("{:<18} {:>7} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9}\n", "", "workers", "Mgas/s",
               "tx/s", "CPU us/tx", "execute", "lists", "trie", "commit", "ahead", "again", "in turn");
    for (const auto kind : {Kind::transfer, Kind::token, Kind::swap, Kind::hot_swap}) {
        for (Workers* chosen : {&serial_workers(), static_cast<Workers*>(&several)}) {
            if (chosen->width() == 1 && chosen == &several) continue;
            workers.choose(*chosen);
            Row row;
            const std::int64_t start = monotonic_ns();
            for (std::uint32_t i = 0; i < options.blocks && seconds_since(start) < options.seconds; ++i) {
                WEFT_CHECK(run_block(*database, traffic.block(kind, options.transactions), *chosen, row));
            }
            transactions += row.transactions;
            print(row, kind, chosen->width());
        }
    }
    const std::uint64_t disk = folder_size(folder.path());
    fmt::print("memory {:.2f} GiB; disk {:.2f} GiB, {:.0f} bytes more for each transaction\n", gib(resident_size()),
               gib(disk), static_cast<double>(disk - std::min(disk, disk_before)) / static_cast<double>(transactions));
    return {};
}

}  // namespace weft::app
