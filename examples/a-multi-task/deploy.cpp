// Both tasks by the exported model, and where each looks: multi_task.safetensors and inputs.npy, bytes (count, 1, 28,
// 28), as training leaves them.
#include "multi_task.h"

#include "common/Deploy.h"
#include "common/Pixels.h"

enum { heads = 16, tasks = 2, tokens = 49, side = 7 };

// The token that a task looks at the most, over all heads.
static int place(const float *looks, int task) {
  float sums[tokens] = {};
  for (int head = 0; head < heads; ++head)
    for (int token = 0; token < tokens; ++token) sums[token] += looks[(head * tasks + task) * tokens + token];
  return deploy::largest(sums, tokens);
}

int main(int argc, char **argv) {
  const deploy::Program program(argc, argv);
  multi_task_options options = MULTI_TASK_OPTIONS_DEFAULT;
  options.sizes.batch = 1;
  multi_task *model = multi_task_create(&options);
  if (!model || multi_task_load(model, program.file(0)) != 0) program.fail("%s", multi_task_last_error(model));
  deploy::Array images(program, program.file(1), {1, 28, 28});
  images.normalise({pixels::mnistMean}, {pixels::mnistDeviation});

  float digit[10], ink[4], looks[heads * tasks * tokens];
  program.run(
      images.count,
      [&](int64_t i) {
        if (multi_task_forward(model, 1, images.item(i), digit, ink, looks) != 0)
          program.fail("%s", multi_task_last_error(model));
      },
      [&](int64_t i) {
        const int first = place(looks, 0), second = place(looks, 1);
        printf("item %d: digit %d, ink %d of 4, looks for the digit at row %d, column %d, for the ink at row %d, "
               "column %d\n",
               static_cast<int>(i), deploy::largest(digit, 10), deploy::largest(ink, 4) + 1, first / side, first % side,
               second / side, second % side);
      });
  multi_task_destroy(model);
}
