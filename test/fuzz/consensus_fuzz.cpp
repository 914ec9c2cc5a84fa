// What validators tell one another, why blocks are final, and what a validator reads back after a crash. The first byte
// says which; what was read and is written again is what came in.

#include "consensus/pbft/codec.hpp"
#include "consensus/pbft/extra.hpp"
#include "service/consensus/record_file.hpp"

using namespace weft;
namespace pbft = consensus::pbft;

namespace {

void message(BytesView bytes) {
    // Blocks that are named must be there: give each digest that the bytes hold in the right place a block.
    const auto block = pbft::to_block(to_bytes(bytes));
    std::vector<consensus::BlockPtr> blocks;
    if (block) blocks.push_back(*block);
    auto stand_in = std::make_shared<consensus::Block>();
    blocks.push_back(stand_in);
    const auto read = pbft::unpack(bytes, blocks);
    if (read) WEFT_ASSERT(pbft::pack(**read).message == to_bytes(bytes));
}

void proof(BytesView bytes) {
    const auto read = pbft::decode_proof(bytes, 1);
    if (!read || read->empty()) return;
    const std::vector<consensus::MessagePtr> commits(read->begin(), read->end());
    WEFT_ASSERT(pbft::encode_proof(commits) == to_bytes(bytes));
}

void extra(BytesView bytes) {
    const auto read = pbft::decode_extra(bytes);
    if (read) WEFT_ASSERT(pbft::encode(*read) == to_bytes(bytes));
}

void record(BytesView bytes) {
    const auto read = pbft::decode_record(bytes);
    if (!read) return;
    // A block that nothing names is dropped, so the second reading is the same and not the first writing.
    const Bytes written = pbft::encode(**read);
    const auto again = pbft::decode_record(written);
    WEFT_ASSERT(again && pbft::encode(**again) == written);
}

void file(BytesView bytes) {
    const auto read = service::consensus::read_record(bytes);
    if (!read) return;
    const Bytes written = service::consensus::make_record(read->sequence, read->record);
    WEFT_ASSERT(std::ranges::equal(BytesView(written), bytes.first(written.size())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const BytesView bytes(data + 1, size - 1);
    constexpr void (*targets[])(BytesView) = {message, proof, extra, record, file};
    targets[data[0] % std::size(targets)](bytes);
    return 0;
}
