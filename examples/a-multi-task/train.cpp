// Trains system A, two tasks from one image, and shows what each task looks at.
#include "model.h"
#include "pictures.h"

#include "common/Files.h"
#include "common/Pixels.h"
#include "common/System.h"
#include "common/Tally.h"

namespace multi_task {
namespace {

using namespace systems;
namespace fs = std::filesystem;

struct Settings {
  const CommonOptions &common;
  std::string variant = "attention", schedule = "better";
};

const std::map<std::string, Options> variants{{"attention", {}},
                                              {"mean", {.attention = false}},
                                              {"attention+features", {.features = true}},
                                              {"mean+features", {.attention = false, .features = true}}};

Options optionsOf(const Settings &settings) {
  Options options = variants.at(settings.variant);
  options.article = settings.schedule == "article";
  return options;
}

/// Of MNIST, 55,000 images to train with, 5,000 to validate and 10,000 to test; of others the same shares.
struct Data {
  std::string name;
  LabelledImages train, validation, test;
  std::optional<Ink> ink;

  explicit Data(const CommonOptions &options) {
    DataSet all = digitsOf(options, name);
    if (options.quick) all = {all.classes, firstOf(all.train, 2400), firstOf(all.test, 500)};
    const int64_t learned = all.train.count * 11 / 12;
    train = sliceOf(all.train, 0, learned);
    validation = sliceOf(all.train, learned, all.train.count - learned);
    test = std::move(all.test);
    ink.emplace(train);
    std::printf("%lld images to learn from, %lld to validate, %lld to test with\n", static_cast<long long>(train.count),
                static_cast<long long>(validation.count), static_cast<long long>(test.count));
  }
};

struct Results {
  Tally digit{digits}, ink{quartiles};
  int64_t bothRight = 0;
  double both() const {
    return 100 * static_cast<double>(bothRight) / static_cast<double>(std::max<int64_t>(1, digit.confusion.total()));
  }
};

class MultiTask {
public:
  MultiTask(const Settings &settings, const Data &data)
      : common(settings.common), options(optionsOf(settings)), data(data), program(compiled(make(options), common)),
        loader(data.train, loading(true)), digitLogits(static_cast<size_t>(common.batch * digits)),
        inkLogits(static_cast<size_t>(common.batch * quartiles)),
        looks(static_cast<size_t>(common.batch * heads * tasks * tokens)) {}

  Training training() {
    Training training = trainingOf(program, common, data.train.count);
    const int64_t steps = common.epochs * loader.batchesPerEpoch(), warmup = steps / 20;
    if (!options.article)
      training.rate = warmedUp(warmup, cosineSchedule(common.rate, common.rate / 100, steps - warmup));
    training.losses = {"loss", "training digit accuracy", "training ink accuracy"};
    training.metrics = {"validation loss", "validation digit accuracy", "validation ink accuracy",
                        "test digit accuracy", "test ink accuracy"};
    training.step = [&](int64_t step, double rate) { return train(step, rate); };
    training.test = [&](int64_t) {
      const Results validation = evaluate(data.validation), test = evaluate(data.test);
      return Tested{{validation.digit.loss() + validation.ink.loss(), validation.digit.accuracy(),
                     validation.ink.accuracy(), test.digit.accuracy(), test.ink.accuracy()}};
    };
    return training;
  }

  Results evaluate(const LabelledImages &images) {
    Results results;
    forward(images, [&](const Batch &batch) { count(results, batch, inkOf(batch)); });
    return results;
  }

  std::vector<Prediction> predict(const LabelledImages &images) {
    std::vector<Prediction> all;
    constexpr int64_t size = heads * tasks * tokens;
    forward(images, [&](const Batch &batch) {
      for (int64_t i = 0; i < batch.size; ++i) {
        all.push_back(
            {argmax(digitLogits.data() + i * digits, digits), argmax(inkLogits.data() + i * quartiles, quartiles), {}});
        if (options.attention) all.back().looks.assign(looks.data() + i * size, looks.data() + (i + 1) * size);
      }
    });
    return all;
  }

