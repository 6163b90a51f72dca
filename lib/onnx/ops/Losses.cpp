// Losses of class labels.
#include "lib/onnx/Compositions.h"
#include "lib/onnx/Registry.h"

#include <fovea/Losses.h>

namespace fovea::onnx {
namespace {

/// Of log-probabilities (n, classes, ..) at labels (n, ..).
Tensor negativeLogLikelihood(Call &call, const Tensor &logProbability, const Tensor &labels) {
  if (logProbability.rank() < 2 || labels.rank() != logProbability.rank() - 1)
    call.unsupported("scores are " + shapeText(logProbability.shape()) + " and labels " + shapeText(labels.shape()) +
                     ": they must be (n, classes, ..) and (n, ..)");
  NllOptions options;
  if (call.has(2)) options.weight = call.tensor(2);
  if (call.hasAttribute("ignore_index")) options.ignore_index = call.integer("ignore_index", 0);
  std::string reduction = call.text("reduction", "mean");
  if (reduction != "none" && reduction != "sum" && reduction != "mean")
    call.unsupported("reduction is '" + reduction + "': it must be none, mean or sum");
  options.reduction = reduction == "none" ? Reduction::none : reduction == "sum" ? Reduction::sum : Reduction::mean;
  return nll_loss(toLast(logProbability, 1), labels, options);
}

void likelihood(Call &call) { call.give(negativeLogLikelihood(call, call.tensor(0), call.tensor(1))); }

void crossEntropy(Call &call) {
  Tensor logProbability = log_softmax(call.tensor(0), 1);
  call.give(negativeLogLikelihood(call, logProbability, call.tensor(1)));
  call.give(logProbability, 1);
}

} // namespace

void addLosses(Registry &registry) {
  registry.add("NegativeLogLikelihoodLoss", {12, 13, 22}, likelihood);
  registry.add("SoftmaxCrossEntropyLoss", {12, 13}, crossEntropy);
}

} // namespace fovea::onnx
