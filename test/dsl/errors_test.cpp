// Every mistake of an author's has a message with both facts, and names his line.
#include "Message.h"

using namespace fovea;

struct Errors : testing::Test {
  Model model{"digits"};
  Dim batch = model.symbol("batch");
  Tensor image = model.input("image", {batch, 1, 28, 28});
  Tensor label = model.input("label", {batch}, i32);
  Tensor table = model.parameter("table", {6, 4}, zeros());
};

TEST_F(Errors, TheLineIsTheCalls) {
  int line = 0;
  try {
    line = __LINE__ + 1;
    exp(label);
    FAIL() << "exp of integers was accepted";
  } catch (const Error &error) {
    EXPECT_EQ(std::string(error.what()).find(std::string(__FILE__ ":") + std::to_string(line) + ": error: exp: "), 0u)
        << error.what();
  }
}

TEST_F(Errors, BlocksAreNotes) {
  nn::Linear linear(model / "linear", 3, 5);
  try {
    linear(table);
    FAIL() << "a matrix that does not fit was accepted";
  } catch (const Error &error) {
    std::string text = error.what();
    EXPECT_EQ(text.find(std::string(__FILE__) + ":"), 0u) << text;
    EXPECT_NE(text.find("error: matmul: (6, 4) times (3, 5): the sizes summed over are 4 and 3"), text.npos) << text;
    EXPECT_NE(text.find("nn/Layers.h:"), text.npos) << text;
    EXPECT_NE(text.find(": note: from here"), text.npos) << text;
  }
}

TEST_F(Errors, Names) {
  EXPECT_ERROR(model.input("image", {1}), "input 'image': an input, output or symbol already has this name");
  EXPECT_ERROR(model.input("batch", {1}), "input 'batch': an input, output or symbol already has this name");
  EXPECT_ERROR(model.symbol("batch"), "symbol 'batch': an input, output or symbol already has this name");
  EXPECT_ERROR(model.output("label", label), "output 'label': an input, output or symbol already has this name");
  EXPECT_ERROR(model.input("2d", {1}), "input '2d': a name is letters, digits and _, and begins with no digit");
  EXPECT_ERROR(Model("a-b"), "model 'a-b': a name is letters, digits and _, and begins with no digit");
  EXPECT_ERROR(model.parameter("table", {2}, ones()),
               "parameter 'table' exists already: give each its own scope or name");
  EXPECT_ERROR(model.parameter("a b", {2}, ones()),
               "parameter 'a b': a name is letters, digits, _, - and points between its parts");
  EXPECT_ERROR(model.parameter("update", {2}, ones()),
               "parameter 'update' has the name of an entry point: give it another");
}

TEST_F(Errors, Declarations) {
  EXPECT_ERROR(Model("m", i32), "model 'm': its element type must be f32, f64, f16 or bf16");
  EXPECT_ERROR(model.input("negative", {-1, 3}), "input 'negative': shape (-1, 3): sizes must not be negative");
  EXPECT_ERROR(model.parameter("rows", {batch, 3}, ones()),
               "parameter 'rows' has shape (batch, 3): its sizes must be positive numbers");
  EXPECT_ERROR(model.text(), "model 'digits' has no output: call output(name, tensor) or train(loss, optimizer)");
}

TEST_F(Errors, Training) {
  Tensor loss = mean(table);
  EXPECT_ERROR(model.train(table, SGD{}), "train: the loss has shape (6, 4): it must be one float, such as a mean");
  EXPECT_ERROR(model.train(loss, SGD{}, {.report = {"logits"}}),
               "train: reports 'logits', which is no output: declare it before");
  EXPECT_ERROR(model.train(loss, SGD{}, {.input_gradients = {"logits"}}),
               "train: input_gradients names 'logits', which is no input: give an input's name");
  EXPECT_ERROR(
      model.train(loss, SGD{}, {.input_gradients = {"label"}}),
      "train: input 'label' is of i32, the loss of f32: there is a gradient only of inputs of the loss's type");
  EXPECT_ERROR(model.train(loss, SGD{}, {.ema = 1}), "train: ema is 1.000000: it must be at least 0 and below 1");
  EXPECT_ERROR(model.train(loss, SGD{}, {.loss_scale = 0.5}),
               "train: loss_scale is 0.500000: it must be between 1 and 2^24, or 0 for none");
  EXPECT_ERROR(model.train(loss, SGD{}, {.growth_interval = 0}), "train: growth_interval is 0: it must be at least 1");
  model.train(loss, SGD{});
  EXPECT_ERROR(model.train(loss, SGD{}), "train: 'digits' is trained already: a model has one loss");
  EXPECT_ERROR(model.output("loss", loss), "output 'loss': an input, output or symbol already has this name");
}