  void save(const fs::path &weights) { program.save(weights); }
  bool attends() const { return options.attention; }
  int64_t parameters() const { return make(options).trained_parameters(); }

private:
  // With the better schedule, digits are shifted by up to two pixels.
  LoaderOptions loading(bool training) const {
    return {common.batch,
            common.seed,
            training,
            {pixels::mnistMean},
            {pixels::mnistDeviation},
            {.padding = training && !options.article ? 2 : 0}};
  }

  std::vector<int32_t> inkOf(const Batch &batch) const {
    return data.ink->quartiles(batch.image.data(), batch.size, side * side);
  }

  // The logits at hand are those of the batch.
  void count(Results &results, const Batch &batch, const std::vector<int32_t> &ink) const {
    results.digit.add(digitLogits.data(), batch.label, batch.size);
    results.ink.add(inkLogits.data(), ink, batch.size);
    for (int64_t i = 0; i < batch.size; ++i)
      results.bothRight += argmax(digitLogits.data() + i * digits, digits) == batch.label[static_cast<size_t>(i)] &&
                           argmax(inkLogits.data() + i * quartiles, quartiles) == ink[static_cast<size_t>(i)];
  }

  std::vector<double> train(int64_t step, double rate) {
    const Batch &batch = loader.at(step);
    const std::vector<int32_t> ink = inkOf(batch);
    float loss = 0;
    program.train_step(batch.size, batch.image, batch.label, ink, rate, &loss, digitLogits, inkLogits);
    Results results;
    count(results, batch, ink);
    return {loss, results.digit.accuracy(), results.ink.accuracy()};
  }

  template <typename Function> void forward(const LabelledImages &images, Function after) {
    Loader all(images, loading(false));
    for (int64_t step = 0; step < all.batchesPerEpoch(); ++step) {
      const Batch &batch = all.at(step);
      if (options.attention)
        program.forward(batch.size, batch.image, digitLogits, inkLogits, looks);
      else
        program.forward(batch.size, batch.image, digitLogits, inkLogits);
      after(batch);
    }
  }

