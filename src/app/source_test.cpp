#include "app/source.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/process.hpp"

namespace weft::app {
namespace {

using api::registry::List;
using api::registry::ListReply;

mesh::Context soon() { return mesh::Context::with_timeout(20 * ns_per_s); }

struct source : testing::Test {
    net::LoopGroup loops{1};
    std::string folder;

    void SetUp() override {
        std::string pattern = (std::filesystem::temp_directory_path() / "weft-test-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
        loops.start();
    }
    void TearDown() override {
        loops.stop();
        std::filesystem::remove_all(folder);
    }
    /// As an editor does it that doesn't leave half a file.
    void write(std::string_view text) const {
        std::ofstream(folder + "/new") << text;
        std::filesystem::rename(folder + "/new", folder + "/instances.yaml");
    }
    /// Asks again until there is one: a file that was missing is looked for in intervals.
    static Result<ListReply> first_view(const mesh::Port<List>& list) {
        const std::int64_t until_ns = monotonic_ns() + 20 * ns_per_s;
        auto reply = run(list(soon(), {}));
        while (!reply && monotonic_ns() < until_ns) reply = run(list(soon(), {}));
        return reply;
    }
    [[nodiscard]] mesh::Port<List> file() {
        SourceOptions options;
        options.file_interval_ns = 10 * ns_per_ms;
        auto made = make_source(loops, "file:" + folder + "/instances.yaml", options);
        EXPECT_TRUE(made);
        return *made;
    }
};

constexpr std::string_view one = "- {id: a-0, service: a, address: 127.0.0.1:1, weight: 2, labels: {zone: east}}\n";
constexpr std::string_view two = "- {id: b-0, service: b, address: 127.0.0.1:2}\n";

TEST_F(source, a_file_is_a_view_that_changes_with_it) {
    const auto list = file();
    EXPECT_FALSE(run(list(soon(), {})));  // no file, no view
    write(one);
    const auto first = first_view(list);
    ASSERT_TRUE(first) << first.error().message;
    ASSERT_EQ(first->instances.size(), 1U);
    EXPECT_EQ(first->instances[0].weight, 2U);
    EXPECT_EQ(first->instances[0].labels.at(0).value, "east");
    EXPECT_TRUE(first->instances[0].healthy);

    std::optional<Result<ListReply>> got;
    Promise<void> answered;
    auto end = answered.future();
    spawn(list(soon(), {.index = first->index, .wait_ms = 15'000, .epoch = first->epoch}),
          [&](Result<ListReply> reply) {
              got.emplace(std::move(reply));
              answered.set({});
          });
    write(std::string(one) + std::string(two));
    ASSERT_TRUE(run(std::move(end).wait()));
    ASSERT_TRUE(got->has_value());
    EXPECT_EQ((*got)->instances.size(), 2U);
    EXPECT_EQ(run(list(soon(), {.service = "b"}))->instances.size(), 1U);
}

TEST_F(source, a_file_that_can_not_be_read_keeps_the_last_view) {
    const auto list = file();
    write(one);
    const auto first = run(list(soon(), {}));
    ASSERT_TRUE(first);
    write("- {id: a-0");
    const auto still = run(list(soon(), {.index = first->index, .wait_ms = 60, .epoch = first->epoch}));
    ASSERT_TRUE(still);
    EXPECT_EQ(still->index, first->index);
    EXPECT_EQ(still->instances.size(), 1U);
    std::filesystem::remove(folder + "/instances.yaml");
    EXPECT_EQ(run(list(soon(), {.index = first->index, .wait_ms = 60, .epoch = first->epoch}))->instances.size(), 1U);
    write("");
    const auto none = run(list(soon(), {.index = first->index, .wait_ms = 15'000, .epoch = first->epoch}));
    ASSERT_TRUE(none);
    EXPECT_TRUE(none->instances.empty());
}

TEST_F(source, says_what_is_wrong_with_a_file) {
    const struct {
        std::string_view text, want;
    } cases[] = {
        {"a: b\n", "f:1: wants a list of instances"},
        {"- {id: a, service: a}\n", "f:1: wants `id:`, `service:` and `address:`"},
        {"- node-0\n", "f:1: wants `id:`, `service:` and `address:`"},
        {"\n- {id: a, service: a, address: b, wait: 1}\n", "f:2: unknown key \"wait\""},
        {"- {id: a, service: a, address: b, weight: x}\n", "f:1: weight: wants a whole number, not \"x\""},
        {"- {id: [a], service: a, address: b}\n", "f:1: id: wants one value"},
        {"- {id: a, service: a, address: b}\n- {id: a, service: a, address: b}\n", "f:2: a stands here twice"},
    };
    for (const auto& [text, want] : cases) {
        SCOPED_TRACE(text);
        const auto read = read_instances(text, "f");
        ASSERT_FALSE(read);
        EXPECT_EQ(read.error().message, want);
    }
    for (const auto* text :
         {"", "file:", "dns:host:1", "dns:a=host", "dns:=host:1", "srv:a=", "srv:a=b@c", "consul:a=b"}) {
        const auto made = make_source(loops, text);
        ASSERT_FALSE(made) << text;
        EXPECT_EQ(made.error().code, ErrorCode::invalid_argument);
    }
}

TEST_F(source, a_name_is_as_many_instances_as_it_has_addresses) {
    const auto list = make_source(loops, "dns:node=localhost:9000");
    ASSERT_TRUE(list);
    const auto reply = run((*list)(soon(), {.service = "node"}));
    ASSERT_TRUE(reply) << reply.error().message;
    ASSERT_FALSE(reply->instances.empty());
    for (const auto& instance : reply->instances) {
        EXPECT_TRUE(instance.address == "127.0.0.1:9000" || instance.address == "[::1]:9000") << instance.address;
        EXPECT_TRUE(instance.healthy);
    }
    EXPECT_FALSE(run((*make_source(loops, "dns:node=no.such.host.invalid:1"))(soon(), {})));
}

void add(Bytes& to, std::initializer_list<int> bytes) {
    for (const int byte : bytes) to.push_back(static_cast<std::uint8_t>(byte));
}
void add_name(Bytes& to, std::string_view name) {
    while (!name.empty()) {
        const auto label = name.substr(0, name.find('.'));
        to.push_back(static_cast<std::uint8_t>(label.size()));
        to.insert(to.end(), label.begin(), label.end());
        name.remove_prefix(std::min(label.size() + 1, name.size()));
    }
    to.push_back(0);
}
/// The reply to a query for "_rpc._tcp.test" with the given records; of a query that is asked so, its first two bytes.
Bytes reply_to(int id_high, int id_low, const std::vector<SrvRecord>& records) {
    Bytes out;
    add(out, {id_high, id_low, 0x85, 0x80, 0, 1, 0, static_cast<int>(records.size()), 0, 0, 0, 0});
    add_name(out, "_rpc._tcp.test");
    add(out, {0, 33, 0, 1});
    for (const auto& record : records) {
        Bytes data;
        for (const int number : {int{record.priority}, int{record.weight}, int{record.port}}) {
            add(data, {number >> 8, number & 0xff});
        }
        add_name(data, record.target);
        const auto ttl_s = static_cast<int>(record.ttl_s);
        const auto size = static_cast<int>(data.size());
        add(out, {0xc0, 12, 0, 33, 0, 1, 0, 0, ttl_s >> 8, ttl_s & 0xff, size >> 8, size & 0xff});
        out.insert(out.end(), data.begin(), data.end());
    }
    return out;
}

/// A name server that gives everybody the same records, until it is destroyed.
class NameServer {
  public:
    explicit NameServer(std::vector<SrvRecord> records) : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
        socklen_t size = sizeof at;
        ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&at), &size);
        address_ = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
        thread_ = std::jthread([this, records = std::move(records)](const std::stop_token& stop) {
            while (!stop.stop_requested()) answer(records);
        });
    }
    [[nodiscard]] const std::string& address() const { return address_; }
    [[nodiscard]] int asked() const { return asked_; }

  private:
    void answer(const std::vector<SrvRecord>& records) {
        pollfd wait{socket_.get(), POLLIN, 0};
        if (::poll(&wait, 1, 20) <= 0) return;
        std::array<std::uint8_t, 512> query{};
        sockaddr_in from{};
        socklen_t size = sizeof from;
        if (::recvfrom(socket_.get(), query.data(), query.size(), 0, reinterpret_cast<sockaddr*>(&from), &size) < 12) {
            return;
        }
        ++asked_;
        const auto reply = reply_to(query[0], query[1], records);
        ::sendto(socket_.get(), reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&from), size);
    }
    Descriptor socket_;
    std::string address_;
    std::atomic<int> asked_{0};
    std::jthread thread_;
};

TEST_F(source, service_records_are_instances_with_weights_and_spares) {
    const NameServer server(
        {{"localhost", 9000, 1, 3, 60}, {"localhost", 9001, 1, 0, 60}, {"localhost", 9002, 2, 7, 60}});
    const auto list = make_source(loops, "srv:node=_rpc._tcp.test@" + server.address());
    ASSERT_TRUE(list);
    const auto reply = run((*list)(soon(), {}));
    ASSERT_TRUE(reply) << reply.error().message;
    const auto find = [&](std::string_view port) {
        const auto found = std::ranges::find_if(reply->instances, [&](const auto& it) {
            return it.address.ends_with(port) && it.service == "node";
        });
        return found == reply->instances.end() ? api::registry::Instance{} : *found;
    };
    EXPECT_EQ(find(":9000").weight, 3U);
    EXPECT_TRUE(find(":9000").healthy);
    EXPECT_EQ(find(":9001").weight, 1U);
    EXPECT_EQ(find(":9002").weight, 7U);
    EXPECT_FALSE(find(":9002").healthy);
    // Its time to live is respected.
    const int asked = server.asked();
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(run((*list)(soon(), {})));
    EXPECT_EQ(server.asked(), asked);
}

TEST_F(source, a_broken_reply_of_a_name_server_is_refused) {
    const auto good = reply_to(1, 2, {{"a.test", 80, 1, 2, 300}, {"", 0, 0, 0, 300}});
    const auto records = parse_srv(good);
    ASSERT_TRUE(records);
    ASSERT_EQ(records->size(), 1U);  // "." is no target
    EXPECT_EQ(records->front().target, "a.test");
    EXPECT_EQ(records->front().port, 80);
    EXPECT_EQ(records->front().ttl_s, 300U);
    for (std::size_t size = 0; size < good.size(); ++size) {
        EXPECT_FALSE(parse_srv(BytesView(good).first(size))) << size;
    }
}

}  // namespace
}  // namespace weft::app
