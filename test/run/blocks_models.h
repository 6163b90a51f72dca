// The cases of blocks_reference.py with the library's blocks.
#pragma once

#include <fovea/fovea.h>

#include <functional>
#include <map>
#include <string>

/// Outputs and looks by name, of inputs by name.
using Named = std::map<std::string, fovea::Tensor>;
using BlockBuilder = std::function<Named(const fovea::Model &model, const Named &inputs)>;
const std::map<std::string, BlockBuilder> &blockBuilders();
