// Lowers the forms of a product through MLIR's passes to LLVM IR. Takes long to compile, as it includes many dialects.
#include "lib/gpu/Lower.h"
#include "lib/gpu/Fragments.h"
#include "lib/gpu/VectorForm.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h"
#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/ErrorHandling.h"

using namespace mlir;

namespace fovea::gpu {

namespace {

/// One compilation: kernels are compiled in parallel, each in a context of its own.
class Forms {
public:
  Forms(const Product &product, const Tile &tile, StringRef symbol) : symbol(symbol) {
    DialectRegistry registry;
    arith::registerConvertArithToLLVMInterface(registry);
    cf::registerConvertControlFlowToLLVMInterface(registry);
    registerConvertFuncToLLVMInterface(registry);
    registerConvertMemRefToLLVMInterface(registry);
    ub::registerConvertUBToLLVMInterface(registry);
    registerBuiltinDialectTranslation(registry);
    registerGPUDialectTranslation(registry);
    registerLLVMDialectTranslation(registry);
    registerNVVMDialectTranslation(registry);
    context.appendDialectRegistry(registry);
    context.loadDialect<affine::AffineDialect, arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect,
                        ::mlir::gpu::GPUDialect, LLVM::LLVMDialect, memref::MemRefDialect, NVVM::NVVMDialect,
                        scf::SCFDialect, ub::UBDialect, vector::VectorDialect>();
    vectors = vectorForm(&context, product, tile, symbol);
  }

  ModuleOp vectorsForm() { return *vectors; }

  ::mlir::gpu::GPUModuleOp deviceForm() {
    OpBuilder builder(&context);
    holder = ModuleOp::create(vectors->getLoc());
    builder.setInsertionPointToEnd(holder->getBody());
    auto device = ::mlir::gpu::GPUModuleOp::create(builder, vectors->getLoc(), "kernels");
    addDeviceForm(*vectors, device, symbol, true);
    addDeviceForm(*vectors, device, symbol + "_unaligned", false);
    run(*holder, [](OpPassManager &passes) { tidy(passes.nest<::mlir::gpu::GPUModuleOp>()); });
    return device;
  }

  std::unique_ptr<llvm::Module> processorCode(llvm::LLVMContext &target) {
    run(*vectors, [](OpPassManager &passes) {
      passes.addNestedPass<func::FuncOp>(createForallToForLoopPass());
      passes.addPass(createConvertVectorToSCFPass(VectorTransferToSCFOptions().enableFullUnroll()));
      arith::ArithExpandOpsPassOptions bf16;
      bf16.includeBf16 = true;
      passes.addPass(arith::createArithExpandOpsPass(bf16));
      passes.addPass(createSCFToControlFlowPass());
      passes.addPass(memref::createExpandStridedMetadataPass());
      passes.addPass(createLowerAffinePass());
      ConvertVectorToLLVMPassOptions products;
      products.vectorContractLowering = vector::VectorContractLowering::OuterProduct;
      passes.addPass(createConvertVectorToLLVMPass(products));
      passes.addPass(createArithToLLVMConversionPass());
      passes.addPass(createConvertControlFlowToLLVMPass());
      passes.addPass(createUBToLLVMConversionPass());
      passes.addPass(createFinalizeMemRefToLLVMConversionPass());
      ConvertFuncToLLVMPassOptions pointers;
      pointers.useBarePtrCallConv = true;
      passes.addPass(createConvertFuncToLLVMPass(pointers));
      passes.addPass(createReconcileUnrealizedCastsPass());
    });
    return translated(*vectors, target);
  }

  std::unique_ptr<llvm::Module> deviceCode(llvm::LLVMContext &target) {
    Operation *device = deviceForm();
    run(*holder, [](OpPassManager &passes) {
      OpPassManager &device = passes.nest<::mlir::gpu::GPUModuleOp>();
      device.addPass(createSCFToControlFlowPass());
      device.addPass(memref::createExpandStridedMetadataPass());
      device.addPass(createLowerAffinePass());
      device.addPass(createConvertVectorToLLVMPass());
      ConvertGpuOpsToNVVMOpsOptions pointers;
      pointers.useBarePtrCallConv = true;
      device.addPass(createConvertGpuOpsToNVVMOps(pointers));
      device.addPass(createReconcileUnrealizedCastsPass());
    });
    return translated(device, target);
  }

private:
  static void tidy(OpPassManager &passes) {
    passes.addPass(createCanonicalizerPass());
    passes.addPass(createCSEPass());
    passes.addPass(createLoopInvariantCodeMotionPass());
  }

  /// The forms are ours, so that a pass which fails is a bug.
  void run(ModuleOp module, llvm::function_ref<void(OpPassManager &)> add) {
    PassManager passes(&context);
    add(passes);
    if (failed(passes.run(module))) llvm::report_fatal_error("a tensor-core kernel cannot be lowered");
  }

  std::unique_ptr<llvm::Module> translated(Operation *module, llvm::LLVMContext &target) {
    std::unique_ptr<llvm::Module> result = translateModuleToLLVMIR(module, target, symbol);
    if (!result) llvm::report_fatal_error("a tensor-core kernel cannot be translated to LLVM IR");
    return result;
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  std::string symbol;
  OwningOpRef<ModuleOp> vectors, holder;
};

std::string textOf(Operation *op) {
  std::string text;
  llvm::raw_string_ostream(text) << *op << "\n";
  return text;
}

} // namespace

std::string vectorText(const Product &product, StringRef symbol) {
  return textOf(Forms(product, Tile::ofWarp(product), symbol).vectorsForm());
}
std::string deviceText(const Product &product, StringRef symbol) {
  return textOf(Forms(product, Tile::ofWarp(product), symbol).deviceForm());
}

std::unique_ptr<llvm::Module> processorCode(const Product &product, StringRef symbol, llvm::LLVMContext &context) {
  return Forms(product, Tile::ofProcessor(product), symbol).processorCode(context);
}
std::unique_ptr<llvm::Module> deviceCode(const Product &product, StringRef symbol, llvm::LLVMContext &context) {
  return Forms(product, Tile::ofWarp(product), symbol).deviceCode(context);
}

} // namespace fovea::gpu
