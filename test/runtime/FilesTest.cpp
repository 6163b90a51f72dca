// State through its users' eyes: get, set, and parameters and checkpoints in files.
#include "Handle.h"
#include "Interposed.h"
#include "Model.h"
#include "TemporaryFolder.h"

#include <numeric>

namespace {

template <typename Element> void set(fovea_handle *handle, const char *name, const std::vector<Element> &values) {
  ASSERT_EQ(fovea_set(handle, name, values.data(), values.size() * sizeof(Element)), 0) << fovea_last_error(handle);
}

template <typename Element> std::vector<Element> counting(size_t count, Element first = 0) {
  std::vector<Element> values(count);
  std::iota(values.begin(), values.end(), first);
  return values;
}

// Gives every tensor values of its own.
void fill(fovea_handle *handle, int offset) {
  set(handle, "weight", counting<float>(12, offset + 100));
  set(handle, "panels", counting<double>(15, offset + 200));
  set(handle, "columns", counting<float>(10, offset + 300));
  set(handle, "bias", std::vector<uint16_t>{static_cast<uint16_t>(offset + 400)});
  set(handle, "moment", counting<float>(12, offset + 500));
  set(handle, "seed", std::vector<int64_t>{offset + 600});
  set(handle, "step", std::vector<int64_t>{offset + 700});
}

void expect_parameters(fovea_handle *handle, int offset) {
  EXPECT_EQ(get<float>(handle, "weight", 12), counting<float>(12, offset + 100));
  EXPECT_EQ(get<double>(handle, "panels", 15), counting<double>(15, offset + 200));
  EXPECT_EQ(get<float>(handle, "columns", 10), counting<float>(10, offset + 300));
  EXPECT_EQ(get<uint16_t>(handle, "bias", 1)[0], offset + 400);
}

void expect_rest(fovea_handle *handle, int offset) {
  EXPECT_EQ(get<float>(handle, "moment", 12), counting<float>(12, offset + 500));
  EXPECT_EQ(get<int64_t>(handle, "seed", 1)[0], offset + 600);
  EXPECT_EQ(get<int64_t>(handle, "step", 1)[0], offset + 700);
}

TEST(State, LiesWhereItsStridesSay) {
  TestModel model;
  Handle handle(model);
  fill(handle, 0);
  const uint8_t *state = handle.handle->state;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 4; ++j) EXPECT_EQ(reinterpret_cast<const float *>(state)[i * 8 + j], 100 + i * 4 + j);
  for (int i = 0; i < 5; ++i)
    for (int j = 0; j < 3; ++j)
      EXPECT_EQ(reinterpret_cast<const double *>(state + 128)[i % 2 + i / 2 * 6 + j * 2], 200 + i * 3 + j);
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 5; ++j)
      EXPECT_EQ(reinterpret_cast<const float *>(state + 320)[i * 2 + j % 2 + j / 2 * 4], 300 + i * 5 + j);
}

TEST(State, RangesOfElementsMayStartAnywhere) {
  TestModel model;
  Handle handle(model);
  fill(handle, 0);
  for (int tensor : {0, 1, 2}) {
    const fovea_tensor &description = model.state[tensor];
    int64_t count = fovea::element_count(handle, &description), bytes = fovea_dtype_bytes(description.dtype);
    std::vector<uint8_t> whole(count * bytes), part(count * bytes);
    fovea::read_elements(handle, &description, 0, count, whole.data());
    for (int64_t first = 0; first < count; ++first)
      for (int64_t length = 0; first + length <= count; ++length) {
        fovea::read_elements(handle, &description, first, length, part.data());
        ASSERT_EQ(memcmp(part.data(), whole.data() + first * bytes, length * bytes), 0);
        fovea::write_elements(handle, &description, first, length, part.data());
      }
    fovea::read_elements(handle, &description, 0, count, part.data());
    EXPECT_EQ(part, whole);
  }
}

