#include "app/supervisor.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <set>

#include <sys/wait.h>
#include <unistd.h>

#include "app/config.hpp"
#include "app/process.hpp"

namespace weft::app {
namespace {

struct TemporaryFolder {
    TemporaryFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "weft-test-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path); }
    std::string path;
};

ChildSpec shell(const std::string& name, const std::string& script) { return {name, {"/bin/sh", "-c", script}}; }

bool exists(int pid) { return ::kill(pid, 0) == 0; }

/// Ctrl-C, as far as the supervisor can tell.
void press_stop() { ::kill(::getpid(), SIGTERM); }

struct Fixture : testing::Test {
    StopSignals signals;
    TemporaryFolder folder;
    std::vector<std::string> said;
    std::set<int> pids;

    SupervisorOptions options() {
        SupervisorOptions made;
        made.log_dir = folder.path;
        made.restart.backoff = {.min_ns = ns_per_ms, .max_ns = 5 * ns_per_ms};
        made.say = [this](const std::string& line) { said.push_back(line); };
        return made;
    }
    std::string log(const std::string& name) { return *read_file(folder.path + "/" + name + ".log"); }
    void note(const std::vector<ChildState>& children) {
        for (const auto& child : children) {
            if (child.pid != 0) pids.insert(child.pid);
        }
    }
    void expect_nothing_left() {
        for (const int pid : pids) EXPECT_FALSE(exists(pid)) << pid;
    }
};
using supervisor = Fixture;

TEST_F(supervisor, stops_its_children_in_the_opposite_order) {
    const auto script = [&](const std::string& name) {
        return shell(name, "trap 'echo " + name + " >>" + folder.path +
                               "/order; exit 0' TERM; echo up; while :; do sleep 0.01; done");
    };
    Supervisor run({script("a"), script("b"), script("c")}, options());
    const auto result = run.run(signals, [&](const auto& children) {
        note(children);
        for (const auto* name : {"a", "b", "c"}) {
            const auto text = read_file(folder.path + "/" + name + ".log");
            if (!text || text->empty()) return false;
        }
        press_stop();
        return true;
    });
    EXPECT_TRUE(result);
    EXPECT_EQ(*read_file(folder.path + "/order"), "c\nb\na\n");
    EXPECT_EQ(pids.size(), 3U);
    expect_nothing_left();
}

TEST_F(supervisor, starts_again_what_dies_once_ready) {
    Supervisor run({shell("steady", "exec sleep 1000"), shell("weak", "echo 'weft: no luck' >&2; exit 3")}, options());
    const auto result = run.run(signals, [&](const auto& children) {
        note(children);
        EXPECT_EQ(children[0].restarts, 0U);
        if (children[1].restarts == 3) press_stop();
        return true;
    });
    EXPECT_TRUE(result);
    EXPECT_GE(pids.size(), 4U);
    ASSERT_GE(said.size(), 3U);
    EXPECT_TRUE(said[0].starts_with("weak no luck; starting it again in 0.0 s")) << said[0];
    expect_nothing_left();
}

TEST_F(supervisor, a_killed_child_comes_back_even_before_all_are_ready) {
    int first = 0;
    Supervisor run({shell("node", "exec sleep 1000")}, options());
    const auto result = run.run(signals, [&](const auto& children) {
        note(children);
        const int pid = children[0].pid;
        if (first == 0) {
            first = pid;
            ::kill(pid, SIGKILL);
        } else if (pid != 0 && pid != first) {
            press_stop();
        }
        return false;
    });
    EXPECT_TRUE(result);
    EXPECT_TRUE(said.at(0).starts_with("node was killed by signal 9")) << said.at(0);
    expect_nothing_left();
}

TEST_F(supervisor, a_failure_before_ready_ends_all_with_the_childs_last_words) {
    Supervisor run({shell("steady", "exec sleep 1000"), shell("gateway", "echo 'weft: port in use' >&2; exit 1")},
                   options());
    const auto result = run.run(signals, [&](const auto& children) {
        note(children);
        return false;
    });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "gateway: port in use");
    expect_nothing_left();
}

TEST_F(supervisor, a_program_that_is_not_there_is_named) {
    Supervisor run({{"ghost", {"/nonexistent/weft"}}}, options());
    const auto result = run.run(signals, [](const auto&) { return false; });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "/nonexistent/weft: No such file or directory");
}

