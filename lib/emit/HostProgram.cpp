// Builds the host program in LLVM IR.
#include "lib/emit/HostProgram.h"

#include "dialect/Shape.h"
#include "lib/emit/NativeCode.h"
#include "lib/emit/Tables.h"

#include "llvm/IR/IRBuilder.h"

using namespace mlir;

namespace fovea {

namespace {

/// Where a buffer begins: a region of fovea_wrap, and an affine row of bytes.
struct Place {
  int64_t region = 0;
  SmallVector<int64_t> offset;
};

/// What every generated function is built with.
class HostModule {
public:
  explicit HostModule(const Interface &interface)
      : interface(interface), module("host", context), tables(module, interface.sizes), builder(context) {
    native.prepare(module);
  }

  std::string emit(ArrayRef<TargetProgram> programs);

private:
  friend class LaunchFunction;

  llvm::Type *pointer() { return builder.getPtrTy(); }
  llvm::Function *define(const llvm::Twine &name, llvm::Type *result, ArrayRef<llvm::Type *> parameters, bool exported);
  llvm::FunctionCallee runtime(StringRef name, llvm::Type *result, ArrayRef<llvm::Type *> parameters) {
    return module.getOrInsertFunction(name, llvm::FunctionType::get(result, parameters, false));
  }
  void forward(StringRef name, llvm::Type *result, ArrayRef<llvm::Type *> parameters, llvm::Constant *first = nullptr);
  void defineCommon(llvm::Constant *model);
  llvm::Function *defineUserFunction(const Entry &entry);
  void fillEntry(const Entry &entry, unsigned index);
  void fillSequence(const Entry &entry);
  llvm::Value *table(llvm::Type *element, ArrayRef<llvm::Value *> values);
  void returnIfNonZero(llvm::Value *status);

  const Interface &interface;
  llvm::LLVMContext context;
  llvm::Module module;
  NativeCode native;
  Tables tables;
  llvm::IRBuilder<> builder;
};

/// The host function of one entry point for one target: int32_t run(fovea_handle *, const int64_t *sizes).
class LaunchFunction {
public:
  LaunchFunction(HostModule &host, const TargetProgram &program, func::FuncOp source)
      : host(host), builder(host.builder), program(program), symbols(*program.module), source(source) {}

  llvm::Function *define() {
    llvm::Type *pointer = host.pointer();
    function =
        host.define(source.getSymName() + "." + program.target.name, builder.getInt32Ty(), {pointer, pointer}, false);
    unsigned most = 0;
    for (LaunchOp launch : source.getOps<LaunchOp>()) most = std::max(most, launch.getNumOperands());
    bufferType = llvm::ArrayType::get(builder.getInt64Ty(), sizeof(fovea_buffer) / sizeof(uint64_t));
    room = builder.CreateAlloca(bufferType, builder.getInt32(most));
    for (LaunchOp launch : source.getOps<LaunchOp>()) emitLaunch(launch);
    builder.CreateRet(builder.getInt32(0));
    return function;
  }

private:
  void emitLaunch(LaunchOp launch) {
    auto kernel = symbols.lookup<KernelOp>(launch.getKernel());
    llvm::SmallDenseSet<int64_t> shared; // arguments whose buffers are passed as results
    for (unsigned result = 0; result < launch.getInto().size(); ++result) shared.insert(kernel.inPlace(result));
    SmallVector<Value> buffers;
    for (auto [index, input] : llvm::enumerate(launch.getInputs()))
      if (!shared.contains(index)) buffers.push_back(input);
    size_t inputs = buffers.size();
    llvm::append_range(buffers, launch.getInto());
    wrap(buffers);

    SmallVector<llvm::Value *> arguments = {function->getArg(0)};
    for (size_t index = 0; index < inputs; ++index) arguments.push_back(bufferAt(index));
    for (StringAttr size : kernelSizes(kernel)) arguments.push_back(loadSize(size));
    for (size_t index = inputs; index < buffers.size(); ++index) arguments.push_back(bufferAt(index));
    SmallVector<llvm::Type *> types;
    for (llvm::Value *argument : arguments) types.push_back(argument->getType());
    const KernelCode &code = program.kernels.at(launch.getKernel().str());
    llvm::Value *status = builder.CreateCall(host.runtime(code.symbol, builder.getInt32Ty(), types), arguments);
    auto launched =
        host.runtime("fovea_launched", builder.getInt32Ty(), {host.pointer(), host.pointer(), builder.getInt32Ty()});
    host.returnIfNonZero(
        builder.CreateCall(launched, {function->getArg(0), host.tables.string(launch.getKernel()), status}));
  }

  llvm::Value *bufferAt(unsigned index) { return builder.CreateConstGEP1_32(bufferType, room, index); }

