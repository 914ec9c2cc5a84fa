#include "service/consensus/guard.hpp"

#include <algorithm>
#include <array>

#include "base/hex.hpp"
#include "base/json.hpp"
#include "base/rlp.hpp"
#include "chain/validate.hpp"

namespace weft::service::consensus {

namespace {

constexpr std::array<std::string_view, 4> kind_names = {"proposal", "prepare", "commit", "round_change"};

Bytes encode(const pbft::SigningRecord& record) {
    rlp::Writer out;
    const auto whole = out.begin_list();
    for (const auto& mark : record.marks) {
        const auto list = out.begin_list();
        if (mark.is_set) {
            out.number(mark.height).number(mark.round).string(mark.digest.view());
            out.number(static_cast<std::uint64_t>(mark.prepared_round + 1));
        }
        out.end_list(list);
    }
    out.end_list(whole);
    return out.take();
}

Result<pbft::SigningRecord> decode(BytesView encoded) {
    rlp::Reader outer(encoded);
    WEFT_TRY(auto list, outer.list());
    pbft::SigningRecord out;
    for (auto& mark : out.marks) {
        WEFT_TRY(auto in, list.list());
        if (in.done()) continue;
        mark.is_set = true;
        WEFT_TRY(mark.height, in.u64());
        WEFT_TRY(const std::uint64_t round, in.u64());
        mark.round = static_cast<weft::consensus::Round>(round);
        WEFT_TRY(mark.digest, in.fixed<Hash>());
        WEFT_TRY(const std::uint64_t prepared, in.u64());
        mark.prepared_round = static_cast<std::int64_t>(prepared) - 1;
        WEFT_CHECK(in.end());
    }
    WEFT_CHECK(list.end());
    return out;
}

std::unexpected<Error> wrong(std::string_view what) {
    return fail(ErrorCode::invalid_argument, "signing record: " + std::string(what));
}

Result<std::uint64_t> number(const json::Value& value, std::string_view what) {
    std::uint64_t out = 0;
    const auto text = value.text();
    if (text.empty() || text.size() > 19) return wrong(std::string(what) + " wants decimal digits");
    for (const char c : text) {
        if (c < '0' || c > '9') return wrong(std::string(what) + " wants decimal digits");
        out = out * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return out;
}

Result<pbft::PbftMessage> signed_message(const json::Value& entry) {
    pbft::PbftMessage out;
    const auto kind = std::ranges::find(kind_names, entry["kind"].text());
    if (kind == kind_names.end()) return wrong("an unknown kind");
    out.kind = static_cast<pbft::Kind>(kind - kind_names.begin());
    WEFT_TRY(out.height, number(entry["height"], "height"));
    WEFT_TRY(const std::uint64_t round, number(entry["round"], "round"));
    if (round > UINT32_MAX) return wrong("a round beyond all");
    out.round = static_cast<weft::consensus::Round>(round);
    const auto digest = from_hex(entry["digest"].text());
    if (!digest || digest->size() != Hash::size) return wrong("digest wants 32 bytes");
    out.digest = Hash::from(*digest);
    if (entry.find("prepared_round") != nullptr) {
        WEFT_TRY(const std::uint64_t prepared, number(entry["prepared_round"], "prepared_round"));
        out.prepared_round = static_cast<std::int64_t>(prepared);
    }
    return out;
}

}  // namespace

Result<Guard> Guard::open(const pbft::Domain& domain, const Hash& key, const std::string& path) {
    const auto address = crypto::address_of(key);
    if (!address) return fail(ErrorCode::invalid_argument, "the validator's key is no key");
    WEFT_TRY(auto file, RecordFile::open(path));
    if (file.is_damaged()) {
        return fail(ErrorCode::data_loss, path + ": the record of what this key signed is damaged. Import it from a "
                                                 "copy (weft validator import), or remove the files: the validator "
                                                 "then listens before it votes");
    }
    Guard out(domain, key, *address, std::move(file));
    if (out.file_.record()) {
        WEFT_TRY(out.record_, decode(*out.file_.record()));
        out.is_new_ = false;
    }
    return out;
}

Result<void> Guard::begin(const std::string& path) {
    WEFT_TRY(auto file, RecordFile::open(path));
    if (file.record() || file.is_damaged()) return {};
    return file.write(encode(pbft::SigningRecord{}));
}

Result<void> Guard::save() {
    WEFT_CHECK(file_.write(encode(record_)));
    is_new_ = false;
    return {};
}

Result<void> Guard::sign(pbft::PbftMessage& message) {
    if (auto conflict = pbft::conflict_of(record_, message); !conflict.empty()) {
        return fail(ErrorCode::permission_denied, std::move(conflict));
    }
    const auto before = record_;
    pbft::note_signed(record_, message);
    if (record_ != before || is_new_) {
        if (auto saved = save(); !saved) {
            record_ = before;
            return saved;
        }
    }
    message.signature = sign_hash(pbft::signing_hash(domain_, message));
    return {};
}

crypto::Signature Guard::sign_hash(const Hash& hash) const { return *crypto::sign(hash, key_); }

std::string Guard::interchange() const {
    json::Writer out;
    out.begin_object().key("metadata").begin_object();
    out.string("interchange_format_version", "5").string("engine", "pbft");
    out.string("chain_id", std::to_string(domain_.chain_id)).string("genesis_hash", to_hex(domain_.genesis));
    out.end_object().key("data").begin_array().begin_object();
    out.string("address", chain::to_checksum_address(address_)).key("signed").begin_array();
    for (std::size_t i = 0; i < record_.marks.size(); ++i) {
        const auto& mark = record_.marks[i];
        if (!mark.is_set) continue;
        out.begin_object().string("kind", kind_names[i]).string("height", std::to_string(mark.height));
        out.string("round", std::to_string(mark.round)).string("digest", to_hex(mark.digest));
        if (mark.prepared_round >= 0) out.string("prepared_round", std::to_string(mark.prepared_round));
        out.end_object();
    }
    out.end_array().end_object().end_array().end_object();
    return out.take();
}

Result<void> Guard::import(std::string_view text) {
    const auto document = json::parse(text);
    if (!document) return wrong(document.error().message);
    const auto& about = (*document)["metadata"];
    if (about["interchange_format_version"].text() != "5" || about["engine"].text() != "pbft") {
        return wrong("not of interchange format 5 for pbft");
    }
    if (about["chain_id"].text() != std::to_string(domain_.chain_id) ||
        about["genesis_hash"].text() != to_hex(domain_.genesis)) {
        return wrong("of another chain");
    }
    bool is_found = false;
    for (const auto& validator : (*document)["data"].items()) {
        const auto address = from_hex(validator["address"].text());
        if (!address || address->size() != Address::size || Address::from(*address) != address_) continue;
        is_found = true;
        for (const auto& entry : validator["signed"].items()) {
            WEFT_TRY(const auto message, signed_message(entry));
            note(message);
        }
    }
    if (!is_found) return wrong("nothing of key " + chain::to_checksum_address(address_));
    return save();
}

}  // namespace weft::service::consensus
