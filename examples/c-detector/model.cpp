// The detector as it is deployed.
#include "model.h"

std::vector<fovea::Model> define() { return {detection::make()}; }
