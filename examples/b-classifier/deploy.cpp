// Classifies images with the exported model and says where it looks: classifier.safetensors and inputs.npy, bytes
// (count, 3, 32, 32), as training leaves them.
#include "classifier.h"

#include "common/Deploy.h"
#include "common/Pixels.h"

int main(int argc, char **argv) {
  const deploy::Program program(argc, argv);
  classifier_options options = CLASSIFIER_OPTIONS_DEFAULT;
  options.sizes.batch = 1;
  classifier *model = classifier_create(&options);
  if (!model || classifier_load(model, program.file(0)) != 0) program.fail("%s", classifier_last_error(model));
  deploy::Array images(program, program.file(1), {3, 32, 32});
  images.normalise(pixels::cifarMean, pixels::cifarDeviation);

  float logits[10], looks[64];
  program.run(
      images.count,
      [&](int64_t i) {
        if (classifier_forward(model, 1, images.item(i), logits, looks) != 0)
          program.fail("%s", classifier_last_error(model));
      },
      [&](int64_t i) {
        const int place = deploy::largest(looks, 64);
        printf("item %d: class %d, looks at row %d, column %d\n", static_cast<int>(i), deploy::largest(logits, 10),
               place / 8, place % 8);
      });
  classifier_destroy(model);
}
