//===- Lifetimes.cpp - when the buffers of a schedule are live ------------===//

#include "peft/Analysis/Lifetimes.h"

using namespace mlir;
using namespace peft;

uint64_t peft::bytesOf(MemRefType type) {
  return uint64_t(type.getNumElements()) * type.getElementTypeBitWidth() / 8;
}

Lifetimes::Lifetimes(func::FuncOp function) {
  DenseMap<Operation *, int64_t> position;
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (exec::isPlace(op) || op == function)
      return;
    position[op] = length;
    if (backwardStart < 0 && op->hasAttr("exec.backward")) {
      // A marker inside a chunked head: forward and backward share that region.
      Operation *outer = function.getBody().front().findAncestorOpInBlock(*op);
      backwardStart = position.lookup(outer);
    }
    ++length;
  });
  // Where a region ends.
  auto lastOf = [&](Operation *op) {
    int64_t last = position.lookup(op);
    op->walk([&](Operation *inner) {
      if (auto it = position.find(inner); it != position.end())
        last = std::max(last, it->second);
    });
    return last;
  };
  function.walk([&](exec::BufferOp buffer) {
    Lifetime life{buffer, {bytesOf(cast<MemRefType>(buffer.getType())), INT64_MAX, -1}, nullptr};
    SmallVector<Operation *> users(buffer->getUsers());
    for (size_t i = 0; i < users.size(); ++i) { // which grows
      Operation *user = users[i];
      if (isa<exec::SliceOp, exec::ColumnsOp, exec::RowsOp>(user)) {
        llvm::append_range(users, user->getUsers());
        continue;
      }
      Operation *scope = buffer->getBlock()->findAncestorOpInBlock(*user);
      int64_t begin = position.lookup(scope), end = scope == user ? begin : lastOf(scope);
      if (begin < life.interval.begin) {
        life.interval.begin = begin;
        life.writer = user;
      }
      life.interval.end = std::max(life.interval.end, end);
    }
    if (life.interval.end < 0)
      return; // nobody uses it
    life.saved =
        backwardStart >= 0 && life.interval.begin < backwardStart && life.interval.end > backwardStart;
    (exec::isHost(buffer.getType()) ? hostBuffers : buffers).push_back(life);
  });
}
