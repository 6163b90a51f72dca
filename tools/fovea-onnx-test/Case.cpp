// A case from file to comparison.
#include "tools/fovea-onnx-test/Case.h"
#include "tools/Register.h"

#include "lib/emit/Files.h"
#include "lib/emit/LoadedModel.h"
#include "lib/halide/Lowering.h"
#include "lib/onnx/Call.h"
#include "lib/onnx/Import.h"

#include "mlir/Parser/Parser.h"

#include <cmath>
#include <cstring>
#include <set>

namespace fovea {
namespace {

namespace fs = std::filesystem;
using onnx::Array;
using onnx::Element;

std::string oneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ';');
  return text;
}

[[noreturn]] void fail(const std::string &why) { throw Error(why); }

//===-- Compile ---------------------------------------------------------------------------------------------------===//

std::shared_ptr<const LoadedModel> compiled(const onnx::Imported &imported, const std::string &cache) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  registerLowerings(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  std::string messages;
  mlir::ScopedDiagnosticHandler handler(&context,
                                        [&](mlir::Diagnostic &diagnostic) { messages += diagnostic.str() + "; "; });
  auto module = mlir::parseSourceString<mlir::ModuleOp>(imported.model.text(), &context);
  if (!module) fail("the imported module does not parse: " + messages);
  CompileOptions options;
  options.name = "model";
  options.cache = cache;
  options.inferenceOnly = true;
  auto model = compileModel(*module, options);
  if (failed(model)) fail("compiler: " + messages);
  auto loaded = LoadedModel::load(*model, options);
  if (!loaded) fail("compiler: " + llvm::toString(loaded.takeError()));
  return *loaded;
}

/// A created model with its parameters.
class Instance {
public:
  Instance(std::shared_ptr<const LoadedModel> loaded, const onnx::Imported &imported, int64_t openSize)
      : loaded(std::move(loaded)), sizes(this->loaded->sizes().size(), openSize) {
    fovea_options options = {};
    options.struct_size = sizeof options;
    options.threads = 1;
    std::copy(sizes.begin(), sizes.end(), options.sizes);
    handle = this->loaded->function<fovea_handle *(const fovea_options *)>("create")(&options);
    if (!handle)
      fail(std::string("create: ") + this->loaded->function<const char *(fovea_handle *)>("last_error")(nullptr));
    if (imported.parameters.empty()) return;
    PrivateFolder folder = llvm::cantFail(PrivateFolder::create());
    onnx::writeParameters(folder.path("model.safetensors"), imported.parameters);
    check("load", this->loaded->function<int32_t(fovea_handle *, const char *)>("load")(
                      handle, folder.path("model.safetensors").c_str()));
  }
  ~Instance() {
    if (handle) loaded->function<void(fovea_handle *)>("destroy")(handle);
  }

  /// Runs forward; `arrays` has the inputs, and what is expected of the outputs, by the arguments' names. The outputs.
  std::map<std::string, std::string> forward(const std::map<std::string, const Array *> &arrays) {
    const LoadedModel::Entry &entry = *loaded->entry("forward");
    std::map<std::string, std::string> results;
    std::vector<void *> pointers;
    for (const LoadedModel::Tensor &argument : entry.arguments) {
      auto found = arrays.find(argument.name);
      if (found == arrays.end()) fail("the data set has no '" + argument.name + "'");
      const Array &array = *found->second;
      checkType(argument, array);
      std::string &bytes = results[argument.name] =
          argument.role == FOVEA_OUTPUT ? std::string(array.bytes.size(), '\0') : array.bytes;
      pointers.push_back(bytes.data());
    }
    check("forward", loaded->call(entry, handle, sizes, pointers));
    return results;
  }

private:
  void checkType(const LoadedModel::Tensor &argument, const Array &array) const {
    bool fits = array.shape.size() == argument.dims.size() && onnxElement(argument.kind->dtype) == array.element;
    for (size_t d = 0; fits && d < array.shape.size(); ++d) {
      ArrayRef<int64_t> row = argument.dims[d];
      fits = array.shape[d] == row[0] + (row.size() > 1 ? row[1] * sizes[0] : 0);
    }
    if (!fits) fail("'" + argument.name + "' has another type or shape in the data set than in the compiled model");
  }
  static Element onnxElement(fovea_dtype dtype) {
    static const std::map<fovea_dtype, Element> elements = {
        {FOVEA_F32, Element::f32},   {FOVEA_F64, Element::f64},      {FOVEA_I32, Element::i32},
        {FOVEA_I64, Element::i64},   {FOVEA_BOOL, Element::boolean}, {FOVEA_F16, Element::f16},
        {FOVEA_BF16, Element::bf16}, {FOVEA_U8, Element::u8},        {FOVEA_I8, Element::i8}};
    return elements.at(dtype);
  }
  void check(const char *what, int32_t code) {
    if (code) fail(std::string(what) + ": " + loaded->function<const char *(fovea_handle *)>("last_error")(handle));
  }

