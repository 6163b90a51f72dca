// Reads a model's interface off its module.
#include "lib/emit/Interface.h"

#include "dialect/Shape.h"
#include "lib/halide/Provider.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace fovea {

const ElementKind &elementKind(Type element) {
  enum { signedCode, unsignedCode, floatCode, brainCode = 4 };
  static const ElementKind f32{FOVEA_F32, floatCode, 32, 4, "f32", "float"},
      f64{FOVEA_F64, floatCode, 64, 8, "f64", "double"}, f16{FOVEA_F16, floatCode, 16, 2, "f16", "uint16_t"},
      bf16{FOVEA_BF16, brainCode, 16, 2, "bf16", "uint16_t"}, i64{FOVEA_I64, signedCode, 64, 8, "i64", "int64_t"},
      i32{FOVEA_I32, signedCode, 32, 4, "i32", "int32_t"}, i8{FOVEA_I8, signedCode, 8, 1, "i8", "int8_t"},
      u8{FOVEA_U8, unsignedCode, 8, 1, "u8", "uint8_t"}, boolean{FOVEA_BOOL, unsignedCode, 1, 1, "bool", "uint8_t"};
  if (element.isF32()) return f32;
  if (element.isF64()) return f64;
  if (element.isF16()) return f16;
  if (element.isBF16()) return bf16;
  if (element.isInteger(64)) return i64;
  if (element.isInteger(32)) return i32;
  if (element.isInteger(1)) return boolean;
  assert(element.isInteger(8) && "the dialect has no other element types");
  return element.isUnsignedInteger() ? u8 : i8;
}

ArrayRef<StringRef> commonFunctions() {
  static const StringRef names[] = {
      "create", "destroy",      "last_error", "workspace_bytes", "target",          "load",
      "save",   "save_average", "get",        "load_checkpoint", "save_checkpoint", "set"};
  return names;
}

std::string whyNoModelName(StringRef name) {
  static const llvm::StringSet<> taken = {
      "alignas",  "alignof",  "auto",    "bool",      "break",  "case",    "catch",    "char",    "class",
      "const",    "continue", "default", "delete",    "do",     "double",  "else",     "enum",    "explicit",
      "export",   "extern",   "false",   "float",     "for",    "friend",  "goto",     "if",      "inline",
      "int",      "long",     "mutable", "namespace", "new",    "nullptr", "operator", "private", "public",
      "register", "restrict", "return",  "short",     "signed", "sizeof",  "static",   "struct",  "switch",
      "template", "this",     "throw",   "true",      "try",    "typedef", "typename", "union",   "unsigned",
      "using",    "virtual",  "void",    "volatile",  "while",  "wchar_t"};
  auto isLetter = [](char c) { return llvm::isAlpha(c) || c == '_'; };
  std::string fact = "the model's name '" + name.str() + "' ";
  if (name.empty()) return "the model's name is empty: give one with --name";
  if (!isLetter(name[0]) || !llvm::all_of(name, [&](char c) { return isLetter(c) || llvm::isDigit(c); }))
    return fact + "is no C identifier (letters, digits and '_', a letter first): give it another (foveac's --name, or "
                  "the Model's)";
  if (taken.contains(name)) return fact + "is a word of C or C++: give it another (foveac's --name, or the Model's)";
  if (name == "fovea" || name == "halide")
    return fact + "is the prefix of the runtime's own functions: give it another (foveac's --name, or the Model's)";
  return "";
}

uint64_t Interface::fingerprint() const {
  std::string text;
  for (StateOp op : state) {
    StateOp tensor = op;
    text += tensor.getSymName().str() + " " + shapeText(tensor.getTensor()) + " " +
            elementKind(tensor.getTensor().getElementType()).name + "\n";
  }
  return llvm::xxh3_64bits(text);
}

SmallVector<std::string> Interface::exportedSymbols() const {
  SmallVector<std::string> symbols;
  for (StringRef function : commonFunctions()) symbols.push_back(name + "_" + function.str());
  for (const Entry &entry : entries) symbols.push_back(name + "_" + entry.name);
  return symbols;
}

std::optional<SmallVector<int64_t>> affineRow(AffineExpr expression, ArrayRef<StringAttr> names,
                                              ArrayRef<StringAttr> sizes) {
  SmallVector<int64_t> row(1 + sizes.size());
  if (auto constant = dyn_cast<AffineConstantExpr>(expression)) {
    row[0] = constant.getValue();
    return row;
  }
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression)) {
    row[1 + (llvm::find(sizes, names[symbol.getPosition()]) - sizes.begin())] = 1;
    return row;
  }
  auto binary = cast<AffineBinaryOpExpr>(expression);
  auto left = affineRow(binary.getLHS(), names, sizes), right = affineRow(binary.getRHS(), names, sizes);
  if (!left || !right) return std::nullopt;
  auto isConstant = [](ArrayRef<int64_t> row) {
    return llvm::all_of(row.drop_front(), [](int64_t c) { return c == 0; });
  };
  if (binary.getKind() == AffineExprKind::Add) {
    for (auto [index, value] : llvm::enumerate(row)) value = (*left)[index] + (*right)[index];
    return row;
  }
  if (binary.getKind() != AffineExprKind::Mul) return std::nullopt;
  if (!isConstant(*right)) std::swap(left, right);
  if (!isConstant(*right)) return std::nullopt;
  for (auto [index, value] : llvm::enumerate(row)) value = (*left)[index] * (*right)[0];
  return row;
}