TEST(State, GetAndSetCheckTheirArguments) {
  TestModel model;
  Handle handle(model);
  float values[12];
  EXPECT_EQ(fovea_get(handle, "weigth", values, 48), FOVEA_INVALID_ARGUMENT);
  EXPECT_EQ(handle.error(),
            "model 'digits': get: there is no state tensor 'weigth'; the generated header lists the 7 that there are");
  EXPECT_EQ(fovea_set(handle, "weight", values, 47), FOVEA_INVALID_ARGUMENT);
  EXPECT_EQ(handle.error(), "model 'digits': set: 'weight' is F32[3, 4], 48 bytes, but 47 are given");
  EXPECT_EQ(fovea_get(handle, nullptr, values, 48), FOVEA_INVALID_ARGUMENT);
  EXPECT_EQ(handle.error(), "model 'digits': get: name is null");
  EXPECT_EQ(fovea_set(handle, "weight", nullptr, 48), FOVEA_INVALID_ARGUMENT);
  EXPECT_EQ(handle.error(), "model 'digits': set: values is null");
  EXPECT_EQ(fovea_get(nullptr, "weight", values, 48), FOVEA_INVALID_ARGUMENT);
  EXPECT_EQ(fovea_set(nullptr, "weight", values, 48), FOVEA_INVALID_ARGUMENT);
  EXPECT_EQ(fovea_get(handle, "weight", values, 48), FOVEA_OK);
  EXPECT_EQ(handle.error(), "");
}

struct Files : testing::Test {
  TemporaryFolder folder;
  std::string path = folder.file("model.safetensors"), quoted = "'" + path + "'";
  TestModel model;
};

TEST_F(Files, ParametersSurvive) {
  Handle first(model);
  fill(first, 0);
  ASSERT_EQ(fovea_save(first, path.c_str()), FOVEA_OK) << first.error();
  Handle second(model);
  fill(second, 1);
  ASSERT_EQ(fovea_load(second, path.c_str()), FOVEA_OK) << second.error();
  expect_parameters(second, 0);
  expect_rest(second, 1);
  EXPECT_EQ(folder.count(), 1);
}

TEST_F(Files, CheckpointsSurvive) {
  Handle first(model);
  fill(first, 0);
  ASSERT_EQ(fovea_save_checkpoint(first, path.c_str()), FOVEA_OK) << first.error();
  Handle second(model);
  fill(second, 1);
  ASSERT_EQ(fovea_load_checkpoint(second, path.c_str()), FOVEA_OK) << second.error();
  expect_parameters(second, 0);
  expect_rest(second, 0);
  Handle third(model); // parameters alone, from a checkpoint
  fill(third, 1);
  ASSERT_EQ(fovea_load(third, path.c_str()), FOVEA_OK) << third.error();
  expect_parameters(third, 0);
  expect_rest(third, 1);
}

TEST_F(Files, AveragesTakeTheirParametersNames) {
  for (auto &tensor : model.state)
    if (std::string(tensor.name) == "moment") tensor.name = "ema/weight"; // in another layout than the weight
  Handle first(model), second(model);
  auto average = counting<float>(12, 5000);
  set(first, "ema/weight", average);
  set(first, "panels", counting<double>(15, 200));
  EXPECT_EQ(fovea_save_average(first, path.c_str()), FOVEA_INVALID_ARGUMENT);
  EXPECT_EQ(first.error(), "model 'digits': save_average: there is nothing to average before the first update");
  set(first, "step", std::vector<int64_t>{1});
  ASSERT_EQ(fovea_save_average(first, path.c_str()), FOVEA_OK) << first.error();
  ASSERT_EQ(fovea_load(second, path.c_str()), FOVEA_OK) << second.error();
  EXPECT_EQ(get<float>(second, "weight", 12), average);
  EXPECT_EQ(get<double>(second, "panels", 15), counting<double>(15, 200)); // has no average
}

TEST_F(Files, LayoutsMayDiffer) {
  Handle first(model);
  fill(first, 0);
  ASSERT_EQ(fovea_save_checkpoint(first, path.c_str()), FOVEA_OK);
  TestModel other;
  other.state[0].strides = other.dense34.data();
  other.state[1].panel_axis = -1;
  other.panel_rows = {3, 1};
  Handle second(other);
  ASSERT_EQ(fovea_load_checkpoint(second, path.c_str()), FOVEA_OK) << second.error();
  expect_parameters(second, 0);
}

