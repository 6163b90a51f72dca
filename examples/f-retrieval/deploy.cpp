// Searches a gallery of images by attention: the deployed index and search, with libc and libm alone.
//
//   deploy image_search.safetensors gallery.npy inputs.npy       bytes, (1000, 1, 28, 28) and (count, 1, 28, 28)
//
// The time to the first result has that of making the index of the whole gallery.
#include "common/Deploy.h"
#include "common/Pixels.h"
#include "image_index.h"
#include "image_search.h"

enum { gallerySize = 1000, width = 512, classes = 10, pixelCount = 28 * 28, batch = 50 };

static float keys[gallerySize * width], values[gallerySize * width];

static void makeIndex(const deploy::Program &program) {
  deploy::Array gallery(program, program.file(1), {1, 28, 28});
  if (gallery.count != gallerySize)
    program.fail("%s: holds %lld images, but the search takes a gallery of %d", program.file(1),
                 static_cast<long long>(gallery.count), gallerySize);
  gallery.normalise({pixels::mnistMean}, {pixels::mnistDeviation});
  image_index_options options = IMAGE_INDEX_OPTIONS_DEFAULT;
  options.sizes.batch = batch;
  image_index *model = image_index_create(&options);
  static float encoding[batch * width];
  int32_t status = !model || image_index_load(model, program.file(0)) != 0;
  for (int64_t i = 0; i < gallerySize && status == 0; i += batch)
    status = image_index_forward(model, batch, gallery.item(i), encoding, keys + i * width, values + i * width);
  if (status != 0) program.fail("%s", image_index_last_error(model));
  image_index_destroy(model);
}

static int best(const float *numbers, int count) {
  int result = 0;
  for (int i = 1; i < count; ++i)
    if (numbers[i] > numbers[result]) result = i;
  return result;
}

int main(int argc, char **argv) {
  deploy::Program program(argc, argv, "WEIGHTS.safetensors GALLERY.npy INPUTS.npy");
  image_search_options options = IMAGE_SEARCH_OPTIONS_DEFAULT;
  options.sizes.batch = 1;
  image_search *model = image_search_create(&options);
  if (!model || image_search_load(model, program.file(0)) != 0) program.fail("%s", image_search_last_error(model));
  makeIndex(program);
  deploy::Array images(program, program.file(2), {1, 28, 28});
  images.normalise({pixels::mnistMean}, {pixels::mnistDeviation});
  static float attention[gallerySize], encoding[width], logits[classes];
  program.run(
      images.count,
      [&](int64_t i) {
        if (image_search_forward(model, 1, images.item(i), keys, values, attention, encoding, logits) != 0)
          program.fail("%s", image_search_last_error(model));
      },
      [&](int64_t i) {
        printf("item %lld: a %d, most like gallery item %d\n", static_cast<long long>(i), best(logits, classes),
               best(attention, gallerySize));
      });
  image_search_destroy(model);
}
