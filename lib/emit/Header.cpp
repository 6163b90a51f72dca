// Writes NAME.h.
#include "lib/emit/Header.h"

#include "dialect/Shape.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace fovea {

namespace {

/// Replaces @name and @NAME.
std::string expand(StringRef text, StringRef name) {
  std::string result = text.str();
  auto replace = [&](StringRef from, StringRef to) {
    for (size_t at = 0; (at = result.find(from.data(), at, from.size())) != std::string::npos; at += to.size())
      result.replace(at, from.size(), to.data(), to.size());
  };
  replace("@name", name);
  replace("@NAME", name.upper());
  return result;
}

/// Authors' names as C parameters: what C forbids becomes '_', and no two are equal.
class CNames {
public:
  std::string operator()(StringRef name) {
    std::string result;
    for (char c : name) result += llvm::isAlnum(c) ? c : '_';
    if (result.empty() || llvm::isDigit(result[0]) || !whyNoModelName(result).empty()) result = "_" + result;
    while (!taken.insert(result).second) result += "_";
    return result;
  }

private:
  llvm::StringSet<> taken;
};

std::string inComment(StringRef name) {
  std::string result = name.str();
  for (size_t at = 0; (at = result.find("*/", at)) != std::string::npos;) result.replace(at, 2, "* /");
  return result;
}

/// What an entry point does, for those that the compiler makes.
StringRef meaningOf(StringRef entry) {
  return llvm::StringSwitch<StringRef>(entry)
      .Case("forward", ": the outputs, in inference mode")
      .Case("gradients", ": the loss; adds its gradients to those in the state")
      .Case("update", ": applies the gradients times scale with the learning rate, and zeroes them")
      .Case("train_step", ": gradients, then update with scale 1")
      .Default("");
}

class Header {
public:
  explicit Header(const Interface &interface) : interface(interface), out(text) {
    CNames names;
    for (StringAttr size : interface.sizes) fields[size] = names(size.getValue());
  }

  std::string write() {
    writeOverview();
    writeTypes();
    writeCommon();
    for (const Entry &entry : interface.entries) writeEntry(entry);
    out << expand("\n#ifdef __cplusplus\n}\n#endif\n#endif\n", interface.name);
    return text;
  }

private:
  static std::string describe(StringRef name, RankedTensorType type) {
    std::string shape = type.getRank() ? " " + shapeText(type) : "";
    return llvm::formatv("{0}: {1}{2}", inComment(name), elementKind(type.getElementType()).name, shape).str();
  }

  void writeParameters() {
    bool first = true;
    for (StateOp state : interface.state) {
      if (state.getRole() != "parameter") continue;
      if (first) out << " *\n * Parameters, which load and save exchange with safetensors files:\n";
      first = false;
      out << " *   " << describe(state.getSymName(), state.getTensor()) << "\n";
    }
  }

  /// What belongs to every parameter, such as its gradient, on one line for all of them.
  void writeFurtherState() {
    llvm::StringMap<RankedTensorType> parameters;
    llvm::MapVector<StringRef, SmallVector<StateOp>> kinds; // gradient/NAME and so on, by what stands before the '/'
    for (StateOp state : interface.state)
      if (state.getRole() == "parameter")
        parameters[state.getSymName()] = state.getTensor();
      else
        kinds[state.getSymName().contains('/') ? state.getSymName().split('/').first : state.getSymName()].push_back(
            state);
    if (!kinds.empty()) out << " *\n * Further state, which checkpoints hold as well:\n";
    for (auto &[kind, states] : kinds) {
      bool ofAll = states.size() == parameters.size() && llvm::all_of(states, [&](StateOp state) {
                     return parameters.lookup(state.getSymName().split('/').second) == state.getTensor();
                   });
      if (ofAll)
        out << " *   " << inComment(kind) << "/NAME: like the parameter NAME, for each of them\n";
      else
        for (StateOp state : states) out << " *   " << describe(state.getSymName(), state.getTensor()) << "\n";
    }
  }

  void writeOverview() {
    out << expand("/* The model '@name', compiled by Fovea. Generated: changes are lost when it is compiled again.\n",
                  interface.name)
        << " * ABI version " << FOVEA_ABI_VERSION << ". Link with the library of the same name, -pthread and -lm.\n";
    if (!interface.sizes.empty()) {
      out << " *\n * Sizes, given with each call:";
      for (StringAttr size : interface.sizes) out << " " << inComment(size.getValue());
      out << "\n";
    }
    for (const Entry &entry : interface.entries) {
      out << " *\n * " << entry.name << meaningOf(entry.name) << "\n";
      for (const Argument &argument : entry.arguments)
        out << " *   "
            << (argument.role == FOVEA_OUTPUT   ? "output "
                : argument.role == FOVEA_SCALAR ? "scalar "
                                                : "input ")
            << describe(argument.name, argument.type) << "\n";
    }
    writeParameters();
    writeFurtherState();
    out << " *\n * Tensors are row-major, without gaps, and fastest where they begin at multiples of 64 bytes.\n"
           " * bool is one byte, 0 or 1; f16 and bf16 are their bits. */\n";
  }

  void writeTypes();
  void writeCommon();
  void writeEntry(const Entry &entry);

  const Interface &interface;
  llvm::DenseMap<StringAttr, std::string> fields;
  std::string text;
  llvm::raw_string_ostream out;
};

constexpr char prologue[] = R"(#ifndef @NAME_FOVEA_H
#define @NAME_FOVEA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct @name @name;

/* What the functions that return int32_t return; @name_last_error has the words. */
enum @name_error {
  @NAME_OK = 0,
  @NAME_INVALID_ARGUMENT = 1,
  @NAME_BAD_FILE = 2,
  @NAME_IO_ERROR = 3,
  @NAME_KERNEL_ERROR = 4,
  @NAME_OUT_OF_MEMORY = 5,
  @NAME_UNSUPPORTED_MACHINE = 6,
  @NAME_DEVICE_ERROR = 7
};
)";

