// Links or finds a model's shared library, loads it, and calls its functions through libffi.
#include "lib/emit/LoadedModel.h"

#include "dialect/Shape.h"
#include "lib/emit/Cache.h"
#include "lib/emit/Files.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"

#include <dlfcn.h>
#include <ffi.h>

using namespace mlir;

namespace fovea {

//===-- The library -----------------------------------------------------------------------------------------------===//

/// The model's name, for debuggers and profilers, and a hash of what is linked. Kernels count by their symbols, which
/// are hashes already: Halide numbers the names within an object that a process compiles twice.
static std::string keyOf(const CompiledModel &model, bool checks) {
  llvm::SHA256 hash;
  for (const TargetProgram &program : model.programs)
    for (const auto &[name, code] : program.kernels) hash.update(code.symbol);
  hash.update(model.host);
  hash.update(runtimeObject());
  if (checks) hash.update(halideRuntimeObject());
  return model.interface.name + "_" + llvm::toHex(ArrayRef<uint8_t>(hash.final()).take_front(10), true);
}

static llvm::Expected<void *> open(const std::string &path) {
  if (void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
  return llvm::createStringError("the compiled model cannot be loaded: " + std::string(dlerror()) +
                                 ": the folder of the cache, or $TMPDIR without one, must allow code to be run");
}

static llvm::Expected<void *> openLibrary(const CompiledModel &model, const CompileOptions &options) {
  std::string key = keyOf(model, options.checks);
  Cache cache(options.cache);
  if (auto path = cache.findLibrary(key)) return open(*path);

  SmallVector<std::string> exported = model.interface.exportedSymbols();
  auto joined = joinObjects(objectsOf(model, options.checks), exported);
  if (!joined) return joined.takeError();
  auto library = sharedLibraryOf(*joined, model.interface.name + ".so", exported);
  if (!library) return library.takeError();
  if (auto path = cache.storeLibrary(key, *library)) return open(*path);
  auto folder = PrivateFolder::create(); // may go once the library is loaded
  if (!folder) return folder.takeError();
  std::string path = folder->path(model.interface.name + ".so");
  if (llvm::Error error = writeFile(path, *library)) return error;
  return open(path);
}

//===-- The interface ---------------------------------------------------------------------------------------------===//

static LoadedModel::Tensor describe(StringRef name, RankedTensorType type, fovea_role role,
                                    ArrayRef<StringAttr> sizes) {
  LoadedModel::Tensor tensor{name.str(), shapeText(type), &elementKind(type.getElementType()), role, {}};
  Shapes shapes(type.getContext());
  SmallVector<AffineExpr> dims = shapes.of(type);
  for (AffineExpr dim : dims) tensor.dims.push_back(*affineRow(dim, shapes.symbols(), sizes));
  return tensor;
}

int64_t LoadedModel::Tensor::elements(ArrayRef<int64_t> sizes) const {
  int64_t count = 1;
  for (ArrayRef<int64_t> row : dims) {
    int64_t dim = row[0];
    for (size_t i = 1; i < row.size(); ++i) dim += row[i] ? row[i] * sizes[i - 1] : 0;
    count *= dim;
  }
  return count;
}

llvm::Expected<std::shared_ptr<const LoadedModel>> LoadedModel::load(const CompiledModel &model,
                                                                     const CompileOptions &options) {
  std::shared_ptr<LoadedModel> result(new LoadedModel);
  auto library = openLibrary(model, options);
  if (!library) return library.takeError();
  const Interface &interface = model.interface;
  result->library = *library;
  result->modelName = interface.name;
  for (StringAttr size : interface.sizes) result->sizeNames.push_back(size.str());
  for (StateOp state : interface.state)
    result->stateTensors.push_back(describe(state.getSymName(), state.getTensor(), FOVEA_PARAMETER, interface.sizes));
  for (const fovea::Entry &entry : interface.entries) {
    Entry &own = result->entryPoints.emplace_back();
    own.name = entry.name;
    own.function = result->address(entry.name);
    for (StringAttr size : entry.sizes)
      own.sizes.push_back(llvm::find(interface.sizes, size) - interface.sizes.begin());
    for (const Argument &argument : entry.arguments)
      own.arguments.push_back(describe(argument.name, argument.type, argument.role, interface.sizes));
  }
  return result;
}

LoadedModel::~LoadedModel() {
  if (library) dlclose(library);
}

//===-- Calls -----------------------------------------------------------------------------------------------------===//

void *LoadedModel::address(StringRef function) const {
  return dlsym(library, (modelName + "_" + function).str().c_str());
}

static ffi_type *typeOf(const LoadedModel::Tensor &argument) {
  static ffi_type *const scalars[] = {&ffi_type_float,  &ffi_type_double, &ffi_type_sint32,
                                      &ffi_type_sint64, &ffi_type_uint8,  &ffi_type_uint16,
                                      &ffi_type_uint16, &ffi_type_uint8,  &ffi_type_sint8}; // by fovea_dtype
  return argument.role == FOVEA_SCALAR ? scalars[argument.kind->dtype] : &ffi_type_pointer;
}

int32_t LoadedModel::call(const Entry &entry, void *handle, ArrayRef<int64_t> sizes, ArrayRef<void *> pointers) const {
  SmallVector<ffi_type *, 32> types = {&ffi_type_pointer};
  SmallVector<void *, 32> values = {&handle};
  for (unsigned size : entry.sizes) {
    types.push_back(&ffi_type_sint64);
    values.push_back(const_cast<int64_t *>(&sizes[size]));
  }
  for (auto [argument, pointer] : llvm::zip_equal(entry.arguments, pointers)) {
    types.push_back(typeOf(argument));
    values.push_back(argument.role == FOVEA_SCALAR ? pointer : const_cast<void **>(&pointer));
  }
  ffi_cif call;
  if (ffi_prep_cif(&call, FFI_DEFAULT_ABI, types.size(), &ffi_type_sint32, types.data()) != FFI_OK)
    llvm_unreachable("all types are libffi's own");
  ffi_arg status = 0;
  ffi_call(&call, FFI_FN(entry.function), &status, values.data());
  return int32_t(status);
}

} // namespace fovea
