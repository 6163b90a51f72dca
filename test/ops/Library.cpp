// Compiles, loads and calls.
#include "test/ops/Library.h"

#include "dialect/Shape.h"
#include "lib/emit/Files.h"

#include <dlfcn.h>
#include <filesystem>
#include <gtest/gtest.h>

namespace fovea::ops {

namespace {

/// Kernels compiled by this very program: those of an older build would hide a change to a lowering.
const std::string &cacheFolder() {
  static const std::string folder = [] {
    namespace fs = std::filesystem;
    fs::path self = fs::read_symlink("/proc/self/exe"), root = FOVEA_OPS_CACHE;
    fs::path own = root / std::to_string(fs::last_write_time(self).time_since_epoch().count());
    fs::create_directories(own);
    for (const auto &other : fs::directory_iterator(root)) {
      std::error_code ignored; // another process may be removing it too
      if (other.path() != own) fs::remove_all(other.path(), ignored);
    }
    return own.string();
  }();
  return folder;
}

constexpr size_t guardBytes = 256;

uint8_t canary(size_t at) { return 0xC5 ^ (uint8_t)(at * 29); }

/// `bytes` of memory, aligned to 64, with canaries before and after.
class Guarded {
public:
  explicit Guarded(size_t bytes) : bytes(bytes), memory(bytes + 2 * guardBytes + 64) {
    for (size_t at = 0; at < memory.size(); ++at) memory[at] = canary(at);
    begin = guardBytes + (64 - ((uintptr_t)memory.data() + guardBytes) % 64) % 64;
  }
  uint8_t *data() { return memory.data() + begin; }
  bool intact() const {
    for (size_t at = 0; at < memory.size(); ++at)
      if ((at < begin || at >= begin + bytes) && memory[at] != canary(at)) return false;
    return true;
  }
  Bytes take() { return Bytes(data(), data() + bytes); }

private:
  size_t bytes, begin;
  Bytes memory;
};

template <size_t... slot> uint64_t callWith(void *function, const uint64_t *arguments, std::index_sequence<slot...>) {
  return ((uint64_t (*)(decltype((uint64_t)slot)...))function)(arguments[slot]...);
}

} // namespace

size_t bytesOf(RankedTensorType type, int64_t batch) {
  DimsAttr dims = dimsOf(type);
  llvm::StringMap<int64_t> sizes;
  sizes["B"] = batch;
  size_t result = elementKind(type.getElementType()).bytes;
  for (int64_t size : dims.evaluate(sizes)) result *= size;
  return result;
}

//===-- Library ---------------------------------------------------------------------------------------------------===//

std::unique_ptr<Library> Library::compile(mlir::ModuleOp module, bool checks) {
  CompileOptions options;
  options.name = "ops";
  options.checks = checks;
  options.cache = cacheFolder();
  auto model = compileModel(module, options);
  if (failed(model)) return nullptr;
  std::unique_ptr<Library> library(new Library(std::move(*model)));
  PrivateFolder folder = llvm::cantFail(PrivateFolder::create());
  auto files = writeArtefacts(library->model, options, Stage::shared, folder.path(""));
  if (!files) {
    ADD_FAILURE() << llvm::toString(files.takeError());
    return nullptr;
  }
  library->handle = dlopen(files->shared.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library->handle) return library;
  ADD_FAILURE() << dlerror();
  return nullptr;
}

Library::~Library() {
  if (handle) dlclose(handle);
}

const Entry *Library::entry(llvm::StringRef name) const {
  for (const Entry &entry : model.interface.entries)
    if (entry.name == name) return &entry;
  return nullptr;
}

// A function ignores arguments beyond its own, so one type with many serves all of them.
uint64_t Library::call(const std::string &name, std::vector<uint64_t> arguments) const {
  constexpr size_t slots = 512;
  void *function = dlsym(handle, ("ops_" + name).c_str());
  if (!function || arguments.size() > slots) {
    ADD_FAILURE() << "ops_" << name << " with " << arguments.size() << " arguments cannot be called";
    return ~0ull;
  }
  arguments.resize(slots);
  return callWith(function, arguments.data(), std::make_index_sequence<slots>());
}

//===-- Instance --------------------------------------------------------------------------------------------------===//

Instance::Instance(const Library &library, int threads, int64_t largest, uint64_t seed) : library(library) {
  bool sized = !library.interface().sizes.empty();
  std::vector<uint64_t> query;
  if (sized) query.push_back((uint64_t)&largest);
  query.push_back(threads);
  size_t needed = library.call("workspace_bytes", query);
  workspace.resize(needed + 2 * guardBytes);
  for (size_t at = 0; at < workspace.size(); ++at) workspace[at] = canary(at);
  fovea_options options = {};
  options.struct_size = sizeof options;
  options.threads = threads;
  options.seed = seed;
  options.workspace = workspace.data() + guardBytes;
  options.workspace_bytes = needed;
  options.sizes[0] = largest;
  model = library.call("create", {(uint64_t)&options});
  EXPECT_TRUE(model) << lastError();
}

Instance::~Instance() { library.call("destroy", {model}); }

std::string Instance::lastError() const { return (const char *)library.call("last_error", {model}); }

void Instance::checkWorkspace(llvm::StringRef after) {
  for (size_t at = 0; at < workspace.size(); ++at) {
    if (at == guardBytes) at = workspace.size() - guardBytes;
    if (workspace[at] == canary(at)) continue;
    ADD_FAILURE() << after.str() << " wrote outside the workspace, at byte " << (int64_t)at - (int64_t)guardBytes
                  << " of " << workspace.size() - 2 * guardBytes;
    return;
  }
}

void Instance::set(const std::string &state, const Bytes &values) {
  EXPECT_EQ((int32_t)library.call("set", {model, (uint64_t)state.c_str(), (uint64_t)values.data(), values.size()}), 0)
      << lastError();
}

Bytes Instance::get(const std::string &state, size_t bytes) {
  Bytes values(bytes);
  EXPECT_EQ((int32_t)library.call("get", {model, (uint64_t)state.c_str(), (uint64_t)values.data(), bytes}), 0)
      << lastError();
  return values;
}

std::map<std::string, Bytes> Instance::run(llvm::StringRef name, const std::map<std::string, Bytes> &inputs,
                                           int64_t batch) {
  const Entry *entry = library.entry(name);
  std::map<std::string, Guarded> buffers;
  std::vector<uint64_t> arguments{model};
  if (!entry->sizes.empty()) arguments.push_back(batch);
  for (const Argument &argument : entry->arguments) {
    Guarded &buffer = buffers.emplace(argument.name, Guarded(bytesOf(argument.type, batch))).first->second;
    if (argument.role != FOVEA_OUTPUT)
      std::copy_n(inputs.at(argument.name).data(), bytesOf(argument.type, batch), buffer.data());
    arguments.push_back((uint64_t)buffer.data());
  }
  EXPECT_EQ((int32_t)library.call(name.str(), arguments), 0) << lastError();
  std::map<std::string, Bytes> outputs;
  for (const Argument &argument : entry->arguments) {
    Guarded &buffer = buffers.at(argument.name);
    EXPECT_TRUE(buffer.intact()) << name.str() << " wrote outside the buffer of " << argument.name;
    if (argument.role == FOVEA_OUTPUT)
      outputs[argument.name] = buffer.take();
    else
      EXPECT_TRUE(std::equal(inputs.at(argument.name).begin(), inputs.at(argument.name).end(), buffer.data()))
          << name.str() << " wrote to its input " << argument.name;
  }
  checkWorkspace(name);
  return outputs;
}

} // namespace fovea::ops
