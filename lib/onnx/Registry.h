// Handlers by op and version.
#pragma once

#include "lib/onnx/Call.h"

namespace fovea::onnx {

using Handler = void (*)(Call &call);

class Registry {
public:
  /// The registry of all families.
  static const Registry &instance();

  /// The handler of the versions of an op, by the opsets that they came with. Where an op's meaning changed, each
  /// meaning is added on its own.
  void add(const std::string &op, std::vector<int64_t> versions, Handler handler, const std::string &domain = "");

  struct Found {
    Handler handler;
    int64_t version;
  };
  /// The newest version that an opset has; throws Unsupported where there is none.
  Found find(const std::string &domain, const std::string &op, int64_t opset) const;

private:
  std::map<std::pair<std::string, std::string>, std::map<int64_t, Handler>> handlers;
};

// The families.
void addActivations(Registry &registry);
void addArithmetic(Registry &registry);
void addAttention(Registry &registry);
void addConstants(Registry &registry);
void addContractions(Registry &registry);
void addGather(Registry &registry);
void addLosses(Registry &registry);
void addNorms(Registry &registry);
void addPools(Registry &registry);
void addReductions(Registry &registry);
void addResize(Registry &registry);
void addTraining(Registry &registry);
void addViews(Registry &registry);

/// Computes the outputs of a node whose inputs are all known, if its op is one of those that shapes are computed with.
bool fold(Call &call);

} // namespace fovea::onnx
