#pragma once
// How the registry asks an instance how it is. Whether it answers is one thing, whether it can serve another: one that
// replays its log or is behind its peers is alive, and restarting it would help nobody.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/task.hpp"
#include "net/grpc.hpp"
#include "net/http_client.hpp"
#include "net/loop.hpp"

namespace weft::service::registry {

enum class CheckKind : std::uint8_t { grpc, http, rpc, lease };

/// What an instance's `check` says.
struct Check {
    CheckKind kind = CheckKind::grpc;
    std::string path = {};         // of http
    std::uint64_t lag_blocks = 8;  // of rpc
    std::uint64_t age_s = 0;       // 0: any, as of a chain that seals when there is something to seal
};
/// @errors invalid_argument  no such check, or not its parameters.
[[nodiscard]] Result<Check> parse_check(std::string_view text);

struct Checked {
    bool serving = false;
    /// Why not.
    std::string detail = {};
    /// Of rpc: the head's number.
    std::uint64_t head = 0;
};

/// Asks one instance. Of the loop's thread.
class Checker {
  public:
    /// @param address  HOST:PORT; of http and rpc also a URL.
    Checker(net::Loop& loop, Check check, std::string address, std::int64_t timeout_ns, std::int64_t interval_ns);

    /// @param best_head  the highest that an instance of the service has told.
    /// @return           what it says, if it answers.
    [[nodiscard]] Task<Checked> ask(std::uint64_t best_head) const;
    [[nodiscard]] const Check& check() const { return check_; }

  private:
    [[nodiscard]] Task<Checked> ask_grpc(mesh::Context context) const;
    [[nodiscard]] Task<Checked> ask_http(mesh::Context context) const;
    [[nodiscard]] Task<Checked> ask_rpc(mesh::Context context, std::uint64_t best_head) const;

    Check check_;
    std::string url_;
    std::int64_t timeout_ns_;
    std::unique_ptr<net::GrpcChannel> channel_;
    std::unique_ptr<net::HttpClient> client_;
};

/// What a reply to eth_getBlockByNumber says of its node.
/// @errors data_loss  it is none.
[[nodiscard]] Result<Checked> judge_head(const Check& check, std::string_view body, std::uint64_t best_head,
                                         std::uint64_t unix_s);

}  // namespace weft::service::registry