  /// Fills a buffer for each of the values.
  void wrap(ArrayRef<Value> values) {
    SmallVector<int64_t> places;
    for (Value value : values) {
      Place place = placeOf(value);
      places.push_back(place.region);
      places.push_back(host.tables.view(cast<BufferType>(value.getType())));
      llvm::append_range(places, place.offset);
    }
    llvm::Type *pointer = host.pointer();
    auto callee =
        host.runtime("fovea_wrap", builder.getVoidTy(), {pointer, pointer, builder.getInt32Ty(), pointer, pointer});
    builder.CreateCall(callee, {function->getArg(0), function->getArg(1), builder.getInt32(values.size()),
                                host.tables.integers(places), room});
  }

  llvm::Value *loadSize(StringAttr name) {
    unsigned index = llvm::find(host.interface.sizes, name) - host.interface.sizes.begin();
    llvm::Value *address = builder.CreateConstGEP1_32(builder.getInt64Ty(), function->getArg(1), index);
    return builder.CreateTrunc(builder.CreateLoad(builder.getInt64Ty(), address), builder.getInt32Ty());
  }

  Place placeOf(Value value) {
    Place place;
    place.offset.resize(1 + host.interface.sizes.size());
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      place.region = 2 + argument.getArgNumber();
    } else if (auto buffer = value.getDefiningOp<StateBufferOp>()) {
      place.offset[0] = *symbols.lookup<StateOp>(buffer.getState()).getOffset();
    } else if (auto arena = value.getDefiningOp<ArenaOp>()) {
      place.region = 1;
      place.offset = host.tables.rows(arena.getOffset());
    } else {
      auto subview = value.getDefiningOp<SubviewOp>();
      place = placeOf(subview.getBuffer());
      int64_t bytes = elementKind(subview.getType().getTensor().getElementType()).bytes;
      for (auto [sum, elements] : llvm::zip(place.offset, host.tables.rows(subview.getOffset())))
        sum += elements * bytes;
    }
    return place;
  }

  HostModule &host;
  llvm::IRBuilder<> &builder;
  const TargetProgram &program;
  SymbolTable symbols;
  func::FuncOp source;
  llvm::Function *function = nullptr;
  llvm::Type *bufferType = nullptr;
  llvm::Value *room = nullptr; // for the buffers of the launch with the most
};

} // namespace

llvm::Function *HostModule::define(const llvm::Twine &name, llvm::Type *result, ArrayRef<llvm::Type *> parameters,
                                   bool exported) {
  auto linkage = exported ? llvm::GlobalValue::ExternalLinkage : llvm::GlobalValue::InternalLinkage;
  auto *function = llvm::Function::Create(llvm::FunctionType::get(result, parameters, false), linkage, name, module);
  function->addFnAttr(llvm::Attribute::OptimizeForSize);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  function->setUWTableKind(llvm::UWTableKind::Default); // for debuggers and profilers
  builder.SetInsertPoint(llvm::BasicBlock::Create(context, "", function));
  return function;
}

void HostModule::returnIfNonZero(llvm::Value *status) {
  llvm::Function *function = builder.GetInsertBlock()->getParent();
  auto *leave = llvm::BasicBlock::Create(context, "", function),
       *next = llvm::BasicBlock::Create(context, "", function);
  builder.CreateCondBr(builder.CreateIsNotNull(status), leave, next);
  builder.SetInsertPoint(leave);
  builder.CreateRet(status);
  builder.SetInsertPoint(next);
}

//===-- The functions that users call -----------------------------------------------------------------------------===//

/// NAME_x(parameters) is fovea_x(parameters), or fovea_x(first, parameters).
void HostModule::forward(StringRef name, llvm::Type *result, ArrayRef<llvm::Type *> parameters, llvm::Constant *first) {
  llvm::Function *function = define(interface.name + "_" + name, result, parameters, true);
  SmallVector<llvm::Value *> arguments;
  SmallVector<llvm::Type *> types(parameters);
  if (first) {
    arguments.push_back(first);
    types.insert(types.begin(), first->getType());
  }
  for (llvm::Argument &argument : function->args()) arguments.push_back(&argument);
  llvm::Value *value = builder.CreateCall(runtime(("fovea_" + name).str(), result, types), arguments);
  result->isVoidTy() ? builder.CreateRetVoid() : builder.CreateRet(value);
}

void HostModule::defineCommon(llvm::Constant *model) {
  llvm::Type *status = builder.getInt32Ty(), *bytes = builder.getInt64Ty(), *none = builder.getVoidTy();
  forward("create", pointer(), {pointer()}, model);
  forward("destroy", none, {pointer()});
  forward("last_error", pointer(), {pointer()});
  forward("target", pointer(), {pointer()});
  for (StringRef name : {"load", "save", "save_average", "load_checkpoint", "save_checkpoint"})
    forward(name, status, {pointer(), pointer()});
  for (StringRef name : {"get", "set"}) forward(name, status, {pointer(), pointer(), pointer(), bytes});
  if (!interface.sizes.empty()) return forward("workspace_bytes", bytes, {pointer(), status}, model);
  // Without sizes it takes the number of threads only.
  llvm::Function *function = define(interface.name + "_workspace_bytes", bytes, {status}, true);
  auto callee = runtime("fovea_workspace_bytes", bytes, {pointer(), pointer(), status});
  builder.CreateRet(
      builder.CreateCall(callee, {model, llvm::ConstantPointerNull::get(builder.getPtrTy()), function->getArg(0)}));
}

