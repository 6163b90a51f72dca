// Losses of class labels.
#include "lib/onnx/Compositions.h"
#include "lib/onnx/Registry.h"

namespace fovea::onnx {
namespace {

/// Of log-probabilities (n, classes, ..) at labels (n, ..). A label that is ignored, whatever it is, counts for
/// nothing.
Tensor negativeLogLikelihood(Call &call, const Tensor &logProbability, const Tensor &labels) {
  if (logProbability.rank() < 2 || labels.rank() != logProbability.rank() - 1)
    call.unsupported("scores are " + shapeText(logProbability.shape()) + " and labels " + shapeText(labels.shape()) +
                     ": they must be (n, classes, ..) and (n, ..)");
  DType dtype = logProbability.dtype();
  int64_t rank = logProbability.rank(), classes = numbersOf({logProbability.dim(1)}, "the classes")[0];
  Tensor last = toLast(logProbability, 1);
  Shape column = labels.shape();
  column.push_back(1);
  Tensor chosen = equal(reshape(labels, column), iota(call, classes, labels.dtype(), rank - 1, rank));
  Tensor loss = -sum(where(chosen, last, 0), -1);
  bool weighted = call.has(2) || call.hasAttribute("ignore_index");
  Tensor weight;
  if (weighted) {
    weight =
        call.has(2) ? sum(where(chosen, call.tensor(2), 0), -1) : broadcast_to(call.scalar(1, dtype), labels.shape());
    if (call.hasAttribute("ignore_index")) {
      Tensor ignored = equal(labels, (double)call.integer("ignore_index", 0));
      weight = where(ignored, 0, weight), loss = where(ignored, 0, loss);
    }
    loss = loss * weight;
  }
  std::string reduction = call.text("reduction", "mean");
  if (reduction == "none") return loss;
  if (reduction == "sum") return sum(loss);
  if (reduction != "mean") call.unsupported("reduction is '" + reduction + "': it must be none, mean or sum");
  return weighted ? sum(loss) / sum(weight) : mean(loss);
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
