// Threads as contexts that one thread of the processor switches between.
#include "test/gpu/EmulatedDevice.h"

#include "lib/emit/Files.h"
#include "lib/emit/NativeCode.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SourceMgr.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <functional>
#include <gtest/gtest.h>
#include <ucontext.h>
#include <vector>

namespace {

/// What a thread gives to mma.sync, and gets from it in `sums`.
struct Registers {
  uint32_t a[4], b[2];
  float sums[4];
};

struct Thread {
  ucontext_t context;
  std::vector<char> stack = std::vector<char>(256 << 10);
  Registers *registers = nullptr; // while it waits
  bool ended = false;
};

/// The warp that runs.
struct Warp {
  std::vector<Thread> threads = std::vector<Thread>(32);
  ucontext_t scheduler;
  int first = 0, lane = 0; // thread in the block, and in the warp
  std::array<int, 2> block;
  std::function<void()> kernel;
} *warp = nullptr;

float widened(uint32_t pair, int half) {
  uint32_t bits = half ? pair & 0xffff0000u : pair << 16;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

void multiply() {
  float a[16][16], b[16][8];
  for (int lane = 0; lane < 32; ++lane) {
    int group = lane / 4, inGroup = lane % 4;
    Registers *registers = warp->threads[lane].registers;
    for (int i = 0; i < 8; ++i) {
      int row = i < 2 || (i >= 4 && i < 6) ? group : group + 8;
      int column = inGroup * 2 + (i & 1) + (i < 4 ? 0 : 8);
      a[row][column] = widened(registers->a[i / 2], i & 1);
    }
    for (int i = 0; i < 4; ++i) b[inGroup * 2 + (i & 1) + (i < 2 ? 0 : 8)][group] = widened(registers->b[i / 2], i & 1);
  }
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i) {
      int row = i < 2 ? lane / 4 : lane / 4 + 8, column = lane % 4 * 2 + (i & 1);
      for (int k = 0; k < 16; ++k) warp->threads[lane].registers->sums[i] += a[row][k] * b[k][column];
    }
}

void runThread() {
  warp->kernel();
  warp->threads[warp->lane].ended = true;
}

void runWarp() {
  for (Thread &thread : warp->threads) {
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack.data();
    thread.context.uc_stack.ss_size = thread.stack.size();
    thread.context.uc_link = &warp->scheduler;
    thread.ended = false;
    makecontext(&thread.context, runThread, 0);
  }
  while (true) {
    for (warp->lane = 0; warp->lane < 32; ++warp->lane)
      swapcontext(&warp->scheduler, &warp->threads[warp->lane].context);
    auto ended = llvm::count_if(warp->threads, [](const Thread &thread) { return thread.ended; });
    if (ended == 32) return;
    if (ended) std::abort(); // mma.sync is for whole warps
    multiply();
  }
}

} // namespace

extern "C" {
void emulated_mma(Registers *registers) {
  Thread &thread = warp->threads[warp->lane];
  thread.registers = registers;
  swapcontext(&thread.context, &warp->scheduler);
}
int32_t emulated_tid_x() { return warp->first + warp->lane; }
int32_t emulated_ctaid_x() { return warp->block[0]; }
int32_t emulated_ctaid_y() { return warp->block[1]; }

/// Called where the processor cannot round to bf16, and not in every libgcc: the nearest, ties to even, in the low half
/// of a register of floats.
float __truncsfbf2(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  bits = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  std::memcpy(&value, &bits, 4);
  return value;
}
}

namespace fovea {

void EmulatedDevice::run(Kernel kernel, std::array<int, 2> blocks, int threads, std::array<uint64_t, 6> arguments) {
  Warp emulated;
  warp = &emulated;
  emulated.kernel = [&] { std::apply(kernel, arguments); };
  for (int x = 0; x < blocks[0]; ++x)
    for (int y = 0; y < blocks[1]; ++y)
      for (emulated.first = 0; emulated.first < threads; emulated.first += 32) {
        emulated.block = {x, y};
        runWarp();
      }
}

/// Passes what mma.sync reads and writes through memory.
static void replaceProduct(llvm::CallInst *call) {
  llvm::IRBuilder<> builder(call);
  llvm::Type *word = builder.getInt32Ty();
  llvm::BasicBlock &entry = call->getFunction()->getEntryBlock();
  llvm::Value *room = llvm::IRBuilder<>(&entry, entry.begin()).CreateAlloca(llvm::ArrayType::get(word, 10));
  auto at = [&](unsigned index) { return builder.CreateConstGEP1_32(word, room, index); };
  for (unsigned i = 0; i < 10; ++i) builder.CreateStore(call->getArgOperand(i), at(i));
  auto *type = llvm::FunctionType::get(builder.getVoidTy(), {builder.getPtrTy()}, false);
  builder.CreateCall(call->getModule()->getOrInsertFunction("emulated_mma", type), {room});
  llvm::Value *result = llvm::PoisonValue::get(call->getType());
  for (unsigned i = 0; i < 4; ++i)
    result = builder.CreateInsertValue(result, builder.CreateLoad(builder.getFloatTy(), at(6 + i)), i);
  call->replaceAllUsesWith(result);
  call->eraseFromParent();
}

/// Kernels become functions for this processor.
static void emulateDevice(llvm::Module &deviceCode) {
  for (llvm::Function &function : llvm::make_early_inc_range(deviceCode)) {
    llvm::StringRef name = function.getName();
    if (name.consume_front("llvm.nvvm.read.ptx.sreg.")) {
      function.setAttributes({});
      std::string emulated = "emulated_" + llvm::join(llvm::split(name, '.'), "_");
      function.setName(emulated);
    } else if (name.starts_with("llvm.nvvm.mma.")) {
      for (llvm::User *user : llvm::make_early_inc_range(function.users()))
        replaceProduct(llvm::cast<llvm::CallInst>(user));
      function.eraseFromParent();
    } else if (!function.isDeclaration()) {
      function.setCallingConv(llvm::CallingConv::C);
      function.setAttributes({});
    }
  }
}

void *loadObject(const std::string &path, const std::string &object) {
  EXPECT_FALSE(bool(writeFile(path + ".o", object)));
  EXPECT_EQ(std::system(("cc -shared -o " + path + ".so " + path + ".o").c_str()), 0);
  void *library = dlopen((path + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
  EXPECT_TRUE(library) << dlerror();
  return library;
}

void *loadKernels(const std::string &path, llvm::StringRef deviceCode, llvm::StringRef symbol) {
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  auto module = llvm::parseAssemblyString(deviceCode, diagnostic, context);
  EXPECT_TRUE(module) << diagnostic.getMessage().str();
  for (llvm::StringRef suffix : {"", "_unaligned"})
    module->getFunction(("product" + suffix).str())->setName(symbol + suffix);
  emulateDevice(*module);
  NativeCode native;
  native.prepare(*module);
  return loadObject(path, native.object(*module));
}

} // namespace fovea
