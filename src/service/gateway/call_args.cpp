#include "service/gateway/call_args.hpp"

#include "base/hex.hpp"
#include "service/gateway/errors.hpp"
#include "service/gateway/params.hpp"

namespace weft::service::gateway {

namespace {

using api::contract::AccountOverride;
using api::contract::BlockOverrides;
using api::contract::CallRequest;

/// Go names the field too: "json: cannot unmarshal X into Go struct field TransactionArgs.gas of type hexutil.Uint64".
Error in_field(Error error, std::string_view structure, std::string_view field) {
    constexpr std::string_view marker = "into Go value of type ";
    if (const auto at = error.message.find(marker); at != std::string::npos) {
        error.message.replace(
            at, marker.size(),
            "into Go struct field " + std::string(structure) + "." + std::string(field) + " of type ");
    }
    return error;
}

/// Reads members of one object into fields; null and missing leave a field as it is.
class Members {
  public:
    Members(const json::Value& object, std::string_view structure) : object_(object), structure_(structure) {}

    template <class Field, class Reader>
    Result<void> take(std::string_view name, Field& field, Reader&& reader) const {
        const json::Value& value = object_[name];
        if (value.is_null()) return {};
        auto result = reader(value);
        if (!result) return std::unexpected(in_field(std::move(result).error(), structure_, name));
        field = *std::move(result);
        return {};
    }
    template <class Field>
    Result<void> address(std::string_view name, Field& field) const {
        return take(name, field, [](auto& v) { return read::address(v); });
    }
    template <class Field>
    Result<void> hash(std::string_view name, Field& field) const {
        return take(name, field, [](auto& v) { return read::hash(v); });
    }
    template <class Field>
    Result<void> quantity(std::string_view name, Field& field) const {
        return take(name, field, [](auto& v) { return read::quantity(v); });
    }
    template <class Field>
    Result<void> big(std::string_view name, Field& field) const {
        return take(name, field, [](auto& v) { return read::big(v); });
    }
    /// Geth reads these as big numbers; what is above 64 bits can be no block.
    template <class Field>
    Result<void> big_as_u64(std::string_view name, Field& field) const {
        return take(name, field, [](auto& v) -> Result<std::uint64_t> {
            WEFT_TRY(const U256 number, read::big(v));
            if (!number.fits_u64()) return fail(ErrorCode::invalid_argument, "hex number > 64 bits");
            return number.low();
        });
    }
    template <class Field>
    Result<void> data(std::string_view name, Field& field) const {
        return take(name, field, [](auto& v) { return read::data(v); });
    }

