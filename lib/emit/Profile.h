// Runs a compiled model in this process on random arguments and takes the time of each kernel.
#pragma once

#include "lib/emit/LoadedModel.h"

#include "llvm/ADT/StringMap.h"

namespace fovea {

/// An error if `sizes` does not have a positive number for each of the model's sizes, and for nothing else. `all`:
/// whether each must be there.
llvm::Error checkSizes(const Interface &interface, const llvm::StringMap<int64_t> &sizes, bool all);

class ProfiledModel {
public:
  static llvm::Expected<std::unique_ptr<ProfiledModel>> load(const CompiledModel &model, const CompileOptions &options,
                                                             const llvm::StringMap<int64_t> &sizes);
  ~ProfiledModel();

  using Seconds = llvm::StringMap<double>;
  /// Calls an entry point once, and adds up the launches of each kernel.
  llvm::Expected<Seconds> run(StringRef entry);

private:
  ProfiledModel() = default;
  llvm::Error fail() const;

  std::shared_ptr<const LoadedModel> code;
  SmallVector<int64_t> sizes;
  void *handle = nullptr;
  Seconds seconds;
};

/// The least that each kernel took in several calls.
void keepLeast(ProfiledModel::Seconds &least, const ProfiledModel::Seconds &seconds);

} // namespace fovea
