#include "net/graphql/http.hpp"

#include <algorithm>

#include "net/url.hpp"

namespace weft::net::graphql {

namespace {

constexpr std::string_view json_type = "application/json; charset=utf-8";
constexpr std::string_view response_type = "application/graphql-response+json; charset=utf-8";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// The media type before its parameters, in lower case.
std::string media_type(std::string_view header) {
    header = header.substr(0, header.find(';'));
    while (header.ends_with(' ') || header.ends_with('\t')) header.remove_suffix(1);
    while (header.starts_with(' ') || header.starts_with('\t')) header.remove_prefix(1);
    std::string out(header);
    std::ranges::transform(out, out.begin(), lower);
    return out;
}

/// Whether the client knows GraphQL's own media type, and so its statuses.
bool accepts_response_type(std::string_view accept) {
    while (!accept.empty()) {
        const std::size_t end = std::min(accept.find(','), accept.size());
        if (media_type(accept.substr(0, end)) == "application/graphql-response+json") return true;
        accept.remove_prefix(std::min(end + 1, accept.size()));
    }
    return false;
}

Result<Request> wrong(std::string message) { return fail(ErrorCode::invalid_argument, std::move(message)); }

/// {"query": ..., "operationName": ..., "variables": ...}; other members ("extensions") are nobody's business here.
Result<Request> from_json(std::string_view body) {
    const auto value = json::parse(body);
    if (!value) return wrong("the body is no JSON: " + value.error().message);
    if (value->is_array()) return wrong("batches are not served: send one operation a request");
    if (!value->is_object()) return wrong("the body must be an object");
    const json::Value& query = (*value)["query"];
    const json::Value& name = (*value)["operationName"];
    const json::Value& variables = (*value)["variables"];
    if (!query.is_string()) return wrong("\"query\" must be a string");
    if (!name.is_null() && !name.is_string()) return wrong("\"operationName\" must be a string");
    if (!variables.is_null() && !variables.is_object()) return wrong("\"variables\" must be an object");
    return Request{query.text(), name.text(), variables};
}

Result<Request> from_url(std::string_view query) {
    WEFT_TRY(const auto parameters, url_parameters(query));
    const auto document = find(parameters, "query");
    if (!document) return wrong("the parameter \"query\" is missing");
    Request out{std::string(*document), std::string(find(parameters, "operationName").value_or("")), {}};
    if (const auto text = find(parameters, "variables"); text && !text->empty()) {
        auto variables = json::parse(*text);
        if (!variables) return wrong("\"variables\" is no JSON: " + variables.error().message);
        if (!variables->is_null() && !variables->is_object()) return wrong("\"variables\" must be an object");
        out.variables = *std::move(variables);
    }
    return out;
}

Response refusal(int status, const std::string& message) { return {status, json_type, errors_json({{message}}), {}}; }

Response not_allowed(const std::string& message, std::string allow) {
    Response out = refusal(405, message);
    out.headers.emplace_back("Allow", std::move(allow));
    return out;
}

}  // namespace

Task<Response> serve(const Schema& schema, std::function<ObjectPtr()> root, net::Request request,
                     const Limits& limits) {
    // HEAD is answered as GET is; the server leaves out the body.
    const bool is_get = request.method == "GET" || request.method == "HEAD";
    if (!is_get && request.method != "POST") co_return not_allowed("send GET or POST", "GET, HEAD, POST, OPTIONS");
    Result<Request> read = wrong("");
    if (is_get) {
        read = from_url(request.query);
    } else if (const std::string type = media_type(request.header("content-type")); type == "application/graphql") {
        read = Request{std::string(request.body), {}, {}};
    } else if (type == "application/json") {
        read = from_json(request.body);
    } else {
        co_return refusal(415, "send application/json or application/graphql");
    }
    if (!read) co_return refusal(400, read.error().message);
    const bool knows_statuses = accepts_response_type(request.header("accept"));
    Outcome outcome = co_await answer(schema, std::move(root), *std::move(read), limits, is_get);
    if (outcome.refused) co_return not_allowed("a mutation must be sent by POST", "POST");
    Response out{200, knows_statuses ? response_type : json_type, std::move(outcome.json), {}};
    if (!outcome.executed && knows_statuses) out.status = 400;
    co_return out;
}

}  // namespace weft::net::graphql