TEST_F(Errors, FilesAreNamed) {
  model.output("copy", table);
  EXPECT_ERROR(model.write("/no/such/folder/model.mlir"),
               "cannot write '/no/such/folder/model.mlir': is it in an existing, writable folder?");
}

TEST_F(Errors, ModelsDoNotMix) {
  Model other("other");
  Tensor theirs = other.input("x", {other.symbol("batch"), 4});
  EXPECT_ERROR(table + theirs, "tensors of the models 'digits' and 'other' meet: each model computes with its own "
                               "inputs and parameters");
  EXPECT_ERROR(reshape(theirs, {batch, 4}),
               "a size of model 'digits' is used in model 'other': each has its own symbols");
  EXPECT_ERROR(model.output("theirs", theirs), "output 'theirs' is of model 'other', not 'digits'");
  EXPECT_ERROR(exp(Tensor()), "this tensor is empty: assign it an input, a parameter or a result before it is used");
}

TEST_F(Errors, ElementTypes) {
  EXPECT_ERROR(table * label, "mul: one operand is f32, the other i32: cast one of them");
  EXPECT_ERROR(label + 0.5, "0.500000 is no i32: cast the tensor to a float, or use a whole number");
  EXPECT_ERROR(maximum(1.0, 2.0), "maximum: both operands are numbers: at least one must be a tensor");
  EXPECT_ERROR(softmax(label),
               "softmax: operand #0 must be f16, bf16, f32 or f64 tensor of up to 2^48 elements, each ? with its "
               "#fovea.dims, but got 'tensor<?xi32, #fovea.dims<[batch] -> (batch)>>'");
  EXPECT_ERROR(where(table < 0, table < 1, 2), "2.000000 is no boolean: use 0 or 1");
}

TEST_F(Errors, Shapes) {
  EXPECT_ERROR(table + image, "add: shapes (6, 4) and (batch, 1, 28, 28) do not broadcast: aligned at the last "
                              "dimension, sizes must be equal or 1");
  EXPECT_ERROR(reshape(table, {5, 5}),
               "reshape: keeps the number of elements (c1), but (6, 4) has 24 and (5, 5) has 25");
  EXPECT_ERROR(reshape(table, {5, -1}),
               "reshape: (6, 4) has 24 elements, which the known sizes of (5, -1) do not divide");
  EXPECT_ERROR(reshape(image, {15, -1}), "reshape: (batch, 1, 28, 28) has batch * 784 elements, which the known sizes "
                                         "of (15, -1) do not divide");
  EXPECT_ERROR(reshape(table, {-1, -1}), "reshape: two sizes are -1: only one can follow from the others");
  EXPECT_ERROR(reshape(table, {-2, 12}), "reshape: shape (-2, 12): sizes must not be negative");
  EXPECT_ERROR(broadcast_to(table, {6, 5}), "broadcast: cannot turn (6, 4) of 'f32' into (6, 5) of 'f32': aligned at "
                                            "the last dimension, sizes must be equal or 1 (c1)");
  EXPECT_ERROR(transpose(table, {0, 0}),
               "transpose: [0, 0] is no order of the 2 dimensions of (6, 4): name each once (c1)");
  EXPECT_ERROR(slice(table, 0, 4, 3), "slice: 3 elements from 4 in steps of 1 do not lie within the 6 of axis 0 (c2)");
  EXPECT_ERROR(concat({}, 0), "concat: there is no tensor: give at least one");
  EXPECT_ERROR(one_hot(label, -1), "one_hot: shape (batch, -1): sizes must not be negative");
}

TEST_F(Errors, Axes) {
  EXPECT_ERROR(sum(table, 2), "sum: axis 2 of (6, 4): axes go from -2 to 1");
  EXPECT_ERROR(argmax(table, 2), "argmax: axis 2 of (6, 4): axes go from -2 to 1");
  EXPECT_ERROR(sum(table, {0, -2}), "sum: an axis of (6, 4) is named twice: name each once");
  EXPECT_ERROR(table.dim(-3), "axis -3 of (6, 4): a tensor of rank 2 has none");
  EXPECT_ERROR(slice(image, 0, 0, 1), "slice: axis 0 of (batch, 1, 28, 28) has a symbolic size: only constant ones can "
                                      "be cut");
}

