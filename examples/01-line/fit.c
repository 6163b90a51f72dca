/* Lesson 1, the program: fits the line in plain C. It includes what was generated, and links nothing else of Fovea. */
#include "line.h"

#include <stdio.h>

enum { POINTS = 32 };

static int fail(const line *model) {
  /* Every function returns 0 or an error code; the words are kept for each model. */
  fprintf(stderr, "fit: %s\n", line_last_error(model));
  return 1;
}

int main(void) {
  /* Points near y = 2 x - 1. */
  float x[POINTS], y[POINTS], height[POINTS], loss = 0, slope = 0, offset = 0;
  for (int i = 0; i < POINTS; ++i) {
    x[i] = (float)i / POINTS;
    y[i] = 2 * x[i] - 1 + (i % 2 ? 0.01f : -0.01f);
  }

  /* Options begin with their defaults. Sizes are the largest that will be used: create takes all memory that there will
   * ever be, and without it fails with a message; NULL asks for that of the last create. */
  line_options options = LINE_OPTIONS_DEFAULT;
  line *model = line_create(&options);
  if (!model) printf("as expected: %s\n", line_last_error(NULL));

  options.sizes.points = POINTS;
  options.threads = 1;
  options.seed = 7; /* of the parameters' first values */
  model = line_create(&options);
  if (!model) return fail(NULL);
  printf("%zu bytes, compiled for %s\n", line_workspace_bytes(&options.sizes, options.threads), line_target(model));

  /* A call beyond the sizes is an error, and changes nothing. */
  if (line_forward(model, POINTS + 1, x, height) != LINE_OK) printf("as expected: %s\n", line_last_error(model));

  /* Training: the learning rate is given with each step, so that a schedule is a matter of this loop. */
  for (int step = 0; step <= 200; ++step) {
    if (line_train_step(model, POINTS, x, y, 0.1f, &loss) != LINE_OK) return fail(model);
    if (step % 50 == 0) printf("step %3d: loss %.6f\n", step, loss);
  }

  /* Parameters by name, and all of them in a safetensors file, which any other tool reads. */
  if (line_get(model, "slope", &slope, sizeof slope) != LINE_OK) return fail(model);
  if (line_get(model, "offset", &offset, sizeof offset) != LINE_OK) return fail(model);
  printf("y = %.2f x + %.2f\n", slope, offset);
  if (line_save(model, "line.safetensors") != LINE_OK) return fail(model);
  line_destroy(model);

  /* Another model, perhaps in another program, takes the file. */
  options.sizes.points = 1;
  model = line_create(&options);
  if (!model || line_load(model, "line.safetensors") != LINE_OK) return fail(model);
  x[0] = 10;
  if (line_forward(model, 1, x, height) != LINE_OK) return fail(model);
  printf("at x = 10: %.1f\n", height[0]);
  if (line_load(model, "nowhere.safetensors") != LINE_OK) printf("as expected: %s\n", line_last_error(model));
  line_destroy(model);
  return 0;
}
