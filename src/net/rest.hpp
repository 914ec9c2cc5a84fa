#pragma once
// REST: a table of resources, and what follows from it: which request is whose, what is wrong with its parameters, the
// statuses of HTTP for the errors of services, validators for caches, and the OpenAPI document that tells of it all.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/task.hpp"
#include "mesh/service.hpp"
#include "net/http.hpp"

namespace weft::net {

/// What a parameter may be. All texts here are literals.
struct RestType {
    /// JSON Schema, as JSON.
    std::string_view schema;
    /// Gives the one form that handlers see. @errors invalid_argument  says what is due.
    Result<std::string> (*read)(std::string_view text);
};

struct RestParameter {
    std::string_view name;
    const RestType* type = nullptr;
    std::string_view description;
    bool required = false;
    /// Several, with commas between.
    bool is_list = false;
};

/// A request whose parameters are all right.
class RestCall {
  public:
    static constexpr std::size_t list_items_max = 100;

    mesh::Context context;
    std::map<std::string_view, std::vector<std::string>> values;

    /// The value of a parameter or member of the body; empty if it was not given.
    [[nodiscard]] const std::string& operator[](std::string_view name) const;
    [[nodiscard]] const std::vector<std::string>& list(std::string_view name) const;
    [[nodiscard]] bool has(std::string_view name) const { return values.contains(name); }
    [[nodiscard]] std::uint64_t number(std::string_view name, std::uint64_t otherwise) const;
};

struct RestReply {
    std::string json;
    int status = 200;
    /// It will never be another: caches need not ask again.
    bool is_immutable = false;
    /// Of what was made; empty if nothing was.
    std::string location = {};
};

/// An error that is the fault of one parameter.
[[nodiscard]] std::unexpected<Error> rest_fail(std::string_view field, std::string_view why);

struct Route {
    std::string_view id;
    std::string_view method;
    /// "/v1/blocks/{block}"
    std::string_view path;
    std::string_view summary;
    /// Of the path and the query.
    std::vector<RestParameter> parameters;
    /// Members of the body, an object; of a route that has none the body is not looked at.
    std::vector<RestParameter> body;
    /// Name of a schema of RestTable::schemas.
    std::string_view reply;
    int status = 200;
};

struct RestSchema {
    std::string_view name;
    std::string_view json;
};

/// Gives what Route::id stands for.
using RestHandler = std::function<Task<RestReply>(std::string_view id, const RestCall& call)>;

struct RestTable {
    std::string_view title;
    std::string_view version;
    std::vector<Route> routes;
    std::vector<RestSchema> schemas;
};

/// Whether @p path is below one that the table has; what is not is somebody else's to answer.
[[nodiscard]] bool owns(const RestTable& table, std::string_view path);

/// Answers a request. @p table and @p handler live until the task has ended.
Task<Response> serve_rest(const RestTable& table, const RestHandler& handler, mesh::Context context, Request request);

/// OpenAPI 3.1.
[[nodiscard]] std::string openapi_document(const RestTable& table);

}  // namespace weft::net
