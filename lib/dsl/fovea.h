// The whole model builder.
#pragma once

#include <fovea/AttentionMaps.h>
#include <fovea/Functions.h>
#include <fovea/Losses.h>
#include <fovea/Model.h>
#include <fovea/Random.h>
#include <fovea/ScoreFunctions.h>
#include <fovea/Tensor.h>
#include <fovea/nn/Attention.h>
#include <fovea/nn/Convolution.h>
#include <fovea/nn/Layers.h>
#include <fovea/nn/Transformer.h>
