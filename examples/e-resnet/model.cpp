// The narrow net with all it has, as it is deployed.
#include "model.h"

std::vector<fovea::Model> define() { return {resnet::make("resnet")}; }
