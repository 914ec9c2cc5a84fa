#pragma once
// What one request reads of a chain by JSON-RPC: each thing is asked for once, however often and by how many fields it
// is wanted, and the newest block is the same one throughout.

#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/task.hpp"
#include "net/rpc_call.hpp"

namespace weft::api::web {

/// Shared: several fields look into one answer.
using Json = std::shared_ptr<const json::Value>;

/// A block's number as a quantity, its hash, or a tag.
using BlockId = std::string;
[[nodiscard]] bool is_block_hash(const BlockId& block);
/// As parameters that name a state spell it: {"blockHash":...} or the number or tag (EIP-1898).
[[nodiscard]] std::string state_param(const BlockId& block);

class Reader {
  public:
    /// Calls of one request; the one after them fails with resource_exhausted.
    static constexpr std::size_t calls_max = 1'000;

    Reader(net::RpcCall call, mesh::Context context) : call_(std::move(call)), context_(context) {}
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    /// @param method  a literal; @param params  JSON of an array.
    Task<Json> ask(std::string_view method, std::string params);
    /// The same without a memory, for what is no read.
    Task<Json> tell(std::string_view method, std::string params);

    /// Null if there is no such block. @param full  with whole transactions; without, it may have them all the same.
    Task<Json> block(BlockId id, bool full);
    /// The newest block, the same for the whole request.
    Task<Json> latest(bool full);
    /// Its hash.
    Task<BlockId> latest_id();
    /// Of all transactions of a block, in their order.
    Task<Json> receipts(BlockId hash);

    [[nodiscard]] std::size_t calls() const { return calls_; }

  private:
    struct Entry {
        std::optional<Result<Json>> result;
        std::vector<Promise<void>> waiting;
    };

    net::RpcCall call_;
    mesh::Context context_;
    std::map<std::string, std::shared_ptr<Entry>> asked_;
    /// Blocks with whole transactions, by hash.
    std::map<std::string, Json> full_;
    std::string latest_hash_;
    std::size_t calls_ = 0;
};

/// The block that @p id means (empty: the newest), read once for the whole request.
/// @errors not_found
Task<Json> existing_block(Reader& reader, BlockId id, bool full = false);
/// A state to read: the pinned block's, so that all of one answer is of one block.
Task<BlockId> pinned_state(Reader& reader, BlockId id);

/// "[A,B]" of what is JSON already.
[[nodiscard]] std::string params_json(std::initializer_list<std::string_view> items);

}  // namespace weft::api::web
