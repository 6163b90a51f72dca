// What is deployed: the clean classifier.
#include "model.h"

std::vector<fovea::Model> define() { return {classifier::make()}; }
