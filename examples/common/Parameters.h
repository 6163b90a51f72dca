// How many numbers a model has learned, from the file of its weights.
#pragma once

#include "formats/File.h"

#include <nlohmann/json.hpp>

#include <cstring>
#include <filesystem>

namespace systems {

/// The elements of all tensors of a safetensors file that the program saved, but for running statistics, which are not
/// learned.
inline int64_t parametersOf(const std::filesystem::path &weights) {
  const fovea::formats::Bytes content = fovea::formats::readFile(weights);
  uint64_t length;
  std::memcpy(&length, content.data(), sizeof length);
  const char *header = reinterpret_cast<const char *>(content.data()) + sizeof length;
  const nlohmann::json tensors = nlohmann::json::parse(header, header + length);
  int64_t count = 0;
  for (const auto &[name, tensor] : tensors.items()) {
    if (name == "__metadata__" || name.find("running_") != std::string::npos) continue;
    int64_t elements = 1;
    for (int64_t size : tensor.at("shape")) elements *= size;
    count += elements;
  }
  return count;
}

} // namespace systems