  private:
    const json::Value& object_;
    std::string_view structure_;
};

Result<std::vector<Hash>> hashes(const json::Value& value) {
    if (!value.is_array()) return read::wrong_type(read::kind_name(value), "[]common.Hash");
    std::vector<Hash> out;
    for (const auto& item : value.items()) {
        WEFT_TRY(out.emplace_back(), read::hash(item));
    }
    return out;
}

Result<std::vector<chain::Authorization>> authorizations(const json::Value& value) {
    if (!value.is_array()) return read::wrong_type(read::kind_name(value), "[]types.SetCodeAuthorization");
    std::vector<chain::Authorization> out;
    for (const auto& item : value.items()) {
        if (!item.is_object()) return read::wrong_type(read::kind_name(item), "types.authorizationMarshaling");
        const Members members(item, "SetCodeAuthorization");
        chain::Authorization one;
        std::uint64_t parity = 0;
        WEFT_CHECK(members.big("chainId", one.chain_id));
        WEFT_CHECK(members.address("address", one.address));
        WEFT_CHECK(members.quantity("nonce", one.nonce));
        WEFT_CHECK(members.quantity("yParity", parity));
        WEFT_CHECK(members.big("r", one.r));
        WEFT_CHECK(members.big("s", one.s));
        if (parity > 0xff) return fail(ErrorCode::invalid_argument, "hex number > 8 bits");
        one.y_parity = static_cast<std::uint8_t>(parity);
        out.push_back(one);
    }
    return out;
}

/// Slots of an override: keys may be short or long, values are 32 bytes.
Result<void> slots(const json::Value& value, std::vector<api::contract::SlotOverride>& out) {
    if (!value.is_object()) return read::wrong_type(read::kind_name(value), "map[common.Hash]common.Hash");
    for (const auto& [name, word] : value.members()) {
        api::contract::SlotOverride slot;
        WEFT_TRY(slot.key, read::hash(json::Value::string(name)));
        WEFT_TRY(slot.value, read::hash(word));
        out.push_back(slot);
    }
    return {};
}

Result<AccountOverride> account_override(const std::string& name, const json::Value& value) {
    AccountOverride out;
    WEFT_TRY(out.address, read::address(json::Value::string(name)));
    if (!value.is_object()) return read::wrong_type(read::kind_name(value), "override.OverrideAccount");
    const Members members(value, "OverrideAccount");
    WEFT_CHECK(members.quantity("nonce", out.nonce));
    WEFT_CHECK(members.data("code", out.code));
    WEFT_CHECK(members.big("balance", out.balance));
    WEFT_CHECK(members.address("movePrecompileToAddress", out.move_precompile_to));
    const json::Value& state = value["state"];
    const json::Value& state_diff = value["stateDiff"];
    if (!state.is_null() && !state_diff.is_null()) {
        return rpc_fail(code::server, "account " + to_hex(out.address) + " has both 'state' and 'stateDiff'");
    }
    if (!state.is_null()) {
        out.replace_storage = true;
        WEFT_CHECK(slots(state, out.slots));
    }
    if (!state_diff.is_null()) WEFT_CHECK(slots(state_diff, out.slots));
    return out;
}

Result<void> read_fees(const Members& members, CallRequest& call) {
    WEFT_CHECK(members.big("gasPrice", call.gas_price));
    WEFT_CHECK(members.big("maxFeePerGas", call.max_fee_per_gas));
    WEFT_CHECK(members.big("maxPriorityFeePerGas", call.max_priority_fee_per_gas));
    return members.big("maxFeePerBlobGas", call.max_fee_per_blob_gas);
}

}  // namespace

Result<chain::AccessList> read_access_list(const json::Value& value) {
    if (!value.is_array()) return read::wrong_type(read::kind_name(value), "types.AccessList");
    chain::AccessList out;
    for (const auto& item : value.items()) {
        if (!item.is_object()) return read::wrong_type(read::kind_name(item), "types.AccessTuple");
        const Members members(item, "AccessTuple");
        chain::AccessListEntry entry;
        WEFT_CHECK(members.address("address", entry.address));
        WEFT_CHECK(members.take("storageKeys", entry.storage_keys, hashes));
        out.push_back(std::move(entry));
    }
    return out;
}

Result<TransactionArgs> read_transaction_args(const json::Value& value) {
    if (!value.is_object()) return read::wrong_type(read::kind_name(value), "ethapi.TransactionArgs");
    TransactionArgs out;
    CallRequest& call = out.call;
    const Members members(value, "TransactionArgs");
    WEFT_CHECK(members.address("from", call.from));
    WEFT_CHECK(members.address("to", call.to));
    WEFT_CHECK(members.quantity("gas", call.gas));
    WEFT_CHECK(read_fees(members, call));
    WEFT_CHECK(members.big("value", call.value));
    WEFT_CHECK(members.quantity("nonce", call.nonce));
    std::optional<Bytes> data;
    std::optional<Bytes> input;
    WEFT_CHECK(members.data("data", data));
    WEFT_CHECK(members.data("input", input));
    out.data_conflict = data && input && *data != *input;
    if (input) {
        call.data = *std::move(input);
    } else if (data) {
        call.data = *std::move(data);
    }
    WEFT_CHECK(members.take("accessList", call.access_list, read_access_list));
    WEFT_CHECK(members.big_as_u64("chainId", call.chain_id));
    WEFT_CHECK(members.take("blobVersionedHashes", call.blob_hashes, hashes));
    WEFT_CHECK(members.take("authorizationList", call.authorizations, authorizations));
    return out;
}

Result<CallRequest> read_call(const json::Value& value) {
    WEFT_TRY(TransactionArgs args, read_transaction_args(value));
    WEFT_CHECK(check_fees(args.call));
    return std::move(args.call);
}

Result<void> check_fees(const CallRequest& call) {
    if (call.gas_price && (call.max_fee_per_gas || call.max_priority_fee_per_gas)) {
        return rpc_fail(code::server, "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified");
    }
    if (call.max_fee_per_gas && call.max_priority_fee_per_gas &&
        *call.max_fee_per_gas < *call.max_priority_fee_per_gas) {
        return rpc_fail(code::server, "maxFeePerGas (" + to_quantity(*call.max_fee_per_gas) +
                                          ") < maxPriorityFeePerGas (" + to_quantity(*call.max_priority_fee_per_gas) +
                                          ")");
    }
    return {};
}

Result<void> check_chain(const CallRequest& call, std::uint64_t chain_id) {
    if (call.chain_id && *call.chain_id != chain_id) {
        return rpc_fail(code::server, "chainId does not match node's (have=" + std::to_string(*call.chain_id) +
                                          ", want=" + std::to_string(chain_id) + ")");
    }
    return {};
}

Result<std::vector<AccountOverride>> read_overrides(const json::Value& value) {
    std::vector<AccountOverride> out;
    if (value.is_null()) return out;
    if (!value.is_object()) return read::wrong_type(read::kind_name(value), "override.StateOverride");
    for (const auto& [name, account] : value.members()) {
        WEFT_TRY(out.emplace_back(), account_override(name, account));
    }
    return out;
}

Result<BlockOverrides> read_block_overrides(const json::Value& value) {
    BlockOverrides out;
    if (value.is_null()) return out;
    if (!value.is_object()) return read::wrong_type(read::kind_name(value), "override.BlockOverrides");
    const Members members(value, "BlockOverrides");
    WEFT_CHECK(members.big_as_u64("number", out.number));
    WEFT_CHECK(members.big("difficulty", out.difficulty));
    WEFT_CHECK(members.quantity("time", out.time));
    WEFT_CHECK(members.quantity("gasLimit", out.gas_limit));
    // Names of before the standard settled, then the standard's.
    WEFT_CHECK(members.address("coinbase", out.coinbase));
    WEFT_CHECK(members.address("feeRecipient", out.coinbase));
    WEFT_CHECK(members.hash("random", out.prev_randao));
    WEFT_CHECK(members.hash("prevRandao", out.prev_randao));
    WEFT_CHECK(members.big("baseFee", out.base_fee));
    WEFT_CHECK(members.big("baseFeePerGas", out.base_fee));
    WEFT_CHECK(members.big("blobBaseFee", out.blob_base_fee));
    return out;
}

}  // namespace weft::service::gateway
