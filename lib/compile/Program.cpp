// Compiles a model, loads it, and calls it once its arguments have been checked against its interface.
#include <fovea/compile.h>

#include "lib/emit/Cache.h"
#include "lib/emit/LoadedModel.h"
#include "lib/halide/Lowering.h"
#include "tools/Register.h"

#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"

#include <cstring>

using namespace llvm;

namespace fovea {

//===-- Compiling -------------------------------------------------------------------------------------------------===//

namespace {

/// The errors of a context, with the author's lines.
class Errors {
public:
  explicit Errors(mlir::MLIRContext &context)
      : handler(&context, [this](mlir::Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() != mlir::DiagnosticSeverity::Error) return;
          add(diagnostic, "error: ");
          for (mlir::Diagnostic &note : diagnostic.getNotes()) add(note, "note: ");
        }) {}
  [[noreturn]] void fail() const { throw Error(text); }

private:
  void add(mlir::Diagnostic &diagnostic, const char *severity) {
    std::string message = severity + diagnostic.str();
    bool placed = false;
    diagnostic.getLocation()->walk([&](mlir::Location location) {
      if (auto line = dyn_cast<mlir::FileLineColLoc>(location)) {
        addLine(line.getFilename().str() + ":" + std::to_string(line.getLine()) + ": " +
                (placed ? "note: from here" : message));
        placed = true;
      }
      return mlir::WalkResult::advance();
    });
    if (!placed) addLine(message);
  }
  void addLine(const std::string &line) { text += (text.empty() ? "" : "\n") + line; }

  std::string text;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace

static std::shared_ptr<const LoadedModel> load(const Model &model, const ProgramOptions &given) {
  CompileOptions options;
  options.name = model.name();
  options.targets = given.target;
  options.checks = given.checks;
  options.inferenceOnly = given.inference;
  options.cache = given.cache ? *given.cache : Cache::defaultFolder();

  mlir::DialectRegistry registry;
  registerDialects(registry);
  registerLowerings(registry);
  mlir::MLIRContext context(registry);
  context.printOpOnDiagnostic(false);
  Errors errors(context);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(model.text(), &context);
  if (!module) errors.fail();
  auto compiled = compileModel(*module, options);
  if (failed(compiled)) errors.fail();
  auto loaded = LoadedModel::load(*compiled, options);
  if (!loaded) throw Error("model '" + model.name() + "': " + toString(loaded.takeError()));
  return *loaded;
}

//===-- The program -----------------------------------------------------------------------------------------------===//

struct Program::Implementation {
  std::shared_ptr<const LoadedModel> code;
  SmallVector<int64_t> largest; // sizes
  void *handle = nullptr;

  Implementation(std::shared_ptr<const LoadedModel> code, const ProgramOptions &options);
  ~Implementation() { code->function<void(void *)>("destroy")(handle); }

