#include "consensus/pbft/engine_impl.hpp"

namespace weft::consensus::pbft {

template class Engine<Mutant::none>;

}  // namespace weft::consensus::pbft
