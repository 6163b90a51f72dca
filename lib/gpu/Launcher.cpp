// Builds the function of a kernel in LLVM IR.
#include "lib/gpu/Launcher.h"
#include "lib/gpu/Fragments.h"
#include "lib/gpu/VectorForm.h"

#include "lib/halide/Provider.h"

#include "llvm/IR/IRBuilder.h"

using namespace mlir;

namespace fovea::gpu {

namespace {

/// int32_t symbol(void *user_context, halide_buffer_t *input..., int32_t size..., halide_buffer_t *result)
class Launcher {
public:
  Launcher(llvm::Module &module, KernelOp kernel, const Product &product, StringRef symbol)
      : module(module), kernel(kernel), product(product), builder(module.getContext()) {
    int64_t inPlace = kernel.inPlace(0), sizes = kernelSizes(kernel).size();
    firstSize = kernel.getArgumentTypes().size() + (inPlace < 0 ? 1 : 0);
    SmallVector<llvm::Type *> types(firstSize, builder.getPtrTy());
    types.append(sizes, builder.getInt32Ty());
    types.push_back(builder.getPtrTy());
    function = llvm::Function::Create(llvm::FunctionType::get(builder.getInt32Ty(), types, false),
                                      llvm::GlobalValue::ExternalLinkage, symbol, module);
    function->addFnAttr(llvm::Attribute::NoUnwind);
    function->setUWTableKind(llvm::UWTableKind::Default); // for debuggers and profilers
    builder.SetInsertPoint(llvm::BasicBlock::Create(module.getContext(), "", function));
    llvm::Value *result = function->getArg(types.size() - 1);
    auto add = [&](const Matrix &matrix) {
      int64_t argument = matrix.argument, before = inPlace >= 0 && inPlace < argument ? 1 : 0;
      buffers.push_back(argument == inPlace ? result : function->getArg(1 + argument - before));
    };
    add(product.a);
    add(product.b);
    llvm::for_each(product.addends, add);
    buffers.push_back(result);
    rows = builder.CreateSExt(sizeOf(product.rows), builder.getInt64Ty());
  }

  void call(StringRef callee) {
    SmallVector<llvm::Value *> arguments;
    for (llvm::Value *buffer : buffers) arguments.push_back(field(buffer, 2, builder.getPtrTy()));
    arguments.push_back(rows);
    SmallVector<llvm::Type *> types;
    for (llvm::Value *argument : arguments) types.push_back(argument->getType());
    auto *type = llvm::FunctionType::get(builder.getVoidTy(), types, false);
    builder.CreateCall(module.getOrInsertFunction(callee, type), arguments);
    builder.CreateRet(builder.getInt32(0));
  }

  void launch(StringRef symbol, StringRef ptx) {
    llvm::Type *pointer = builder.getPtrTy(), *status = builder.getInt32Ty();
    auto *state = new llvm::GlobalVariable(module, pointer, false, llvm::GlobalValue::InternalLinkage,
                                           llvm::ConstantPointerNull::get(builder.getPtrTy()), symbol + "_state");
    llvm::Value *text = builder.CreateGlobalString(ptx, symbol + "_ptx");
    returnIfNonZero(builder.CreateCall(
        module.getOrInsertFunction("halide_cuda_initialize_kernels", status, pointer, pointer, pointer, status),
        {function->getArg(0), state, text, builder.getInt32(ptx.size() + 1)}));

    // What the kernel takes, each list ended by a zero.
    llvm::Value *rowsAt = builder.CreateAlloca(builder.getInt64Ty());
    builder.CreateStore(rows, rowsAt);
    SmallVector<llvm::Value *> values(buffers);
    values.append({rowsAt, llvm::ConstantPointerNull::get(builder.getPtrTy())});
    SmallVector<uint64_t> sizes(buffers.size() + 1, 8);
    sizes.push_back(0);
    SmallVector<uint8_t> areBuffers(buffers.size(), 1);
    areBuffers.append({0, 0});

    llvm::Value *name = builder.CreateSelect(isAligned(), builder.CreateGlobalString(symbol),
                                             builder.CreateGlobalString((symbol + "_unaligned").str()));
    Tile tile = Tile::ofWarp(product);
    auto blocks = [&](llvm::Value *size, int64_t step) { return builder.CreateTrunc(quotientUp(size, step), status); };
    llvm::Value *one = builder.getInt32(1);
    SmallVector<llvm::Value *> arguments = {function->getArg(0),
                                            builder.CreateLoad(pointer, state),
                                            name,
                                            blocks(rows, tile.rows * warpsDown),
                                            blocks(builder.getInt64(product.columns), tile.columns * warpsAcross),
                                            one,
                                            builder.getInt32(threadsPerBlock),
                                            one,
                                            one,
                                            builder.getInt32(0),
                                            constants(ArrayRef(sizes)),
                                            list(values),
                                            constants(ArrayRef(areBuffers))};
    SmallVector<llvm::Type *> types;
    for (llvm::Value *argument : arguments) types.push_back(argument->getType());
    auto *type = llvm::FunctionType::get(status, types, false);
    builder.CreateRet(builder.CreateCall(module.getOrInsertFunction("halide_cuda_run", type), arguments));
  }

private:
  /// A field of a halide_buffer_t, which begins with device, device_interface and host.
  llvm::Value *field(llvm::Value *buffer, unsigned index, llvm::Type *type) {
    return builder.CreateLoad(type, builder.CreateConstGEP1_32(builder.getInt64Ty(), buffer, index));
  }