TEST_F(Errors, MovedElements) {
  EXPECT_ERROR(fovea::pad(table, 1, 4, 0, PadMode::reflect),
               "pad: 4 elements around the 4 of axis 1: this mode takes 0 to 3");
  EXPECT_ERROR(fovea::pad(table, 1, 2000000, 0, PadMode::edge),
               "pad: 2000000 elements around the 4 of axis 1: this mode takes 0 to 1048576");
  EXPECT_ERROR(resize(image, {2000000, 28}), "resize: needs a table of 2000000 numbers: up to 1048576 are supported");
  EXPECT_ERROR(flip(image, 0), "flip: the size of axis 0 of (batch, 1, 28, 28) must be a number");
  EXPECT_ERROR(tile(table, {2}), "tile: (6, 4) needs a number, not negative, for each dimension");
  EXPECT_ERROR(split(table, {2, 3}, 0), "split: the sizes add up to 5, but axis 0 of (6, 4) has 6");
  EXPECT_ERROR(tril(label), "tril: (batch) must have rank 2 or more");
  EXPECT_ERROR(top_k(table, 5), "top_k: 5 elements of an axis of 4: k must be from 1 to 4");
}

TEST_F(Errors, LookUps) {
  Tensor rows = model.input("rows", {3, 2}, i64), cube = model.input("cube", {6, 4, 2});
  EXPECT_ERROR(embedding(cube, label), "embedding: the table is (6, 4, 2): it must have rank 2, (rows, width)");
  EXPECT_ERROR(gather_elements(table, label, 0),
               "gather_elements: x is (6, 4) and the indices are (batch): they must have the same rank");
  EXPECT_ERROR(gather_nd(table, rows, 1), "gather_nd: the indices (3, 2) hold 2 coordinates for the 1 dimensions of "
                                          "(6, 4) after 1 of the batch: give no more");
  EXPECT_ERROR(scatter(table, label, table), "scatter: has updates (6, 4) where the indices name (batch, 4) of (6, 4): "
                                             "they must be of one type (c2)");
}

TEST_F(Errors, Einsum) {
  EXPECT_ERROR(einsum("ij", {}), "einsum: there is no tensor: give at least one");
  EXPECT_ERROR(einsum("ij,jk", {table}), "einsum: \"ij,jk\" names 2 operands, but there are 1");
  EXPECT_ERROR(einsum("ijk", {table}), "einsum: \"ijk\" names 3 dimensions of (6, 4)");
  EXPECT_ERROR(einsum("i1", {table}), "einsum: \"i1\" has the label '1': labels are letters");
  EXPECT_ERROR(einsum("ij,ji", {table, table}),
               "einsum: \"ij,ji\" has two sizes for the label 'j': they must be equal");
  EXPECT_ERROR(einsum("ii", {table}),
               "einsum: \"ii\" takes the diagonal 'i' of (6, 4): both sizes must be the same number");
  EXPECT_ERROR(einsum("ij->k", {table}), "einsum: \"ij->k\" gives the label 'k', which no operand has");
  EXPECT_ERROR(einsum("ij->ii", {table}), "einsum: \"ij->ii\" gives a label twice");
}

TEST_F(Errors, Windows) {
  Tensor weight = model.parameter("kernel", {4, 1, 3, 3}, zeros()), grid = model.input("grid", {batch, 2, 2, 3});
  EXPECT_ERROR(max_pool2d(table, {2, 2}), "max_pool2d: (6, 4) must be (n, c, h, w) with constant h and w");
  EXPECT_ERROR(unfold(image, {{2}, {30}}),
               "unfold: a window of 30 with dilation 1 does not fit into axis 2 of (batch, 1, 28, 28) (c4)");
  EXPECT_ERROR(lse_pool2d(image, {2, 2}, -1), "lse_pool2d: r is -1.000000: it must be positive");
  EXPECT_ERROR(lse_pool2d(image, {2, 2}, 1, {std::nullopt, {1, 1}}),
               "lse_pool2d: padding is not supported: pad x with a value of your choice");
  EXPECT_ERROR(adaptive_max_pool2d(image, {0, 2}), "adaptive_max_pool2d: a result of 0 by 2: both must be at least 1");
  EXPECT_ERROR(conv_transpose2d(image, weight), "conv_transpose2d: x (batch, 1, 28, 28) and weight (4, 1, 3, 3): x's "
                                                "channels, dimension 1, must be the weight's first size");
  EXPECT_ERROR(conv_transpose2d(table, weight), "conv_transpose2d: x (6, 4) and weight (4, 1, 3, 3): they must be (n, "
                                                "c, h, w) and (c, o / groups, kh, kw), constant but for n");
  EXPECT_ERROR(conv_transpose2d(conv2d(image, weight), weight, {.output_padding = {1, 0}}),
               "conv_transpose2d: output_padding 1 with stride 1 and dilation 1: it must be less than one of them");
  EXPECT_ERROR(conv1d(table, weight), "conv1d: (6, 4) must have rank 3: (n, c, w), and (o, c, k) of a weight");
  EXPECT_ERROR(resize(image, {0, 3}), "resize: a size of 0 by 3: both must be at least 1");
  EXPECT_ERROR(resize(table, {2, 3}), "resize: (6, 4) must be (n, c, h, w) with constant h and w");
  EXPECT_ERROR(resample(table, 0, {{{6, 1}}}), "resample: place 6 is outside axis 0 of (6, 4)");
  EXPECT_ERROR(resample(table, 0, {}), "resample: the result has no element: give the taps of at least one");
  EXPECT_ERROR(grid_sample(image, grid), "grid_sample: the grid is (batch, 2, 2, 3): it must be (n, h', w', 2), with "
                                         "the n of (batch, 1, 28, 28)");
  EXPECT_ERROR(grid_sample(table, grid), "grid_sample: (6, 4) must be (n, c, h, w) with constant h and w");
  EXPECT_ERROR(grid_sample(image, slice(grid, 3, 0, 2), {Interpolation::bicubic}),
               "grid_sample: bicubic is not there: use bilinear or nearest");
}

