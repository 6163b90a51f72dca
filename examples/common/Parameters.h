// How many numbers a model trains.
#pragma once

#include <fovea/fovea.h>

#include <regex>
#include <sstream>

namespace systems {

/// Of its parameters that are not frozen, as its text has them.
inline int64_t trainedParameters(const fovea::Model &model) {
  static const std::regex parameter(R"re(\s*fovea\.state "parameter" .* : tensor<([0-9x]+)x[a-z0-9]+>.*)re");
  std::istringstream text(model.text());
  int64_t total = 0;
  std::smatch match;
  for (std::string line; std::getline(text, line);) {
    if (!std::regex_match(line, match, parameter) || line.find("frozen") != std::string::npos) continue;
    int64_t elements = 1;
    std::istringstream sizes(match[1].str());
    for (std::string size; std::getline(sizes, size, 'x');) elements *= std::stoll(size);
    total += elements;
  }
  return total;
}

} // namespace systems