constexpr char optionsBegin[] = R"(
/* Start from @NAME_OPTIONS_DEFAULT; a zero field means its default. */
typedef struct @name_options {
  uint32_t struct_size;
  int32_t threads;     /* the caller's included; 0: one */
  uint64_t seed;       /* of parameter initialisation and of random ops */
  const char *target;  /* NULL: the best that the machine runs; else one of the library's targets, by name */
  void *workspace;     /* NULL: create allocates it; else @name_workspace_bytes of memory, to outlive the model */
  size_t workspace_bytes;
  void *(*allocate)(void *context, size_t bytes, size_t alignment); /* NULL: aligned_alloc and free */
  void (*release)(void *context, void *memory);
  void *allocator_context;
  int32_t device;      /* for device targets: which one */
  int32_t cpu_fallback; /* take the processor where the device cannot be used, rather than fail */
  void *stream;        /* NULL: its own; else a CUstream or a cl_command_queue, in which kernels run */
  /* Called after every kernel, from the calling thread. */
  void (*profile)(void *context, const char *kernel, double seconds);
  void *profile_context;
)";

constexpr char common[] = R"(
/* A model with freshly initialised parameters, or NULL: @name_last_error(NULL) says why. One thread at a time may use
 * it; several models may be used at once. */
@name *@name_create(const @name_options *options);
/* Frees the model; NULL is allowed. */
void @name_destroy(@name *model);
/* What went wrong in the model's last call; of NULL, in this thread's last failed create. */
const char *@name_last_error(const @name *model);
/* The memory that a model takes, parameters and training state included; 0 where an argument is invalid. */
size_t @name_workspace_bytes(@sizesint32_t threads);
/* The name of the target that the model's kernels were compiled for. */
const char *@name_target(const @name *model);

/* Reads or writes all parameters: a safetensors file. */
int32_t @name_load(@name *model, const char *path);
int32_t @name_save(@name *model, const char *path);
/* Writes what save does, with the moving averages ema/NAME that training keeps in place of the parameters NAME: to run
 * with them, load the file. An error where it keeps none, and before the first update. */
int32_t @name_save_average(@name *model, const char *path);
/* Reads or writes parameters and further state: a safetensors file from which training continues. */
int32_t @name_load_checkpoint(@name *model, const char *path);
int32_t @name_save_checkpoint(@name *model, const char *path);
/* Reads or writes one parameter or state tensor; bytes is the size of values. */
int32_t @name_get(@name *model, const char *tensor, void *values, size_t bytes);
int32_t @name_set(@name *model, const char *tensor, const void *values, size_t bytes);
)";

void Header::writeTypes() {
  out << expand(prologue, interface.name);
  if (!interface.sizes.empty()) {
    out << "\n/* In create, the largest that calls will use. */\ntypedef struct " << interface.name << "_sizes {\n";
    for (StringAttr size : interface.sizes) out << "  int64_t " << fields[size] << ";\n";
    out << expand("} @name_sizes;\n", interface.name);
  }
  out << expand(optionsBegin, interface.name);
  if (!interface.sizes.empty()) out << expand("  @name_sizes sizes;    /* each at least 1 */\n", interface.name);
  out << expand("} @name_options;\n#define @NAME_OPTIONS_DEFAULT \\\n  {sizeof(@name_options), 0, 0, NULL, NULL, 0, "
                "NULL, NULL, NULL, 0, 0, NULL, "
                "NULL, NULL",
                interface.name);
  if (!interface.sizes.empty()) {
    SmallVector<StringRef> zeros(interface.sizes.size(), "0");
    out << ", {" << llvm::join(zeros, ", ") << "}";
  }
  out << "}\n";
}

void Header::writeCommon() {
  std::string sizes = interface.sizes.empty() ? "" : "const @name_sizes *sizes, ", declarations = common;
  declarations.replace(declarations.find("@sizes"), 6, sizes);
  out << expand(declarations, interface.name);
}

void Header::writeEntry(const Entry &entry) {
  CNames names;
  (void)names("model");
  std::string parameters = interface.name + " *model";
  for (StringAttr size : entry.sizes) parameters += ", int64_t " + names(size.getValue());
  out << "\n/* ";
  if (!entry.sequence.empty()) {
    SmallVector<std::string> called;
    for (const SequenceCall &call : entry.sequence)
      called.push_back(interface.name + "_" + interface.entries[call.entry].name);
    out << llvm::join(called, ", then ") << ", in one call. ";
  }
  out << "Returns 0 or an error.\n";
  for (const Argument &argument : entry.arguments) {
    std::string type = elementKind(argument.type.getElementType()).cType, name = names(argument.name);
    StringRef role = argument.role == FOVEA_OUTPUT ? "written" : argument.role == FOVEA_SCALAR ? "value" : "read";
    out << " *   " << name << ": " << role << ", "
        << describe(argument.name, argument.type).substr(inComment(argument.name).size() + 2) << "\n";
    parameters += argument.role == FOVEA_SCALAR   ? ", " + type + " " + name
                  : argument.role == FOVEA_OUTPUT ? ", " + type + " *" + name
                                                  : ", const " + type + " *" + name;
  }
  out << " */\nint32_t " << interface.name << "_" << entry.name << "(" << parameters << ");\n";
}

} // namespace

std::string headerText(const Interface &interface) { return Header(interface).write(); }

} // namespace fovea
