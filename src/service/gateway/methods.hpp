#pragma once
// The table of methods: a name, what it takes, and the function that answers. Built once, then only read.

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/task.hpp"
#include "net/jsonrpc.hpp"
#include "observe/metric.hpp"

namespace weft::service::gateway {

struct Call;
struct Core;

/// Gives the result as JSON text.
using Handler = Task<std::string> (*)(Call& call);

/// Names of rpc.discover's schemas.
enum class Type : std::uint8_t { address, hash, quantity, data, boolean, text, block, transaction, object, array, any };

struct Parameter {
    std::string_view name;
    Type type = Type::any;
    bool required = true;
};

enum class Access : std::uint8_t {
    everyone,
    development,  // only if the chain is a development chain
};
enum class Timeout : std::uint8_t { request, call };

struct Method {
    /// A literal, as all texts here.
    std::string_view name;
    std::string_view summary;
    std::vector<Parameter> parameters;
    Handler handler = nullptr;
    Access access = Access::everyone;
    Timeout timeout = Timeout::request;
};

class MethodTable {
  public:
    /// @param core  outlives the table.
    explicit MethodTable(Core& core) : core_(core) {}

    /// Two methods of one name are asserted against.
    void add(Method method);
    void add(std::vector<Method> methods) {
        for (auto& method : methods) add(std::move(method));
    }

    /// Null if there is none.
    [[nodiscard]] const net::RpcMethod* find(std::string_view name) const;
    [[nodiscard]] std::vector<const Method*> list() const;

  private:
    struct Entry {
        Method method;
        observe::Counter* calls = nullptr;
        net::RpcMethod run;
    };

    Core& core_;
    std::vector<std::unique_ptr<Entry>> entries_;
    std::unordered_map<std::string_view, Entry*> by_name_;
};

// Each file adds its methods.
void add_read_methods(MethodTable& table);
void add_fee_methods(MethodTable& table);
void add_call_methods(MethodTable& table);
void add_send_methods(MethodTable& table);
void add_filter_methods(MethodTable& table);
void add_subscription_methods(MethodTable& table);
void add_debug_methods(MethodTable& table);
void add_pool_methods(MethodTable& table);
void add_development_methods(MethodTable& table);
void add_web3_methods(MethodTable& table);
void add_config_methods(MethodTable& table);
void add_simulate_methods(MethodTable& table);
void add_build_methods(MethodTable& table);
void add_monitor_methods(MethodTable& table);
void add_validator_methods(MethodTable& table);

/// The OpenRPC document of the table.
[[nodiscard]] std::string openrpc_document(const MethodTable& table, std::string_view version);

}  // namespace weft::service::gateway
