// Attention and its gradient on a device.
#pragma once

#include "lib/halide/AttentionScores.h"
#include "lib/halide/schedule/Device.h"

namespace fovea {

void lowerOnDevice(AttentionOp op, KernelLowering &kernel);
void lowerOnDevice(AttentionGradOp op, KernelLowering &kernel);

/// How a block's threads share pairs of queries and keys, and rows of a head's size.
inline ThreadTile pairTile(ScheduleAttr schedule) {
  auto rows = (int)schedule.getTask(), across = (int)schedule.getWidth();
  return {rows, (int)schedule.getColumns(), rows / (int)schedule.getRows(), across, (int)schedule.getVector()};
}
/// The same threads over `rows` rows of `size` elements, of which those beyond the last are not used: then without
/// groups, of which the last could be a part.
inline ThreadTile rowTile(const ThreadTile &pairs, int rows, int size) {
  int columns = (int)llvm::alignTo(size, pairs.across);
  bool groups = size % (pairs.across * pairs.vector) == 0;
  return {rows, columns, pairs.down, pairs.across, groups ? pairs.vector : 1};
}

} // namespace fovea
