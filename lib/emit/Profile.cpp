// Profiles of loaded models.
#include "lib/emit/Profile.h"

#include "llvm/ADT/StringExtras.h"

#include <cstring>
#include <random>
#include <thread>

using namespace mlir;

namespace fovea {

llvm::Error checkSizes(const Interface &interface, const llvm::StringMap<int64_t> &sizes, bool all) {
  SmallVector<StringRef> names;
  for (StringAttr name : interface.sizes) names.push_back(name);
  std::string list = names.empty() ? "none" : llvm::join(names, ", ");
  for (const auto &size : sizes) {
    if (!llvm::is_contained(names, size.getKey()))
      return llvm::createStringError("--sizes gives '" + size.getKey() + "', but the model's sizes are: " + list);
    if (size.getValue() < 1)
      return llvm::createStringError("--sizes gives " + size.getKey() + " = " + llvm::Twine(size.getValue()) +
                                     ": it must be at least 1");
  }
  for (StringRef name : names)
    if (all && !sizes.contains(name))
      return llvm::createStringError("the model's sizes are " + list +
                                     ", and what runs needs numbers: give --sizes=" + name + "=NUMBER");
  return llvm::Error::success();
}

llvm::Error ProfiledModel::fail() const {
  return llvm::createStringError(code->function<const char *(void *)>("last_error")(handle));
}

llvm::Expected<std::unique_ptr<ProfiledModel>>
ProfiledModel::load(const CompiledModel &model, const CompileOptions &options, const llvm::StringMap<int64_t> &sizes) {
  std::unique_ptr<ProfiledModel> result(new ProfiledModel);
  auto code = LoadedModel::load(model, options);
  if (!code) return code.takeError();
  result->code = std::move(*code);
  fovea_options own = {};
  own.struct_size = sizeof own;
  own.threads = options.threads ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  own.profile_context = &result->seconds;
  own.profile = [](void *context, const char *kernel, double seconds) {
    (*static_cast<Seconds *>(context))[kernel] += seconds;
  };
  for (auto [index, name] : llvm::enumerate(result->code->sizes())) {
    own.sizes[index] = sizes.lookup(name);
    result->sizes.push_back(sizes.lookup(name));
  }
  result->handle = result->code->function<void *(const fovea_options *)>("create")(&own);
  if (!result->handle) return result->fail();
  return result;
}

ProfiledModel::~ProfiledModel() {
  if (handle) code->function<void(void *)>("destroy")(handle);
}

/// Numbers from 0.5 to 1 of either sign, which no sum makes denormal; zeros of other types, which are valid as indices.
static std::vector<uint8_t> randomElements(const LoadedModel::Tensor &tensor, int64_t count) {
  struct Format {
    uint64_t half, mantissa;
  };
  std::map<fovea_dtype, Format> formats = {{FOVEA_F32, {0x3f000000, 0x807fffff}},
                                           {FOVEA_F64, {0x3fe0000000000000, 0x800fffffffffffff}},
                                           {FOVEA_F16, {0x3800, 0x83ff}},
                                           {FOVEA_BF16, {0x3f00, 0x807f}}};
  std::vector<uint8_t> bytes(count * tensor.kind->bytes);
  auto format = formats.find(tensor.kind->dtype);
  if (format == formats.end()) return bytes;
  std::mt19937_64 random;
  for (size_t at = 0; at < bytes.size(); at += tensor.kind->bytes) {
    uint64_t bits = format->second.half | (random() & format->second.mantissa);
    std::memcpy(&bytes[at], &bits, tensor.kind->bytes);
  }
  return bytes;
}

llvm::Expected<ProfiledModel::Seconds> ProfiledModel::run(StringRef name) {
  const LoadedModel::Entry *entry = code->entry(name);
  assert(entry && "no such entry point");
  std::vector<std::vector<uint8_t>> arguments;
  SmallVector<void *> pointers;
  for (const LoadedModel::Tensor &argument : entry->arguments) {
    arguments.push_back(randomElements(argument, argument.elements(sizes)));
    pointers.push_back(arguments.back().data());
  }
  seconds.clear();
  if (code->call(*entry, handle, sizes, pointers)) return fail();
  return seconds;
}

void keepLeast(ProfiledModel::Seconds &least, const ProfiledModel::Seconds &seconds) {
  for (const auto &kernel : seconds) {
    auto [at, fresh] = least.try_emplace(kernel.getKey(), kernel.getValue());
    if (!fresh) at->second = std::min(at->second, kernel.getValue());
  }
}

} // namespace fovea
