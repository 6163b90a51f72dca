/* Two compiled models in one C99 program: one is trained on two threads, the other reads what it learnt. */
#include "linear.h"
#include "other.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 64, PIXELS = 784, CLASSES = 10 };

static float images[BATCH * PIXELS], logits[BATCH * CLASSES], others[BATCH * CLASSES];
static int32_t labels[BATCH];

/* In [-0.5, 0.5). */
static float noise(void) {
  static uint32_t state = 1;
  state = state * 1664525u + 1013904223u;
  return (float)(state >> 8) / 16777216 - 0.5f;
}

static void count_launch(void *context, const char *kernel, double seconds) {
  if (kernel[0] && seconds >= 0) ++*(int *)context;
}

static int fail(const char *what, const char *message) {
  fprintf(stderr, "%s: %s\n", what, message);
  return 1;
}

static int train(linear *model) {
  float first = 0, loss = 0;
  int step;
  for (step = 0; step < 30; ++step) {
    if (linear_train_step(model, BATCH, images, labels, 0.1f, &loss))
      return fail("train_step", linear_last_error(model));
    if (step == 0) first = loss;
  }
  return loss < first / 10 ? 0 : fail("train_step", "the loss does not fall");
}

static int compare(linear *model, other *reader) {
  int batch, i;
  if (linear_save(model, "linear.safetensors")) return fail("save", linear_last_error(model));
  if (other_load(reader, "linear.safetensors")) return fail("load", other_last_error(reader));
  for (batch = 1; batch <= BATCH; batch += 21) {
    if (linear_forward(model, batch, images, logits)) return fail("forward", linear_last_error(model));
    if (other_forward(reader, batch, images, others)) return fail("forward", other_last_error(reader));
    for (i = 0; i < batch * CLASSES; ++i)
      if (!(fabsf(logits[i] - others[i]) < 1e-4f)) return fail("forward", "the models differ");
  }
  return 0;
}

static int refuse(linear *model) {
  if (linear_forward(model, BATCH + 1, images, logits) != LINEAR_INVALID_ARGUMENT)
    return fail("forward", "takes too large a batch");
  if (!strstr(linear_last_error(model), "batch 65 is beyond the 64"))
    return fail("last_error", linear_last_error(model));
  return linear_forward(model, 1, NULL, logits) == LINEAR_INVALID_ARGUMENT ? 0 : fail("forward", "takes no image");
}

int main(void) {
  linear_options options = LINEAR_OPTIONS_DEFAULT;
  other_options plain = OTHER_OPTIONS_DEFAULT;
  int launches = 0, status, i;
  int64_t steps = 0;
  linear *model;
  other *reader;
  for (i = 0; i < BATCH * PIXELS; ++i) images[i] = noise();
  for (i = 0; i < BATCH; ++i) labels[i] = i % CLASSES;
  options.threads = 2;
  options.sizes.batch = plain.sizes.batch = BATCH;
  options.profile = count_launch;
  options.profile_context = &launches;
  plain.target = "x86-64";
  model = linear_create(&options);
  reader = other_create(&plain);
  if (!model) return fail("create", linear_last_error(NULL));
  if (!reader) return fail("create", other_last_error(NULL));
  status = train(model) || compare(model, reader) || refuse(model);
  if (!status && linear_get(model, "step", &steps, sizeof steps)) status = fail("get", linear_last_error(model));
  if (!status && (steps != 30 || launches == 0)) status = fail("get", "the steps or launches are not counted");
  if (!status && strcmp(other_target(reader), "x86-64") != 0) status = fail("target", other_target(reader));
  linear_destroy(model);
  other_destroy(reader);
  return status;
}
