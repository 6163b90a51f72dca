// Constant tables: states, entry points, programs, the model.
#include "lib/emit/Tables.h"

#include "dialect/Shape.h"
#include "lib/kernels/Plan.h"

#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/GlobalVariable.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using llvm::Constant;

namespace fovea {

Constant *Tables::addressOf(Constant *value) {
  Constant *&address = known[value];
  if (!address) {
    auto *variable = new llvm::GlobalVariable(module, value->getType(), true, llvm::GlobalValue::PrivateLinkage, value);
    variable->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
    address = variable;
  }
  return address;
}

Constant *Tables::integer(int64_t value, unsigned bits) const {
  return llvm::ConstantInt::getSigned(llvm::IntegerType::get(module.getContext(), bits), value);
}
Constant *Tables::real(double value) const {
  return llvm::ConstantFP::get(llvm::Type::getDoubleTy(module.getContext()), value);
}
Constant *Tables::string(StringRef text) {
  return addressOf(llvm::ConstantDataArray::getString(module.getContext(), text));
}
Constant *Tables::record(ArrayRef<Constant *> fields) const {
  return llvm::ConstantStruct::getAnon(module.getContext(), fields);
}

Constant *Tables::integers(ArrayRef<int64_t> values) {
  if (values.empty()) return llvm::ConstantPointerNull::get(llvm::PointerType::get(module.getContext(), 0));
  SmallVector<uint64_t> words(values.begin(), values.end());
  return addressOf(llvm::ConstantDataArray::get(module.getContext(), words));
}

Constant *Tables::array(ArrayRef<Constant *> values) {
  if (values.empty()) return integers({});
  return addressOf(llvm::ConstantArray::get(llvm::ArrayType::get(values[0]->getType(), values.size()), values));
}

SmallVector<int64_t> Tables::rows(DimsAttr expressions) const {
  SmallVector<int64_t> result;
  for (AffineExpr expression : expressions.getSizes())
    llvm::append_range(result, *affineRow(expression, expressions.getNames(), sizes));
  return result;
}

int64_t Tables::view(BufferType type) {
  const ElementKind &kind = elementKind(type.getTensor().getElementType());
  Constant *view =
      record({integer(kind.halideCode, 32), integer(kind.bits, 32), integer(type.getTensor().getRank(), 32),
              integers(rows(dimsOf(type.getTensor()))), integers(rows(type.getStrides()))});
  return views.insert({view, views.size()}).first->second;
}

//===-- State and entries -----------------------------------------------------------------------------------------===//

/// Where a state tensor's logical axes lie in its storage.
struct Layout {
  SmallVector<int64_t> strides;
  int64_t panelAxis = -1, panelSize = 0, panelStride = 0;
};

static Layout layoutOf(StateOp state) {
  Layout layout{rowMajorStrides(state.getStorage()).evaluate({})};
  if (std::optional<PanelsAttr> panels = state.getPanels()) {
    layout.panelAxis = panels->getAxis();
    layout.panelSize = panels->getSize();
    layout.panelStride = layout.strides.front();
    layout.strides.erase(layout.strides.begin());
    int64_t inPanel = layout.strides.pop_back_val();
    layout.strides.insert(layout.strides.begin() + layout.panelAxis, inPanel);
  }
  return layout;
}

int64_t storageBytes(StateOp state) {
  return state.getStorage().getNumElements() * elementKind(state.getTensor().getElementType()).bytes;
}

int64_t stateBytes(ArrayRef<StateOp> state) {
  int64_t bytes = 0;
  for (StateOp tensor : state) bytes = std::max<int64_t>(bytes, *tensor.getOffset() + storageBytes(tensor));
  return llvm::alignTo(bytes, bufferAlignment);
}

static fovea_role roleOf(StateOp state) {
  StringRef role = state.getRole();
  return role == "parameter"  ? FOVEA_PARAMETER
         : role == "gradient" ? FOVEA_GRADIENT
         : role == "seed"     ? FOVEA_SEED
         : role == "counter"  ? FOVEA_COUNTER
                              : FOVEA_OPTIMIZER_STATE;
}

static fovea_initializer initializerOf(StateOp state) {
  StringRef name = state.getInitializer();
  return name == "normal"             ? FOVEA_NORMAL
         : name == "truncated_normal" ? FOVEA_TRUNCATED_NORMAL
         : name == "uniform"          ? FOVEA_UNIFORM
                                      : FOVEA_CONSTANT;
}

Constant *Tables::state(StateOp state) {
  RankedTensorType type = state.getTensor();
  Layout layout = layoutOf(state);
  return record({string(state.getSymName()), integer(elementKind(type.getElementType()).dtype, 32),
                 integer(roleOf(state), 32), integer(type.getRank(), 32), integer(initializerOf(state), 32),
                 integers(rows(dimsOf(type))), real(state.getA().convertToDouble()),
                 real(state.getB().convertToDouble()), integer(*state.getOffset()), integer(storageBytes(state)),
                 integers(layout.strides), integer(layout.panelAxis, 32), integer(layout.panelSize, 32),
                 integer(layout.panelStride)});
}

Constant *Tables::argument(const Argument &argument) {
  RankedTensorType type = argument.type;
  return record({string(argument.name), integer(elementKind(type.getElementType()).dtype, 32),
                 integer(argument.role, 32), integer(type.getRank(), 32), integer(0, 32), integers(rows(dimsOf(type))),
                 real(0), real(0), integer(0), integer(0), integers({}), integer(-1, 32), integer(0, 32), integer(0)});
}

Constant *Tables::entry(const Entry &entry, llvm::Function *function) {
  SmallVector<Constant *> arguments;
  for (const Argument &each : entry.arguments) arguments.push_back(argument(each));
  return record({string(entry.name), integer(arguments.size(), 32), array(arguments), function});
}

//===-- Programs and the model ------------------------------------------------------------------------------------===//

static void raise(SmallVector<int64_t> &bound, ArrayRef<int64_t> row) {
  for (auto [most, value] : llvm::zip(bound, row)) most = std::max(most, value);
}

/// Sizes are positive, so the largest coefficients bound every entry.
SmallVector<int64_t> arenaBytes(ModuleOp module, ArrayRef<StringAttr> sizes) {
  SmallVector<int64_t> bound(1 + sizes.size());
  for (auto function : module.getOps<func::FuncOp>())
    if (auto arena = function->getAttrOfType<DimsAttr>("fovea.arena"))
      raise(bound, *affineRow(arena.getSizes()[0], arena.getNames(), sizes));
  return bound;
}

SmallVector<int64_t> argumentBytes(MLIRContext *context, const Interface &interface) {
  SmallVector<int64_t> bound(1 + interface.sizes.size());
  for (const Entry &entry : interface.entries) {
    if (!entry.sequence.empty()) continue;
    Shapes shapes(context);
    AffineExpr sum = shapes.constant(0);
    for (const Argument &argument : entry.arguments) {
      auto elements = shapes.of(argument.type);
      sum = sum + shapes.product(elements) * elementKind(argument.type.getElementType()).bytes +
            (FOVEA_DEVICE_ALIGNMENT - 1);
    }
    DimsAttr dims = shapes.dims({shapes.normal(sum)});
    raise(bound, *affineRow(dims.getSizes()[0], dims.getNames(), interface.sizes));
  }
  return bound;
}

SmallVector<int64_t> Tables::largestBytes(const TargetProgram &program) const {
  SmallVector<int64_t> bound(1 + sizes.size());
  auto add = [&](Type type) {
    auto buffer = dyn_cast<BufferType>(type);
    if (!buffer) return;
    Shapes shapes(type.getContext());
    auto elements = shapes.of(buffer.getTensor());
    AffineExpr bytes = shapes.normal(shapes.product(elements) * elementKind(buffer.getTensor().getElementType()).bytes);
    raise(bound, rows(shapes.dims({bytes})));
  };
  for (auto function : program.module.get().getOps<func::FuncOp>()) {
    for (Type type : function.getArgumentTypes()) add(type);
    function.walk([&](Operation *op) {
      if (!isa<SubviewOp>(op)) // within the storage of another
        for (Type type : op->getResultTypes()) add(type);
    });
  }
  return bound;
}

Constant *Tables::program(const Interface &interface, const TargetProgram &program,
                          ArrayRef<llvm::Function *> functions) {
  SmallVector<Constant *> states, entries;
  SmallVector<StateOp> stateOps = llvm::to_vector(program.module.get().getOps<StateOp>());
  for (StateOp each : stateOps) states.push_back(state(each));
  for (auto [index, function] : llvm::enumerate(functions))
    entries.push_back(entry(interface.entries[index], function));
  ScratchBytes scratch = program.scratchBytes();
  Device device = program.target.device;
  Constant *driver =
      device == Device::none
          ? (Constant *)llvm::ConstantPointerNull::get(llvm::PointerType::getUnqual(module.getContext()))
          : (Constant *)module.getOrInsertGlobal(device == Device::cuda ? "fovea_driver_cuda" : "fovea_driver_opencl",
                                                 llvm::Type::getInt8Ty(module.getContext()));
  return record({string(program.target.name), integer(program.target.cpuFeatures), integer(states.size()),
                 array(states), integer(stateBytes(stateOps)), integers(arenaBytes(program.module.get(), sizes)),
                 integers(largestBytes(program)), integer(scratch.caller), integer(scratch.worker), driver,
                 integer(program.target.capability, 32), integer(scratch.device), integer(entries.size(), 32),
                 array(entries)});
}

Constant *Tables::model(const Interface &interface, ArrayRef<TargetProgram> programs,
                        ArrayRef<SmallVector<llvm::Function *>> functions) {
  SmallVector<Constant *> names, records;
  for (StringAttr size : interface.sizes) names.push_back(string(size.getValue()));
  for (auto [each, entries] : llvm::zip(programs, functions)) records.push_back(program(interface, each, entries));
  return addressOf(record({integer(FOVEA_ABI_VERSION, 32), string(interface.name), integer(interface.fingerprint()),
                           integer(names.size(), 32), array(names), integer(records.size(), 32), array(records),
                           array(llvm::to_vector(llvm::make_first_range(views)))}));
}

} // namespace fovea
