// The models of the lessons, from the lessons' own files, whose mains stay unused.
#include "test/run/device_steps_models.h"

#include <fovea/compile.h>
#include <fovea/fovea.h>

#include "training/Metrics.h"
#include "training/Picture.h"
#include "training/Random.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>

#pragma GCC diagnostic ignored "-Wreturn-type"
#pragma GCC diagnostic ignored "-Wunused-function"

namespace line {
#include "../../examples/01-line/model.cpp"
}
namespace retrieval {
#include "../../examples/02-attention/model.cpp"
}
namespace search {
#include "../../examples/06-in-process/search.cpp"
}
namespace shift {
#include "../../examples/07-score-function/shift.cpp"
}
namespace bits {
#include "../../examples/08-gradient-rule/bits.cpp"
}
namespace segmentation {
#include "../../examples/09-segmentation/segment.cpp"
}
namespace video {
#include "../../examples/10-video/motion.cpp"
}

std::vector<TrainedModel> lessonModels() {
  return {{"line", [] { return line::define()[0]; }},
          {"attention", [] { return retrieval::define()[0]; }, {{"colour", {0, 4}}, {"answer", {0, 4}}}},
          {"in_process", [] { return search::curve(16); }},
          {"score_function", shift::shift},
          {"gradient_rule", bits::layer},
          {"segmentation", segmentation::segment, {{"kind", {0, 4}}}, 4, true},
          {"video", video::motion, {{"way", {0, 4}}}, 4, true}};
}