  const CommonOptions &common;
  const Options options;
  const Data &data;
  fovea::Program program;
  Loader loader;
  std::vector<float> digitLogits, inkLogits, looks; // of the last batch
};

// How often the ink's quartile would be right if it were guessed from the true digit alone.
double inkFromDigit(const Data &data) {
  std::array<std::array<int64_t, quartiles>, digits> counts{};
  for (int64_t i = 0; i < data.train.count; ++i)
    ++counts[static_cast<size_t>(data.train.labels[static_cast<size_t>(i)])]
            [static_cast<size_t>(data.ink->quartile(data.train, i))];
  int64_t right = 0;
  for (int64_t i = 0; i < data.test.count; ++i) {
    const auto &row = counts[static_cast<size_t>(data.test.labels[static_cast<size_t>(i)])];
    right += std::max_element(row.begin(), row.end()) - row.begin() == data.ink->quartile(data.test, i);
  }
  return 100 * static_cast<double>(right) / static_cast<double>(data.test.count);
}

// A few images, and what the deployed program must say of them.
void writeInputs(MultiTask &model, const LabelledImages &test, const fs::path &folder) {
  const LabelledImages images = firstOf(test, 16);
  writeImages(folder / "inputs.npy", images);
  std::string lines;
  for (const Prediction &prediction : model.predict(images)) {
    lines += "item " + std::to_string(std::count(lines.begin(), lines.end(), '\n')) + ": digit " +
             std::to_string(prediction.digit) + ", ink " + std::to_string(prediction.ink + 1) + " of 4";
    for (int64_t task = 0; task < tasks && model.attends(); ++task) {
      const int64_t most = argmax(mapOf(prediction, task).values.data(), tokens);
      lines += std::string(task == 0 ? ", looks for the digit" : ", for the ink") + " at row " +
               std::to_string(most / mapSide) + ", column " + std::to_string(most % mapSide);
    }
    lines += "\n";
  }
  fovea::formats::writeFile(folder / "predictions.txt", lines);
}

void writePage(Run &run, MultiTask &model, const Data &data) {
  const fs::path &folder = run.folder();
  const LabelledImages some = chosen(data.test, firstOfEach(data.test, digits, 3)),
                       few = chosen(data.test, firstOfEach(data.test, digits, 1));
  const Picture figure = pictureOfTasks(some, model.predict(some), *data.ink),
                digit = metricCurves(run, "digit accuracy (%)", {"training", "validation", "test"}, {2, 5, 7}),
                ink = metricCurves(run, "ink accuracy (%)", {"training", "validation", "test"}, {3, 6, 8}),
                losses = metricCurves(run, "loss (nats, both tasks)", {"training", "validation"}, {1, 4});
  lossCurve(run).save(folder / "loss.png");
  digit.save(folder / "digit.png");
  ink.save(folder / "ink.png");
  figure.save(folder / "figure.png");
  run.events().picture(run.step(), "looks", figure);

  Page page = pageOf(run, "A: multi-task attention learning");
  page.picture(losses, "The loss of each epoch");
  page.picture(digit, "Which digit: accuracy of each epoch");
  page.picture(ink, "Which quartile of ink: accuracy of each epoch");
  page.heading("What each task looks at");
  page.note("Data: " + data.name +
            ". Below a test digit is what was found. Over it lie maps of 7 x 7 tokens, of the "
            "task that names the digit and of the one that judges the ink. Dark: weight 0; bright: the largest weight "
            "of the map.");
  page.picture(figure, "The mean over heads; three test digits of each class");
  if (model.attends()) {
    const Picture each = pictureOfHeads(few, model.predict(few));
    each.save(folder / "heads.png");
    page.picture(each, "Each head; one test digit of each class");
  }
  page.save(folder / "run.html");
}

void writeResults(Run &run, MultiTask &model, const Data &data) {
  model.save(run.folder() / "multi_task.safetensors");
  writePage(run, model, data);
  writeInputs(model, data.test, run.folder());
  const Results train = model.evaluate(data.train), validation = model.evaluate(data.validation),
                test = model.evaluate(data.test);
  writeResult(run, data.name, model.parameters(),
              {{"training digit accuracy", train.digit.accuracy()},
               {"validation digit accuracy", validation.digit.accuracy()},
               {"test digit accuracy", test.digit.accuracy()},
               {"test digit macro F1", test.digit.macroF1()},
               {"training ink accuracy", train.ink.accuracy()},
               {"validation ink accuracy", validation.ink.accuracy()},
               {"test ink accuracy", test.ink.accuracy()},
               {"test ink macro F1", test.ink.macroF1()},
               {"test ink accuracy from the digit alone", inkFromDigit(data)},
               {"test both right", test.both()},
               {"training loss", train.digit.loss() + train.ink.loss()},
               {"test loss", test.digit.loss() + test.ink.loss()}});
  std::printf("wrote %s\n", run.folder().c_str());
  std::printf("digit accuracy: training %.2f, validation %.2f, test %.2f\n", train.digit.accuracy(),
              validation.digit.accuracy(), test.digit.accuracy());
  std::printf("ink accuracy: training %.2f, validation %.2f, test %.2f; from the digit alone %.2f\n",
              train.ink.accuracy(), validation.ink.accuracy(), test.ink.accuracy(), inkFromDigit(data));
  std::printf("test both right %.2f\n", test.both());
}

bool train(const CommandLine &line, const Settings &settings) {
  const Data data(settings.common);
  MultiTask model(settings, data);
  Run run(settings.common.out, line.settings(), line.begun(), model.training());
  if (!run.train()) return false;
  writeResults(run, model, data);
  return true;
}

} // namespace
} // namespace multi_task

int main(int argc, char **argv) {
  fovea::training::CommandLineDefaults defaults;
  defaults.purpose = "Trains system A: which digit and how much ink, from one image, by a learned query each.";
  defaults.out = "out/a-multi-task";
  defaults.data = "mnist";
  defaults.dataHelp = "folder with MNIST's four files (default: $FOVEA_DATA/mnist, else drawn)";
  defaults.epochs = 10;
  defaults.quickEpochs = 3;
  defaults.batch = 32;
  fovea::training::CommandLine line(defaults);
  multi_task::Settings settings{line.options};
  line.add("--variant", &settings.variant, "the mean over tokens instead of attention; the trunk's features as well")
      ->check(CLI::IsMember(multi_task::variants));
  line.add("--schedule", &settings.schedule, "SGD at a constant rate; or AdamW, warm-up and cosine, digits shifted")
      ->check(CLI::IsMember({"article", "better"}));
  return line.run(argc, argv, [&] { return multi_task::train(line, settings); });
}