TEST_F(Errors, Sizes) {
  EXPECT_ERROR(batch / 0, "a size is divided: the divisor must be a positive number");
  EXPECT_ERROR(4 / batch, "a size is divided: the divisor must be a positive number");
}

TEST_F(Errors, Losses) {
  EXPECT_ERROR(cross_entropy(table, label),
               "cross_entropy: scores (6, 4) of f32 and labels (batch) of i32: they must be floats (.., classes), with "
               "a constant number of classes, and i32 or i64 (..) or floats like the scores");
  EXPECT_ERROR(cross_entropy(table, cast(table, f64)),
               "cross_entropy: scores (6, 4) of f32 and labels (6, 4) of f64: they must be floats (.., classes), with "
               "a constant number of classes, and i32 or i64 (..) or floats like the scores");
  EXPECT_ERROR(nll_loss(table, table),
               "nll_loss: scores (6, 4) of f32 and labels (6, 4) of f32: they must be floats (.., classes), with a "
               "constant number of classes, and i32 or i64 (..)");
  EXPECT_ERROR(nll_loss(transpose(table, {1, 0}), label, {}),
               "nll_loss: scores (4, 6) of f32 and labels (batch) of i32: they must be floats (.., classes), with a "
               "constant number of classes, and i32 or i64 (..)");
  Tensor six = model.input("six", {6}, i32), row = model.parameter("row", {6}, ones());
  EXPECT_ERROR(cross_entropy(table, six, {.weight = row}),
               "cross_entropy: the weight is (6) of f32: it must be (4) of f32, a number for each class");
  EXPECT_ERROR(cross_entropy(table, six, {.label_smoothing = 1.5}),
               "cross_entropy: label_smoothing is 1.500000: it must be between 0 and 1");
  EXPECT_ERROR(cross_entropy(table, table, {.ignore_index = 3}),
               "cross_entropy: ignore_index is 3, yet the targets are floats: give integer labels, or targets of 0");
  EXPECT_ERROR(mse_loss(table, row),
               "mse_loss: x (6, 4) of f32 and target (6) of f32: they must have one shape and one floating-point type");
  EXPECT_ERROR(mse_loss(label, label), "mse_loss: x (batch) of i32 and target (batch) of i32: they must have one shape "
                                       "and one floating-point type");
  EXPECT_ERROR(smooth_l1_loss(table, table, 0), "smooth_l1_loss: beta is 0.000000: it must be positive");
  EXPECT_ERROR(huber_loss(table, table, -1), "huber_loss: delta is -1.000000: it must be positive");
  EXPECT_ERROR(
      binary_cross_entropy(table, row),
      "binary_cross_entropy: probability (6, 4) of f32 and target (6) of f32: they must have one shape and one "
      "floating-point type");
  EXPECT_ERROR(
      binary_cross_entropy_with_logits(row, row, {.pos_weight = model.parameter("weights", {2, 6}, ones())}),
      "binary_cross_entropy_with_logits: pos_weight (2, 6) of f32 does not broadcast to the logits, (6) of f32");
  EXPECT_ERROR(focal_loss(table, table, {.gamma = -1}), "focal_loss: gamma is -1.000000: it must be at least 0");
  EXPECT_ERROR(dice_loss(row, row), "dice_loss: probability is (6) of f32: it must be (items, ..)");
  EXPECT_ERROR(dice_loss(table, table, {.smooth = -1}), "dice_loss: smooth is -1.000000: it must be at least 0");
  EXPECT_ERROR(triplet_margin_loss(table, table, row),
               "triplet_margin_loss: anchor (6, 4) of f32 and negative (6) of f32: they must have one shape and one "
               "floating-point type");
  EXPECT_ERROR(triplet_margin_loss(sum(row), sum(row), sum(row)),
               "triplet_margin_loss: anchor is one number: it must be (.., width)");
  EXPECT_ERROR(kl_div(sum(row), sum(row)), "kl_div: log_probability is one number: it must be (.., classes)");
}

