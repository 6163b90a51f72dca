// A product's forms as text, as LLVM IR and as PTX.
#pragma once

#include "lib/gpu/Product.h"

#include "llvm/IR/Module.h"

#include <memory>
#include <string>

namespace fovea::gpu {

/// The vector form, and the form on threads with the kernels `symbol`, for addresses that are multiples of 16, and
/// `symbol`_unaligned, for any.
std::string vectorText(const Product &product, StringRef symbol);
std::string deviceText(const Product &product, StringRef symbol);

/// The vector form as a function for a processor, and the form on threads as kernels for a CUDA device: of the pointers
/// to a, b, the addends and the result, and the number of rows as i64.
std::unique_ptr<llvm::Module> processorCode(const Product &product, StringRef symbol, llvm::LLVMContext &context);
std::unique_ptr<llvm::Module> deviceCode(const Product &product, StringRef symbol, llvm::LLVMContext &context);

/// PTX of a module of deviceCode, which it optimises, for a compute capability: 80 for 8.0.
std::string ptx(llvm::Module &module, int32_t capability);

} // namespace fovea::gpu
