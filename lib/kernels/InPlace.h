// Kernels whose results take the place of arguments.
#pragma once

#include "dialect/Ops.h"

namespace fovea {

/// Whether a kernel can write a result over an argument: it has the result's type and layout, and is read only by
/// elementwise ops at the coordinates that are written.
bool canWorkInPlace(KernelOp kernel, unsigned result, unsigned argument);

/// Whether each task of a kernel reads all rows of an argument: a product's right matrix, or its left one transposed.
bool isReadByEachTask(Value argument);

/// The form of a kernel whose results share the buffers of arguments, by pairs of (result, argument); the kernel itself
/// where there are none.
KernelOp inPlaceForm(KernelOp kernel, SmallVector<std::pair<unsigned, unsigned>> pairs);

} // namespace fovea
