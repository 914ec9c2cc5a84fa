#pragma once
// What every consensus engine is: a pure machine, state x event -> actions. An engine has no clock, no random source,
// no thread and no file; the same object code runs in a node, in the simulator and under the model checker.
//
// What the driver promises (gate.hpp does the holding, the simulator attacks it):
//   1. Actions that follow a Persist in one batch take effect after its record is durable. The process may die between
//      any two actions.
//   2. A Cast is signed by a guard that refuses what conflicts with anything it signed before, then goes to every
//      validator, the sender included: an engine counts its own vote when it comes back.
//   3. Time grows, is the same for a whole step, and reaches the engine through step() alone.
//   4. A timer fires once; setting it again replaces it.

#include <cstdint>
#include <memory>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.hpp"

namespace weft::consensus {

using Height = std::uint64_t;
using Round = std::uint32_t;

/// A block as consensus sees it: what it must compare, and bytes it must not look into.
struct Block {
    Hash digest;  // without round and seals: a block proposed again in a later round keeps it
    Hash parent;
    Height height = 0;
    std::uint64_t timestamp_s = 0;
    Address proposer;  // who built it, also when another proposes it again
    Bytes bytes;
};
using BlockPtr = std::shared_ptr<const Block>;

/// Addresses that may vote, ascending.
using Validators = std::vector<Address>;
using ValidatorsPtr = std::shared_ptr<const Validators>;

/// What an engine sends; each engine has its own.
struct Message {
    Message() = default;
    Message(const Message&) = default;
    Message& operator=(const Message&) = default;
    virtual ~Message() = default;
};
using MessagePtr = std::shared_ptr<const Message>;

/// What an engine needs to go on after a crash; the newest replaces all before it.
struct Record {
    Record() = default;
    Record(const Record&) = default;
    Record& operator=(const Record&) = default;
    virtual ~Record() = default;
};
using RecordPtr = std::shared_ptr<const Record>;

// --- events

/// First, once: what was durable when the process ended, and where the chain stands.
struct Start {
    RecordPtr record;  // null: none
    BlockPtr head;     // the newest final block
    ValidatorsPtr validators;  // of the height after it
};
struct TimerFired {
    int timer = 0;
};
struct Received {
    Address from;  // whose connection it came by; of a vote, not always who signed it
    MessagePtr message;
};
/// The answer to Build.
struct Built {
    Round round = 0;
    BlockPtr block;
};
/// The answer to Execute.
struct Executed {
    Hash digest;
    bool is_valid = false;
};
/// The answer to Commit: the block is stored, or came finished from a peer and was.
struct Committed {
    BlockPtr block;
    ValidatorsPtr validators;  // of the height after it
};
/// Whether transactions wait that a block could take.
struct Waiting {
    bool transactions = false;
};
using Event = std::variant<Start, TimerFired, Received, Built, Executed, Committed, Waiting>;

// --- actions

struct Persist {
    RecordPtr record;
};
/// Sign, send to all validators and to oneself.
struct Cast {
    std::shared_ptr<Message> message;  // unsigned
};
/// Send to all other validators, signed already.
struct Broadcast {
    MessagePtr message;
};
struct Send {
    Address to;
    MessagePtr message;
};
struct SetTimer {
    int timer = 0;
    std::int64_t delay_ms = 0;
};
struct CancelTimer {
    int timer = 0;
};
struct Build {
    BlockPtr parent;
    Round round = 0;
    std::uint64_t timestamp_s = 0;
};
struct Execute {
    BlockPtr block;
};
/// The block is final.
struct Commit {
    BlockPtr block;
    std::vector<MessagePtr> proof;
};
/// Blocks from a height on are final elsewhere: get them from a peer.
struct Fetch {
    Address from;
    Height first = 0;
};
/// Two messages of one validator that no correct one signs.
struct Evidence {
    std::string_view rule;
    Address culprit;
    MessagePtr first;
    MessagePtr second;
};
/// The peer that sent it did what no correct one does.
struct Penalize {
    Address peer;
    std::string_view reason;
};
using Action = std::variant<Persist, Cast, Broadcast, Send, SetTimer, CancelTimer, Build, Execute, Commit, Fetch,
                            Evidence, Penalize>;
using Actions = std::vector<Action>;

}  // namespace weft::consensus
