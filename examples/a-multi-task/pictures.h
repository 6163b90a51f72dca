// What the two tasks find in digits, and what they look at.
#pragma once

#include "ink.h"

#include "training/Picture.h"

#include <optional>

namespace multi_task {

struct Prediction {
  int64_t digit, ink;       // ink 0 to 3
  std::vector<float> looks; // (heads, tasks, tokens), or nothing where there is no attention
};

/// What a task looks at, by the mean over heads, or by one of them.
fovea::training::Map mapOf(const Prediction &prediction, int64_t task, std::optional<int64_t> head = {});

/// The maps of both tasks over the same digits, a row for each class; only the digits where there is no attention.
fovea::training::Picture pictureOfTasks(const fovea::training::LabelledImages &images,
                                        const std::vector<Prediction> &predictions, const Ink &ink);

/// The maps of every head, two rows for each digit: one for each task.
fovea::training::Picture pictureOfHeads(const fovea::training::LabelledImages &images,
                                        const std::vector<Prediction> &predictions);

} // namespace multi_task
