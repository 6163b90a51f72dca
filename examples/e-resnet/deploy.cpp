// The deployed net: the class of each image, and the position that each stage, and then the pool, looks at most.
//
//   deploy resnet.safetensors inputs.npy       inputs: (count, 3, 32, 32), bytes
#include "common/Deploy.h"
#include "common/Pixels.h"

#include "resnet.h"

int main(int argc, char **argv) {
  const deploy::Program program(argc, argv);
  resnet_options options = RESNET_OPTIONS_DEFAULT;
  options.sizes.batch = 1;
  resnet *model = resnet_create(&options);
  if (!model || resnet_load(model, program.file(0))) program.fail("%s", resnet_last_error(model));
  deploy::Array images(program, program.file(1), {3, 32, 32});
  images.normalise(pixels::cifarMean, pixels::cifarDeviation);

  constexpr int sides[] = {16, 8, 4, 2, 2};
  float logits[10], maps[5][16 * 16];
  program.run(
      images.count,
      [&](int64_t i) {
        if (resnet_forward(model, 1, images.item(i), logits, maps[0], maps[1], maps[2], maps[3], maps[4]))
          program.fail("%s", resnet_last_error(model));
      },
      [&](int64_t i) {
        printf("item %lld: class %d", static_cast<long long>(i), deploy::largest(logits, 10));
        for (int map = 0; map < 5; ++map) {
          const int place = deploy::largest(maps[map], sides[map] * sides[map]);
          printf(" (%d, %d)", place / sides[map], place % sides[map]);
        }
        printf("\n");
      });
  resnet_destroy(model);
}
