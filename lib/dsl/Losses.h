// Losses: what training minimises. Inputs and targets have equal shapes unless a line says otherwise, and one floating-
// point type, that of the result; numbers of f16 and bf16 are best cast to f32 before a loss. Gradients pass to targets
// too. Every function throws Error, with the line of the call, where shapes, element types or options do not fit.
#pragma once

#include <fovea/Functions.h>

namespace fovea {

/// What becomes of the losses of elements, rows or items: their mean, their sum, or themselves.
enum class Reduction { mean, sum, none };

struct CrossEntropyOptions {
  double label_smoothing = 0;               // the part of each target that is spread evenly over the classes
  std::optional<Tensor> weight = {};        // (classes): what a loss of each class counts
  std::optional<int64_t> ignore_index = {}; // rows of this label, whatever it is, count for nothing
  Reduction reduction = Reduction::mean;
};
/// -sum_c weight_c target_c log softmax(logits)_c for each row, (..), of logits (.., classes). `label` is either
/// integers (..), each standing for a target of 1 at its class, or the targets themselves (.., classes), such as
/// probabilities. Smoothed by e, a target is (1 - e) target + e / classes (Szegedy et al. 2016, "Rethinking the
/// Inception Architecture"). The mean of rows with integer labels is weighted by the weights of their labels; it is NaN
/// where every row is ignored. A label that is neither a class nor ignored gives NaN.
Tensor cross_entropy(Located logits, Located label, const CrossEntropyOptions &options = {});

struct NllOptions {
  std::optional<Tensor> weight = {}; // as those of cross_entropy
  std::optional<int64_t> ignore_index = {};
  Reduction reduction = Reduction::mean;
};
/// -weight_label log_probability_label for each row, (..), of log-probabilities (.., classes) and integer labels (..):
/// cross_entropy behind a log_softmax.
Tensor nll_loss(Located log_probability, Located label, const NllOptions &options = {});

/// -(t log p + (1 - t) log(1 - p)) for each element; logarithms are at least -100, and have no gradient there.
Tensor binary_cross_entropy(Located probability, Located target, Reduction reduction = Reduction::mean);

struct BinaryCrossEntropyOptions {
  std::optional<Tensor> pos_weight = {}; // what the first term counts; broadcasts to the logits
  Reduction reduction = Reduction::mean;
};
/// -(pos_weight t log s + (1 - t) log(1 - s)) with s = sigmoid(logits), to the last digits at both ends.
Tensor binary_cross_entropy_with_logits(Located logits, Located target, const BinaryCrossEntropyOptions &options = {});

/// (x - t)^2 for each element.
Tensor mse_loss(Located x, Located target, Reduction reduction = Reduction::mean);
/// (x - t)^2 / (2 beta) where |x - t| < beta, else |x - t| - beta / 2, for beta > 0 (Girshick 2015, "Fast R-CNN").
Tensor smooth_l1_loss(Located x, Located target, double beta = 1, Reduction reduction = Reduction::mean);
/// delta smooth_l1_loss with beta = delta (Huber 1964, "Robust Estimation of a Location Parameter").
Tensor huber_loss(Located x, Located target, double delta = 1, Reduction reduction = Reduction::mean);

struct FocalOptions {
  double gamma = 2;                   // at least 0; 0 gives cross entropy
  std::optional<double> alpha = 0.25; // what targets of 1 count, those of 0 counting 1 - alpha; none: all count 1
  Reduction reduction = Reduction::mean;
};
/// -alpha_t (1 - p_t)^gamma log p_t for targets of 0 or 1, where p_t = sigmoid(logits) for a target of 1, else
/// 1 - sigmoid(logits) (Lin et al. 2017, "Focal Loss for Dense Object Detection").
Tensor focal_loss(Located logits, Located target, const FocalOptions &options = {});

struct AttentionLossOptions {
  double gamma = 2;                // at least 0
  std::optional<Tensor> mask = {}; // booleans of the losses' shape: those that count, such as where a map exceeds a
                                   // threshold; by default all
  double ignore_threshold = 0;     // a loss that is not above it counts for nothing
};
/// The focal loss of the positions of a map, by their cross-entropies x (.., h, w), which are not negative: the mean of
/// (1 - e^-x)^gamma x over those that the mask holds, divided by h w / 16 (after Lin et al. 2017, "Focal Loss for Dense
/// Object Detection"). To be added to a loss of classes, times a weight. It is 0, without a gradient, where it is
/// infinite, not above the threshold, or the mask holds nothing.
Tensor attention_loss(Located cross_entropy, const AttentionLossOptions &options = {});

struct DiceOptions {
  double smooth = 1; // at least 0
  Reduction reduction = Reduction::mean;
};
/// 1 - (2 sum p t + smooth) / (sum p + sum t + smooth) for each item, (items), of p and t (items, ..) (Milletari et al.
/// 2016, "V-Net"; without squares below as in Sudre et al. 2017, "Generalised Dice Overlap").
Tensor dice_loss(Located probability, Located target, const DiceOptions &options = {});

struct TripletOptions {
  double margin = 1;
  Reduction reduction = Reduction::mean;
};
/// max(|anchor - positive| - |anchor - negative| + margin, 0) for each row, (..), of tensors (.., width); |x| is the
/// euclidean norm, whose gradient at 0 is 0 (Balntas et al. 2016, "Learning Local Feature Descriptors with Triplets").
Tensor triplet_margin_loss(Located anchor, Located positive, Located negative, const TripletOptions &options = {});

/// sum_c t_c (log t_c - log_probability_c) for each row, (..), of tensors (.., classes); 0 for t_c = 0 (Kullback and
/// Leibler 1951, "On Information and Sufficiency").
Tensor kl_div(Located log_probability, Located target, Reduction reduction = Reduction::mean);

} // namespace fovea
