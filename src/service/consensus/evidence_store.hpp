#pragma once
// What could convict a validator one day, on disk: contradictions that were seen, and the justification of every
// proposal after round 0 that this validator prepared (consensus/pbft/accountability.hpp says what for).

#include <string>
#include <vector>

#include "consensus/pbft/message.hpp"
#include "store/kv.hpp"

namespace weft::service::consensus {

/// Heights for which it is kept: a day and more of blocks a second.
inline constexpr std::uint64_t evidence_heights = 100'000;

class EvidenceStore {
  public:
    struct Item {
        std::string rule;
        Address culprit;
        weft::consensus::pbft::Ptr first;
        weft::consensus::pbft::Ptr second;
    };
    [[nodiscard]] static Result<EvidenceStore> open(const std::string& path);

    [[nodiscard]] Result<void> keep_justification(const weft::consensus::pbft::PbftMessage& proposal);
    [[nodiscard]] Result<void> keep(const Item& item);
    /// The newest last. @errors data_loss  damaged.
    [[nodiscard]] Result<std::vector<Item>> newest(std::size_t count_max) const;
    /// Of one height.
    [[nodiscard]] Result<std::vector<weft::consensus::pbft::Ptr>> justifications(std::uint64_t height) const;

  private:
    explicit EvidenceStore(store::Kv kv) : kv_(std::move(kv)) {}
    void forget_before(store::Kv::Batch& batch, store::Table table, std::uint64_t height) const;
    store::Kv kv_;
};

}  // namespace weft::service::consensus
