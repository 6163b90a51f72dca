// What the sizes and loops of a schedule that was edited or measured must be, for its kernel's lowering to follow it.
#include "lib/kernels/schedule/Device.h"
#include "lib/kernels/schedule/Host.h"
#include "lib/kernels/schedule/Schedule.h"

#include "dialect/Shape.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace fovea {

/// Whether the letters are those of the order, capitals also small, and without some of the parts in brackets.
static bool follows(StringRef loops, StringRef order) {
  if (order.consume_front("[")) {
    auto [part, rest] = order.split(']');
    return follows(loops, rest) || (loops.starts_with(part) && follows(loops.drop_front(part.size()), rest));
  }
  if (order.empty() || loops.empty()) return order.empty() && loops.empty();
  return (loops[0] == order[0] || loops[0] == llvm::toLower(order[0])) &&
         follows(loops.drop_front(), order.drop_front());
}

/// What the sizes of a product's schedule must be to each other and to the operands.
static LogicalResult checkProduct(KernelOp kernel, MatmulOp op, ScheduleAttr schedule) {
  auto error = [&] { return kernel.emitError() << "@" << kernel.getSymName() << " has "; };
  RankedTensorType a = op.getA().getType(), b = op.getB().getType();
  StringRef loops = schedule.getLoops();
  if (schedule.getWidth() % schedule.getColumns())
    return error() << "width = " << schedule.getWidth() << " and columns = " << schedule.getColumns()
                   << ": width must be a multiple of columns";
  if (loops.count('b') > 1) return error() << "loops \"" << loops << "\", which copy b twice: take one b away";
  if (loops.starts_with("b") && (b.getRank() > 2 || !b.hasStaticShape()))
    return error() << "loops \"" << loops << "\", which copy the whole of b, but b is " << shapeText(b)
                   << ": only a constant matrix is copied as a whole; put the b in front of \"nmkn\"";
  bool copiesInTask = loops.contains('a') || loops.ends_with("bnmkn");
  if (copiesInTask && loops.count('k') == 1 && a.isDynamicDim(a.getRank() - (op.getTransposeA() ? 2 : 1)))
    return error() << "loops \"" << loops << "\", which copy all terms of a sum at once, but a is " << shapeText(a)
                   << ": put \"k\" in front of the copies";
  for (PackOp pack : kernel.getOps<PackOp>()) {
    if (pack.getX() != op.getResult()) continue;
    if (pack.getPanels().getSize() % schedule.getColumns())
      return error() << "columns = " << schedule.getColumns() << " but stores its product in " << pack.getPanels()
                     << ": columns must divide the panels' size";
    if (schedule.getWidth() % pack.getPanels().getSize())
      return error() << "width = " << schedule.getWidth() << " but stores its product in " << pack.getPanels()
                     << ": width must be a multiple of the panels' size";
  }
  return success();
}

LogicalResult checkSchedule(KernelOp kernel, const Target &target) {
  std::optional<ScheduleAttr> schedule = kernel.getSchedule();
  if (!schedule)
    return kernel.emitError() << "@" << kernel.getSymName()
                              << " has no schedule: give it one, or compile it anew from an earlier stage";
  SmallVector<StringRef> orders = loopOrders(kernel, target);
  StringRef loops = schedule->getLoops();
  auto matmul = dyn_cast_or_null<MatmulOp>(kernel.getAnchor());
  if (target.onDevice() ? !llvm::is_contained(orders, loops)
                        : llvm::none_of(orders, [&](StringRef order) { return follows(loops, order); }))
    return kernel.emitError() << "@" << kernel.getSymName() << " has loops \"" << loops << "\", but can have only \""
                              << llvm::join(orders, "\" or \"") << "\""
                              << (!target.onDevice() ? ", whose capitals may be small: only the loop of a capital is "
                                                       "shared among threads"
                                  : loops == "Rl"    ? whyNotLanes
                                                     : "")
                              << (matmul && !target.onDevice() ? "; what stands in brackets may be left out" : "");
  if (loops == "Rl" && schedule->getVector() != warpLanes)
    return kernel.emitError() << "@" << kernel.getSymName()
                              << " has loops \"Rl\" and vector = " << schedule->getVector() << ": a row has all "
                              << warpLanes << " lanes of a warp";
  constexpr int64_t mostOnHost = 4096; // they are added by name
  if (!target.onDevice() && schedule->getChunks() > mostOnHost)
    return kernel.emitError() << "@" << kernel.getSymName() << " has chunks = " << schedule->getChunks()
                              << ": a processor takes at most " << mostOnHost;
  if (loops == "Crt" && schedule->getChunks() % schedule->getDepth())
    return kernel.emitError() << "@" << kernel.getSymName() << " has chunks = " << schedule->getChunks()
                              << " and depth = " << schedule->getDepth() << ": chunks must be a multiple of depth";
  Operation *anchor = kernel.getAnchor();
  bool tiles = matmul || (anchor && (flatConvolution(anchor) ||
                                     isa<Conv2dWeightGradOp, AttentionOp, AttentionGradOp, AttentionMapOp>(anchor)));
  if (tiles && schedule->getColumns() % schedule->getVector())
    return kernel.emitError() << "@" << kernel.getSymName() << " has columns = " << schedule->getColumns()
                              << " and vector = " << schedule->getVector() << ": columns must be a multiple of vector";
  if (int64_t block = llvm::alignTo(schedule->getTask(), schedule->getRows());
      loops.contains('q') && block % schedule->getWidth())
    return kernel.emitError() << "@" << kernel.getSymName() << " has width = " << schedule->getWidth()
                              << " and blocks of " << block << " queries: width must divide them";
  if (matmul) return checkProduct(kernel, matmul, *schedule);
  return success();
}

LogicalResult checkSchedules(ModuleOp module) {
  auto cut = module->getAttrOfType<StringAttr>("fovea.target"); // what it was cut into kernels for
  FailureOr<Target> target = targetOf(module, cut ? cut.getValue() : "host");
  if (failed(target)) return failure();
  bool allFollow = true;
  for (KernelOp kernel : module.getOps<KernelOp>()) allFollow &= succeeded(checkSchedule(kernel, *target));
  return success(allFollow);
}

} // namespace fovea
