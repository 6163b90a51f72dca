// The whole model builder.
#pragma once

#include <fovea/AttentionForms.h>
#include <fovea/AttentionMaps.h>
#include <fovea/Choice.h>
#include <fovea/Functions.h>
#include <fovea/LocalAttention.h>
#include <fovea/Losses.h>
#include <fovea/Model.h>
#include <fovea/Positions.h>
#include <fovea/Random.h>
#include <fovea/ScoreFunctions.h>
#include <fovea/Tensor.h>
#include <fovea/nn/Attention.h>
#include <fovea/nn/AttentionForms.h>
#include <fovea/nn/AttentionPool.h>
#include <fovea/nn/Convolution.h>
#include <fovea/nn/Heads.h>
#include <fovea/nn/Layers.h>
#include <fovea/nn/LocalAttention.h>
#include <fovea/nn/Positions.h>
#include <fovea/nn/Recurrent.h>
#include <fovea/nn/Transformer.h>
