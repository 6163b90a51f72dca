// The generated header: what it declares, and that C99 and C++17 take it without a warning.
#include "Model.h"

#include "lib/emit/Files.h"
#include "lib/emit/Header.h"

#include <gmock/gmock.h>

using namespace fovea;
using testing::HasSubstr;
using testing::Not;

namespace {

bool compiles(const std::string &compiler, const std::string &header, const std::string &body,
              const std::string &suffix) {
  auto folder = PrivateFolder::create();
  std::string source = folder->path("main" + suffix);
  EXPECT_FALSE(bool(writeFile(folder->path("model.h"), header)));
  EXPECT_FALSE(bool(writeFile(source, "#include \"model.h\"\n" + body)));
  return std::system((compiler + " -Wall -Wextra -Wpedantic -Wconversion -Werror -fsyntax-only " + source).c_str()) ==
         0;
}

void expectCompiles(const std::string &header, const std::string &body) {
  EXPECT_TRUE(compiles("cc -std=c99", header, body, ".c"));
  EXPECT_TRUE(compiles("c++ -std=c++17", header, body, ".cpp"));
}

TEST(Header, DeclaresEveryEntryPoint) {
  LinearModel model;
  std::string text = headerText(model.interface());
  EXPECT_THAT(text,
              HasSubstr("int32_t linear_forward(linear *model, int64_t batch, const float *image, float *logits);"));
  EXPECT_THAT(text, HasSubstr("int32_t linear_update(linear *model, float rate, float scale);"));
  EXPECT_THAT(text, HasSubstr("int32_t linear_train_step(linear *model, int64_t batch, const float *image, const "
                              "int32_t *label, float rate, "
                              "float *loss);"));
  EXPECT_THAT(text, HasSubstr("image: f32 (batch, 784)"));
  EXPECT_THAT(text, HasSubstr(" w: f32 (784, 10)\n *   b: f32 (10)\n"));
  EXPECT_THAT(text, HasSubstr(" momentum/NAME: like the parameter NAME, for each of them\n"));
  EXPECT_THAT(text, HasSubstr(" step: i64\n"));
  EXPECT_THAT(text, HasSubstr("* update: applies the gradients times scale"));
  EXPECT_THAT(text, HasSubstr("ABI version 3"));
}

TEST(Header, IsCAndCxx) {
  LinearModel model;
  expectCompiles(headerText(model.interface()), R"(
int main(void) {
  linear_options options = LINEAR_OPTIONS_DEFAULT;
  float image[784] = {0}, logits[10];
  options.sizes.batch = 1;
  return linear_forward(linear_create(&options), 1, image, logits) == LINEAR_OK;
})");
}

TEST(Header, AModelWithoutSizesTakesNone) {
  Interface interface;
  interface.name = "fixed";
  std::string text = headerText(interface);
  EXPECT_THAT(text, HasSubstr("size_t fixed_workspace_bytes(int32_t threads);"));
  EXPECT_THAT(text, Not(HasSubstr("sizes")));
  expectCompiles(text, "int main(void) {\n  fixed_options options = FIXED_OPTIONS_DEFAULT;\n  return "
                       "fixed_create(&options) == NULL;\n}\n");
}

TEST(Header, NamesThatAreNoIdentifiers) {
  LinearModel model;
  auto type = RankedTensorType::get({2}, mlir::Float32Type::get(&model.context));
  Interface interface;
  interface.name = "odd";
  interface.entries.push_back({"forward", {}, {}, {}});
  for (const char *name : {"model", "a b", "a_b", "int", "2", "*/"})
    interface.entries[0].arguments.push_back({name, type, FOVEA_INPUT});
  expectCompiles(headerText(interface), "int main(void) { return 0; }\n");
}

TEST(Header, OptionsHaveTheLayoutOfTheRuntime) {
  LinearModel model;
  std::string checks = "#include \"" SOURCE_FOLDER "/lib/runtime/program.h\"\n";
  for (const char *field : {"threads", "seed", "target", "workspace", "workspace_bytes", "allocate", "release",
                            "allocator_context", "device", "stream", "profile", "profile_context", "sizes"})
    checks += std::string("static_assert(offsetof(linear_options, ") + field + ") == offsetof(fovea_options, " + field +
              "), \"\");\n";
  EXPECT_TRUE(compiles("c++ -std=c++17", headerText(model.interface()), checks, ".cpp"));
}

TEST(Names, ThatCannotPrefixSymbols) {
  EXPECT_EQ(whyNoModelName("digits_2"), "");
  EXPECT_THAT(whyNoModelName(""), HasSubstr("is empty: give one with --name"));
  EXPECT_THAT(whyNoModelName("2d"), HasSubstr("'2d' is no C identifier"));
  EXPECT_THAT(whyNoModelName("a-b"), HasSubstr("'a-b' is no C identifier"));
  EXPECT_THAT(whyNoModelName("int"), HasSubstr("a word of C"));
  EXPECT_THAT(whyNoModelName("fovea"), HasSubstr("the runtime's own"));
}

} // namespace