  std::shared_ptr<const LoadedModel> loaded;
  SmallVector<int64_t> sizes; // the open one's, where there is one
  fovea_handle *handle = nullptr;
};

//===-- Compare ---------------------------------------------------------------------------------------------------===//

double halfFloat(const char *bytes, const llvm::fltSemantics &semantics) {
  uint16_t bits;
  std::memcpy(&bits, bytes, sizeof bits);
  return llvm::APFloat(semantics, llvm::APInt(16, bits)).convertToDouble();
}

double numberAt(Element element, const char *bytes) {
  float single;
  double value;
  switch (element) {
  case Element::f32:
    std::memcpy(&single, bytes, sizeof single);
    return single;
  case Element::f64:
    std::memcpy(&value, bytes, sizeof value);
    return value;
  case Element::f16:
    return halfFloat(bytes, llvm::APFloat::IEEEhalf());
  default:
    return halfFloat(bytes, llvm::APFloat::BFloat());
  }
}

void compareFloats(const std::string &name, const Array &expected, const std::string &bytes) {
  // As ONNX's runner, which allows two units in the last place of bfloat16.
  double worst = 0, relative = expected.element == Element::bf16 ? 0x1p-6 : 1e-3;
  int64_t at = -1, step = onnx::elementBits(expected.element) / 8;
  std::string values;
  for (int64_t index = 0; index < expected.count(); ++index) {
    double wanted = numberAt(expected.element, expected.bytes.data() + index * step),
           found = numberAt(expected.element, bytes.data() + index * step);
    if (wanted == found || (std::isnan(wanted) && std::isnan(found))) continue;
    double error = std::abs(found - wanted), allowed = 1e-7 + relative * std::abs(wanted);
    double excess = error <= allowed && std::isfinite(allowed) ? 0 : std::isfinite(error) ? error / allowed : INFINITY;
    if (excess <= worst) continue;
    worst = excess, at = index;
    values = std::to_string(found) + " instead of " + std::to_string(wanted);
  }
  if (at >= 0)
    fail("output '" + name + "' is off by " + std::to_string(worst) + " times the tolerance: " + values +
         " at element " + std::to_string(at));
}

void compare(const std::string &name, const Array &expected, const std::string &bytes) {
  if (bytes.size() != expected.bytes.size())
    fail("output '" + name + "' has " + std::to_string(bytes.size()) + " bytes instead of " +
         std::to_string(expected.bytes.size()));
  if (isFloat(onnx::dtypeOf(expected.element))) return compareFloats(name, expected, bytes);
  auto different = std::mismatch(bytes.begin(), bytes.end(), expected.bytes.begin());
  if (different.first == bytes.end()) return;
  fail("output '" + name + "' differs at element " +
       std::to_string((different.first - bytes.begin()) / (onnx::elementBits(expected.element) / 8)));
}

//===-- Open sizes ------------------------------------------------------------------------------------------------===//

/// The inputs of the compiled model that have the leading size of the first one that has any.
std::vector<std::string> withOneLeadingSize(const onnx::Imported &imported, const onnx::ImportOptions &options) {
  std::vector<std::string> names;
  int64_t size = 0;
  for (const onnx::Port &port : imported.inputs) {
    auto given = options.known.find(port.name);
    if (given == options.known.end() || given->second.shape.empty()) continue;
    if (names.empty()) size = given->second.shape[0];
    if (given->second.shape[0] == size) names.push_back(port.name);
  }
  return names;
}

bool isOpen(const onnx::Declared &input) {
  return input.shape && !input.shape->empty() && !input.shape->front().number;
}

