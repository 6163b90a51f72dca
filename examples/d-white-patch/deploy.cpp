// Says of each image whether there is a white patch in it: the deployed net, with libc and libm alone.
//
//   deploy white_patch.safetensors inputs.npy       (count, 3, 96, 96) floats, (byte - 128) / 128
#include "common/Deploy.h"
#include "white_patch.h"

static float seen[32 * 24 * 24]; // what leaves the attention layer

int main(int argc, char **argv) {
  deploy::Program program(argc, argv);
  white_patch_options options = WHITE_PATCH_OPTIONS_DEFAULT;
  options.sizes.batch = 1;
  white_patch *model = white_patch_create(&options);
  if (!model || white_patch_load(model, program.file(0)) != 0) program.fail("%s", white_patch_last_error(model));
  const deploy::Array images(program, program.file(1), {3, 96, 96});
  float p = 0;
  program.run(
      images.count,
      [&](int64_t i) {
        if (white_patch_forward(model, 1, images.item(i), &p, seen) != 0)
          program.fail("%s", white_patch_last_error(model));
      },
      [&](int64_t i) {
        printf("item %lld: %s, p %.4f\n", static_cast<long long>(i), p > 0.5f ? "patch" : "none",
               static_cast<double>(p));
      });
  white_patch_destroy(model);
}
