#include "net/graphql/parser.hpp"

#include <algorithm>
#include <utility>

namespace weft::net::graphql {

void Parser::fail_with(Problem problem) {
    if (!problem_) problem_ = std::move(problem);
    now_ = {Token::Kind::end, {}, now_.at};
}

void Parser::advance() {
    if (problem_) return;
    auto token = lexer_.next();
    if (token) {
        now_ = *std::move(token);
    } else {
        fail_with(std::move(token).error());
    }
}

void Parser::unexpected() { fail_with({"Syntax Error: Unexpected " + describe(now_) + ".", {now_.at}}); }

Token Parser::take() {
    Token token = std::move(now_);
    now_ = {};
    now_.at = token.at;
    advance();
    return token;
}

bool Parser::skip(std::string_view punctuator) {
    if (!sees(punctuator)) return false;
    advance();
    return true;
}

bool Parser::skip_word(std::string_view word) {
    if (!sees_word(word)) return false;
    advance();
    return true;
}

void Parser::expect(std::string_view punctuator) {
    if (skip(punctuator)) return;
    fail_with({"Syntax Error: Expected \"" + std::string(punctuator) + "\", found " + describe(now_) + ".", {now_.at}});
}

std::string Parser::name() {
    if (now_.kind == Token::Kind::name) return take().text;
    fail_with({"Syntax Error: Expected Name, found " + describe(now_) + ".", {now_.at}});
    return {};
}

bool Parser::enter() {
    if (++depth_ <= limits_.depth_max) return true;
    fail_with({"the document is nested too deep (depth_max = " + std::to_string(limits_.depth_max) + ")", {now_.at}});
    return false;
}

Value Parser::name_value() {
    Value out;
    out.at = now_.at;
    out.text = take().text;
    out.kind = out.text == "true" || out.text == "false" ? Value::Kind::boolean
               : out.text == "null"                      ? Value::Kind::null
                                                         : Value::Kind::enumeration;
    return out;
}

Value Parser::list(bool constant) {
    Value out{Value::Kind::list, {}, {}, {}, now_.at};
    advance();
    if (enter()) {
        while (!sees("]") && !at_end()) out.items.push_back(value(constant));
    }
    leave();
    expect("]");
    return out;
}

Value Parser::object(bool constant) {
    Value out{Value::Kind::object, {}, {}, {}, now_.at};
    advance();
    if (enter()) {
        while (!sees("}") && !at_end()) {
            Value::Member member;
            member.at = now_.at;
            member.name = name();
            expect(":");
            member.value = value(constant);
            out.members.push_back(std::move(member));
        }
    }
    leave();
    expect("}");
    return out;
}

Value Parser::value(bool constant) {
    Value out;
    out.at = now_.at;
    switch (now_.kind) {
        case Token::Kind::integer: out.kind = Value::Kind::integer; break;
        case Token::Kind::real: out.kind = Value::Kind::real; break;
        case Token::Kind::string:
        case Token::Kind::block_string: out.kind = Value::Kind::string; break;
        case Token::Kind::name: return name_value();
        default:
            if (sees("[")) return list(constant);
            if (sees("{")) return object(constant);
            if (sees("$") && !constant) {
                advance();
                out.kind = Value::Kind::variable;
                out.text = name();
                return out;
            }
            unexpected();
            return out;
    }
    out.text = take().text;
    return out;
}

TypeReference Parser::type() {
    TypeReference out;
    if (sees("[")) {
        advance();
        if (enter()) out.item = std::make_shared<TypeReference>(type());
        leave();
        expect("]");
    } else {
        out.name = name();
    }
    out.non_null = skip("!");
    return out;
}

std::vector<Argument> Parser::arguments(bool constant) {
    std::vector<Argument> out;
    if (!skip("(")) return out;
    do {
        Argument argument;
        argument.at = now_.at;
        argument.name = name();
        expect(":");
        argument.value = value(constant);
        out.push_back(std::move(argument));
    } while (!sees(")") && !at_end());
    expect(")");
    return out;
}

std::vector<Directive> Parser::directives(bool constant) {
    std::vector<Directive> out;
    while (sees("@")) {
        Directive directive;
        directive.at = now_.at;
        advance();
        directive.name = name();
        directive.arguments = arguments(constant);
        out.push_back(std::move(directive));
    }
    return out;
}

namespace {

Selections selections(Parser& in, std::size_t& aliases);

Selection fragment_selection(Parser& in, std::size_t& aliases) {
    Selection out;
    out.at = in.at();
    in.expect("...");
    if (in.sees(Token::Kind::name) && !in.sees_word("on")) {
        out.kind = Selection::Kind::spread;
        out.name = in.name();
        out.directives = in.directives(false);
        return out;
    }
    out.kind = Selection::Kind::inline_fragment;
    if (in.skip_word("on")) out.type_condition = in.name();
    out.directives = in.directives(false);
    out.selections = selections(in, aliases);
    return out;
}

Selection field(Parser& in, std::size_t& aliases) {
    Selection out;
    out.at = in.at();
    out.name = in.name();
    if (in.skip(":")) {
        out.alias = std::exchange(out.name, in.name());
        ++aliases;
    }
    out.arguments = in.arguments(false);
    out.directives = in.directives(false);
    if (in.sees("{")) out.selections = selections(in, aliases);
    return out;
}

Selections selections(Parser& in, std::size_t& aliases) {
    Selections out;
    in.expect("{");
    if (in.enter()) {
        do {
            out.push_back(in.sees("...") ? fragment_selection(in, aliases) : field(in, aliases));
        } while (!in.sees("}") && !in.at_end());
    }
    in.leave();
    in.expect("}");
    return out;
}

std::vector<VariableDefinition> variables(Parser& in) {
    std::vector<VariableDefinition> out;
    if (!in.skip("(")) return out;
    do {
        VariableDefinition variable;
        variable.at = in.at();
        in.expect("$");
        variable.name = in.name();
        in.expect(":");
        variable.type = in.type();
        if (in.skip("=")) variable.default_value = in.value(true);
        variable.directives = in.directives(true);
        out.push_back(std::move(variable));
    } while (!in.sees(")") && !in.at_end());
    in.expect(")");
    return out;
}

Operation operation(Parser& in, std::size_t& aliases) {
    Operation out;
    out.at = in.at();
    if (!in.sees("{")) {
        const std::string kind = in.name();
        out.kind = kind == "mutation"       ? OperationKind::mutation
                   : kind == "subscription" ? OperationKind::subscription
                                            : OperationKind::query;
        if (in.sees(Token::Kind::name)) out.name = in.name();
        out.variables = variables(in);
        out.directives = in.directives(false);
    }
    out.selections = selections(in, aliases);
    return out;
}

Fragment fragment(Parser& in, std::size_t& aliases) {
    Fragment out;
    out.at = in.at();
    in.name();
    if (in.sees_word("on")) in.unexpected();
    out.name = in.name();
    if (!in.skip_word("on")) in.unexpected();
    out.type_condition = in.name();
    out.directives = in.directives(false);
    out.selections = selections(in, aliases);
    return out;
}

}  // namespace

std::expected<Document, Problem> parse(std::string_view text, const Limits& limits) {
    if (text.size() > limits.document_bytes_max) {
        return std::unexpected(Problem{
            "the document is too long (document_bytes_max = " + std::to_string(limits.document_bytes_max) + ")", {}});
    }
    Parser in(text, limits);
    Document out;
    do {
        if (in.sees_word("fragment")) {
            out.fragments.push_back(fragment(in, out.aliases));
        } else if (in.sees("{") || in.sees_word("query") || in.sees_word("mutation") || in.sees_word("subscription")) {
            out.operations.push_back(operation(in, out.aliases));
        } else {
            in.unexpected();
        }
    } while (!in.at_end());
    if (in.problem()) return std::unexpected(*in.problem());
    if (out.aliases > limits.aliases_max) {
        return std::unexpected(
            Problem{"the document has too many aliases (aliases_max = " + std::to_string(limits.aliases_max) + ")"});
    }
    return out;
}

}  // namespace weft::net::graphql
