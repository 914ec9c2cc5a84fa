#pragma once
// Tokens of a GraphQL document.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "net/graphql/document.hpp"

namespace weft::net::graphql {

struct Token {
    enum class Kind : std::uint8_t { end, punctuator, name, integer, real, string, block_string };
    Kind kind = Kind::end;
    /// Of a string its characters, of anything else as written.
    std::string text;
    Location at;
};

/// "Name \"x\"", as errors call a token.
[[nodiscard]] std::string describe(const Token& token);

class Lexer {
  public:
    /// @param text  outlives the lexer.
    Lexer(std::string_view text, std::size_t tokens_max) : text_(text), tokens_max_(tokens_max) {}

    [[nodiscard]] std::expected<Token, Problem> next();

  private:
    using Lexed = std::expected<Token, Problem>;
    Lexed number();
    Lexed string();
    Lexed block_string();
    [[nodiscard]] std::expected<std::string, Problem> escape();
    [[nodiscard]] std::expected<std::uint32_t, Problem> escaped_unit();
    /// Copies one code point of UTF-8 to @p out. False if there is none that a document may hold.
    bool copy_character(std::string& out);
    bool skip_ignored();
    void new_line();
    [[nodiscard]] char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }
    /// Counts on from where it was asked last, so that a document of one line costs no more than others.
    [[nodiscard]] Location here();
    [[nodiscard]] std::unexpected<Problem> wrong(std::string what);

    std::string_view text_;
    std::size_t tokens_max_;
    std::size_t at_ = 0;
    std::uint32_t line_ = 1;
    std::size_t counted_ = 0;  // bytes that column_ has counted
    std::uint32_t column_ = 1;
    std::size_t tokens_ = 0;
};

}  // namespace weft::net::graphql