  [[noreturn]] void fail(const Twine &message) const {
    throw Error(("model '" + code->name() + "': " + message).str());
  }
  void check(int32_t status) const {
    if (status) throw Error(code->function<const char *(void *)>("last_error")(handle));
  }
  void withFile(StringRef function, const std::string &path) const {
    check(code->function<int32_t(void *, const char *)>(function)(handle, path.c_str()));
  }
  const LoadedModel::Entry &entry(StringRef name) const;
  const LoadedModel::Tensor &state(StringRef name) const;
  int64_t size(const Twine &where, StringRef name, const Argument &argument) const;
  uint64_t scalar(const Twine &where, const LoadedModel::Tensor &tensor, const Argument &argument) const;
  void *elements(const Twine &where, const LoadedModel::Tensor &tensor, const Argument &argument, bool written,
                 ArrayRef<int64_t> sizes) const;
};

Program::Implementation::Implementation(std::shared_ptr<const LoadedModel> loaded, const ProgramOptions &options)
    : code(std::move(loaded)) {
  fovea_options own = {};
  own.struct_size = sizeof own;
  own.threads = options.threads;
  own.seed = options.seed;
  own.device = options.device;
  own.stream = options.stream;
  own.cpu_fallback = options.cpu_fallback;
  for (const std::string &name : code->sizes()) {
    auto found = options.sizes.find(name);
    if (found == options.sizes.end())
      fail("sizes lacks '" + name + "': give the largest that calls will use, .sizes = {{\"" + name + "\", ...}}");
    own.sizes[largest.size()] = found->second;
    largest.push_back(found->second);
  }
  for (const auto &[name, value] : options.sizes)
    if (!is_contained(code->sizes(), name))
      fail("sizes gives '" + name + "', which nothing in the model depends on: it must be one of " +
           (largest.empty() ? "none" : join(code->sizes(), ", ")));
  handle = code->function<void *(const fovea_options *)>("create")(&own);
  check(handle ? 0 : 1);
}

const LoadedModel::Entry &Program::Implementation::entry(StringRef name) const {
  if (const LoadedModel::Entry *entry = code->entry(name)) return *entry;
  std::vector<std::string> names;
  for (const LoadedModel::Entry &entry : code->entries()) names.push_back(entry.name);
  fail("there is no entry point '" + name + "': it must be one of " + join(names, ", "));
}

const LoadedModel::Tensor &Program::Implementation::state(StringRef name) const {
  std::vector<std::string> names;
  for (const LoadedModel::Tensor &tensor : code->state()) {
    if (tensor.name == name) return tensor;
    if (names.size() < 8) names.push_back(tensor.name);
  }
  fail("there is no state tensor '" + name + "' among the " + Twine(code->state().size()) + " (" + join(names, ", ") +
       (names.size() < code->state().size() ? ", ...)" : ")") + ": give the name of one of them");
}

//===-- Arguments -------------------------------------------------------------------------------------------------===//

static std::string describe(const LoadedModel::Tensor &tensor) {
  return "'" + tensor.name + "' is " + tensor.kind->name + (tensor.dims.empty() ? "" : " " + tensor.shape);
}
static const char *nameOf(DType dtype) {
  const char *names[] = {"f32", "f64", "i32", "i64", "bool", "f16", "bf16", "u8", "i8"};
  return names[int(dtype)];
}
static std::string describe(const Program::Argument &argument) {
  if (argument.kind == Program::Argument::elements) return nameOf(argument.dtype) + std::string(" elements are");
  return argument.kind == Program::Argument::whole ? "an integer is" : "a floating-point number is";
}

int64_t Program::Implementation::size(const Twine &where, StringRef name, const Argument &argument) const {
  if (argument.kind == Argument::whole) return argument.whole_number;
  fail(where + ": '" + name + "' is a size, and " + describe(argument) + " given: give a whole number");
}

/// The value's bytes, at the beginning of the result.
uint64_t Program::Implementation::scalar(const Twine &where, const LoadedModel::Tensor &tensor,
                                         const Argument &argument) const {
  bool isFloat = tensor.kind->dtype == FOVEA_F32 || tensor.kind->dtype == FOVEA_F64;
  if (argument.kind == Argument::elements || (argument.kind == Argument::real && !isFloat))
    fail(where + ": " + describe(tensor) + ", and " + describe(argument) + " given: give a number by value");
  double real = argument.kind == Argument::real ? argument.real_number : double(argument.whole_number);
  uint64_t bits = 0;
  if (tensor.kind->dtype == FOVEA_F32) {
    float single = float(real);
    std::memcpy(&bits, &single, sizeof single);
  } else if (tensor.kind->dtype == FOVEA_F64) {
    std::memcpy(&bits, &real, sizeof real);
  } else {
    bits = argument.whole_number;
  }
  return bits;
}

void *Program::Implementation::elements(const Twine &where, const LoadedModel::Tensor &tensor, const Argument &argument,
                                        bool written, ArrayRef<int64_t> sizes) const {
  std::string fact = (where + ": " + describe(tensor)).str();
  if (argument.kind != Argument::elements)
    fail(fact + ", and " + describe(argument) + " given: give a container, an array or an address");
  static_assert(int(DType::f64) == FOVEA_F64 && int(DType::i64) == FOVEA_I64 && int(DType::boolean) == FOVEA_BOOL &&
                int(DType::bf16) == FOVEA_BF16 && int(DType::i8) == FOVEA_I8);
  // Two bytes may be either kind of low precision, and one a boolean or a number.
  bool same = int(argument.dtype) == tensor.kind->dtype ||
              (argument.dtype == DType::f16 && tensor.kind->dtype == FOVEA_BF16) ||
              (argument.dtype == DType::boolean && tensor.kind->dtype == FOVEA_U8);
  if (!same) fail(fact + ", and " + describe(argument) + " given: give elements of type " + tensor.kind->cType);
  if (written && !argument.writable)
    fail(fact + " and is written, and constant elements are given: give some that can change");
  bool valid = all_of(zip(sizes, largest),
                      [](auto pair) { return std::get<0>(pair) >= 1 && std::get<0>(pair) <= std::get<1>(pair); });
  int64_t needed = valid ? tensor.elements(sizes) : 0; // the call itself says what is wrong with a size
  if (argument.count >= 0 && argument.count < needed)
    fail(fact + ", " + Twine(needed) + " elements or " + Twine(needed * tensor.kind->bytes) + " bytes here, and only " +
         Twine(argument.count) + " elements are given: give as many");
  return argument.data;
}

//===-- What users call -------------------------------------------------------------------------------------------===//

Program::Program(std::unique_ptr<Implementation> implementation) : implementation(std::move(implementation)) {}
Program::Program(Program &&) noexcept = default;
Program &Program::operator=(Program &&) noexcept = default;
Program::~Program() = default;

Program::Implementation &Program::self() {
  if (!implementation) throw Error("this program was moved to another: use that one, or assign to this");
  return *implementation;
}

void Program::call(const std::string &name, const std::vector<Argument> &arguments) {
  Implementation &program = self();
  const LoadedModel::Entry &entry = program.entry(name);
  size_t count = entry.sizes.size() + entry.arguments.size();
  if (arguments.size() != count) {
    std::vector<std::string> names;
    for (unsigned size : entry.sizes) names.push_back(program.code->sizes()[size]);
    for (const LoadedModel::Tensor &argument : entry.arguments) names.push_back(argument.name);
    program.fail(name + " takes " + Twine(count) + " arguments (" + join(names, ", ") + "), and " +
                 Twine(arguments.size()) + " are given: give these, in this order");
  }
  const Argument *next = arguments.data();
  SmallVector<int64_t> sizes(program.code->sizes().size(), 1);
  for (unsigned size : entry.sizes) sizes[size] = program.size(name, program.code->sizes()[size], *next++);
  SmallVector<uint64_t> scalars(entry.arguments.size());
  SmallVector<void *> pointers;
  for (auto [tensor, scalar] : zip_equal(entry.arguments, scalars)) {
    if (tensor.role == FOVEA_SCALAR)
      scalar = program.scalar(name, tensor, *next++), pointers.push_back(&scalar);
    else
      pointers.push_back(program.elements(name, tensor, *next++, tensor.role == FOVEA_OUTPUT, sizes));
  }
  program.check(program.code->call(entry, program.handle, sizes, pointers));
}

int64_t Program::elements(const std::string &tensor) { return self().state(tensor).elements(self().largest); }

void Program::get(const std::string &name, const Argument &values) {
  Implementation &program = self();
  const LoadedModel::Tensor &tensor = program.state(name);
  void *data = program.elements("get", tensor, values, true, program.largest);
  program.check(program.code->function<int32_t(void *, const char *, void *, size_t)>("get")(
      program.handle, name.c_str(), data, elements(name) * tensor.kind->bytes));
}

void Program::set(const std::string &name, const Argument &values) {
  Implementation &program = self();
  const LoadedModel::Tensor &tensor = program.state(name);
  const void *data = program.elements("set", tensor, values, false, program.largest);
  program.check(program.code->function<int32_t(void *, const char *, const void *, size_t)>("set")(
      program.handle, name.c_str(), data, elements(name) * tensor.kind->bytes));
}

void Program::load(const std::string &path) { self().withFile("load", path); }
void Program::save(const std::string &path) { self().withFile("save", path); }
void Program::save_average(const std::string &path) { self().withFile("save_average", path); }
void Program::load_checkpoint(const std::string &path) { self().withFile("load_checkpoint", path); }
void Program::save_checkpoint(const std::string &path) { self().withFile("save_checkpoint", path); }
std::string Program::target() { return self().code->function<const char *(void *)>("target")(self().handle); }

Program compile(const Model &model, const ProgramOptions &options) {
  return Program(std::make_unique<Program::Implementation>(load(model, options), options));
}

} // namespace fovea