TEST_F(Files, FloatsAreConverted) {
  std::vector<int64_t> shape = {10, 0, 3001, 0}, strides = {3001, 1}; // several chunks
  auto enlarge = [&](TestModel &of, int32_t dtype) {
    of.state.push_back({"large", dtype, FOVEA_PARAMETER, 2, FOVEA_NORMAL, shape.data(), 0, 1, 640, 10 * 3001 * 8,
                        strides.data(), -1, 0, 0});
    of.programs[0].state = of.state.data();
    of.programs[0].state_count = of.state.size();
    of.programs[0].state_bytes += 10 * 3001 * 8;
  };
  TestModel narrow_model;
  enlarge(model, FOVEA_F64);
  enlarge(narrow_model, FOVEA_F32);
  narrow_model.state[1].dtype = FOVEA_F32;
  narrow_model.options.seed = 5;
  Handle wide(model), narrow(narrow_model);
  fill(wide, 0);
  ASSERT_EQ(fovea_save(wide, path.c_str()), FOVEA_OK);
  ASSERT_EQ(fovea_load(narrow, path.c_str()), FOVEA_OK) << narrow.error();
  EXPECT_EQ(get<float>(narrow, "panels", 15), counting<float>(15, 200));
  auto doubles = get<double>(wide, "large", 30010);
  auto floats = get<float>(narrow, "large", 30010);
  for (size_t i = 0; i < floats.size(); ++i) ASSERT_EQ(floats[i], static_cast<float>(doubles[i]));
  ASSERT_EQ(fovea_save(narrow, path.c_str()), FOVEA_OK);
  ASSERT_EQ(fovea_load(wide, path.c_str()), FOVEA_OK) << wide.error();
  doubles = get<double>(wide, "large", 30010);
  for (size_t i = 0; i < floats.size(); ++i) ASSERT_EQ(doubles[i], floats[i]);

  // A checkpoint keeps its dtypes.
  ASSERT_EQ(fovea_save_checkpoint(wide, path.c_str()), FOVEA_OK);
  EXPECT_EQ(fovea_load_checkpoint(narrow, path.c_str()), FOVEA_BAD_FILE);
  EXPECT_EQ(narrow.error(),
            "model 'digits': load_checkpoint: " + quoted + ": tensor 'panels' is F64[5, 3]; the model needs F32[5, 3]");
}

TEST_F(Files, AFileThatDoesNotFitChangesNothing) {
  auto refused = [&](TestModel &other, bool checkpoint) {
    Handle source(other);
    EXPECT_EQ((checkpoint ? fovea_save_checkpoint : fovea_save)(source, path.c_str()), FOVEA_OK);
    Handle handle(model);
    fill(handle, 3);
    EXPECT_EQ((checkpoint ? fovea_load_checkpoint : fovea_load)(handle, path.c_str()), FOVEA_BAD_FILE);
    std::string error = handle.error();
    expect_parameters(handle, 3);
    expect_rest(handle, 3);
    std::string start = std::string("model 'digits': ") + (checkpoint ? "load_checkpoint: " : "load: ") + quoted;
    EXPECT_EQ(error.substr(0, start.size()), start);
    return error.substr(std::min(start.size(), error.size()));
  };
  for (bool checkpoint : {false, true}) {
    TestModel renamed;
    renamed.state[2].name = "pillars";
    EXPECT_EQ(refused(renamed, checkpoint), " has no tensor 'columns', which the model needs");
    TestModel reshaped;
    reshaped.rows25 = {5, 0, 2, 0};
    EXPECT_EQ(refused(reshaped, checkpoint), ": tensor 'columns' is F32[5, 2]; the model needs F32[2, 5]");
    TestModel retyped;
    retyped.state[3].dtype = FOVEA_BF16;
    EXPECT_EQ(refused(retyped, checkpoint), ": tensor 'bias' is BF16[]; the model needs F16[]");
    TestModel more;
    more.state.push_back({"zusatz", FOVEA_F32, FOVEA_PARAMETER, 0, 0, nullptr, 0, 0, 640, 4, nullptr, -1, 0, 0});
    more.programs[0].state = more.state.data();
    more.programs[0].state_count = more.state.size();
    more.programs[0].state_bytes += 64;
    EXPECT_EQ(refused(more, checkpoint), std::string(" has a tensor 'zusatz' that is no ") +
                                             (checkpoint ? "state" : "parameter") +
                                             " of the model; remove it from the file");
  }
}

