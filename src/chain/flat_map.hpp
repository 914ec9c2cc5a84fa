#pragma once
// A hash table with open addressing and linear probing, for the small maps of one block's execution. Nothing is
// erased one by one; a pointer to a value holds until the next insertion.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace weft::chain {

template <class Key, class Value, class Hasher = std::hash<Key>>
class FlatMap {
  public:
    [[nodiscard]] Value* find(const Key& key) {
        if (slots_.empty()) return nullptr;
        for (std::size_t at = Hasher{}(key) & mask();; at = (at + 1) & mask()) {
            if (!slots_[at].used) return nullptr;
            if (slots_[at].key == key) return &slots_[at].value;
        }
    }
    [[nodiscard]] const Value* find(const Key& key) const { return const_cast<FlatMap*>(this)->find(key); }

    /// The key's value, and whether it was put there now (as Value{}).
    std::pair<Value*, bool> insert(const Key& key) {
        // One key is often wanted several times in a row: an SSTORE asks whether it is warm, what it was, and sets it.
        if (last_ < slots_.size() && slots_[last_].used && slots_[last_].key == key) {
            return {&slots_[last_].value, false};
        }
        if ((count_ + 1) * 4 > slots_.size() * 3) grow();
        std::size_t at = Hasher{}(key) & mask();
        while (slots_[at].used) {
            if (slots_[at].key == key) {
                last_ = at;
                return {&slots_[at].value, false};
            }
            at = (at + 1) & mask();
        }
        last_ = at;
        slots_[at].used = true;
        slots_[at].key = key;
        ++count_;
        return {&slots_[at].value, true};
    }

    [[nodiscard]] std::size_t count() const { return count_; }
    void clear() {
        slots_.clear();
        count_ = 0;
    }
    template <class Visit>
    void for_each(Visit&& visit) const {
        for (const auto& slot : slots_) {
            if (slot.used) visit(slot.key, slot.value);
        }
    }
    template <class Visit>
    void for_each(Visit&& visit) {
        for (auto& slot : slots_) {
            if (slot.used) visit(slot.key, slot.value);
        }
    }

  private:
    struct Place {
        Key key{};
        Value value{};
        bool used = false;
    };
    [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
    void grow() {
        std::vector<Place> old(slots_.empty() ? 4 : slots_.size() * 2);
        old.swap(slots_);
        for (auto& slot : old) {
            if (!slot.used) continue;
            std::size_t at = Hasher{}(slot.key) & mask();
            while (slots_[at].used) at = (at + 1) & mask();
            slots_[at] = std::move(slot);
        }
    }

    std::vector<Place> slots_;
    std::size_t count_ = 0;
    std::size_t last_ = 0;  // the place found last
};

}  // namespace weft::chain
