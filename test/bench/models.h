// The models that tools/bench.sh measures, by family. workloads.py names them; reference.py says the same in PyTorch.
#pragma once

#include <fovea/fovea.h>

using namespace fovea;

std::vector<Model> contractions();
std::vector<Model> convolutions();
std::vector<Model> rows();
std::vector<Model> attentions();
std::vector<Model> vision();

/// What gives `y` its gradient: a loss whose gradient for it is an input, `cotangent`. Training gives y itself as well,
/// so that it is stored.
void differentiate(Model &model, const Tensor &y, const std::vector<std::string> &inputs);
