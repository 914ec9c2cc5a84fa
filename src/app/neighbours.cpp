#include "app/neighbours.hpp"

namespace weft::app {

std::string_view holder_of(std::string_view method) {
    if (method.starts_with("weft.Storage/")) return "storage";
    if (method.starts_with("weft.Consensus/")) return "consensus";
    if (method.starts_with("weft.Network/")) return "network";
    if (method.starts_with("weft.Monitor/")) return "monitor";
    return "validation";
}

Result<void> has_healthy(const Discovered& service, std::string_view name) {
    if (service.healthy_count() == 0) return fail(ErrorCode::unavailable, "no healthy " + std::string(name));
    return {};
}

std::shared_ptr<Discovered> Neighbours::of(std::string_view method) {
    const std::string name(layout_ == Layout::service ? holder_of(method) : "node");
    auto& found = services_[name];
    if (!found) {
        DiscoveredOptions options = options_;
        if (!options.only.empty()) options.only = name + "-" + options.only;
        found = Discovered::make(loops_, list_, name, std::move(options));
    }
    return found;
}

Result<void> Neighbours::ready() const {
    for (const auto& [name, service] : services_) {
        // What these do is missed by nobody who calls.
        if (name == "network" || name == "monitor") continue;
        WEFT_CHECK(has_healthy(*service, name));
    }
    return {};
}

}  // namespace weft::app
