// The cost of point ops.
#include "lib/kernels/PointCost.h"

using namespace mlir;

namespace fovea {

/// What an exponential costs.
constexpr int64_t longChain = 16;

int64_t pointCost(Operation *op) {
  if (op->hasTrait<View>() || isa<ConstantOp, SizeOp, CastOp>(op)) return 0;
  if (isa<DivOp, SqrtOp>(op)) return 4;
  if (isa<ExpOp, LogOp, SinOp, CosOp, TanhOp, ErfOp, SigmoidOp, GeluOp, GeluSlopeOp, GeluTanhOp, SoftplusOp, PowOp,
          RemainderOp, RandomUniformOp, RandomKeysOp>(op))
    return longChain;
  return 1;
}

int64_t longChains(KernelOp kernel) {
  int64_t cost = 0;
  kernel.getBody().walk([&](Operation *op) { cost += pointCost(op); });
  return cost / longChain;
}

} // namespace fovea
