// Data sets from files that are made here, with every way in which they can be wrong.
#include "training/Images.h"

#include "../TemporaryFolder.h"
#include "formats/Idx.h"
#include "formats/Png.h"
#include "training/DrawnDigits.h"

#include <numeric>

namespace fovea::training {
namespace {

using testing::HasSubstr;

class MnistTest : public TemporaryFolder {
protected:
  MnistTest() {
    for (const char *part : {"train", "t10k"}) {
      writeImages(part, {2, 28, 28});
      writeLabels(part, {3, 9});
    }
  }
  void writeImages(const std::string &part, const std::vector<int64_t> &shape) const {
    const int64_t count = std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
    formats::writeIdx(folder / (part + "-images-idx3-ubyte"), {shape, formats::Bytes(static_cast<size_t>(count), 5)});
  }
  void writeLabels(const std::string &part, const formats::Bytes &labels) const {
    formats::writeIdx(folder / (part + "-labels-idx1-ubyte"), {{static_cast<int64_t>(labels.size())}, labels});
  }
  std::string loadError() const {
    return errorOf([&] { loadMnist(folder); });
  }
};

TEST_F(MnistTest, Loads) {
  const DataSet digits = loadMnist(folder);
  EXPECT_EQ(digits.train.count, 2);
  EXPECT_EQ(digits.test.labels, (std::vector<int32_t>{3, 9}));
  EXPECT_EQ(digits.test.pixels.size(), 2u * 28 * 28);
}

TEST_F(MnistTest, Errors) {
  writeLabels("t10k", {3, 10});
  EXPECT_THAT(loadError(), HasSubstr("t10k-labels-idx1-ubyte: holds label 10 for image 1, but labels are 0 to 9"));
  writeLabels("t10k", {3});
  EXPECT_THAT(loadError(), HasSubstr("holds 2 images, but "));
  writeImages("train", {2, 28, 27});
  EXPECT_THAT(loadError(), HasSubstr("holds images of 28 x 27 pixels, but MNIST's are 28 x 28"));
  writeImages("train", {0, 28, 28});
  writeLabels("train", {});
  EXPECT_THAT(loadError(), HasSubstr("and one at least"));
  std::filesystem::remove(folder / "train-labels-idx1-ubyte");
  EXPECT_THAT(loadError(), HasSubstr("holds neither train-labels-idx1-ubyte nor train-labels-idx1-ubyte.gz"));
  EXPECT_THAT(errorOf([&] { loadMnist(folder / "none"); }), HasSubstr("none: is not a folder"));
}

TEST(Mnist, LoadsTheRealOne) {
  const char *data = std::getenv("FOVEA_DATA");
  if (!data) GTEST_SKIP() << "FOVEA_DATA does not name a folder that contains mnist/";
  const DataSet digits = loadMnist(std::filesystem::path(data) / "mnist");
  EXPECT_EQ(digits.train.count, 60000);
  EXPECT_EQ(digits.test.count, 10000);
  EXPECT_EQ(digits.train.labels[0], 5);
}

class Cifar10Test : public TemporaryFolder {
protected:
  /// Records with these labels; pixel p of record r is r + p modulo 256.
  void write(const std::string &name, const formats::Bytes &labels) const {
    formats::Bytes content;
    for (size_t record = 0; record < labels.size(); ++record) {
      content.push_back(labels[record]);
      for (size_t p = 0; p < 3072; ++p) content.push_back(static_cast<uint8_t>(record + p));
    }
    formats::writeFile(folder / name, content.data(), content.size());
  }
  std::string loadError() const {
    return errorOf([&] { loadCifar10(folder); });
  }
};

TEST_F(Cifar10Test, LoadsTheBatchesThatAreThere) {
  write("data_batch_1.bin", {3, 9});
  write("data_batch_4.bin", {5});
  write("test_batch.bin", {0, 1});
  const DataSet data = loadCifar10(folder);
  EXPECT_EQ(data.train.count, 3);
  EXPECT_EQ(data.train.labels, (std::vector<int32_t>{3, 9, 5}));
  EXPECT_EQ(data.classes[9], "truck");
  EXPECT_EQ(data.test.count, 2);
  EXPECT_EQ(data.test.channels, 3);
  EXPECT_EQ(data.test.image(1)[0], 1);
  EXPECT_EQ(data.test.image(1)[3071], 0); // 1 + 3071 is 12 * 256
}

TEST_F(Cifar10Test, Errors) {
  EXPECT_THAT(errorOf([&] { loadCifar10(folder / "none"); }), HasSubstr("none: is not a folder: name the one"));
  EXPECT_THAT(loadError(), HasSubstr("holds neither data_batch_1.bin nor data_batch_1.bin.gz: CIFAR-10 is data_batch"));
  write("data_batch_2.bin", {1});
  EXPECT_THAT(loadError(), HasSubstr("holds neither test_batch.bin"));
  write("test_batch.bin", {1, 10});
  EXPECT_THAT(loadError(), HasSubstr("test_batch.bin: holds label 10 for image 1, but labels are 0 to 9"));
  write("test_batch.bin", {});
  EXPECT_THAT(loadError(), HasSubstr("test_batch.bin: holds 0 bytes, which is not one or more records of 3073"));
  formats::writeFile(folder / "test_batch.bin", std::string(3072, '\0'));
  EXPECT_THAT(loadError(), HasSubstr("test_batch.bin: holds 3072 bytes"));
  formats::writeFile(folder / "test_batch.bin", "\x1f\x8b");
  EXPECT_THAT(loadError(), HasSubstr("the gzip stream ends with a length of 35615 bytes, more than a file of 2"));
}

TEST(Cifar10, LoadsTheRealOne) {
  const char *shared = std::getenv("FOVEA_DATA");
  if (!shared || !std::filesystem::is_directory(std::filesystem::path(shared) / "cifar10"))
    GTEST_SKIP() << "FOVEA_DATA does not name a folder that contains cifar10/";
  const DataSet data = loadCifar10(std::filesystem::path(shared) / "cifar10");
  EXPECT_EQ(data.train.count % 10000, 0);
  EXPECT_EQ(data.test.count, 10000);
  for (int32_t label = 0; label < 10; ++label)
    EXPECT_EQ(std::count(data.test.labels.begin(), data.test.labels.end(), label), 1000) << label;
}

class Stl10Test : public TemporaryFolder {
protected:
  Stl10Test() {
    for (const char *part : {"train", "test"}) writePart(part, 2, {1, 10});
  }
  /// Pixel (channel, row, column) of every image is 60 channel + 3 row + column, modulo 256.
  void writePart(const std::string &part, int images, const formats::Bytes &labels) const {
    formats::Bytes content;
    for (int plane = 0; plane < 3 * images; ++plane)
      for (int column = 0; column < 96; ++column)
        for (int row = 0; row < 96; ++row) content.push_back(static_cast<uint8_t>(60 * (plane % 3) + 3 * row + column));
    formats::writeFile(folder / (part + "_X.bin"), content.data(), content.size());
    formats::writeFile(folder / (part + "_y.bin"), labels.data(), labels.size());
  }
  std::string loadError() const {
    return errorOf([&] { loadStl10(folder); });
  }
};

TEST_F(Stl10Test, PutsColumnsIntoRows) {
  const DataSet data = loadStl10(folder);
  EXPECT_EQ(data.train.labels, (std::vector<int32_t>{0, 9}));
  EXPECT_EQ(data.test.count, 2);
  for (int channel = 0; channel < 3; ++channel)
    for (int row : {0, 1, 95})
      for (int column : {0, 2, 95})
        EXPECT_EQ(data.train.image(1)[(channel * 96 + row) * 96 + column],
                  static_cast<uint8_t>(60 * channel + 3 * row + column));
}

TEST_F(Stl10Test, Errors) {
  writePart("test", 2, {0, 1});
  EXPECT_THAT(loadError(), HasSubstr("test_y.bin: holds label 0 for image 0, but labels are 1 to 10"));
  writePart("test", 2, {1, 11});
  EXPECT_THAT(loadError(), HasSubstr("test_y.bin: holds label 11 for image 1"));
  writePart("test", 1, {1, 2});
  EXPECT_THAT(loadError(), HasSubstr("test_X.bin: holds 1 images, but "));
  formats::writeFile(folder / "train_X.bin", std::string(27649, 'x'));
  EXPECT_THAT(loadError(), HasSubstr("holds 27649 bytes, which is not one or more images of 27648"));
  std::filesystem::remove(folder / "train_X.bin");
  EXPECT_THAT(loadError(), HasSubstr("holds neither train_X.bin nor train_X.bin.gz: STL-10 is four such files"));
  EXPECT_THAT(errorOf([&] { loadStl10(folder / "none"); }), HasSubstr("none: is not a folder"));
}

class ImageFoldersTest : public TemporaryFolder {
protected:
  ImageFoldersTest() {
    write("train/cat/b.png", {3, 2, 3, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}});
    write("train/cat/a.PNG", {3, 2, 1, {20, 21, 22, 23, 24, 25}});
    write("train/ant/z.png", {3, 2, 3, formats::Bytes(18, 7)});
    formats::writeFile(folder / "train/ant/notes.txt", "not a picture");
    for (const char *name : {"test/cat/1.png", "test/ant/1.png"}) write(name, {3, 2, 3, formats::Bytes(18, 9)});
  }
  void write(const std::string &name, const formats::Image &image) const {
    std::filesystem::create_directories((folder / name).parent_path());
    formats::writePng(folder / name, image);
  }
  std::string loadError() const {
    return errorOf([&] { loadImageFolders(folder); });
  }
};

TEST_F(ImageFoldersTest, ClassesAndFilesInOrderPixelsInPlanes) {
  const DataSet data = loadImageFolders(folder);
  EXPECT_EQ(data.classes, (std::vector<std::string>{"ant", "cat"}));
  EXPECT_EQ(data.train.labels, (std::vector<int32_t>{0, 1, 1}));
  EXPECT_EQ(data.test.labels, (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(data.train.rows, 2);
  EXPECT_EQ(data.train.columns, 3);
  const formats::Bytes grey(data.train.image(1), data.train.image(2)), colour(data.train.image(2), data.train.image(3));
  EXPECT_EQ(grey, (formats::Bytes{20, 21, 22, 23, 24, 25, 20, 21, 22, 23, 24, 25, 20, 21, 22, 23, 24, 25}));
  EXPECT_EQ(colour, (formats::Bytes{0, 3, 6, 9, 12, 15, 1, 4, 7, 10, 13, 16, 2, 5, 8, 11, 14, 17}));
}

TEST_F(ImageFoldersTest, Errors) {
  write("test/cat/2.png", {2, 3, 3, formats::Bytes(18, 9)});
  EXPECT_THAT(loadError(), HasSubstr("2.png: is 2 x 3 pixels, but the first image is 3 x 2: bring all to one size"));
  formats::writeFile(folder / "test/cat/2.png", "GIF89a");
  EXPECT_THAT(loadError(), HasSubstr("2.png: is neither a PNG nor a JPEG image"));
  formats::writeFile(folder / "test/cat/2.png", "\x89PNG\r\n\x1a\n");
  EXPECT_THAT(loadError(), HasSubstr("2.png: is not a PNG image that can be read"));
  formats::writeFile(folder / "test/cat/2.png", "\xff\xd8\xff\xe0");
  EXPECT_THAT(loadError(), HasSubstr("2.png: is not a JPEG image that can be read"));
  std::filesystem::remove(folder / "test/cat/2.png");
  std::filesystem::remove(folder / "test/cat/1.png");
  EXPECT_THAT(loadError(), HasSubstr("cat: holds no file that ends in .png, .jpg or .jpeg"));
  std::filesystem::remove(folder / "test/cat");
  EXPECT_THAT(loadError(), HasSubstr("test: has no subfolder cat: train and test must have the same classes"));
  std::filesystem::create_directory(folder / "test/cow");
  std::filesystem::create_directory(folder / "test/cat");
  EXPECT_THAT(loadError(), HasSubstr("train: has no subfolder cow"));
  std::filesystem::remove_all(folder / "test");
  EXPECT_THAT(loadError(), HasSubstr("test: is not a folder: pictures are expected in train/CLASS and test/CLASS"));
  std::filesystem::create_directory(folder / "test");
  EXPECT_THAT(loadError(), HasSubstr("test: has no subfolders, but one for each class is expected"));
}

TEST_F(ImageFoldersTest, ColourAfterGrey) {
  write("train/ant/z.png", {3, 2, 1, formats::Bytes(6, 7)});
  EXPECT_THAT(loadError(), HasSubstr("b.png: is in colour, but the first image is grey"));
}

TEST(LabelledImages, FirstOfAndSliceOf) {
  const DataSet digits = drawDigits(20, 0, 1);
  const LabelledImages some = firstOf(digits.train, 3);
  EXPECT_EQ(some.count, 3);
  EXPECT_EQ(some.pixels.size(), 3u * 784);
  EXPECT_EQ(some.labels, (std::vector<int32_t>{0, 1, 2}));
  EXPECT_EQ(firstOf(digits.train, 99).count, 20);
  const LabelledImages tail = sliceOf(digits.train, 18, 5);
  EXPECT_EQ(tail.labels, (std::vector<int32_t>{8, 9}));
  EXPECT_TRUE(std::equal(tail.image(0), tail.image(2), digits.train.image(18)));
  EXPECT_EQ(sliceOf(digits.train, 30, 5).count, 0);
}

} // namespace
} // namespace fovea::training
