#include "net/graphql/execute.hpp"

#include <algorithm>
#include <utility>

#include "net/graphql/together.hpp"
#include "net/graphql/validate.hpp"

namespace weft::net::graphql {

namespace {

/// One step of the way to a field; lives on the stack or in the frame of who goes down it.
struct Step {
    const Step* parent = nullptr;
    std::string_view key = {};  // of a field
    std::size_t index = 0;      // of a list's item, if there is no key
};

std::string path_json(const Step* step) {
    std::vector<const Step*> steps;
    for (; step != nullptr; step = step->parent) steps.push_back(step);
    json::Writer out;
    out.begin_array();
    for (auto at = steps.rbegin(); at != steps.rend(); ++at) {
        if ((*at)->key.empty()) {
            out.unsigned_integer((*at)->index);
        } else {
            out.string((*at)->key);
        }
    }
    out.end_array();
    return out.take();
}

/// What all of one execution shares.
struct Run {
    const Limits& limits;
    Executor* home;
    std::vector<Problem> problems = {};
    std::size_t resolved = 0;
    std::size_t bytes = 0;
    /// A limit was passed: nothing more is begun, and the answer is that limit.
    bool stopped = false;

    void stop(std::string_view limit, std::size_t bound, Location at) {
        if (!std::exchange(stopped, true)) {
            problems = {{"the answer is too large (" + std::string(limit) + " = " + std::to_string(bound) + ")", {at}}};
        }
    }
    void wrong(Problem problem) {
        if (!stopped && problems.size() < limits.errors_max) problems.push_back(std::move(problem));
    }
    bool begin(const Planned& planned) {
        if (++resolved > limits.resolved_max) stop("resolved_max", limits.resolved_max, planned.at);
        return !stopped;
    }
    void count(std::size_t size, const Planned& planned) {
        bytes += size;
        if (bytes > limits.response_bytes_max) stop("response_bytes_max", limits.response_bytes_max, planned.at);
    }
};

std::string extensions_of(const Error& error) {
    json::Writer out;
    out.begin_object();
    out.key("errorCode").integer(error.detail);
    out.string("errorMessage", error.message);
    if (!error.data.empty()) out.data("errorData", error.data);
    out.end_object();
    return out.take();
}

// The functions below append a value's JSON and give true, or append nothing and give false: then the value is a null
// that its place does not allow, and what holds it must be null.

/// In place of a value that failed, or that was found to be null.
bool write_null(const TypeReference& type, std::string& out) {
    if (type.non_null) return false;
    out += "null";
    return true;
}

bool found_null(Run& run, const Planned& planned, const TypeReference& type, const Step& path, std::string& out) {
    if (type.non_null) {
        run.wrong(
            {"Cannot return null for non-nullable field " + planned.parent->name + "." + planned.field->name + ".",
             {planned.at},
             path_json(&path)});
    }
    return write_null(type, out);
}

bool failed(Run& run, const Planned& planned, const Step& path, const Error& error, std::string& out) {
    run.wrong({error.message, {planned.at}, path_json(&path), extensions_of(error)});
    return write_null(planned.field->type, out);
}

bool write_object_now(Run& run, const std::vector<Planned>& fields, Object& object, const Step* path, std::string& out);

bool write_list_now(Run& run, const Planned& planned, const TypeReference& type, const Resolved& value,
                    const Step& path, std::string& out);

bool write_value_now(Run& run, const Planned& planned, const TypeReference& type, const Resolved& value,
                     const Step& path, std::string& out) {
    const std::size_t start = out.size();
    switch (value.kind) {
        case Resolved::Kind::null: return found_null(run, planned, type, path, out);
        case Resolved::Kind::leaf:
            out += value.json;
            run.count(value.json.size(), planned);
            return true;
        case Resolved::Kind::list:
            if (write_list_now(run, planned, type, value, path, out)) return true;
            break;
        case Resolved::Kind::object:
            if (write_object_now(run, planned.children, *value.object, &path, out)) return true;
            break;
    }
    out.resize(start);
    return write_null(type, out);
}

bool write_list_now(Run& run, const Planned& planned, const TypeReference& type, const Resolved& value,
                    const Step& path, std::string& out) {
    WEFT_ASSERT(type.item != nullptr);
    out += '[';
    for (std::size_t i = 0; i < value.items.size(); ++i) {
        if (i != 0) out += ',';
        const Step at{&path, {}, i};
        if (!write_value_now(run, planned, *type.item, value.items[i], at, out)) return false;
    }
    out += ']';
    return true;
}

/// __typename has no resolver: its answer is the plan's.
bool is_type_name(const Planned& planned) { return !planned.field->now && !planned.field->later; }

bool write_field_now(Run& run, const Planned& planned, Object& object, const Step& path, std::string& out) {
    if (!run.begin(planned)) return false;
    if (is_type_name(planned)) {
        out += json::quote(planned.parent->name);
        return true;
    }
    const auto value = planned.field->now(FieldCall{object, planned.arguments, planned});
    if (!value) return failed(run, planned, path, value.error(), out);
    return write_value_now(run, planned, planned.field->type, *value, path, out);
}

void write_key(Run& run, const Planned& planned, bool first, std::string& out) {
    if (!first) out += ',';
    out.append("\"").append(planned.key).append("\":");
    run.count(planned.key.size() + 4, planned);
}

bool write_object_now(Run& run, const std::vector<Planned>& fields, Object& object, const Step* path,
                      std::string& out) {
    out += '{';
    bool whole = true;
    for (const auto& planned : fields) {
        write_key(run, planned, &planned == fields.data(), out);
        const Step at{path, planned.key};
        // Others are executed all the same: their errors are told too.
        if (!write_field_now(run, planned, object, at, out)) whole = false;
    }
    out += '}';
    return whole;
}

Task<bool> write_object(Run& run, const std::vector<Planned>& fields, Object& object, const Step* path,
                        std::size_t concurrent_max, std::string& out);

Task<bool> write_value(Run& run, const Planned& planned, const TypeReference& type, const Resolved& value,
                       const Step& path, std::string& out) {
    if (planned.immediate || value.kind == Resolved::Kind::null || value.kind == Resolved::Kind::leaf) {
        co_return write_value_now(run, planned, type, value, path, out);
    }
    const std::size_t start = out.size();
    if (value.kind == Resolved::Kind::object) {
        if (co_await write_object(run, planned.children, *value.object, &path, run.limits.concurrent_max, out)) {
            co_return true;
        }
        out.resize(start);
        co_return write_null(type, out);
    }
    WEFT_ASSERT(type.item != nullptr);
    std::vector<std::string> texts(value.items.size());
    std::vector<Step> steps(value.items.size());
    for (std::size_t i = 0; i < steps.size(); ++i) steps[i] = {&path, {}, i};
    Together items(run.home, texts.size(), run.limits.concurrent_max, [&](std::size_t i) {
        return write_value(run, planned, *type.item, value.items[i], steps[i], texts[i]);
    });
    if (!co_await items.run()) co_return write_null(type, out);
    out += '[';
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (i != 0) out += ',';
        out += texts[i];
    }
    out += ']';
    co_return true;
}

Task<bool> write_field(Run& run, const Planned& planned, Object& object, const Step& path, std::string& out) {
    if (!planned.field->later && planned.immediate) co_return write_field_now(run, planned, object, path, out);
    if (!run.begin(planned)) co_return false;
    const FieldCall call{object, planned.arguments, planned};
    Result<Resolved> value =
        planned.field->later ? co_await settled(planned.field->later(call)) : planned.field->now(call);
    if (!value) co_return failed(run, planned, path, value.error(), out);
    co_return co_await write_value(run, planned, planned.field->type, *value, path, out);
}

Task<bool> write_object(Run& run, const std::vector<Planned>& fields, Object& object, const Step* path,
                        std::size_t concurrent_max, std::string& out) {
    std::vector<std::string> texts(fields.size());
    std::vector<Step> steps(fields.size());
    for (std::size_t i = 0; i < steps.size(); ++i) steps[i] = {path, fields[i].key};
    Together all(run.home, fields.size(), concurrent_max,
                 [&](std::size_t i) { return write_field(run, fields[i], object, steps[i], texts[i]); });
    const bool whole = co_await all.run();
    out += '{';
    for (std::size_t i = 0; i < fields.size(); ++i) {
        write_key(run, fields[i], i == 0, out);
        out += texts[i];
    }
    out += '}';
    co_return whole;
}

void write_problem(json::Writer& out, const Problem& problem) {
    out.begin_object();
    out.string("message", problem.message);
    if (!problem.at.empty()) {
        out.key("locations").begin_array();
        for (const auto& at : problem.at) {
            out.begin_object();
            out.key("line").unsigned_integer(at.line);
            out.key("column").unsigned_integer(at.column);
            out.end_object();
        }
        out.end_array();
    }
    if (!problem.path.empty()) out.key("path").raw(problem.path);
    if (!problem.extensions.empty()) out.key("extensions").raw(problem.extensions);
    out.end_object();
}

void write_problems(json::Writer& out, const std::vector<Problem>& problems) {
    out.key("errors").begin_array();
    for (const auto& problem : problems) write_problem(out, problem);
    out.end_array();
}

Outcome not_executed(const std::vector<Problem>& problems) { return {errors_json(problems), false, false}; }

}  // namespace