/// The model with the leading sizes of these inputs open, under one name: that of a size which is open already.
onnx::Model opened(onnx::Model model, const std::set<std::string> &names) {
  onnx::Size open{std::nullopt, "batch"};
  for (const onnx::Declared &input : model.graph.inputs)
    if (isOpen(input)) open = input.shape->front();
  for (onnx::Declared &input : model.graph.inputs)
    if (names.count(input.name) && input.shape && !input.shape->empty()) input.shape->front() = open;
  return model;
}

/// What the open size is in the data; 1 where none is open.
int64_t openSize(const onnx::Model &file, const onnx::ImportOptions &options) {
  for (const onnx::Declared &input : file.graph.inputs) {
    auto given = options.known.find(input.name);
    if (isOpen(input) && given != options.known.end() && !given->second.shape.empty()) return given->second.shape[0];
  }
  return 1;
}

/// Imports with an open leading size, and leaves the model like this. Where the ops do not allow all inputs that have
/// it to be open (a filter may have as many rows as there are images), the last ones stay as they are; the first one is
/// open always.
onnx::Imported importOpen(const fs::path &path, onnx::Model &file, const onnx::ImportOptions &options) {
  std::vector<std::string> names = withOneLeadingSize(onnx::importModel(path, file, options), options), reasons;
  for (size_t count = names.size(); count > 0; --count) try {
      std::set<std::string> some(names.begin(), names.begin() + (ptrdiff_t)count);
      onnx::Model model = opened(file, some);
      onnx::Imported imported = onnx::importModel(path, model, options);
      file = std::move(model);
      return imported;
    } catch (const onnx::UnsupportedModel &why) {
      reasons.push_back(why.what());
    }
  if (reasons.empty()) throw onnx::UnsupportedModel("no input has a leading size that could be open");
  std::string message = "with '" + names.front() + "' of open size: " + reasons.back();
  if (reasons.front() != reasons.back()) message += "; with all of its leading size open: " + reasons.front();
  throw onnx::UnsupportedModel(message);
}

//===-- Run -------------------------------------------------------------------------------------------------------===//

/// The arrays of a data set by the names of the model's inputs or outputs, where these are tensors.
std::map<std::string, Array> arrays(const fs::path &set, const char *kind,
                                    const std::vector<onnx::Declared> &declared) {
  std::map<std::string, Array> result;
  for (size_t index = 0; index < declared.size(); ++index) {
    fs::path path = set / (std::string(kind) + "_" + std::to_string(index) + ".pb");
    if (declared[index].kind == "tensor" && !declared[index].name.empty() && fs::exists(path))
      result[declared[index].name] = onnx::readArray(path);
  }
  return result;
}

void runSet(const fs::path &folder, const fs::path &set, const std::string &cache, bool dynamic) {
  onnx::Model file = onnx::readModel(folder / "model.onnx");
  onnx::ImportOptions options{"model", arrays(set, "input", file.graph.inputs)};
  std::map<std::string, Array> expected = arrays(set, "output", file.graph.outputs);
  onnx::Imported imported =
      dynamic ? importOpen(folder.filename(), file, options) : onnx::importModel(folder.filename(), file, options);
  Instance instance(compiled(imported, cache), imported, openSize(file, options));
  std::map<std::string, const Array *> byIdentifier;
  for (const onnx::Port &port : imported.inputs)
    if (options.known.count(port.name)) byIdentifier[port.identifier] = &options.known.at(port.name);
  for (const onnx::Port &port : imported.outputs)
    if (expected.count(port.name)) byIdentifier[port.identifier] = &expected.at(port.name);
  std::map<std::string, std::string> results = instance.forward(byIdentifier);
  for (const onnx::Port &port : imported.outputs)
    compare(port.name, expected.at(port.name), results.at(port.identifier));
}

} // namespace

Outcome runCase(const fs::path &folder, const std::string &cache, bool dynamic) {
  try {
    int sets = 0;
    for (; fs::is_directory(folder / ("test_data_set_" + std::to_string(sets))); ++sets)
      runSet(folder, folder / ("test_data_set_" + std::to_string(sets)), cache, dynamic);
    if (sets == 0) return {Verdict::failed, "has no test_data_set_0"};
    return {Verdict::passed, ""};
  } catch (const onnx::UnsupportedModel &why) {
    return {Verdict::unsupported, oneLine(why.what())};
  } catch (const Error &why) {
    return {Verdict::failed, oneLine(why.what())};
  }
}

} // namespace fovea