static llvm::Type *scalarType(llvm::IRBuilder<> &builder, Type element) {
  const ElementKind &kind = elementKind(element);
  if (kind.dtype == FOVEA_F32) return builder.getFloatTy();
  if (kind.dtype == FOVEA_F64) return builder.getDoubleTy();
  return builder.getIntNTy(kind.bytes * 8);
}

/// int32_t NAME_entry(model, its sizes, its arguments), to be filled.
llvm::Function *HostModule::defineUserFunction(const Entry &entry) {
  SmallVector<llvm::Type *> types = {pointer()};
  types.append(entry.sizes.size(), builder.getInt64Ty());
  for (const Argument &argument : entry.arguments)
    types.push_back(argument.role == FOVEA_SCALAR ? scalarType(builder, argument.type.getElementType()) : pointer());
  return define(interface.name + "_" + entry.name, builder.getInt32Ty(), types, true);
}

/// The address of an array on the stack.
llvm::Value *HostModule::table(llvm::Type *element, ArrayRef<llvm::Value *> values) {
  llvm::Value *address = builder.CreateAlloca(element, builder.getInt32(values.size()));
  for (auto [index, value] : llvm::enumerate(values))
    builder.CreateStore(value, builder.CreateConstGEP1_32(element, address, index));
  return address;
}

void HostModule::fillEntry(const Entry &entry, unsigned index) {
  llvm::Function *function = defineUserFunction(entry);
  SmallVector<llvm::Value *> sizes, pointers;
  for (StringAttr size : interface.sizes) { // the runtime checks all sizes; 1 stands for those that do not matter here
    auto own = llvm::find(entry.sizes, size);
    sizes.push_back(own == entry.sizes.end() ? (llvm::Value *)builder.getInt64(1)
                                             : function->getArg(1 + (own - entry.sizes.begin())));
  }
  for (auto [position, argument] : llvm::enumerate(entry.arguments)) {
    llvm::Value *value = function->getArg(1 + entry.sizes.size() + position);
    pointers.push_back(argument.role == FOVEA_SCALAR ? table(value->getType(), {value}) : value);
  }
  llvm::Value *sizeTable = table(builder.getInt64Ty(), sizes), *pointerTable = table(pointer(), pointers);
  auto call = runtime("fovea_call", builder.getInt32Ty(), {pointer(), builder.getInt32Ty(), pointer(), pointer()});
  builder.CreateRet(builder.CreateCall(call, {function->getArg(0), builder.getInt32(index), sizeTable, pointerTable}));
}

void HostModule::fillSequence(const Entry &entry) {
  llvm::Function *function = defineUserFunction(entry);
  for (const SequenceCall &call : entry.sequence) {
    const Entry &called = interface.entries[call.entry];
    SmallVector<llvm::Value *> arguments = {function->getArg(0)};
    for (StringAttr size : called.sizes)
      arguments.push_back(function->getArg(1 + (llvm::find(entry.sizes, size) - entry.sizes.begin())));
    for (auto [argument, source] : llvm::zip(called.arguments, call.arguments))
      arguments.push_back(source ? (llvm::Value *)function->getArg(1 + entry.sizes.size() + *source)
                                 : llvm::ConstantFP::get(scalarType(builder, argument.type.getElementType()), 1));
    returnIfNonZero(builder.CreateCall(module.getFunction(interface.name + "_" + called.name), arguments));
  }
  builder.CreateRet(builder.getInt32(0));
}

std::string HostModule::emit(ArrayRef<TargetProgram> programs) {
  SmallVector<SmallVector<llvm::Function *>> functions;
  for (const TargetProgram &program : programs) {
    functions.emplace_back();
    for (const Entry &entry : interface.entries) {
      if (!entry.sequence.empty()) continue;
      auto source = program.module.get().lookupSymbol<func::FuncOp>(entry.name);
      functions.back().push_back(LaunchFunction(*this, program, source).define());
    }
  }
  defineCommon(tables.model(interface, programs, functions));
  for (auto [index, entry] : llvm::enumerate(interface.entries))
    entry.sequence.empty() ? fillEntry(entry, index) : fillSequence(entry);
  return native.object(module);
}

ScratchBytes TargetProgram::scratchBytes() const {
  ScratchBytes most;
  for (const auto &[name, code] : kernels)
    most = {std::max(most.caller, code.scratch.caller), std::max(most.worker, code.scratch.worker),
            std::max(most.device, code.scratch.device)};
  return most;
}

std::string emitHostProgram(const Interface &interface, ArrayRef<TargetProgram> programs) {
  return HostModule(interface).emit(programs);
}

} // namespace fovea
