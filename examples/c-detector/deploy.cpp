// The deployed detector: boxes of the digits on canvases.
//
//   deploy detector.safetensors inputs.npy       inputs: (count, 64, 64), bytes
#include "common/Deploy.h"

#include "decode.h"
#include "detector.h"

int main(int argc, char **argv) {
  deploy::Program program(argc, argv);
  detector_options options = DETECTOR_OPTIONS_DEFAULT;
  options.sizes.batch = 1;
  detector *model = detector_create(&options);
  if (!model) program.fail("%s", detector_last_error(nullptr));
  if (detector_load(model, program.file(0))) program.fail("%s", detector_last_error(model));
  deploy::Array canvases(program, program.file(1),
                         {1, decode::cells * decode::cellSize, decode::cells * decode::cellSize});
  canvases.normalise({decode::mean}, {decode::deviation});

  float score[decode::cells * decode::cells * decode::kinds], box[decode::cells * decode::cells * 4];
  program.run(
      canvases.count,
      [&](int64_t i) {
        if (detector_forward(model, 1, canvases.item(i), score, box)) program.fail("%s", detector_last_error(model));
      },
      [&](int64_t i) {
        decode::Found found[decode::cells * decode::cells];
        const int64_t count = decode::boxes(score, box, found);
        printf("item %lld:", static_cast<long long>(i));
        for (int64_t k = 0; k < count; ++k)
          if (found[k].score >= decode::shownScore)
            printf(" %lld at (%.0f, %.0f)", static_cast<long long>(found[k].digit),
                   double(found[k].left + found[k].right) / 2, double(found[k].top + found[k].bottom) / 2);
        printf("\n");
      });
  detector_destroy(model);
}
