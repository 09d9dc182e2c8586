#include "store/store.h"

namespace store {
namespace {

class MemoryEngine : public Engine {
 public:
  Result<Loaded> load() override { return Loaded{}; }
  void commit(Record, std::function<void(Result<void>)> done) override { done({}); }
};

}  // namespace

std::unique_ptr<Engine> make_memory_engine(sys::Loop&) { return std::make_unique<MemoryEngine>(); }

}  // namespace store
