// The search that is deployed.
#include "model.h"

std::vector<fovea::Model> define() { return {retrieval::search({})}; }