TEST_F(supervisor, kills_what_does_not_stop_in_time) {
    auto with = options();
    with.stop_ns = 20 * ns_per_ms;
    Supervisor run({shell("deaf", "trap '' TERM; echo up; while :; do sleep 0.01; done")}, with);
    const auto result = run.run(signals, [&](const auto& children) {
        note(children);
        const auto text = read_file(folder.path + "/deaf.log");
        if (text && !text->empty()) press_stop();
        return true;
    });
    EXPECT_TRUE(result);
    EXPECT_EQ(said.back(), "deaf did not stop in time");
    expect_nothing_left();
}

TEST_F(supervisor, keeps_what_children_print_and_shows_what_is_notable) {
    Supervisor run(
        {shell("node", "echo 'T info node fine'; echo 'T warn node hot' >&2; printf 'no newline'; exec sleep 1000")},
        options());
    const auto result = run.run(signals, [&](const auto&) {
        if (!said.empty()) press_stop();
        return true;
    });
    EXPECT_TRUE(result);
    EXPECT_EQ(said, std::vector<std::string>{"node | T warn node hot"});
    EXPECT_TRUE(log("node").starts_with("T info node fine\nT warn node hot\n"));
}

TEST_F(supervisor, moves_a_long_log_aside) {
    auto with = options();
    with.log_bytes_max = 1000;
    Supervisor run(
        {shell("node", "i=0; while [ $i -lt 100 ]; do echo 0123456789012345678; i=$((i+1)); done; exec sleep 1000")},
        with);
    const auto result = run.run(signals, [&](const auto&) {
        if (std::filesystem::exists(folder.path + "/node.log.1")) press_stop();
        return true;
    });
    EXPECT_TRUE(result);
    EXPECT_LE(std::filesystem::file_size(folder.path + "/node.log.1"), 1020U);
}

TEST(process, dies_with_the_process_that_started_it) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t parent = ::fork();
    if (parent == 0) {
        auto child = Process::start({"/bin/sh", "-c", "exec sleep 1000"});
        const int pid = child ? child->pid() : 0;
        (void)!::write(ends[1], &pid, sizeof pid);
        ::kill(::getpid(), SIGKILL);  // no destructor, no handler
    }
    int pid = 0;
    ASSERT_EQ(::read(ends[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
    ASSERT_GT(pid, 0);
    ASSERT_EQ(::waitpid(parent, nullptr, 0), parent);
    // The orphan becomes another process' child, which may take its time to reap it: dead is gone or a zombie.
    const auto gone = [&] {
        const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
        return !stat || stat->find(") Z") != std::string::npos;
    };
    const auto give_up_ns = monotonic_ns() + 10 * ns_per_s;
    while (!gone() && monotonic_ns() < give_up_ns) ::sched_yield();
    EXPECT_TRUE(gone());
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST(restart, waits_longer_each_time_until_it_has_run_for_a_while) {
    const RestartPolicy policy{.backoff = {.min_ns = 100, .max_ns = 1000}, .healthy_ns = 5000};
    RestartState state;
    const std::int64_t want[] = {100, 200, 400, 800, 1000, 1000};
    std::int64_t now = 0;
    for (const auto wait : want) {
        state.started_ns = now;
        EXPECT_EQ(restart_at_ns(policy, state, now, 0) - now, wait);
    }
    state.started_ns = now;
    now += 5000;
    EXPECT_EQ(restart_at_ns(policy, state, now, 0) - now, 100);
    EXPECT_EQ(state.restarts, 7U);
}

}  // namespace
}  // namespace weft::app
