// Strong reads: where does the chain certainly stand?
//
// A block is final with the commits of a quorum, and a validator says of itself the highest height that it has
// committed in. So of any quorum that answers one correct validator at least has committed in the newest final height:
// the highest answer is not below it. One question serves all readers that came before it was asked.

#include <algorithm>

#include "base/time.hpp"
#include "service/consensus/pbft.hpp"

namespace weft::service::consensus {

namespace {

constexpr std::int64_t probe_timeout_ns = ns_per_s;
constexpr std::size_t readers_max = 10'000;

std::unexpected<Error> nobody_answered() {
    return fail(ErrorCode::unavailable, "no quorum of validators answered: the newest block is not known");
}

}  // namespace

std::uint64_t Pbft::frontier() const {
    const bool has_committed = engine_->record().height == engine_->height() && engine_->record().commit_round >= 0;
    return has_committed ? engine_->height() : engine_->height() - 1;
}

Task<api::consensus::ReadIndexReply> Pbft::read_index(mesh::Context at, api::consensus::ReadIndex) {
    auto promise = std::make_shared<Promise<api::consensus::ReadIndexReply>>();
    auto future = promise->future();
    post([this, promise, until_ns = at.deadline_ns] {
        if (readers_.size() + behind_.size() >= readers_max) {
            return promise->set(fail(ErrorCode::resource_exhausted, "too many strong reads wait"));
        }
        readers_.push_back({std::move(*promise), until_ns, 0});
        if (!probe_) begin_probe();
    });
    co_return co_await std::move(future).wait();
}

void Pbft::begin_probe() {
    probe_ = Probe{};
    probe_->nonce = next_nonce_++;
    probe_->until_ns = monotonic_ns() + probe_timeout_ns;
    probe_->readers = std::exchange(readers_, {});
    probe_->height = frontier();
    if (guard_) probe_->answered.insert(guard_->address());
    const ReadMessage question{ReadMessage::Kind::question, probe_->nonce, 0};
    const auto deadline = mesh::Context{probe_->until_ns, 0};
    spawn(ports_.send(deadline, {std::nullopt, encode_read_message(question), {}}), [](const auto&) {});
    end_probe();
}

void Pbft::on_read_message(const Address& from, const ReadMessage& message) {
    if (message.kind == ReadMessage::Kind::question) {
        const ReadMessage answer{ReadMessage::Kind::answer, message.nonce, frontier()};
        const auto deadline = mesh::Context::with_timeout(probe_timeout_ns);
        spawn(ports_.send(deadline, {from, encode_read_message(answer), {}}), [](const auto&) {});
        return;
    }
    // A pinned peer that is no validator may speak too, and its word counts nothing.
    if (!probe_ || probe_->nonce != message.nonce || !is_validator(from)) return;
    probe_->answered.insert(from);
    probe_->height = std::max(probe_->height, message.height);
    end_probe();
}

/// If enough validators have answered, the readers wait for the height, or have it.
void Pbft::end_probe() {
    const auto validators = engine_->progress();
    const auto count = std::ranges::count_if(
        validators, [&](const auto& it) { return probe_->answered.contains(it.validator); });
    if (static_cast<std::size_t>(count) < pbft::quorum(validators.size())) return;
    for (auto& reader : probe_->readers) {
        reader.height = probe_->height;
        behind_.push_back(std::move(reader));
    }
    probe_.reset();
    answer_reads(engine_->height() - 1);
    if (!readers_.empty()) begin_probe();
}

void Pbft::answer_reads(std::uint64_t height) {
    std::erase_if(behind_, [&](Reader& reader) {
        if (reader.height > height) return false;
        reader.promise.set(api::consensus::ReadIndexReply{height});
        return true;
    });
}

void Pbft::time_out_reads() {
    const std::int64_t now = monotonic_ns();
    std::erase_if(behind_, [&](Reader& reader) {
        if (reader.until_ns > now) return false;
        reader.promise.set(nobody_answered());
        return true;
    });
    if (!probe_ || probe_->until_ns > now) return;
    for (auto& reader : probe_->readers) reader.promise.set(nobody_answered());
    probe_.reset();
    if (!readers_.empty()) begin_probe();
}

}  // namespace weft::service::consensus
