// The table of a model with state of several types and layouts, as lib/emit writes them for the runtime.
#pragma once

#include "runtime/program.h"

namespace fovea::fuzz {

// Affine rows: a constant, and what the one size adds.
inline const int64_t rows34[] = {3, 0, 4, 0}, rows53[] = {5, 0, 3, 0}, nothing[] = {0, 0};
inline const int64_t padded[] = {8, 1}, panelRows[] = {1, 2}, panelColumns[] = {2, 1};

inline const fovea_tensor state[] = {
    {"weight", FOVEA_F32, FOVEA_PARAMETER, 2, FOVEA_CONSTANT, rows34, 1, 0, 0, 96, padded, -1, 0, 0},
    {"panels", FOVEA_F64, FOVEA_PARAMETER, 2, FOVEA_CONSTANT, rows53, 2, 0, 128, 144, panelRows, 0, 2, 6},
    {"columns", FOVEA_I8, FOVEA_PARAMETER, 2, FOVEA_CONSTANT, rows53, 0, 0, 512, 20, panelColumns, 1, 2, 10},
    {"bias", FOVEA_BF16, FOVEA_PARAMETER, 0, FOVEA_CONSTANT, nullptr, 0, 0, 320, 2, nullptr, -1, 0, 0},
    {"step", FOVEA_I64, FOVEA_COUNTER, 0, FOVEA_CONSTANT, nullptr, 0, 0, 384, 8, nullptr, -1, 0, 0}};
inline const fovea_program program = {"x86-64", 0, 5, state, 576, nothing, nothing, 0, 0, nullptr, 0, 0, 0, nullptr};
inline const char *const sizeNames[] = {"batch"};
inline const fovea_model model = {FOVEA_ABI_VERSION, "fuzz", 0x123, 1, sizeNames, 1, &program};

inline fovea_handle *create() {
  fovea_options options = {};
  options.struct_size = sizeof options;
  options.threads = 1;
  options.sizes[0] = 1;
  return fovea_create(&model, &options);
}

} // namespace fovea::fuzz
