// The models that tools/bench.sh measures, a function for each family; tests in test/bench/workloads.py name them.
#pragma once

#include <fovea/fovea.h>

using namespace fovea;

std::vector<Model> contractions();