  /// Whether all matrices begin at multiples of 16.
  llvm::Value *isAligned() {
    llvm::Value *all = builder.getInt64(0);
    for (llvm::Value *buffer : buffers) all = builder.CreateOr(all, field(buffer, 0, builder.getInt64Ty()));
    return builder.CreateIsNull(builder.CreateAnd(all, builder.getInt64(15)));
  }

  void returnIfNonZero(llvm::Value *status) {
    auto *leave = llvm::BasicBlock::Create(module.getContext(), "", function),
         *next = llvm::BasicBlock::Create(module.getContext(), "", function);
    builder.CreateCondBr(builder.CreateIsNotNull(status), leave, next);
    builder.SetInsertPoint(leave);
    builder.CreateRet(status);
    builder.SetInsertPoint(next);
  }

  llvm::Value *list(ArrayRef<llvm::Value *> values) {
    llvm::Value *room = builder.CreateAlloca(builder.getPtrTy(), builder.getInt32(values.size()));
    for (auto [index, value] : llvm::enumerate(values))
      builder.CreateStore(value, builder.CreateConstGEP1_32(builder.getPtrTy(), room, index));
    return room;
  }
  template <typename Number> llvm::Value *constants(ArrayRef<Number> numbers) {
    llvm::Constant *data = llvm::ConstantDataArray::get(module.getContext(), numbers);
    return new llvm::GlobalVariable(module, data->getType(), true, llvm::GlobalValue::PrivateLinkage, data);
  }

  //===-- Sizes -------------------------------------------------------------------------------------------------===//

  llvm::Value *sizeOf(DimsAttr dims) { return evaluate(dims.getSizes().front(), dims.getNames()); }

  llvm::Value *evaluate(AffineExpr expression, ArrayRef<StringAttr> names) {
    if (auto constant = dyn_cast<AffineConstantExpr>(expression)) return builder.getInt32(constant.getValue());
    if (auto symbol = dyn_cast<AffineSymbolExpr>(expression)) {
      SmallVector<StringAttr> all = kernelSizes(kernel);
      size_t index = llvm::find(all, names[symbol.getPosition()]) - all.begin();
      return function->getArg(firstSize + index);
    }
    auto binary = cast<AffineBinaryOpExpr>(expression);
    llvm::Value *left = evaluate(binary.getLHS(), names), *right = evaluate(binary.getRHS(), names);
    switch (expression.getKind()) { // sizes are not negative
    case AffineExprKind::Add:
      return builder.CreateAdd(left, right);
    case AffineExprKind::Mul:
      return builder.CreateMul(left, right);
    case AffineExprKind::Mod:
      return builder.CreateURem(left, right);
    case AffineExprKind::FloorDiv:
      return builder.CreateUDiv(left, right);
    default:
      return builder.CreateUDiv(builder.CreateSub(builder.CreateAdd(left, right), builder.getInt32(1)), right);
    }
  }

  llvm::Value *quotientUp(llvm::Value *size, int64_t step) {
    return builder.CreateUDiv(builder.CreateAdd(size, builder.getInt64(step - 1)), builder.getInt64(step));
  }

  llvm::Module &module;
  KernelOp kernel;
  const Product &product;
  llvm::IRBuilder<> builder;
  llvm::Function *function = nullptr;
  SmallVector<llvm::Value *> buffers; // in the order of the compiled code
  llvm::Value *rows = nullptr;
  unsigned firstSize = 0; // among the function's arguments
};

} // namespace

void defineCall(llvm::Module &module, KernelOp kernel, const Product &product, StringRef symbol, StringRef callee) {
  Launcher(module, kernel, product, symbol).call(callee);
}

void defineLaunch(llvm::Module &module, KernelOp kernel, const Product &product, StringRef symbol, StringRef ptx) {
  Launcher(module, kernel, product, symbol).launch(symbol, ptx);
}

} // namespace fovea::gpu
