#include "net/rest.hpp"

#include <algorithm>
#include <charconv>
#include <functional>

#include "base/hex.hpp"
#include "net/jsonrpc.hpp"
#include "net/url.hpp"

namespace weft::net {

namespace {

constexpr std::string_view problem_type = "application/problem+json";

/// @source RFC 9457
Response problem(int status, std::string_view detail, std::string_view field = {}, const Error* error = nullptr) {
    json::Writer out;
    out.begin_object();
    out.string("type", "about:blank").string("title", reason_phrase(status));
    out.key("status").integer(status);
    out.string("detail", detail);
    if (!field.empty()) out.string("field", field);
    if (error != nullptr) {
        out.key("code").integer(rpc_code_of(*error));
        if (!error->data.empty()) out.data("data", error->data);
    }
    out.end_object();
    Response response{status, problem_type, out.take(), {{"Cache-Control", "no-store"}}};
    if (status == 429 || status == 503) response.headers.emplace_back("Retry-After", "1");
    return response;
}

/// Between the field and what is wrong with it in the message of rest_fail; in no other message.
constexpr char field_end = '\x1f';

int status_of(const Error& error) {
    switch (error.code) {
        case ErrorCode::invalid_argument:
        case ErrorCode::out_of_range: return 400;
        case ErrorCode::permission_denied: return 403;
        case ErrorCode::unauthenticated: return 401;
        case ErrorCode::not_found: return 404;
        case ErrorCode::already_exists:
        case ErrorCode::aborted: return 409;
        case ErrorCode::failed_precondition: break;
        case ErrorCode::resource_exhausted: return 429;
        case ErrorCode::unimplemented: return 501;
        case ErrorCode::deadline_exceeded: return 504;
        case ErrorCode::unavailable:
        case ErrorCode::cancelled: return 503;
        case ErrorCode::internal:
        case ErrorCode::data_loss: return 500;
        default: break;
    }
    // What only has a JSON-RPC code: the request was understood, and what it wants can't be had.
    switch (rpc_code_of(error)) {
        case rpc_code::method_not_found: return 501;
        case rpc_code::invalid_params: return 400;
        case rpc_code::limit_exceeded: return 429;
        case rpc_code::internal_error: return 500;
        default: return error.message.find("not found") != std::string::npos ? 404 : 422;
    }
}

Response problem_of(const Error& error) {
    const std::size_t end = error.message.find(field_end);
    if (end == std::string::npos) return problem(status_of(error), error.message, {}, &error);
    return problem(400, std::string_view(error.message).substr(end + 1),
                   std::string_view(error.message).substr(0, end));
}

bool is_variable(std::string_view segment) { return segment.starts_with('{'); }
std::string_view variable_name(std::string_view segment) { return segment.substr(1, segment.size() - 2); }

std::vector<std::string_view> template_segments(std::string_view path) {
    std::vector<std::string_view> out;
    path.remove_prefix(1);
    while (true) {
        const std::size_t end = path.find('/');
        out.push_back(path.substr(0, end));
        if (end == std::string_view::npos) return out;
        path.remove_prefix(end + 1);
    }
}

bool matches(const Route& route, const std::vector<std::string>& segments) {
    const auto wanted = template_segments(route.path);
    return std::ranges::equal(wanted, segments, [](std::string_view want, const std::string& given) {
        return is_variable(want) ? !given.empty() : want == given;
    });
}

bool is_in_path(const Route& route, std::string_view name) {
    return route.path.find("{" + std::string(name) + "}") != std::string_view::npos;
}

const RestParameter* parameter(const std::vector<RestParameter>& list, std::string_view name) {
    const auto found = std::ranges::find(list, name, &RestParameter::name);
    return found == list.end() ? nullptr : &*found;
}

Result<void> read_value(const RestParameter& of, std::string_view text, RestCall& call) {
    std::vector<std::string> values;
    while (true) {
        const std::size_t end = of.is_list ? text.find(',') : std::string_view::npos;
        auto value = of.type->read(text.substr(0, end));
        if (!value) return rest_fail(of.name, value.error().message);
        if (values.size() == RestCall::list_items_max) return rest_fail(of.name, "too many values");
        values.push_back(*std::move(value));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    if (!call.values.emplace(of.name, std::move(values)).second) return rest_fail(of.name, "given twice");
    return {};
}

Result<void> check_required(const std::vector<RestParameter>& list, const RestCall& call) {
    for (const auto& one : list) {
        if (one.required && !call.has(one.name)) return rest_fail(one.name, "missing");
    }
    return {};
}

Result<void> read_url(const Route& route, const std::vector<std::string>& segments, std::string_view query,
                      RestCall& call) {
    const auto wanted = template_segments(route.path);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (!is_variable(wanted[i])) continue;
        WEFT_CHECK(read_value(*parameter(route.parameters, variable_name(wanted[i])), segments[i], call));
    }
    WEFT_TRY(const auto given, url_parameters(query));
    for (const auto& [name, text] : given) {
        const RestParameter* const known = parameter(route.parameters, name);
        if (known == nullptr || is_in_path(route, name)) return rest_fail(name, "no such parameter");
        WEFT_CHECK(read_value(*known, text, call));
    }
    return check_required(route.parameters, call);
}

Result<void> read_body(const Route& route, const Request& request, RestCall& call) {
    const auto body = json::parse(request.body);
    if (!body) return rest_fail("body", "no JSON: " + body.error().message);
    if (!body->is_object()) return rest_fail("body", "an object is due");
    for (const auto& [name, value] : body->members()) {
        const RestParameter* const known = parameter(route.body, name);
        if (known == nullptr) return rest_fail(name, "no such member");
        if (value.is_null()) continue;
        if (!value.is_string() && !value.is_number()) return rest_fail(name, "a string is due");
        WEFT_CHECK(read_value(*known, value.text(), call));
    }
    return check_required(route.body, call);
}

/// A validator for caches: equal for equal bodies.
std::string etag_of(std::string_view body) {
    std::string out = "\"";
    out += to_quantity(std::uint64_t{std::hash<std::string_view>{}(body)});
    return out + "\"";
}

bool lists(std::string_view header, std::string_view etag) {
    while (!header.empty()) {
        const std::size_t end = std::min(header.find(','), header.size());
        std::string_view one = header.substr(0, end);
        header.remove_prefix(std::min(end + 1, header.size()));
        while (one.starts_with(' ')) one.remove_prefix(1);
        while (one.ends_with(' ')) one.remove_suffix(1);
        if (one.starts_with("W/")) one.remove_prefix(2);
        if (one == etag || one == "*") return true;
    }
    return false;
}

Response response_of(const Route& route, RestReply reply, const Request& request) {
    Response out{reply.status, "application/json", std::move(reply.json), {}};
    if (!reply.location.empty()) out.headers.emplace_back("Location", std::move(reply.location));
    if (route.method != "GET") {
        out.headers.emplace_back("Cache-Control", "no-store");
        return out;
    }
    const std::string etag = etag_of(out.body);
    out.headers.emplace_back("ETag", etag);
    out.headers.emplace_back("Cache-Control", reply.is_immutable ? "public, max-age=31536000, immutable" : "no-cache");
    if (lists(request.header("if-none-match"), etag)) {
        out.status = 304;
        out.body.clear();
        out.content_type = {};
    }
    return out;
}

bool is_json_type(std::string_view type) {
    type = type.substr(0, type.find_first_of("; "));
    return type.empty() || type == "application/json";
}

Result<RestCall> read_call(const Route& route, const std::vector<std::string>& segments, const Request& request) {
    RestCall call;
    WEFT_CHECK(read_url(route, segments, request.query, call));
    if (!route.body.empty()) WEFT_CHECK(read_body(route, request, call));
    return call;
}

}  // namespace

std::unexpected<Error> rest_fail(std::string_view field, std::string_view why) {
    return fail(ErrorCode::invalid_argument, std::string(field) + field_end + std::string(why));
}

const std::vector<std::string>& RestCall::list(std::string_view name) const {
    static const std::vector<std::string> none;
    const auto found = values.find(name);
    return found == values.end() ? none : found->second;
}

const std::string& RestCall::operator[](std::string_view name) const {
    static const std::string none;
    const auto& all = list(name);
    return all.empty() ? none : all.front();
}

std::uint64_t RestCall::number(std::string_view name, std::uint64_t otherwise) const {
    const std::string& text = (*this)[name];
    std::uint64_t out = otherwise;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}

bool owns(const RestTable& table, std::string_view path) {
    return std::ranges::any_of(table.routes, [&](const Route& route) {
        const std::string_view root = route.path.substr(0, route.path.find('/', 1));
        return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
    });
}

Task<Response> serve_rest(const RestTable& table, const RestHandler& handler, mesh::Context context, Request request) {
    const auto segments = url_segments(request.path);
    if (!segments) co_return problem_of(segments.error());
    // HEAD is answered as GET is; the server leaves out the body.
    const std::string_view method = request.method == "HEAD" ? "GET" : request.method;
    std::string allow;
    const Route* route = nullptr;
    for (const auto& one : table.routes) {
        if (!matches(one, *segments)) continue;
        if (one.method == method) route = &one;
        allow.append(one.method).append(one.method == "GET" ? ", HEAD, " : ", ");
    }
    if (allow.empty()) co_return problem(404, "no such resource");
    if (route == nullptr) {
        Response out = problem(405, "not a method of this resource");
        out.headers.emplace_back("Allow", allow + "OPTIONS");
        co_return out;
    }
    if (!route->body.empty() && !is_json_type(request.header("content-type"))) {
        co_return problem(415, "send application/json");
    }
    auto call = read_call(*route, *segments, request);
    if (!call) co_return problem_of(call.error());
    call->context = context;
    auto reply = co_await settled(handler(route->id, *call));
    if (!reply) co_return problem_of(reply.error());
    if (reply->status == 200) reply->status = route->status;
    co_return response_of(*route, *std::move(reply), request);
}

namespace {

void write_schema(json::Writer& out, const RestParameter& one) {
    if (!one.is_list) {
        out.raw(one.type->schema);
        return;
    }
    out.begin_object().string("type", "array");
    out.key("maxItems").unsigned_integer(RestCall::list_items_max);
    out.key("items").raw(one.type->schema).end_object();
}

void write_parameter(json::Writer& out, const Route& route, const RestParameter& one) {
    const bool in_path = is_in_path(route, one.name);
    out.begin_object();
    out.string("name", one.name).string("in", in_path ? "path" : "query").string("description", one.description);
    out.boolean("required", in_path || one.required);
    if (one.is_list) out.string("style", "form").boolean("explode", false);
    out.key("schema");
    write_schema(out, one);
    out.end_object();
}

void write_body(json::Writer& out, const Route& route) {
    out.key("requestBody").begin_object().boolean("required", true);
    out.key("content").begin_object().key("application/json").begin_object().key("schema").begin_object();
    out.string("type", "object").boolean("additionalProperties", false);
    out.key("properties").begin_object();
    for (const auto& member : route.body) {
        out.key(member.name);
        write_schema(out, member);
    }
    out.end_object();
    out.key("required").begin_array();
    for (const auto& member : route.body) {
        if (member.required) out.string(member.name);
    }
    out.end_array();
    out.end_object().end_object().end_object().end_object();
}

void write_content(json::Writer& out, std::string_view type, std::string_view schema) {
    out.key("content").begin_object().key(type).begin_object().key("schema").begin_object();
    out.string("$ref", "#/components/schemas/" + std::string(schema));
    out.end_object().end_object().end_object();
}

void write_responses(json::Writer& out, const Route& route) {
    out.key("responses").begin_object();
    out.key(std::to_string(route.status)).begin_object().string("description", route.summary);
    write_content(out, "application/json", route.reply);
    out.end_object();
    if (route.method == "GET") out.key("304").begin_object().string("description", "Not changed.").end_object();
    for (const auto& [status, words] :
         {std::pair("400", "A parameter is wrong; \"field\" names it."), std::pair("404", "There is no such thing."),
          std::pair("422", "It can't be done; \"detail\" says why."), std::pair("429", "A limit was passed."),
          std::pair("503", "Nobody can answer now.")}) {
        out.key(status).begin_object().string("description", words);
        write_content(out, problem_type, "Problem");
        out.end_object();
    }
    out.end_object();
}

void write_operation(json::Writer& out, const Route& route) {
    std::string method(route.method);
    std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c | 0x20); });
    out.key(method).begin_object();
    out.string("operationId", route.id).string("summary", route.summary);
    out.key("parameters").begin_array();
    for (const auto& one : route.parameters) write_parameter(out, route, one);
    out.end_array();
    if (!route.body.empty()) write_body(out, route);
    write_responses(out, route);
    out.end_object();
}

}  // namespace

std::string openapi_document(const RestTable& table) {
    json::Writer out;
    out.begin_object().string("openapi", "3.1.0");
    out.key("info").begin_object().string("title", table.title).string("version", table.version).end_object();
    std::map<std::string_view, std::vector<const Route*>> paths;
    for (const auto& route : table.routes) paths[route.path].push_back(&route);
    out.key("paths").begin_object();
    for (const auto& [path, routes] : paths) {
        out.key(path).begin_object();
        for (const auto* route : routes) write_operation(out, *route);
        out.end_object();
    }
    out.end_object();
    out.key("components").begin_object().key("schemas").begin_object();
    for (const auto& schema : table.schemas) out.key(schema.name).raw(schema.json);
    out.key("Problem").raw(R"({"type":"object","description":"RFC 9457","required":["title","status","detail"],)"
                           R"("properties":{"type":{"type":"string"},"title":{"type":"string"},)"
                           R"("status":{"type":"integer"},"detail":{"type":"string"},"field":{"type":"string"},)"
                           R"("code":{"type":"integer"},"data":{"type":"string"}}})");
    out.end_object().end_object().end_object();
    return out.take();
}

}  // namespace weft::net
