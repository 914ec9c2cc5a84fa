#include "model/pbft_cluster_impl.hpp"

namespace weft::model {

PbftRun run_pbft(const PbftOptions& options, bool trace) {
    return PbftCluster<pbft::Mutant::none>(options, trace).run();
}

}  // namespace weft::model