TEST_F(Files, CheckpointsOfOtherModelsAreRefused) {
  TestModel other;
  other.name = "letters";
  other.refresh();
  other.model.fingerprint = 0x123;
  fovea_handle *source = fovea_create(&other.model, &other.options);
  ASSERT_EQ(fovea_save_checkpoint(source, path.c_str()), FOVEA_OK);
  fovea_destroy(source);
  Handle handle(model);
  EXPECT_EQ(fovea_load_checkpoint(handle, path.c_str()), FOVEA_BAD_FILE);
  EXPECT_EQ(handle.error(), "model 'digits': load_checkpoint: " + quoted +
                                " is a checkpoint of model 'letters' with fingerprint 0000000000000123; this is model "
                                "'digits' with fingerprint 0000000000000abc");
  ASSERT_EQ(fovea_save(handle, path.c_str()), FOVEA_OK);
  EXPECT_EQ(fovea_load_checkpoint(handle, path.c_str()), FOVEA_BAD_FILE);
  EXPECT_EQ(handle.error(),
            "model 'digits': load_checkpoint: " + quoted +
                " is no checkpoint of Fovea (its metadata does not say so); to read parameters alone, use "
                "load");
}

TEST_F(Files, ErrorsAreReported) {
  Handle handle(model);
  auto functions = {fovea_load, fovea_save, fovea_save_average, fovea_load_checkpoint, fovea_save_checkpoint};
  for (auto function : functions) {
    EXPECT_EQ(function(nullptr, path.c_str()), FOVEA_INVALID_ARGUMENT);
    EXPECT_EQ(function(handle, nullptr), FOVEA_INVALID_ARGUMENT);
    EXPECT_NE(handle.error().find(": path is null"), std::string::npos);
  }
  EXPECT_EQ(fovea_save_average(handle, path.c_str()), FOVEA_INVALID_ARGUMENT);
  EXPECT_EQ(handle.error(), "model 'digits': save_average: the model keeps no averages of its parameters; train it "
                            "with the option ema");
  EXPECT_EQ(fovea_load(handle, path.c_str()), FOVEA_IO_ERROR);
  EXPECT_EQ(handle.error(), "model 'digits': load: " + quoted + ": cannot be opened: No such file or directory");
  write_contents(path, "garbage, not tensors");
  EXPECT_EQ(fovea_load(handle, path.c_str()), FOVEA_BAD_FILE);
  EXPECT_EQ(fovea_save(handle, folder.file("no/x").c_str()), FOVEA_IO_ERROR);
  EXPECT_EQ(handle.error(), "model 'digits': save: '" + folder.file("no/x") +
                                "': no file can be made in its folder: No such file or directory");
  allocations_until_failure = 0;
  int32_t code = fovea_save(handle, path.c_str());
  allocations_until_failure = -1;
  EXPECT_EQ(code, FOVEA_OUT_OF_MEMORY);
  EXPECT_EQ(handle.error(), "model 'digits': save: no memory for the list of tensors");
  EXPECT_EQ(contents(path), "garbage, not tensors");
  EXPECT_EQ(fovea_save(handle, path.c_str()), FOVEA_OK);
  EXPECT_EQ(handle.error(), "");
}

TEST_F(Files, ReadErrorsAreReported) {
  Handle handle(model);
  ASSERT_EQ(fovea_save(handle, path.c_str()), FOVEA_OK);
  for (long good_reads : {0, 1, 2}) {
    reads_until_failure = good_reads;
    EXPECT_EQ(fovea_load(handle, path.c_str()), FOVEA_IO_ERROR);
    reads_until_failure = -1;
    EXPECT_EQ(handle.error(), "model 'digits': load: " + quoted + ": cannot be read: Input/output error" +
                                  (good_reads < 2 ? "" : "; the state is partly overwritten: load again"));
  }
}

// Any damaged file is refused or, where the damage lies in values, read; never more.
TEST_F(Files, DamagedFilesNeverHarm) {
  Handle handle(model);
  ASSERT_EQ(fovea_save_checkpoint(handle, path.c_str()), FOVEA_OK);
  std::string good = contents(path);
  fill(handle, 9);
  for (size_t length = 0; length < good.size(); ++length) {
    write_contents(path, good.substr(0, length));
    ASSERT_NE(fovea_load_checkpoint(handle, path.c_str()), FOVEA_OK);
    ASSERT_NE(handle.error(), "");
  }
  expect_parameters(handle, 9);
  expect_rest(handle, 9);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string damaged = good;
    damaged[i] ^= 0x11;
    write_contents(path, damaged);
    fovea_load_checkpoint(handle, path.c_str());
    fovea_load(handle, path.c_str());
  }
}

} // namespace
