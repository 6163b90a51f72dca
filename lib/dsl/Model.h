// A model: its symbols, inputs, parameters, outputs and training.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <fovea/Tensor.h>

namespace fovea {

/// How a parameter starts: `constant` a, `normal` or `truncated_normal` (mean a, deviation b), or `uniform` in [a, b).
struct Initializer {
  const char *kind;
  double a, b;
};
Initializer zeros();
Initializer ones();
Initializer constant(double value);
Initializer normal(double deviation, double mean = 0);
/// Redrawn outside two deviations.
Initializer truncated_normal(double deviation, double mean = 0);
Initializer uniform(double low, double high);
/// Within sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010).
Initializer xavier_uniform(double inputs, double outputs);
/// Within sqrt(6 / inputs), for layers before a relu (He et al. 2015).
Initializer kaiming_uniform(double inputs);
/// Within 1 / sqrt(inputs): how PyTorch's linear and convolutional layers start, their biases too.
Initializer pytorch_uniform(double inputs);

struct ParameterOptions {
  std::optional<bool> decay = {}; // whether weight decay reaches it; by default if its rank is at least 2
  bool frozen = false;            // not trained
  double rate = 1;                // multiplies the learning rate
};

/// Stochastic gradient descent; with momentum m, v = m v + g and p -= rate v, or rate (g + m v) if `nesterov`
/// (Sutskever et al. 2013). Weight decay is added to the gradient.
struct SGD {
  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;
};
/// The mean gradient over its root mean square: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2 and
/// p -= rate m' / (sqrt v' + epsilon), with m' = m / (1 - beta1^step) and v' alike (Kingma and Ba 2015, "Adam"). Weight
/// decay is added to the gradient.
struct Adam {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0;
};
/// Adam with weight decay apart from the gradient: p -= rate (m' / (sqrt v' + epsilon) + weight_decay p)
/// (Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization").
struct AdamW {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.01;
};
/// s += g^2 and p -= rate g / (sqrt s + epsilon) (Duchi et al. 2011, "Adaptive Subgradient Methods"). Weight decay is
/// added to the gradient.
struct Adagrad {
  double epsilon = 1e-10, weight_decay = 0;
};
/// AdamW's step u, scaled to the parameter's length, for large batches: p -= rate (|p| / |u|) u, or rate u where |p| or
/// |u| is 0 (You et al. 2020, "Large Batch Optimization for Deep Learning", algorithm 2).
struct LAMB {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-6, weight_decay = 0.01;
};
struct Optimizer {
  std::string kind;
  std::vector<std::pair<std::string, double>> constants;
  Optimizer(const SGD &sgd);
  Optimizer(const Adam &adam);
  Optimizer(const AdamW &adamw);
  Optimizer(const Adagrad &adagrad);
  Optimizer(const LAMB &lamb);
};

/// With `ema`, below 1, the state `ema/NAME` is the moving average of each trained parameter: after step t that of the
/// values p_1 .. p_t it had after these steps, weighted by ema^(t-1) .. 1 (Polyak and Juditsky 1992; the weights as in
/// Kingma and Ba 2015, section 7.2). `save_average` writes a file of parameters with the averages as their values.
///
/// With `loss_scale`, gradients are those of the loss times the state `loss_scale`, so that they are not too small for
/// f16, and an update divides them by it. Where one is infinite or NaN, the update leaves parameters, optimizer state
/// and step as they are, and halves the scale; after `growth_interval` other updates in a row the scale is doubled. It
/// stays between 1 and 2^24 (Micikevicius et al. 2018, "Mixed Precision Training"). `gradient/NAME` holds scaled
/// gradients; the norm that is clipped and `input_gradients` are without the scale.
struct TrainOptions {
  double clip_norm = 0;                          // gradients are scaled down to this global norm; 0 leaves them
  double ema = 0;                                // decay of the parameters' moving averages; 0 keeps none
  double loss_scale = 0;                         // the first one, of 1 to 2^24; 0 leaves the loss as it is
  int64_t growth_interval = 2000;                // updates after which the loss scale is doubled
  std::vector<std::string> report = {};          // outputs that a training step gives as well
  std::vector<std::string> input_gradients = {}; // inputs NAME whose gradient it gives as well, as output gradient_NAME
};

/// A component of a parameter's name, a word or an index, and the line it was written on.
struct Name {
  std::string text;
  Site site;
  Name(const char *text, Site site = Site::here()) : text(text), site(site) {}
  Name(const std::string &text, Site site = Site::here()) : text(text), site(site) {}
  template <typename Index, typename = std::enable_if_t<std::is_integral_v<Index>>>
  Name(Index index, Site site = Site::here()) : text(std::to_string(index)), site(site) {}
};

class Model;

/// A place for parameters: `digits / "blocks" / 0` holds `blocks.0.weight` and so on.
class Scope {
public:
  Scope(const Model &model);
  /// A trained tensor of the model's element type and constant sizes.
  Tensor parameter(const Name &name, const Shape &shape, const Initializer &initializer,
                   const ParameterOptions &options = {}) const;
  friend Scope operator/(const Scope &scope, const Name &name);
  /// Throws Error with this scope's lines: for blocks whose sizes do not fit.
  [[noreturn]] void fail(const std::string &message) const;

private:
  dsl::Program *program;
  std::string path; // "" or "blocks.0."
  std::vector<Site> trail;
};
Scope operator/(const Scope &scope, const Name &name);

/// A handle: copies are the same model. Names of symbols, inputs and outputs become C identifiers and are all
/// different.
class Model {
public:
  /// `dtype`, f32 or f64, is that of parameters and, unless they say otherwise, inputs. With f16 or bf16 these are of
  /// f32, and parameters are cast where they are used; cast inputs, and the logits before a loss.
  explicit Model(const std::string &name, DType dtype = f32, Site site = Site::here());
  const std::string &name() const;

  /// A size given at run time, at least 1.
  Dim symbol(const std::string &name, Site site = Site::here());
  Tensor input(const std::string &name, const Shape &shape, std::optional<DType> dtype = std::nullopt,
               Site site = Site::here());
  Tensor parameter(const Name &name, const Shape &shape, const Initializer &initializer,
                   const ParameterOptions &options = {}) const {
    return Scope(*this).parameter(name, shape, initializer, options);
  }
  void output(const std::string &name, Located tensor);
  /// Minimises `loss`, of rank 0; it becomes an output, `loss`, of training. At most once.
  void train(Located loss, const Optimizer &optimizer, const TrainOptions &options = {});

  /// How many numbers are trained: the elements of all parameters that are not frozen.
  int64_t trained_parameters() const;
  /// The program in MLIR's text form, with locations. Throws Error, at the model's own line, if it has no output.
  std::string text() const;
  /// Writes text() to a file, or to standard output for "-".
  void write(const std::string &path) const;

  /// For the library.
  dsl::Program &program() const { return *implementation; }

private:
  std::shared_ptr<dsl::Program> implementation;
};

/// What the library's blocks open with: while it lives, the tensor's line, that of the author's call, comes first in
/// the location of every op and in every message.
class Frame {
public:
  explicit Frame(const Located &x);
  ~Frame();
  Frame(const Frame &) = delete;
  /// Throws Error with the author's line: for tensors that do not fit a block.
  [[noreturn]] void fail(const std::string &message) const;

private:
  dsl::Program *program;
};

} // namespace fovea

/// Every model of a file: written by its author, called by the main program that the file is linked with.
std::vector<fovea::Model> define();
