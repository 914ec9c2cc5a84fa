#pragma once
// What the parsers of documents and of schemas share: one token of look-ahead, and an error that stays. After it every
// token is the end, so that callers need no check of their own before they finish.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/graphql/document.hpp"
#include "net/graphql/lexer.hpp"

namespace weft::net::graphql {

class Parser {
  public:
    Parser(std::string_view text, const Limits& limits) : limits_(limits), lexer_(text, limits.tokens_max) {
        advance();
    }

    [[nodiscard]] bool at_end() const { return now_.kind == Token::Kind::end; }
    [[nodiscard]] bool sees(std::string_view punctuator) const {
        return now_.kind == Token::Kind::punctuator && now_.text == punctuator;
    }
    [[nodiscard]] bool sees_word(std::string_view word) const {
        return now_.kind == Token::Kind::name && now_.text == word;
    }
    [[nodiscard]] bool sees(Token::Kind kind) const { return now_.kind == kind; }
    bool skip(std::string_view punctuator);
    bool skip_word(std::string_view word);
    void expect(std::string_view punctuator);
    /// The token, and on to the next one.
    Token take();
    std::string name();
    void unexpected();
    void fail_with(Problem problem);
    [[nodiscard]] const Location& at() const { return now_.at; }
    [[nodiscard]] const std::optional<Problem>& problem() const { return problem_; }

    /// @param constant  whether variables are refused.
    Value value(bool constant);
    TypeReference type();
    std::vector<Argument> arguments(bool constant);
    std::vector<Directive> directives(bool constant);

    /// Recursion of selections and values; false, and a problem, if that is too deep.
    bool enter();
    void leave() { --depth_; }

  private:
    void advance();
    Value name_value();
    Value list(bool constant);
    Value object(bool constant);

    const Limits& limits_;
    Lexer lexer_;
    Token now_;
    std::optional<Problem> problem_;
    std::size_t depth_ = 0;
};

}  // namespace weft::net::graphql
