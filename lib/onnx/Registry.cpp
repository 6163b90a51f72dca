// All families' handlers.
#include "lib/onnx/Registry.h"

namespace fovea::onnx {

const Registry &Registry::instance() {
  static const Registry registry = [] {
    Registry result;
    for (auto *family : {addActivations, addArithmetic, addAttention, addConstants, addContractions, addGather,
                         addLosses, addNorms, addPools, addReductions, addResize, addTraining, addViews})
      family(result);
    return result;
  }();
  return registry;
}

void Registry::add(const std::string &op, std::vector<int64_t> versions, Handler handler, const std::string &domain) {
  for (int64_t version : versions) handlers[{domain, op}][version] = handler;
}

Registry::Found Registry::find(const std::string &domain, const std::string &op, int64_t opset) const {
  auto found = handlers.find({domain, op});
  if (found == handlers.end())
    throw Unsupported{domain.empty() ? "this op is not supported"
                                     : "no op of this name is known in domain '" + domain + "'"};
  auto newer = found->second.upper_bound(opset);
  if (newer == found->second.begin())
    throw Unsupported{"this op is known from opset " + std::to_string(newer->first) + " on"};
  --newer;
  return {newer->second, newer->first};
}

} // namespace fovea::onnx
