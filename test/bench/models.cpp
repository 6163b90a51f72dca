// The program that writes the bench's models.
#include "models.h"

void differentiate(Model &model, const Tensor &y, const std::vector<std::string> &inputs) {
  model.output("y", y);
  model.train(sum(y * model.input("cotangent", y.shape())), SGD{}, {.report = {"y"}, .input_gradients = inputs});
}

std::vector<Model> define() {
  std::vector<Model> models;
  for (auto family : {contractions, convolutions, rows, attentions, vision})
    for (const Model &model : family()) models.push_back(model);
  return models;
}
