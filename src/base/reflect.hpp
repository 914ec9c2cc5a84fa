#pragma once
// The members of a plain struct, at compile time: how many, which, and their names. C++23 has no reflection yet; this
// uses structured bindings for the members and the compiler's own spelling of a pointer constant for the names.
//
// A struct qualifies if it is an aggregate without base classes and has 1 to 24 members.

#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weft::reflect {

namespace detail {

struct Anything {
    template <class T>
    constexpr operator T() const;  // never defined: only for counting
};

template <class T, std::size_t... I>
consteval bool takes(std::index_sequence<I...>) {
    return requires { T{(static_cast<void>(I), Anything{})...}; };
}

template <class T, std::size_t N = 24>
consteval std::size_t count() {
    static_assert(N > 0, "a struct with 1 to 24 members is needed");
    if constexpr (takes<T>(std::make_index_sequence<N>{})) {
        return N;
    } else {
        return count<T, N - 1>();
    }
}

}  // namespace detail

/// Number of members of T.
template <class T>
inline constexpr std::size_t member_count = detail::count<std::remove_cvref_t<T>>();

/// A tuple of references to the members of @p value, in order of declaration.
template <class T>
constexpr auto members(T& value) {
    constexpr std::size_t n = member_count<T>;
    if constexpr (n == 1) { auto& [a] = value; return std::tie(a); }
    else if constexpr (n == 2) { auto& [a, b] = value; return std::tie(a, b); }
    else if constexpr (n == 3) { auto& [a, b, c] = value; return std::tie(a, b, c); }
    else if constexpr (n == 4) { auto& [a, b, c, d] = value; return std::tie(a, b, c, d); }
    else if constexpr (n == 5) { auto& [a, b, c, d, e] = value; return std::tie(a, b, c, d, e); }
    else if constexpr (n == 6) { auto& [a, b, c, d, e, f] = value; return std::tie(a, b, c, d, e, f); }
    else if constexpr (n == 7) { auto& [a, b, c, d, e, f, g] = value; return std::tie(a, b, c, d, e, f, g); }
    else if constexpr (n == 8) { auto& [a, b, c, d, e, f, g, h] = value; return std::tie(a, b, c, d, e, f, g, h);
    } else if constexpr (n == 9) {
        auto& [a, b, c, d, e, f, g, h, i] = value;
        return std::tie(a, b, c, d, e, f, g, h, i);
    } else if constexpr (n == 10) {
        auto& [a, b, c, d, e, f, g, h, i, j] = value;
        return std::tie(a, b, c, d, e, f, g, h, i, j);
    } else if constexpr (n == 11) {
        auto& [a, b, c, d, e, f, g, h, i, j, k] = value;
        return std::tie(a, b, c, d, e, f, g, h, i, j, k);
    } else if constexpr (n == 12) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l] = value;
        return std::tie(a, b, c, d, e, f, g, h, i, j, k, l);
    } else if constexpr (n == 13) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = value;
        return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m);
    } else if constexpr (n == 14) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o] = value;
        return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, o);
    } else if constexpr (n == 15) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o, p] = value;
        return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, o, p);
    } else if constexpr (n == 16) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q] = value;
        return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q);
    } else if constexpr (n == 17) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r] = value;
        return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r);
    } else if constexpr (n == 18) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s] = value;
        return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s);
    } else if constexpr (n == 19) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t] = value;
        return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t);
    } else if constexpr (n == 20) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t, u] = value;
        return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t, u);
    } else if constexpr (n == 21) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t, u, v] = value;
        return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t, u, v);
    } else if constexpr (n == 22) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t, u, v, w] = value;
        return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t, u, v, w);
    } else if constexpr (n == 23) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t, u, v, w, x] = value;
        return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t, u, v, w, x);
    } else {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t, u, v, w, x, y] = value;
        return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q, r, s, t, u, v, w, x, y);
    }
}

/// Calls f(member) for each member in order.
template <class T, class F>
constexpr void for_each(T& value, F&& f) {
    std::apply([&](auto&... member) { (f(member), ...); }, members(value));
}

namespace detail {

template <class T>
struct Holder {
    T value;
};
template <class T>
extern const Holder<T> example;

template <class M>
struct Pointer {
    const M* to;
};

template <Pointer P>
consteval std::string_view spelled() {
    return __PRETTY_FUNCTION__;
}

template <class T, std::size_t I>
consteval std::string_view name() {
    constexpr auto* member = &std::get<I>(members(example<T>.value));
    constexpr std::string_view text = spelled<Pointer<std::remove_cvref_t<decltype(*member)>>{member}>();
    constexpr auto end = text.find_last_of(']');
    constexpr auto head = text.substr(0, text.find_last_of('}', end));
    return head.substr(head.find_last_of('.') + 1);
}

}  // namespace detail

/// Name of T's member number I, as declared.
template <class T, std::size_t I>
inline constexpr std::string_view member_name = detail::name<T, I>();

/// Unqualified name of a type.
template <class T>
consteval std::string_view type_name() {
    constexpr std::string_view text = __PRETTY_FUNCTION__;
    constexpr auto start = text.find("T = ") + 4;
    constexpr auto full = text.substr(start, text.find_last_of(']') - start);
    constexpr auto colon = full.find_last_of(':');
    return colon == std::string_view::npos ? full : full.substr(colon + 1);
}

}  // namespace weft::reflect
