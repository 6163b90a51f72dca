// Which kernels can work in place, and their forms that do.
#include "lib/kernels/InPlace.h"

#include "dialect/Shape.h"

#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace fovea {

/// Only elementwise ops of the main result's shape read the value.
static bool readAtOwnCoordinates(Value value, DimsAttr main) {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    if (isa<YieldOp>(user)) return true;
    return user->hasTrait<Elementwise>() && dimsOf(typeOf(user->getResult(0))) == main &&
           readAtOwnCoordinates(user->getResult(0), main);
  });
}

bool canWorkInPlace(KernelOp kernel, unsigned result, unsigned argument) {
  Type main = kernel.getResultTypes()[0];
  return kernel.getArgumentTypes()[argument] == main && kernel.getResultTypes()[result] == main &&
         kernel.argumentStrides(argument) == kernel.resultStrides(result) &&
         readAtOwnCoordinates(kernel.getBody().getArgument(argument), dimsOf(cast<RankedTensorType>(main)));
}

bool isReadByEachTask(Value argument) {
  return llvm::any_of(argument.getUsers(), [&](Operation *user) {
    if (auto matmul = dyn_cast<MatmulOp>(user))
      return argument == matmul.getB() || (argument == matmul.getA() && matmul.getTransposeA());
    return (user->hasTrait<View>() || user->hasTrait<Elementwise>()) && isReadByEachTask(user->getResult(0));
  });
}

KernelOp inPlaceForm(KernelOp kernel, SmallVector<std::pair<unsigned, unsigned>> pairs) {
  if (pairs.empty()) return kernel;
  llvm::sort(pairs);
  std::string name = (kernel.getSymName() + "_in_place").str();
  for (auto [result, argument] : pairs) name += "_" + std::to_string(result) + "_of_" + std::to_string(argument);
  SymbolTable symbols(kernel->getParentOfType<ModuleOp>());
  if (auto known = symbols.lookup<KernelOp>(name)) return known;
  auto form = cast<KernelOp>(kernel->clone());
  form.setSymName(name);
  for (auto [result, argument] : pairs)
    form.setResultAttr(result, "fovea.in_place", Builder(form).getI64IntegerAttr(argument));
  OpBuilder(kernel).insert(form);
  return form;
}

} // namespace fovea
