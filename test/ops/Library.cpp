// Compiles, loads and calls.
#include "test/ops/Library.h"

#include "dialect/Shape.h"

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

} // namespace

size_t bytesOf(RankedTensorType type, int64_t batch) {
  DimsAttr dims = dimsOf(type);
  llvm::StringMap<int64_t> sizes;
  sizes["B"] = batch;
  size_t result = elementKind(type.getElementType()).bytes;
  for (int64_t size : dims.evaluate(sizes)) result *= size;
  return result;
}

std::unique_ptr<Library> Library::compile(mlir::ModuleOp module, bool checks, bool cached, const std::string &target) {
  CompileOptions options;
  options.name = "ops";
  options.targets = target;
  options.checks = checks;
  if (cached) options.cache = cacheFolder();
  auto model = compileModel(module, options);
  if (failed(model)) return nullptr;
  auto code = LoadedModel::load(*model, options);
  if (code) return std::make_unique<Library>(Library{std::move(*model), *code});
  ADD_FAILURE() << llvm::toString(code.takeError());
  return nullptr;
}

const Entry *Library::entry(llvm::StringRef name) const {
  for (const Entry &entry : model.interface.entries)
    if (entry.name == name) return &entry;
  return nullptr;
}

Instance::Instance(const Library &library, int threads, int64_t largest, uint64_t seed) : code(*library.code) {
  size_t needed = code.sizes().empty()
                      ? code.function<size_t(int32_t)>("workspace_bytes")(threads)
                      : code.function<size_t(const int64_t *, int32_t)>("workspace_bytes")(&largest, threads);
  workspace.resize(needed + 2 * guardBytes);
  for (size_t at = 0; at < workspace.size(); ++at) workspace[at] = canary(at);
  fovea_options options = {};
  options.struct_size = sizeof options;
  options.threads = threads;
  options.seed = seed;
  options.workspace = workspace.data() + guardBytes;
  options.workspace_bytes = needed;
  options.sizes[0] = largest;
  model = code.function<void *(const fovea_options *)>("create")(&options);
  EXPECT_TRUE(model) << lastError();
}

Instance::~Instance() { code.function<void(void *)>("destroy")(model); }

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
  auto set = code.function<int32_t(void *, const char *, const void *, size_t)>("set");
  EXPECT_EQ(set(model, state.c_str(), values.data(), values.size()), 0) << lastError();
}

Bytes Instance::get(const std::string &state, size_t bytes) {
  Bytes values(bytes);
  auto get = code.function<int32_t(void *, const char *, void *, size_t)>("get");
  EXPECT_EQ(get(model, state.c_str(), values.data(), bytes), 0) << lastError();
  return values;
}

std::map<std::string, Bytes> Instance::run(llvm::StringRef name, const std::map<std::string, Bytes> &inputs,
                                           int64_t batch) {
  const LoadedModel::Entry &entry = *code.entry(name);
  SmallVector<int64_t> sizes(code.sizes().size(), batch);
  std::map<std::string, Guarded> buffers;
  SmallVector<void *> pointers;
  for (const LoadedModel::Tensor &argument : entry.arguments) {
    size_t bytes = argument.elements(sizes) * argument.kind->bytes;
    Guarded &buffer = buffers.emplace(argument.name, Guarded(bytes)).first->second;
    if (argument.role != FOVEA_OUTPUT) std::copy_n(inputs.at(argument.name).data(), bytes, buffer.data());
    pointers.push_back(buffer.data());
  }
  EXPECT_EQ(code.call(entry, model, sizes, pointers), 0) << lastError();
  std::map<std::string, Bytes> outputs;
  for (const LoadedModel::Tensor &argument : entry.arguments) {
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
