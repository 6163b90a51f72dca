// Results that a kernel would only copy side by side into another value.
#pragma once

#include "lib/kernels/StridedView.h"

namespace fovea {

/// A result of a launch, and where it lies in the value that results are joined to.
struct JoinedPart {
  mlir::OpResult result;
  StridedView view;
};

/// Where the launch `join` only concatenates results of other launches, maybe transposed and reshaped, which nothing
/// else reads and whose kernels can write them in any layout: these results. Else none. `kernelOf` gives the kernel of
/// a launch.
SmallVector<JoinedPart> joinedParts(LaunchOp join, StridedViews &views,
                                    llvm::function_ref<KernelOp(LaunchOp)> kernelOf);

} // namespace fovea