TEST_F(Errors, RandomNumbers) {
  Tensor key = model.input("key", {2}, i32), seed = model.input("seed", {}, i64);
  EXPECT_ERROR(random_uniform(label, {3}), "random_uniform: takes a key of two i32 (c1), not (batch) of 'i32'");
  EXPECT_ERROR(random_normal(key, {-1}), "random_normal: shape (-1): sizes must not be negative");
  EXPECT_ERROR(random_keys(seed, label, 2),
               "random_keys: makes (n, 2) i32 from a seed and a counter, both i64 of rank 0 (c1)");
  EXPECT_ERROR(random_bernoulli(key, label), "random_bernoulli: probability is of i32: it must be of f32 or f64");
  EXPECT_ERROR(random_categorical(key, sum(table)),
               "random_categorical: logits are () of f32: they must be (.., classes) of f32 or f64");
}

TEST_F(Errors, Layers) {
  EXPECT_ERROR(nn::MultiHeadAttention(model / "wide", 320, 12), "attention: 12 heads do not divide 320 channels");
  EXPECT_ERROR(nn::MultiHeadAttention(model / "grouped", 8, 4, {.kv_heads = 3}),
               "attention: 3 heads of keys and values do not divide 4 heads");
  EXPECT_ERROR(nn::PatchEmbedding(model / "patches", {.patch = 5, .width = 8})(image),
               "patches: a side of 28 pixels is no multiple of the patch, 5");
  EXPECT_ERROR(norm(table, 0), "norm: p is 0.000000: it must be positive");
  EXPECT_ERROR(cumsum(transpose(image, {1, 2, 3, 0}), -1),
               "cumsum: needs a last dimension of constant size, but works on (1, 28, 28, batch) (c1)");
  EXPECT_ERROR(rms_norm(table, table),
               "rms_norm: x (6, 4) and scale (6, 4): scale must be a vector of x's last, constant size (c1)");
  Tensor four = model.parameter("four", {4}, ones());
  EXPECT_ERROR(group_norm(table, 3, four, four), "group_norm: 3 groups do not divide 4 channels");
  EXPECT_ERROR(group_norm(four, 2, four, four),
               "group_norm: x is (4): it must be floats (items, channels, ..), with all sizes "
               "but the first constant");
  Tensor running = model.parameter("running", {4}, zeros(), {.frozen = true}),
         six = model.parameter("six", {6}, ones(), {.frozen = true});
  std::string frozen = " must be a parameter of the scale's shape, (4), declared with .frozen = true";
  EXPECT_ERROR(batch_norm(table, four, four, running + 0, running), "batch_norm: the running mean" + frozen);
  EXPECT_ERROR(batch_norm(table, four, four, running, four), "batch_norm: the running variance" + frozen);
  EXPECT_ERROR(batch_norm(table, four, four, six, running), "batch_norm: the running mean" + frozen);
  EXPECT_ERROR(batch_norm(image, four, four, running, running),
               "batch_norm: x (batch, 1, 28, 28), scale (4) and bias (4): scale and bias must be vectors of the "
               "constant size of x's "
               "dimension 1 (c1)");
  EXPECT_ERROR(dropout(table, 1.5), "dropout: has rate 1.500000e+00: it must be at least 0 and below 1 (c1)");
  Tensor q = model.input("q", {batch, 2, 9, 4}), k = model.input("k", {batch, 2, model.symbol("keys"), 4});
  EXPECT_ERROR(attention(q, k, k, {.causal = true}),
               "attention: a window over keys keys and 9 queries: their difference must be a number, since positions "
               "are aligned at the end");
  EXPECT_ERROR(attention(q, q, q, {.causal = true, .window_right = 3}),
               "attention: causal, yet a window of 3 keys to the right: drop one of the two");
}
