// What makes the gallery that the search is given.
#include "model.h"

std::vector<fovea::Model> define() { return {retrieval::index({})}; }
