// The program that writes the bench's models.
#include "models.h"

void differentiate(Model &model, const Tensor &y, const Sources &sources) {
  model.output("y", y);
  std::vector<Tensor> of;
  for (const auto &[name, source] : sources) of.push_back(source);
  std::vector<Tensor> gradients = gradient(sum(y * model.input("cotangent", y.shape())), of);
  for (size_t i = 0; i < sources.size(); ++i) model.output("gradient_" + sources[i].first, gradients[i]);
}

std::vector<Model> differentiable(const std::string &name, const std::function<Tensor(Model &, Sources &)> &define) {
  Model forward(name), both(name + "_gradients");
  Sources sources;
  forward.output("y", define(forward, sources));
  Tensor y = define(both, sources);
  differentiate(both, y, sources);
  return {forward, both};
}

std::vector<Model> define() {
  std::vector<Model> models;
  for (auto family : {contractions, convolutions, rows, attentions, vision})
    for (const Model &model : family()) models.push_back(model);
  return models;
}
