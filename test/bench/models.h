// The models that tools/bench.sh measures, by family. workloads.py names them; reference.py says the same in PyTorch.
#pragma once

#include <fovea/fovea.h>

using namespace fovea;

std::vector<Model> contractions();
std::vector<Model> convolutions();
std::vector<Model> rows();
std::vector<Model> attentions();
std::vector<Model> vision();

/// Tensors that gradients are wanted for, by name.
using Sources = std::vector<std::pair<std::string, Tensor>>;

/// Gives the model the outputs y and, as gradient_SOURCE, the gradients of y times the input `cotangent`.
void differentiate(Model &model, const Tensor &y, const Sources &sources);

/// Two models of the y that `define` returns: NAME gives y, NAME_gradients also its gradients for the sources it names.
std::vector<Model> differentiable(const std::string &name, const std::function<Tensor(Model &, Sources &)> &define);
