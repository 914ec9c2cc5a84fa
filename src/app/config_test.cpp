#include "app/config.hpp"

#include <gtest/gtest.h>

namespace weft::app {
namespace {

TEST(config, reads_every_setting_as_it_is_written) {
    SystemConfig config;
    config.dev = true;
    config.layout = Layout::thread;
    config.http = "127.0.0.1:1";
    config.ws = "[::1]:2";
    config.data = "a \"quoted\\path\"";
    config.genesis = "genesis.json";
    config.validators = 7;
    config.p2p = "127.0.0.1:30303";
    config.peers = "peers";
    config.sync = "full";
    config.snapshot_interval = 8;
    config.zone = "east";
    config.discovery = "file:instances.yaml";
    config.labels = "can=trace,rack=7";
    config.chain_id = 7;
    config.hardfork = "prague";
    config.gas_limit = 30'000'000;
    config.base_fee = 0;
    config.accounts = 3;
    config.balance = 5;
    config.mnemonic = "a b c";
    config.block_time_ms = 1'050;
    config.no_mining = true;
    config.silent = true;
    config.log_level = "debug";
    SystemConfig again;
    const auto text = to_yaml(config);
    ASSERT_TRUE(read_config(text, "weft.yaml", again)) << text;
    EXPECT_EQ(to_yaml(again), text);
    for (const auto& setting : settings()) {
        SCOPED_TRACE(setting.name);
        EXPECT_TRUE(setting.get(config)) << "not set above";
        EXPECT_EQ(setting.get(again), setting.get(config));
    }
    EXPECT_EQ(again.block_time_ms, 1'050U);
    EXPECT_EQ(again.data, config.data);
}

TEST(config, names_the_line_and_the_rule) {
    const struct {
        std::string_view text, want;
    } cases[] = {
        {"dev: true\nhtpp: 127.0.0.1:1\n", "weft.yaml:2: unknown key \"htpp\""},
        {"# comment\n\nhttp: nowhere\n", "weft.yaml:3: http: wants HOST:PORT, not \"nowhere\""},
        {"dev: yes please\n", "weft.yaml:1: dev: wants true or false, not \"yes please\""},
        {"layout: threads\n", "weft.yaml:1: layout: wants process, service or thread, not \"threads\""},
        {"accounts: -1\n", "weft.yaml:1: accounts: wants a whole number, not \"-1\""},
        {"accounts: 1001\n", "weft.yaml:1: accounts: wants a whole number up to 1000, not \"1001\""},
        {"chain-id: 0x7a69\n", "weft.yaml:1: chain-id: wants a whole number, not \"0x7a69\""},
        {"block-time: 0\n", "weft.yaml:1: block-time: wants seconds from 0.001 to 1000000, not \"0\""},
        {"block-time: nan\n", "weft.yaml:1: block-time: wants seconds from 0.001 to 1000000, not \"nan\""},
        {"hardfork: london\n", "weft.yaml:1: hardfork: wants prague or osaka, not \"london\""},
        {"labels: archive\n", "weft.yaml:1: labels: wants NAME=VALUE,..., not \"archive\""},
        {"labels: a=b,=c\n", "weft.yaml:1: labels: wants NAME=VALUE,..., not \"a=b,=c\""},
        {"sync: fast\n", "weft.yaml:1: sync: wants snapshot or full, not \"fast\""},
        {"log-level: loud\n", "weft.yaml:1: log-level: wants debug, info, warn, error or off, not \"loud\""},
        {"http: [a, b]\n", "weft.yaml:1: http: wants one value"},
        {"dev: true\ndev: false\n", "weft.yaml:2: dev: stands here twice"},
        {"- a\n- b\n", "weft.yaml:1: wants lines of the form `key: value`"},
    };
    for (const auto& [text, want] : cases) {
        SCOPED_TRACE(text);
        SystemConfig config;
        const auto read = read_config(text, "weft.yaml", config);
        ASSERT_FALSE(read);
        EXPECT_EQ(read.error().message, want);
    }
    SystemConfig config;
    const auto broken = read_config("dev: true\nhttp: \"a\n", "weft.yaml", config);
    ASSERT_FALSE(broken);
    EXPECT_TRUE(broken.error().message.starts_with("weft.yaml:")) << broken.error().message;
}

TEST(config, an_empty_file_and_comments_change_nothing) {
    SystemConfig config;
    const auto before = to_yaml(config);
    EXPECT_TRUE(read_config("", "weft.yaml", config));
    EXPECT_TRUE(read_config("# nothing\n", "weft.yaml", config));
    EXPECT_EQ(to_yaml(config), before);
}

TEST(config, a_missing_file_is_named) {
    SystemConfig config;
    const auto read = read_config_file("/nonexistent/weft.yaml", config);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().message, "/nonexistent/weft.yaml: No such file or directory");
    EXPECT_EQ(read.error().code, ErrorCode::not_found);
}

TEST(config, what_depends_on_other_settings) {
    SystemConfig standard;
    complete(standard);
    EXPECT_EQ(standard.ws, "127.0.0.1:8546");
    SystemConfig dev;
    dev.dev = true;
    dev.http = "127.0.0.1:0";
    complete(dev);
    EXPECT_TRUE(dev.ws.empty());  // two systems on one machine would want the same second port
}

}  // namespace
}  // namespace weft::app