std::string errors_json(const std::vector<Problem>& problems) {
    json::Writer out;
    out.begin_object();
    write_problems(out, problems);
    out.end_object();
    return out.take();
}

Task<Executed> execute(const Plan& plan, ObjectPtr root, const Limits& limits) {
    Run run{limits, Executor::current()};
    Executed out;
    const std::size_t concurrent_max = plan.kind == OperationKind::mutation ? 1 : limits.concurrent_max;
    const bool whole = co_await write_object(run, plan.fields, *root, nullptr, concurrent_max, out.data);
    if (!whole || run.stopped) out.data = "null";
    out.problems = std::move(run.problems);
    co_return out;
}

Task<Outcome> answer(const Schema& schema, std::function<ObjectPtr()> root, Request request, const Limits& limits,
                     bool read_only) {
    const auto document = parse(request.query, limits);
    if (!document) co_return not_executed({document.error()});
    if (const auto problems = validate(schema, *document, limits); !problems.empty()) co_return not_executed(problems);
    const auto operation = choose(*document, request.operation_name);
    if (!operation) co_return not_executed({operation.error()});
    if (read_only && (*operation)->kind != OperationKind::query) {
        Outcome out = not_executed({{"only queries may be sent this way", {(*operation)->at}}});
        out.refused = true;
        co_return out;
    }
    const auto plan = make_plan(schema, *document, **operation, request.variables, limits);
    if (!plan) co_return not_executed({plan.error()});
    const Executed executed = co_await execute(*plan, root(), limits);
    json::Writer out;
    out.begin_object();
    if (!executed.problems.empty()) write_problems(out, executed.problems);
    out.key("data").raw(executed.data);
    out.end_object();
    co_return Outcome{out.take(), true, false};
}

}  // namespace weft::net::graphql
