// weft abi: contract arguments to bytes and back.

#include <algorithm>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/command.hpp"
#include "base/hex.hpp"
#include "chain/abi.hpp"

namespace weft::app {

namespace {

Result<std::string> encode(const std::string& signature, const std::string& values) {
    WEFT_TRY(const auto parsed, chain::abi::parse_signature(signature));
    WEFT_TRY(const auto json, json::parse(values));
    WEFT_TRY(const auto bytes, chain::abi::encode(parsed.arguments, json));
    Bytes out = parsed.name.empty() ? Bytes{} : parsed.selector();
    append(out, bytes);
    return to_hex(out);
}

Result<std::string> decode(const std::string& signature, const std::string& data) {
    WEFT_TRY(const auto parsed, chain::abi::parse_signature(signature));
    WEFT_TRY(const auto bytes, from_hex(data));
    BytesView view = bytes;
    if (!parsed.name.empty()) {
        const auto selector = parsed.selector();
        if (!std::ranges::equal(selector, view.first(std::min<std::size_t>(view.size(), 4)))) {
            return fail(ErrorCode::invalid_argument,
                        "the data does not begin with the selector " + to_hex(selector) + " of " + signature);
        }
        view = view.subspan(4);
    }
    WEFT_TRY(const auto value, chain::abi::decode(parsed.arguments, view));
    return json::to_string(value);
}

void define(CLI::App& command, int& status, const char* what, const char* values_help,
            Result<std::string> (*run)(const std::string&, const std::string&)) {
    auto signature = std::make_shared<std::string>();
    auto values = std::make_shared<std::string>();
    command
        .add_option("signature", *signature, "\"transfer(address,uint256)\", or the types alone: \"address,uint256\"")
        ->required();
    command.add_option("values", *values, values_help)->required();
    command.callback([signature, values, run, what, &status] {
        const auto text = run(*signature, *values);
        if (!text) {
            status = fail_with(fmt::format("abi {}: {}", what, text.error().message));
            return;
        }
        fmt::print("{}\n", *text);
        status = exit_done;
    });
}

}  // namespace

void define_abi(CLI::App& command, int& status) {
    command.require_subcommand(1);
    define(*command.add_subcommand("encode", "arguments to bytes, after the selector if the signature has a name"),
           status, "encode", "the arguments as a JSON array", encode);
    define(*command.add_subcommand("decode", "bytes to arguments, as a JSON array"), status, "decode", "\"0x\" data",
           decode);
}

}  // namespace weft::app
