// A case from file to comparison.
#include "tools/fovea-onnx-test/Case.h"
#include "tools/Register.h"

#include "lib/emit/Compile.h"
#include "lib/emit/Files.h"
#include "lib/halide/Lowering.h"
#include "lib/onnx/Import.h"
#include "lib/onnx/Known.h"

#include "mlir/Parser/Parser.h"

#include <cmath>
#include <cstring>
#include <dlfcn.h>

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

/// A compiled model in this process.
class Library {
public:
  static inline const std::map<int32_t, Element> dtypes = {
      {FOVEA_F32, Element::f32}, {FOVEA_F64, Element::f64}, {FOVEA_I32, Element::i32}, {FOVEA_I64, Element::i64}, {FOVEA_BOOL, Element::boolean}};

  Library(const onnx::Imported &imported, const std::string &cache) {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    registerLowerings(registry);
    mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
    std::string messages;
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) { messages += diagnostic.str() + "; "; });
    auto module = mlir::parseSourceString<mlir::ModuleOp>(imported.model.text(), &context);
    if (!module) fail("the imported module does not parse: " + messages);
    CompileOptions options;
    options.name = "model";
    options.cache = cache;
    options.inferenceOnly = true;
    auto compiled = compileModel(*module, options);
    if (failed(compiled)) fail("compiler: " + messages);
    PrivateFolder folder = llvm::cantFail(PrivateFolder::create());
    auto files = writeArtefacts(*compiled, options, Stage::shared, folder.path(""));
    if (!files) fail("compiler: " + llvm::toString(files.takeError()));
    handle = dlopen(files->shared.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) fail(dlerror());
    if (!imported.parameters.empty()) onnx::writeParameters(weights = folder.path("model.safetensors"), imported.parameters);
    for (const Entry &entry : compiled->interface.entries) {
      if (entry.name != "forward") continue;
      sized = !entry.sizes.empty();
      for (const Argument &argument : entry.arguments)
        slots.push_back({argument.name, argument.role == FOVEA_OUTPUT, elementKind(argument.type.getElementType()).dtype,
                         argument.type.getShape().vec()});
    }
    create(compiled->interface.sizes.empty() ? 0 : 1024);
  }
  ~Library() {
    if (model) call("destroy", {model});
  }

  /// Runs forward; `arrays` has the inputs, and what is expected of the outputs, by the arguments' names. The outputs.
  std::map<std::string, std::string> forward(const std::map<std::string, const Array *> &arrays) {
    std::map<std::string, std::string> results;
    std::vector<uint64_t> values{model};
    if (sized) values.push_back(0);
    for (const Slot &slot : slots) {
      auto found = arrays.find(slot.name);
      if (found == arrays.end()) fail("the data set has no '" + slot.name + "'");
      const Array &array = *found->second;
      bool fits = array.shape.size() == slot.shape.size() && dtypes.at(slot.dtype) == array.element;
      for (size_t d = 0; fits && d < slot.shape.size(); ++d) {
        if (mlir::ShapedType::isDynamic(slot.shape[d]))
          values[1] = (uint64_t)array.shape[d];
        else
          fits = slot.shape[d] == array.shape[d];
      }
      if (!fits) fail("'" + slot.name + "' has another type or shape in the data set than in the compiled model");
      std::string &bytes = results[slot.name] = slot.output ? std::string(array.bytes.size(), '\0') : array.bytes;
      values.push_back((uint64_t)bytes.data());
    }
    if ((int32_t)call("forward", values) != 0) fail(std::string("forward: ") + (const char *)call("last_error", {model}));
    return results;
  }

private:
  void create(int64_t largest) {
    fovea_options options = {};
    options.struct_size = sizeof options;
    options.threads = 1;
    options.sizes[0] = largest;
    model = call("create", {(uint64_t)&options});
    if (!model) fail(std::string("create: ") + (const char *)call("last_error", {0}));
    if (!weights.empty() && (int32_t)call("load", {model, (uint64_t)weights.c_str()}) != 0)
      fail(std::string("load: ") + (const char *)call("last_error", {model}));
  }

  template <size_t... slot> static uint64_t callWith(void *function, const uint64_t *values, std::index_sequence<slot...>) {
    return ((uint64_t(*)(decltype((uint64_t)slot)...))function)(values[slot]...);
  }
  /// A function ignores arguments beyond its own, so one type with many serves all of them.
  uint64_t call(const std::string &name, std::vector<uint64_t> values) const {
    constexpr size_t slots = 64;
    void *function = dlsym(handle, ("model_" + name).c_str());
    if (!function || values.size() > slots) fail("model_" + name + " cannot be called");
    values.resize(slots);
    return callWith(function, values.data(), std::make_index_sequence<slots>());
  }

  void *handle = nullptr;
  uint64_t model = 0;
  std::string weights;
  bool sized = false;
  struct Slot {
    std::string name;
    bool output;
    int32_t dtype;
    std::vector<int64_t> shape;
  };
  std::vector<Slot> slots; // the arguments of forward
};

