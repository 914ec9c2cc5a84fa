#include "evm/machine.hpp"

#include <cstring>

#include "base/result.hpp"
#include "evm/limiter.hpp"
#include "evm/tracer.hpp"

namespace weft::evm {

namespace {

/// A chunk that many frames share. Larger ones are made for frames that outgrow it.
constexpr std::size_t chunk_size = std::size_t{1} << 20;
/// A frame begins in a new chunk when less than this is left of the one before.
constexpr std::size_t room_min = 4096;
/// What a machine may keep between executions; a frame can need gigabytes, once.
constexpr std::size_t kept_chunk_size_max = std::size_t{16} << 20;
constexpr std::size_t kept_return_data_max = std::size_t{1} << 20;
/// Slots before and after the stack's 1024 that a handler may write before it has looked at the height.
constexpr std::size_t stack_margin = 2;
constexpr std::size_t stack_alignment = 64;  // no word crosses a cache line
constexpr std::size_t stack_bytes =
    (stack_size_max + 2 * stack_margin) * sizeof(U256) / stack_alignment * stack_alignment + stack_alignment;
/// Stacks a machine keeps between executions: 2 MB; few calls go deeper.
constexpr std::size_t kept_stacks_max = 64;

}  // namespace

void Machine::begin(Host& new_host, const Environment& new_environment) {
    WEFT_ASSERT(open_ == 0);
    host = &new_host;
    environment = &new_environment;
    schedule = &gas_schedule(new_environment.revision);
    tracer = new_environment.tracer;
    limiter = new_environment.limiter;
    refund = 0;
    ripemd_touched = false;
}

void Machine::add_stack(Level& level) {
    level.slots.reset(static_cast<U256*>(std::aligned_alloc(stack_alignment, stack_bytes)));
    WEFT_ASSERT(level.slots != nullptr);
    level.frame.stack = level.slots.get() + stack_margin;
}

std::uint64_t Machine::held() const {
    std::uint64_t out = levels_.size() * stack_bytes;
    for (const auto& chunk : chunks_) out += chunk.size;
    return out;
}

void Machine::add_chunk(std::size_t index, std::size_t size) {
    WEFT_ASSERT(index <= chunks_.size());
    if (index == chunks_.size()) chunks_.emplace_back();
    auto& chunk = chunks_[index];
    if (chunk.size >= size) return;
    chunk.bytes.reset(static_cast<std::uint8_t*>(std::calloc(size, 1)));
    WEFT_ASSERT(chunk.bytes != nullptr);
    chunk.size = size;
}

Frame& Machine::open(const Message& message, const Code& code) {
    const Frame* const caller = open_ == 0 ? nullptr : &levels_[open_ - 1]->frame;
    if (open_ == levels_.size()) levels_.push_back(std::make_unique<Level>());
    if (levels_[open_]->slots == nullptr) add_stack(*levels_[open_]);
    Frame& frame = levels_[open_++]->frame;
    std::size_t used = 0;
    frame.chunk = 0;
    if (caller != nullptr) {
        frame.chunk = caller->chunk;
        used = static_cast<std::size_t>(caller->memory - chunks_[caller->chunk].bytes.get()) + caller->memory_size;
        if (chunks_[frame.chunk].size - used < room_min) {
            ++frame.chunk;
            used = 0;
        }
    }
    if (frame.chunk == chunks_.size()) add_chunk(frame.chunk, chunk_size);
    frame.memory = chunks_[frame.chunk].bytes.get() + used;
    frame.memory_room = chunks_[frame.chunk].size - used;
    frame.memory_size = 0;
    frame.memory_cost = 0;
    frame.code = &code;
    frame.message = &message;
    frame.schedule = schedule;
    frame.host = host;
    frame.environment = environment;
    frame.machine = this;
    frame.return_data.clear();
    frame.status = Status::success;
    frame.output_offset = 0;
    frame.output_size = 0;
    frame.tracer = tracer != nullptr && tracer->wants_steps() ? tracer : nullptr;
    frame.traced_gas = -1;
    if (limiter != nullptr) limiter->set_running(&frame);
    return frame;
}

void Machine::close(Frame& frame) {
    WEFT_ASSERT(open_ != 0 && &levels_[open_ - 1]->frame == &frame);
    --open_;
    std::memset(frame.memory, 0, frame.memory_size);
    if (frame.return_data.capacity() > kept_return_data_max) frame.return_data = Bytes();
    if (limiter != nullptr) limiter->set_running(open_ == 0 ? nullptr : &levels_[open_ - 1]->frame);
    if (open_ == 0) {
        // The frames stay: a limiter on another thread may be about to write to one.
        for (std::size_t i = kept_stacks_max; i < levels_.size() && levels_[i]->slots != nullptr; ++i) {
            levels_[i]->slots.reset();
        }
        while (!chunks_.empty() && chunks_.back().size > kept_chunk_size_max) chunks_.pop_back();
    }
}

bool Machine::grow(Frame& frame, std::uint64_t size) {
    if (size > frame.memory_room) {
        // The caller's memory stays where it is, so whatever points into it (this frame's input) stays good.
        const std::size_t next = frame.chunk + 1;
        const auto wanted = std::max<std::size_t>(chunk_size, 2 * size);
        if (limiter != nullptr && limiter->memory_max() != 0) {
            const std::size_t had = next < chunks_.size() ? chunks_[next].size : 0;
            if (wanted > had && held() - had + wanted > limiter->memory_max()) {
                limiter->request(Limiter::Reason::memory);
                return false;
            }
        }
        add_chunk(next, wanted);
        auto* const moved = chunks_[next].bytes.get();
        std::memcpy(moved, frame.memory, frame.memory_size);
        std::memset(frame.memory, 0, frame.memory_size);
        frame.memory = moved;
        frame.chunk = next;
        frame.memory_room = chunks_[next].size;
    }
    frame.memory_size = size;
    return true;
}

namespace {

/// Machines at rest. One is enough unless a Host executes inside an execution.
thread_local std::vector<std::unique_ptr<Machine>> machines_at_rest;

}  // namespace

BorrowedMachine::BorrowedMachine() {
    if (machines_at_rest.empty()) {
        machine_ = std::make_unique<Machine>();
    } else {
        machine_ = std::move(machines_at_rest.back());
        machines_at_rest.pop_back();
    }
}

BorrowedMachine::~BorrowedMachine() { machines_at_rest.push_back(std::move(machine_)); }

}  // namespace weft::evm
