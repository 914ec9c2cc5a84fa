// GraphQL: what is read and written is read the same again, and whatever is read is validated and planned within its
// limits, and executed without a fault.

#include "net/graphql/execute.hpp"
#include "net/graphql/test_schema.hpp"
#include "net/graphql/validate.hpp"

using namespace weft;
using namespace weft::net::graphql;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    Limits limits;
    limits.resolved_max = 2'000;
    limits.response_bytes_max = 100'000;
    const auto document = parse(text, limits);
    if (document) {
        const std::string written = to_text(*document);
        Limits wide = limits;  // written out, it may be longer
        wide.document_bytes_max = written.size();
        const auto again = parse(written, wide);
        WEFT_ASSERT(again && to_text(*again) == written);
        WEFT_ASSERT(validate(test_schema(), *document, limits).empty() ==
                    validate(test_schema(), *again, limits).empty());
    }
    Request request{std::string(text), {}, json::Value::object({{"n", json::Value::number("1")}})};
    const auto root = [] { return std::make_shared<TestRoot>(); };
    const auto outcome = run(answer(test_schema(), root, std::move(request), limits, false));
    WEFT_ASSERT(outcome && json::parse(outcome->json));
    WEFT_ASSERT(outcome->executed ? document.has_value() : outcome->json.starts_with(R"({"errors":[)"));
    return 0;
}
