// The files of a recording.
#include "test/ops/Recording.h"

#include "lib/emit/Files.h"

#include <gtest/gtest.h>

namespace fovea::ops {

void Recording::write() const {
  llvm::json::Value all =
      llvm::json::Object{{"batch", batch}, {"parameters", llvm::json::Array(parameters)}, {"entries", llvm::json::Array(entries)}};
  std::string text;
  llvm::raw_string_ostream(text) << all;
  for (auto [name, bytes] : {std::pair<const char *, StringRef>{"/record.json", text},
                             {"/data.bin", StringRef((const char *)data.data(), data.size())}})
    if (llvm::Error error = writeFile(folder + name, bytes)) ADD_FAILURE() << llvm::toString(std::move(error));
}

} // namespace fovea::ops
