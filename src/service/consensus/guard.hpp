#pragma once
// A validator's key, and the record of what it signed: the last thing between a mistake and a conflicting signature.
//
// The record is durable before a signature leaves. It is kept apart from the engine's own, and its rule
// (consensus/pbft/signing.hpp) knows nothing of the engine, so that an engine that is wrong, or a data folder that was
// put back from a backup, does not make the key contradict itself.
//
// Records move between machines as JSON in the manner of EIP-3076: what is imported is only ever added.

#include <atomic>
#include <optional>
#include <string>
#include <string_view>

#include "consensus/pbft/signing.hpp"
#include "service/consensus/record_file.hpp"

namespace weft::service::consensus {

namespace pbft = weft::consensus::pbft;

class Guard {
  public:
    /// @param key   the validator's secret key. @param path  of the record; see RecordFile.
    /// @errors data_loss  the record is damaged: what to do; and RecordFile's.
    [[nodiscard]] static Result<Guard> open(const pbft::Domain& domain, const Hash& key, const std::string& path);

    /// Says of a key that was just made that it has signed nothing. Does nothing if there is a record.
    [[nodiscard]] static Result<void> begin(const std::string& path);

    /// There was no record: nobody knows what the key has signed.
    [[nodiscard]] bool is_new() const { return is_new_; }
    [[nodiscard]] const Address& address() const { return address_; }
    /// Fills in the signature, once the record that it was made is durable.
    /// @errors permission_denied  it conflicts with what was signed before: how; and RecordFile::write's.
    [[nodiscard]] Result<void> sign(pbft::PbftMessage& message);
    /// Takes in a message of this key that came from elsewhere. Durable with the next save() or signature.
    void note(const pbft::PbftMessage& message) { pbft::note_signed(record_, message); }
    [[nodiscard]] Result<void> save();
    /// A signature of something that is no vote.
    [[nodiscard]] crypto::Signature sign_hash(const Hash& hash) const;

    /// {"metadata":{"interchange_format_version":"5","engine":"pbft","chain_id":..,"genesis_hash":..},
    ///  "data":[{"address":..,"signed":[{"kind":..,"height":..,"round":..,"digest":..}]}]}
    [[nodiscard]] std::string interchange() const;
    /// Adds what another record says. @errors invalid_argument  not such a file, or of another chain or key.
    [[nodiscard]] Result<void> import(std::string_view json);

  private:
    Guard(const pbft::Domain& domain, const Hash& key, const Address& address, RecordFile file)
        : domain_(domain), key_(key), address_(address), file_(std::move(file)) {}

    pbft::Domain domain_;
    Hash key_;
    Address address_;
    RecordFile file_;
    pbft::SigningRecord record_;
    bool is_new_ = true;
};

}  // namespace weft::service::consensus
