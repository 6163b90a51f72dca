// The parameters of a model, as its text has them.
#pragma once

#include <fovea/fovea.h>

#include <map>
#include <regex>
#include <sstream>

struct ParameterInfo {
  std::vector<int64_t> shape;
  bool frozen;
  int64_t elements() const {
    int64_t count = 1;
    for (int64_t size : shape) count *= size;
    return count;
  }
};

inline std::map<std::string, ParameterInfo> parametersOf(const fovea::Model &model) {
  std::map<std::string, ParameterInfo> parameters;
  std::istringstream text(model.text());
  static const std::regex state(
      R"re(\s*fovea\.state "parameter" @"?([^" ]+)"? : tensor<([0-9x]*)x[a-z0-9]+>(.*) loc\(.*)re");
  std::smatch match;
  for (std::string line; std::getline(text, line);) {
    if (!std::regex_match(line, match, state)) continue;
    ParameterInfo info{{}, match[3].str().find("frozen") != std::string::npos};
    std::istringstream sizes(match[2].str());
    for (std::string size; std::getline(sizes, size, 'x');) info.shape.push_back(std::stoll(size));
    parameters[match[1]] = info;
  }
  return parameters;
}
