// What is deployed: both tasks by attention.
#include "model.h"

std::vector<fovea::Model> define() { return {multi_task::make()}; }
