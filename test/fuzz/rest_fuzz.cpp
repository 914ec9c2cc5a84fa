// REST: any method, target and body has an answer, which is JSON or empty; and what a path or a query decodes to holds
// no more than its bounds.

#include "api/web/facade.hpp"
#include "net/url.hpp"

using namespace weft;

namespace {

Task<std::string> nothing(mesh::Context, std::string_view, std::string params) {
    // What is sent on is JSON, whatever came in.
    WEFT_ASSERT(json::parse(params));
    co_return "null";
}

void check_url(std::string_view target) {
    if (const auto segments = net::url_segments(target)) WEFT_ASSERT(segments->size() <= net::url_segments_max);
    if (const auto query = net::url_parameters(target)) WEFT_ASSERT(query->size() <= net::url_parameters_max);
    const auto decoded = net::url_decode(target);
    WEFT_ASSERT(!decoded || decoded->size() <= target.size());
}

}  // namespace

/// "TARGET\nBODY"; a target without a body is of a GET.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const api::web::Facade facade(nothing);
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t line = text.find('\n');
    net::Request request;
    request.method = line == std::string_view::npos ? "GET" : "POST";
    request.target = text.substr(0, line);
    request.path = request.target.substr(0, request.target.find('?'));
    request.query = request.target.substr(std::min(request.path.size() + 1, request.target.size()));
    request.body = line == std::string_view::npos ? "" : text.substr(line + 1);
    check_url(request.target);
    auto answer = facade.answer(mesh::Context::with_timeout(ns_per_s), request);
    if (!answer) return 0;
    const auto response = run(*std::move(answer));
    WEFT_ASSERT(response && response->status >= 200 && response->status < 600);
    WEFT_ASSERT(response->body.empty() || json::parse(response->body));
    return 0;
}
