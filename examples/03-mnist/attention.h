// Where the trained model looks: a picture of its attention over some digits.
#ifndef FOVEA_EXAMPLES_MNIST_ATTENTION_H
#define FOVEA_EXAMPLES_MNIST_ATTENTION_H

#include "training/Loader.h"
#include "training/Picture.h"

// What the model says about one digit.
struct Prediction {
  int64_t label;
  double probability;
};

// Loads the weights into the model that returns its attention (digits_attention.h) and draws a row for each digit: the
// digit with the predicted class, the attention that each patch receives in every layer (mean over heads and queries),
// the same for every head of the last layer, the rollout over all layers, and the entropy of what each patch looks at
// in the last layer (mean over heads), from 0 (black) to that of all patches alike (bright). The batch holds the
// normalised digits, in order.
fovea::training::Picture pictureOfAttention(const std::filesystem::path &weights,
                                            const fovea::training::LabelledImages &digits,
                                            const fovea::training::Batch &batch,
                                            const std::vector<Prediction> &predictions);

#endif
