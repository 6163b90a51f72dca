// The net that is deployed: CBAM with its gate of places.
#include "model.h"

std::vector<fovea::Model> define() { return {white_patch::model(white_patch::Layer::cbam_spatial)}; }
