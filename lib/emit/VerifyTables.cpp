// Checks that the runtime's tables can describe a module at the kernels stage.
#include "lib/emit/Interface.h"

#include "dialect/Shape.h"

using namespace mlir;

namespace fovea {

namespace {

class Verifier {
public:
  explicit Verifier(ArrayRef<StringAttr> sizes) : sizes(sizes) {}

  LogicalResult verify(Operation *op) {
    if (auto state = dyn_cast<StateOp>(op)) {
      if (state.getOffset()) return success();
      return op->emitError("the state has no offset: compile from the output of --compile-to=kernels");
    }
    if (auto function = dyn_cast<func::FuncOp>(op)) {
      for (Type type : function.getArgumentTypes())
        if (failed(buffer(op, type, true))) return failure();
      auto arena = function->getAttrOfType<DimsAttr>("fovea.arena");
      return arena ? affine(op, arena, "arena") : success();
    }
    for (Type type : op->getResultTypes())
      if (isa<BufferType>(type) && failed(buffer(op, type, !isa<SubviewOp>(op)))) return failure();
    if (auto arena = dyn_cast<ArenaOp>(op)) return affine(op, arena.getOffset(), "offset");
    if (auto subview = dyn_cast<SubviewOp>(op)) return affine(op, subview.getOffset(), "offset");
    return success();
  }

private:
  LogicalResult buffer(Operation *op, Type type, bool storage) {
    auto buffer = dyn_cast<BufferType>(type);
    if (!buffer)
      return op->emitError("takes ") << type << ", which is no buffer: compile from the output of --compile-to=kernels";
    if (buffer.getTensor().getRank() > FOVEA_MAX_RANK)
      return op->emitError("a tensor has ") << buffer.getTensor().getRank() << " dimensions; compiled code takes "
                                            << FOVEA_MAX_RANK << " at most: join some by a reshape";
    if (failed(affine(op, dimsOf(buffer.getTensor()), "shape")) || failed(affine(op, buffer.getStrides(), "stride")))
      return failure();
    if (!storage) return success();
    Shapes shapes(op->getContext());
    auto elements = shapes.of(buffer.getTensor());
    return affine(op, shapes.dims({shapes.normal(shapes.product(elements))}), "number of elements");
  }

  LogicalResult affine(Operation *op, DimsAttr dims, StringRef what) {
    for (AffineExpr expression : dims.getSizes())
      if (!affineRow(expression, dims.getNames(), sizes))
        return op->emitError("a tensor's ")
               << what << " is " << dims
               << ", but must grow evenly with the sizes given at run time: make all of those but one constants";
    return success();
  }

  ArrayRef<StringAttr> sizes;
};

} // namespace

LogicalResult verifyTables(ModuleOp module, ArrayRef<StringAttr> sizes) {
  Verifier verifier(sizes);
  WalkResult result = module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (isa<KernelOp>(op)) return WalkResult::skip(); // its values are no buffers
    auto function = dyn_cast<func::FuncOp>(op);
    if (function && function.isDeclaration()) return WalkResult::advance();
    return failed(verifier.verify(op)) ? WalkResult::interrupt() : WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

} // namespace fovea