//===-- Reading the module ----------------------------------------------------------------------------------------===//

namespace {

/// The names of the sizes in everything that is shown to it, sorted.
class SizeNames {
public:
  SizeNames() {
    walker.addWalk([this](DimsAttr dims) { names.insert(dims.getNames().begin(), dims.getNames().end()); });
  }
  void add(Operation *root) {
    root->walk([&](Operation *op) {
      walker.walk(op->getAttrDictionary());
      for (Type type : op->getResultTypes()) walker.walk(type);
      for (Region &region : op->getRegions())
        for (Block &block : region)
          for (BlockArgument argument : block.getArguments()) walker.walk(argument.getType());
    });
  }
  void add(ArrayRef<StringAttr> more) { names.insert(more.begin(), more.end()); }
  SmallVector<StringAttr> sorted() const {
    SmallVector<StringAttr> result(names.begin(), names.end());
    llvm::sort(result, [](StringAttr a, StringAttr b) { return a.getValue() < b.getValue(); });
    return result;
  }

private:
  AttrTypeWalker walker;
  llvm::SmallDenseSet<StringAttr> names;
};

class Reader {
public:
  Reader(ModuleOp module, StringRef name) : module(module), symbols(module) { interface.name = name.str(); }

  FailureOr<Interface> read() {
    SizeNames names;
    names.add(module);
    interface.sizes = names.sorted();
    if (interface.sizes.size() > FOVEA_MAX_SIZES)
      return module.emitError("has ") << interface.sizes.size()
                                      << " sizes that are given at run time; a compiled model can have "
                                      << FOVEA_MAX_SIZES << " at most: make some of them constants",
             failure();
    if (failed(verifyTables(module, interface.sizes))) return failure();
    llvm::append_range(interface.state, module.getOps<StateOp>());
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isDeclaration() && failed(addFunction(function))) return failure();
    for (auto function : module.getOps<func::FuncOp>())
      if (function.isDeclaration() && failed(addSequence(function))) return failure();
    return std::move(interface);
  }

private:
  FailureOr<Entry> begin(func::FuncOp function) {
    StringRef name = function.getSymName();
    if (llvm::is_contained(commonFunctions(), name))
      return function.emitError("every compiled model has a function '")
                 << name << "' already: give this entry point another name",
             failure();
    Entry entry;
    entry.name = name.str();
    return entry;
  }

  LogicalResult addFunction(func::FuncOp function) {
    FailureOr<Entry> entry = begin(function);
    if (failed(entry)) return failure();
    SizeNames names;
    names.add(function);
    for (LaunchOp launch : function.getOps<LaunchOp>())
      names.add(kernelSizes(symbols.lookup<KernelOp>(launch.getKernel())));
    entry->sizes = names.sorted();
    for (BlockArgument argument : function.getArguments()) {
      unsigned index = argument.getArgNumber();
      auto name = function.getArgAttrOfType<StringAttr>(index, "fovea.name");
      auto buffer = dyn_cast<BufferType>(argument.getType());
      if (!buffer || !name)
        return function.emitError("argument ")
                   << index << " is no named buffer: compile from the output of --compile-to=kernels",
               failure();
      fovea_role role = function.getArgAttr(index, "fovea.output")   ? FOVEA_OUTPUT
                        : function.getArgAttr(index, "fovea.scalar") ? FOVEA_SCALAR
                                                                     : FOVEA_INPUT;
      entry->arguments.push_back({name.str(), buffer.getTensor(), role});
    }
    interface.entries.push_back(std::move(*entry));
    return success();
  }

  /// Its arguments: the inputs of all calls, then their outputs. A scalar `scale` of a later call is 1.
  LogicalResult addSequence(func::FuncOp function) {
    auto calls = function->getAttrOfType<ArrayAttr>("fovea.sequence");
    FailureOr<Entry> entry = begin(function);
    if (failed(entry)) return failure();
    if (!calls) return function.emitError("has neither a body nor fovea.sequence: define it, or remove it");
    SizeNames names;
    for (Attribute called : calls) {
      auto reference = dyn_cast<FlatSymbolRefAttr>(called);
      auto found = llvm::find_if(interface.entries,
                                 [&](const Entry &other) { return reference && other.name == reference.getValue(); });
      if (found == interface.entries.end() || !found->sequence.empty())
        return function.emitError("fovea.sequence names ") << called << ", which is no function with a body";
      names.add(found->sizes);
      entry->sequence.push_back({unsigned(found - interface.entries.begin()), {}});
      entry->sequence.back().arguments.resize(found->arguments.size());
    }
    entry->sizes = names.sorted();
    for (bool outputs : {false, true})
      for (SequenceCall &call : entry->sequence)
        for (auto [index, argument] : llvm::enumerate(interface.entries[call.entry].arguments)) {
          if ((argument.role == FOVEA_OUTPUT) != outputs) continue;
          if (&call != &entry->sequence.front() && argument.role == FOVEA_SCALAR && argument.name == "scale") continue;
          call.arguments[index] = entry->arguments.size();
          entry->arguments.push_back(argument);
        }
    interface.entries.push_back(std::move(*entry));
    return success();
  }

  ModuleOp module;
  SymbolTable symbols;
  Interface interface;
};

} // namespace

FailureOr<Interface> interfaceOf(ModuleOp module, StringRef name) { return Reader(module, name).read(); }

} // namespace fovea
