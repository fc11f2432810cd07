//===- Locations.h - which part of the model an op belongs to -------------===//
#ifndef PEFT_SUPPORT_LOCATIONS_H
#define PEFT_SUPPORT_LOCATIONS_H

#include "mlir/IR/Location.h"

namespace peft {

/// The checkpoint key or module name that an op carries as its location, "" without
/// one; of a fused location the first that has a name.
inline llvm::StringRef moduleKey(mlir::Location loc) {
  if (auto name = llvm::dyn_cast<mlir::NameLoc>(loc))
    return name.getName().strref();
  if (auto fused = llvm::dyn_cast<mlir::FusedLoc>(loc))
    for (mlir::Location part : fused.getLocations())
      if (llvm::StringRef key = moduleKey(part); !key.empty())
        return key;
  return "";
}

/// Where the i-th of `count` parts of an op belongs: its location is fused of the whole's and each part's.
inline mlir::Location partLocation(mlir::Location loc, unsigned i, unsigned count) {
  auto fused = llvm::dyn_cast<mlir::FusedLoc>(loc);
  return fused && fused.getLocations().size() == count + 1 ? fused.getLocations()[i + 1] : loc;
}

/// The number in "...layers.N..." of a location, or -1.
inline int64_t layerOf(mlir::Location loc) {
  if (auto name = llvm::dyn_cast<mlir::NameLoc>(loc)) {
    llvm::StringRef after = name.getName().strref().split("layers.").second;
    int64_t layer;
    if (!after.empty() && !after.consumeInteger(10, layer))
      return layer;
  }
  if (auto fused = llvm::dyn_cast<mlir::FusedLoc>(loc))
    for (mlir::Location part : fused.getLocations())
      if (int64_t layer = layerOf(part); layer >= 0)
        return layer;
  return -1;
}

} // namespace peft

#endif // PEFT_SUPPORT_LOCATIONS_H
