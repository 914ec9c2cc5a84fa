// `weft import` and `weft export`: a node's chain from and to files.

#include <unistd.h>

#include <memory>
#include <thread>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "app/chain_file.hpp"
#include "app/command.hpp"
#include "app/import.hpp"
#include "app/node.hpp"
#include "app/services.hpp"
#include "base/hex.hpp"
#include "base/time.hpp"
#include "net/workers.hpp"

namespace weft::app {

namespace {

using service::storage::Database;

constexpr std::size_t queued_max = 1000;

/// Where `weft up` and `weft node` keep the chain of the first node.
std::string database_path(const std::string& data) { return data + "/node-0/chain"; }

/// One line that is written over, on a terminal only and not too often.
class Progress {
  public:
    void show(std::uint64_t blocks, std::uint64_t done, std::uint64_t all) {
        const std::int64_t now = monotonic_ns();
        if (!is_terminal_ || now < next_ns_) return;
        next_ns_ = now + interval_ns;
        const double seconds = static_cast<double>(now - start_ns_) * 1e-9;
        fmt::print(stderr, "\r{} blocks, {} %, {:.0f} a second ", blocks, all == 0 ? 100 : done * 100 / all,
                   static_cast<double>(blocks) / seconds);
    }
    ~Progress() {
        if (next_ns_ != 0) fmt::print(stderr, "\r\x1b[K");
    }

  private:
    static constexpr std::int64_t interval_ns = 200 * ns_per_ms;
    const bool is_terminal_ = ::isatty(STDERR_FILENO) == 1;
    const std::int64_t start_ns_ = monotonic_ns();
    std::int64_t next_ns_ = 0;
};

struct ImportOptions {
    std::string genesis;
    std::string data = "weft-data";
    std::vector<std::string> files;
};

Result<void> import_file(ChainImport& import, const std::string& path, Progress& progress) {
    WEFT_TRY(auto reader, ChainFileReader::open(path));
    while (true) {
        WEFT_TRY(const auto encoded, reader.next());
        if (!encoded) return {};
        if (auto added = import.add(*encoded); !added) {
            return fail(added.error().code,
                        fmt::format("{}: byte {}: {}", path, reader.position(), added.error().message));
        }
        progress.show(import.imported() + import.skipped(), reader.position(), reader.size());
    }
}

Result<void> import_files(ChainImport& import, const std::vector<std::string>& files) {
    Progress progress;
    for (const auto& file : files) WEFT_CHECK(import_file(import, file, progress));
    return import.finish();
}

Result<void> run_import(const ImportOptions& options) {
    for (const auto& file : options.files) WEFT_CHECK(ChainFileReader::open(file));  // before anything is made
    SystemConfig system;
    system.genesis = options.genesis;
    const std::string path = database_path(options.data);
    WEFT_TRY(const NodeConfig node, make_node_config(system, path));
    WEFT_CHECK(make_folder(path));
    WEFT_CHECK(store::check_disk_space(path));
    const std::size_t width = std::max(1U, std::thread::hardware_concurrency());
    net::WorkerPool pool(width, queued_max);
    net::PoolWorkers workers(pool, width);
    service::storage::DatabaseConfig config;
    config.path = path;
    config.workers = &workers;
    WEFT_TRY(const auto database, Database::open(config, node.genesis));
    ChainImport import(*database, node.genesis.config, workers);
    const auto done = import_files(import, options.files);
    const auto& head = *database->head().block;
    fmt::print("imported {} blocks, head {}, root {}\n", import.imported(), to_hex(head.hash),
               to_hex(head.header.state_root));
    if (import.skipped() != 0) fmt::print("{} blocks were there already\n", import.skipped());
    return done;
}

struct ExportOptions {
    std::string data = "weft-data";
    std::uint64_t first = 1;
    std::optional<std::uint64_t> last;
    std::string file;
};

Result<void> run_export(const ExportOptions& options) {
    service::storage::DatabaseConfig config;
    config.path = database_path(options.data);
    WEFT_TRY(const auto database, Database::open_existing(config));
    const std::uint64_t head = database->head().block->header.number;
    const std::uint64_t last = options.last.value_or(head);
    if (options.first > last || last > head) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("no blocks {} to {}: the chain has 0 to {}", options.first, last, head));
    }
    WEFT_TRY(auto file, ChainFileWriter::create(options.file));
    Progress progress;
    for (std::uint64_t number = options.first; number <= last; ++number) {
        WEFT_TRY(const auto block, database->block(number));
        if (!block) return fail(ErrorCode::data_loss, fmt::format("block {} is missing", number));
        file.put(chain::encode(api::to_block(*block)));
        progress.show(number - options.first, number - options.first, last - options.first);
    }
    WEFT_CHECK(file.finish());
    fmt::print("exported blocks {} to {} to {}\n", options.first, last, options.file);
    return {};
}

}  // namespace

void define_import(CLI::App& command, int& status) {
    auto options = std::make_shared<ImportOptions>();
    command
        .add_option("--genesis", options->genesis, "a genesis.json as geth reads it, instead of the development chain")
        ->type_name("FILE");
    command.add_option("--data", options->data, "the folder that `weft up --data` is given (default ./weft-data)")
        ->type_name("DIR");
    command
        .add_option("file", options->files, "blocks in RLP one after the other, as geth and `weft export` write them")
        ->required()
        ->type_name("FILE");
    command.footer("Blocks that are there already are skipped: an import that was broken off goes on where it ended.");
    command.callback([options, &status] {
        const auto done = run_import(*options);
        status = done ? exit_done : fail_with(done.error());
    });
}

void define_export(CLI::App& command, int& status) {
    auto options = std::make_shared<ExportOptions>();
    command.add_option("--data", options->data, "the folder that `weft up --data` was given (default ./weft-data)")
        ->type_name("DIR");
    command.add_option("--first", options->first, "number of the first block (default 1)")->type_name("N");
    command.add_option("--last", options->last, "number of the last block (default: the head)")->type_name("N");
    command.add_option("file", options->file, "where the blocks are written, in RLP one after the other")
        ->required()
        ->type_name("FILE");
    command.callback([options, &status] {
        const auto done = run_export(*options);
        status = done ? exit_done : fail_with(done.error());
    });
}

}  // namespace weft::app