//===-- Compare ---------------------------------------------------------------------------------------------------===//

template <typename T> void compareFloats(const std::string &name, const Array &expected, const std::string &bytes) {
  double worst = 0;
  int64_t at = -1;
  std::string values;
  for (int64_t index = 0; index < expected.count(); ++index) {
    T wanted, found;
    std::memcpy(&wanted, expected.bytes.data() + index * sizeof(T), sizeof(T));
    std::memcpy(&found, bytes.data() + index * sizeof(T), sizeof(T));
    if (wanted == found || (std::isnan(wanted) && std::isnan(found))) continue;
    double error = std::abs((double)found - (double)wanted), allowed = 1e-7 + 1e-3 * std::abs((double)wanted);
    double excess = error <= allowed ? 0 : std::isfinite(error) ? error / allowed : INFINITY;
    if (excess <= worst) continue;
    worst = excess, at = index;
    values = std::to_string(found) + " instead of " + std::to_string(wanted);
  }
  if (at >= 0)
    fail("output '" + name + "' is off by " + std::to_string(worst) + " times the tolerance: " + values + " at element " + std::to_string(at));
}

void compare(const std::string &name, const Array &expected, const std::string &bytes) {
  if (bytes.size() != expected.bytes.size())
    fail("output '" + name + "' has " + std::to_string(bytes.size()) + " bytes instead of " + std::to_string(expected.bytes.size()));
  if (expected.element == Element::f32) return compareFloats<float>(name, expected, bytes);
  if (expected.element == Element::f64) return compareFloats<double>(name, expected, bytes);
  auto different = std::mismatch(bytes.begin(), bytes.end(), expected.bytes.begin());
  if (different.first == bytes.end()) return;
  fail("output '" + name + "' differs at element " +
       std::to_string((different.first - bytes.begin()) / (onnx::elementBits(expected.element) / 8)));
}

//===-- Run -------------------------------------------------------------------------------------------------------===//

/// The arrays of a data set by the names of the model's inputs or outputs, where these are tensors.
std::map<std::string, Array> arrays(const fs::path &set, const char *kind, const std::vector<onnx::Declared> &declared) {
  std::map<std::string, Array> result;
  for (size_t index = 0; index < declared.size(); ++index) {
    fs::path path = set / (std::string(kind) + "_" + std::to_string(index) + ".pb");
    if (declared[index].kind == "tensor" && !declared[index].name.empty() && fs::exists(path))
      result[declared[index].name] = onnx::readArray(path);
  }
  return result;
}

void runSet(const fs::path &folder, const fs::path &set, const std::string &cache) {
  onnx::Model file = onnx::readModel(folder / "model.onnx");
  onnx::ImportOptions options{"model", arrays(set, "input", file.graph.inputs)};
  std::map<std::string, Array> expected = arrays(set, "output", file.graph.outputs);
  onnx::Imported imported = onnx::importModel(folder.filename(), file, options);
  Library library(imported, cache);
  std::map<std::string, const Array *> byIdentifier;
  for (const onnx::Port &port : imported.inputs)
    if (options.known.count(port.name)) byIdentifier[port.identifier] = &options.known.at(port.name);
  for (const onnx::Port &port : imported.outputs)
    if (expected.count(port.name)) byIdentifier[port.identifier] = &expected.at(port.name);
  std::map<std::string, std::string> results = library.forward(byIdentifier);
  for (const onnx::Port &port : imported.outputs) compare(port.name, expected.at(port.name), results.at(port.identifier));
}

} // namespace

Outcome runCase(const fs::path &folder, const std::string &cache) {
  try {
    int sets = 0;
    for (; fs::is_directory(folder / ("test_data_set_" + std::to_string(sets))); ++sets)
      runSet(folder, folder / ("test_data_set_" + std::to_string(sets)), cache);
    if (sets == 0) return {Verdict::failed, "has no test_data_set_0"};
    return {Verdict::passed, ""};
  } catch (const onnx::UnsupportedModel &why) {
    return {Verdict::unsupported, oneLine(why.what())};
  } catch (const Error &why) {
    return {Verdict::failed, oneLine(why.what())};
  }
}

} // namespace fovea
