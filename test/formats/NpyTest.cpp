// NumPy's files: what NumPy itself writes and reads, round trips, and a corpus of malformed files.
#include "formats/Npy.h"

#include "../TemporaryFolder.h"

#include <algorithm>
#include <cstring>

namespace fovea::formats {
namespace {

using testing::HasSubstr;

class NpyTest : public TemporaryFolder {
protected:
  std::filesystem::path file() const { return folder / "a.npy"; }
  std::string npyError(const Bytes &content) const {
    return errorOf([&] { parseNpy(content, "a.npy"); });
  }
  std::string npzError(const Bytes &content) const {
    return errorOf([&] { parseNpz(content, "a.npz"); });
  }
};

Bytes bytes(const std::string &text) { return {text.begin(), text.end()}; }

/// A file of version 1 with this header and so many bytes of values, which are 0, 1, 2, ...
Bytes npy(const std::string &header, size_t count) {
  Bytes result = bytes("\x93NUMPY");
  for (size_t byte : {size_t(1), size_t(0), header.size() & 0xff, header.size() >> 8}) result.push_back(uint8_t(byte));
  result.insert(result.end(), header.begin(), header.end());
  for (size_t i = 0; i < count; ++i) result.push_back(uint8_t(i));
  return result;
}

std::string header(const std::string &descr, const std::string &shape, const char *fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

//===-- One array -------------------------------------------------------------------------------------------------===//

TEST_F(NpyTest, WritesWhatTheFormatSays) {
  writeNpy(file(), {FOVEA_I8, {2, 3}, {0, 1, 2, 3, 4, 5}});
  std::string text = "{'descr': '|i1', 'fortran_order': False, 'shape': (2, 3), }";
  text.append(117 - text.size(), ' ');
  EXPECT_EQ(readFile(file()), npy(text + "\n", 6));
  EXPECT_EQ(fileCount(), 1u);
}

TEST_F(NpyTest, RoundTrip) {
  for (const auto &shape : std::vector<std::vector<int64_t>>{{}, {1}, {59}, {3, 0}, {1, 17, 3}}) {
    size_t count = 8;
    for (int64_t extent : shape) count *= size_t(extent);
    NpyArray array{FOVEA_F64, shape, Bytes(count, 7)};
    writeNpy(file(), array);
    NpyArray read = readNpy(file());
    EXPECT_EQ(read.dtype, FOVEA_F64);
    EXPECT_EQ(read.shape, shape);
    EXPECT_EQ(read.values, array.values);
  }
}

TEST_F(NpyTest, ColumnsBecomeRows) {
  EXPECT_EQ(parseNpy(npy(header("|u1", "(2, 3)", "True"), 6), "x").values, (Bytes{0, 2, 4, 1, 3, 5}));
  EXPECT_EQ(parseNpy(npy(header("<f2", "(2, 2, 2)", "True"), 16), "x").values,
            (Bytes{0, 1, 8, 9, 4, 5, 12, 13, 2, 3, 10, 11, 6, 7, 14, 15}));
}

TEST_F(NpyTest, HeadersOfOtherSpacing) {
  for (const char *text : {"{\"shape\":(6),'descr':\"|i1\",'fortran_order':False}",
                           " { 'shape' : ( 6 , ) , 'fortran_order' : True , 'descr' : '|i1' , } \n\n"})
    EXPECT_EQ(parseNpy(npy(text, 6), "x").shape, std::vector<int64_t>{6}) << text;
}

TEST_F(NpyTest, EveryTruncationIsAnError) {
  const Bytes whole = npy(header("<f4", "(2, 2)"), 16);
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_THAT(npyError(Bytes(whole.begin(), whole.begin() + ptrdiff_t(size))), HasSubstr("a.npy: ")) << size;
  EXPECT_EQ(npyError(whole), "");
}

TEST_F(NpyTest, FilesThatAreNoArrays) {
  EXPECT_THAT(errorOf([&] { readNpy(folder / "none.npy"); }), HasSubstr("none.npy: cannot open: No such file"));
  EXPECT_THAT(npyError(bytes("not an array")),
              HasSubstr("a.npy: is not a .npy file: it does not start with \\x93NUMPY"));
  Bytes version = npy(header("<f4", "(1,)"), 4);
  version[6] = 4;
  EXPECT_THAT(npyError(version), HasSubstr("is of .npy version 4, but 1, 2 and 3 are known"));
  EXPECT_THAT(npyError({0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 0xff, 0xff, '{'}),
              HasSubstr("ends after 11 bytes, within its header of 65545: the file is cut off"));
  EXPECT_THAT(npyError({0x93, 'N', 'U', 'M', 'P', 'Y', 2, 0, 0xff, 0xff, 0xff, 0xff}),
              HasSubstr("ends after 12 bytes, within its header of 4294967307"));
}

TEST_F(NpyTest, DamagedHeaders) {
  auto said = [&](const std::string &text) { return npyError(npy(text, 4)); };
  EXPECT_THAT(said(""), HasSubstr("a.npy: its header has no '{' at character 0: the file is damaged, or not as NumPy"));
  EXPECT_THAT(said("{}"), HasSubstr("its header has no 'descr'"));
  EXPECT_THAT(said("{'descr': '<f4'}"), HasSubstr("its header has no 'fortran_order'"));
  EXPECT_THAT(said("{'descr': '<f4', 'fortran_order': True}"), HasSubstr("its header has no 'shape'"));
  EXPECT_THAT(said("{descr: '<f4'}"), HasSubstr("its header has no string at character 1"));
  EXPECT_THAT(said("{'descr"), HasSubstr("its header has no end of the string at character 1"));
  EXPECT_THAT(said("{'descr'}"), HasSubstr("its header has no ':' at character 8"));
  EXPECT_THAT(said("{'descr': '<f4' 'shape'"), HasSubstr("its header has no '}' at character 16"));
  EXPECT_THAT(said("{'size': 1}"), HasSubstr("its header has an unknown or repeated key 'size'"));
  EXPECT_THAT(said("{'descr': '<f4', 'descr': '<f4'}"), HasSubstr("unknown or repeated key 'descr'"));
  EXPECT_THAT(said("{'fortran_order': 1}"), HasSubstr("its header has no True or False at character 18"));
  EXPECT_THAT(said("{'shape': 1}"), HasSubstr("its header has no '(' at character 10"));
  EXPECT_THAT(said("{'shape': (-1,)}"), HasSubstr("its header has no number at character 11"));
  EXPECT_THAT(said("{'shape': (1 2)}"), HasSubstr("its header has no ')' at character 13"));
  EXPECT_THAT(said("{'shape': (9223372036854775808,)}"), HasSubstr("its header has a dimension beyond 2^63"));
  EXPECT_THAT(said(header("<f4", "(1,)") + "x"), HasSubstr("its header goes on behind its end, at character 58"));
  std::string ones;
  for (int i = 0; i < 65; ++i) ones += "1, ";
  EXPECT_THAT(said(header("<f4", "(" + ones + ")")), HasSubstr("its header has more than 64 dimensions"));
}

TEST_F(NpyTest, OtherTypes) {
  EXPECT_THAT(
      npyError(npy(header(">f4", "(1,)"), 4)),
      HasSubstr("holds values of NumPy's type '>f4', which is big-endian, but only little-endian ones are read"));
  for (const char *type : {"<i2", "<u4", "|O", "<U3", "<c8", ""})
    EXPECT_THAT(npyError(npy(header(type, "(1,)"), 4)),
                HasSubstr(std::string("holds values of NumPy's type '") + type +
                          "', but only f2, f4, f8, i1, i4, i8, u1 and b1 are read: convert it with astype"));
  EXPECT_THAT(npyError(npy("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,)}", 4)),
              HasSubstr("holds records of several fields, but only plain values are read: save each field alone"));
}

TEST_F(NpyTest, SizesThatLie) {
  EXPECT_THAT(npyError(npy(header("<f4", "(2, 3)"), 23)),
              HasSubstr("its header promises 2 x 3 values of 4 bytes, but 23 bytes follow: the file is damaged"));
  EXPECT_THAT(npyError(npy(header("<f4", "(2, 3)"), 28)), HasSubstr("but 28 bytes follow"));
  EXPECT_THAT(npyError(npy(header("<f4", "()"), 0)), HasSubstr("its header promises () values of 4 bytes, but 0"));
  EXPECT_THAT(npyError(npy(header("<f8", "(9223372036854775807, 4611686018427387904)"), 8)),
              HasSubstr("promises 9223372036854775807 x 4611686018427387904 values of 8 bytes, but 8 bytes follow"));
  EXPECT_EQ(npyError(npy(header("<f8", "(9223372036854775807, 0)", "True"), 0)), "");
}

TEST_F(NpyTest, WriterRefuses) {
  auto said = [&](const NpyArray &array) { return errorOf([&] { writeNpy(file(), array); }); };
  EXPECT_THAT(said({FOVEA_BF16, {1}, {0, 0}}), HasSubstr("a.npy: NumPy's format has no bfloat16: convert the values"));
  EXPECT_THAT(said({FOVEA_F32, {2, 2}, Bytes(12)}), HasSubstr("cannot write 12 bytes as 2 x 2 values of 4 bytes"));
  EXPECT_THAT(said({FOVEA_F32, {2, 2}, Bytes(18)}), HasSubstr("cannot write 18 bytes as 2 x 2 values of 4 bytes"));
  EXPECT_THAT(said({FOVEA_I8, {-1, -2}, Bytes(2)}), HasSubstr("cannot write 2 bytes as -1 x -2 values of 1 bytes"));
  EXPECT_THAT(said({FOVEA_I8, std::vector<int64_t>(65, 1), Bytes(1)}), HasSubstr("64 dimensions at most, not 65"));
  EXPECT_EQ(fileCount(), 0u);
}

//===-- Archives --------------------------------------------------------------------------------------------------===//

const NpzArrays two = {{"layer/weight", {FOVEA_F32, {2, 3}, Bytes(24, 5)}},
                       {"b\xc3\xa9", {FOVEA_I64, {}, Bytes(8, 9)}}};

/// The archive with the fields of its (only) entry changed, in the local header and in the directory.
Bytes changed(Bytes archive, size_t localAt, size_t centralAt, const Bytes &values) {
  const Bytes start = bytes("PK\1\2");
  auto central = std::search(archive.begin(), archive.end(), start.begin(), start.end());
  EXPECT_NE(central, archive.end());
  std::copy(values.begin(), values.end(), central + ptrdiff_t(centralAt));
  std::copy(values.begin(), values.end(), archive.begin() + ptrdiff_t(localAt));
  return archive;
}

TEST_F(NpyTest, ArchivesRoundTrip) {
  for (bool compress : {false, true}) {
    writeNpz(folder / "a.npz", two, compress);
    NpzArrays read = readNpz(folder / "a.npz");
    ASSERT_EQ(read.size(), 2u);
    for (const auto &[name, array] : two) {
      EXPECT_EQ(read.at(name).dtype, array.dtype);
      EXPECT_EQ(read.at(name).shape, array.shape);
      EXPECT_EQ(read.at(name).values, array.values);
    }
    EXPECT_EQ(readFile(folder / "a.npz"), npzContent(two, compress, "again"));
  }
  EXPECT_LT(npzContent(two, true, "x").size(), npzContent(two, false, "x").size());
  EXPECT_EQ(fileCount(), 1u);
}

TEST_F(NpyTest, DamagedArchives) {
  EXPECT_THAT(npzError(bytes("no archive")), HasSubstr("a.npz: is not a .npz file: it does not start with PK"));
  EXPECT_THAT(npzError({}), HasSubstr("is not a .npz file"));
  EXPECT_THAT(npzError(bytes("PK\3\4 and no more")), HasSubstr("a.npz: is no zip archive that can be read (Not a zip"));
  for (bool compress : {false, true}) {
    const Bytes whole = npzContent(two, compress, "x");
    for (size_t size = 0; size < whole.size(); ++size)
      EXPECT_THAT(npzError(Bytes(whole.begin(), whole.begin() + ptrdiff_t(size))), HasSubstr("a.npz: ")) << size;
    for (size_t at = 0; at < whole.size(); ++at) {
      Bytes flipped = whole;
      flipped[at] ^= 0xff;
      npzError(flipped); // an error or harmless, and nothing else
    }
  }
  const NpzArrays one = {{"x", {FOVEA_F64, {99}, Bytes(792, 3)}}};
  Bytes values = npzContent(one, false, "x");
  values[300] ^= 1;
  EXPECT_THAT(npzError(values), HasSubstr("a.npz: x.npy: cannot be read: CRC error: the file is damaged"));
}

TEST_F(NpyTest, ArchivesThatLie) {
  const Bytes deflated = npzContent({{"x", {FOVEA_F64, {99}, Bytes(792, 3)}}}, true, "x");
  constexpr size_t method = 8, packed = 18, size = 22; // in the local header; two more bytes in the directory's
  EXPECT_THAT(npzError(changed(deflated, size, size + 2, {0xff, 0xff, 0xff, 0x7f})),
              HasSubstr("a.npz: x.npy: promises 2147483647 bytes, more than its "));
  EXPECT_THAT(npzError(changed(deflated, size, size + 2, {0x99, 3, 0, 0})),
              HasSubstr("x.npy: promises 921 bytes, but has only 920: the file is damaged"));
  EXPECT_THAT(npzError(changed(deflated, size, size + 2, {0x97, 3, 0, 0})),
              HasSubstr("x.npy: promises 919 bytes, but has more: the file is damaged"));
  EXPECT_THAT(npzError(changed(deflated, packed, packed + 2, {0xff, 0xff, 0, 0})),
              testing::ContainsRegex("x.npy: takes 65535 bytes of the archive, which has [0-9]+ left"));
  EXPECT_THAT(npzError(changed(deflated, method, method + 2, {12, 0})),
              HasSubstr("x.npy: is compressed by zip's method 12, but only stored (0) and deflated (8) entries"));
  EXPECT_THAT(npzError(changed(deflated, 6, 8, {1, 0})), HasSubstr("x.npy: is encrypted, which is not supported"));
}

/// Many entries that all lie on one are no way around the bound.
TEST_F(NpyTest, EntriesThatOverlapAreRefused) {
  Bytes archive = npzContent({{"x", {FOVEA_U8, {9000}, Bytes(9000, 3)}}}, false, "x");
  const size_t end = archive.size() - 22;
  const Bytes start = bytes("PK\1\2");
  const auto central = std::search(archive.begin(), archive.end(), start.begin(), start.end());
  Bytes entry(central, archive.begin() + ptrdiff_t(end));
  entry[46] = 'y';
  archive.insert(archive.begin() + ptrdiff_t(end), entry.begin(), entry.end());
  archive[archive.size() - 14] = archive[archive.size() - 12] = 2;
  const size_t length = 2 * entry.size();
  archive[archive.size() - 10] = uint8_t(length), archive[archive.size() - 9] = uint8_t(length >> 8);
  EXPECT_THAT(npzError(archive), testing::ContainsRegex("y.npy: takes 9[0-9]+ bytes of the archive, which has"));
}

TEST_F(NpyTest, ArchivesOfOtherThings) {
  Bytes archive = npzContent({{"x", {FOVEA_U8, {1}, Bytes(1)}}}, false, "x");
  Bytes renamed = archive;
  for (size_t at = 0; at + 5 <= renamed.size(); ++at)
    if (std::memcmp(renamed.data() + at, "x.npy", 5) == 0) std::memcpy(renamed.data() + at, "x.txt", 5);
  EXPECT_THAT(npzError(renamed), HasSubstr("a.npz: has the entry 'x.txt', but only arrays, whose names end in .npy"));
  Bytes twice = npzContent({{"x", two.begin()->second}, {"y", two.begin()->second}}, false, "x");
  for (size_t at = 0; at + 5 <= twice.size(); ++at)
    if (std::memcmp(twice.data() + at, "y.npy", 5) == 0) twice[at] = 'x';
  EXPECT_THAT(npzError(twice), HasSubstr("a.npz: has two arrays named 'x'"));
  EXPECT_EQ(npzError(archive), "");
}

TEST_F(NpyTest, ArchiveWriterRefuses) {
  auto said = [&](const NpzArrays &arrays) { return errorOf([&] { writeNpz(folder / "a.npz", arrays); }); };
  const NpyArray array{FOVEA_U8, {1}, {1}};
  EXPECT_THAT(said({}), HasSubstr("a.npz: cannot write an archive of no arrays: give at least one"));
  EXPECT_THAT(said({{"", array}}),
              HasSubstr("a.npz: an archive cannot have an array named '' (0 bytes): names are UTF-8"));
  EXPECT_THAT(said({{"\xff", array}}), HasSubstr("an archive cannot have an array named"));
  EXPECT_THAT(said({{std::string(70000, 'x'), array}}), HasSubstr("an archive cannot have an array named"));
  EXPECT_THAT(said({{"x", {FOVEA_U8, {2}, {1}}}}), HasSubstr("a.npz: x: cannot write 1 bytes as 2 values of 1 bytes"));
  EXPECT_EQ(fileCount(), 0u);
}

//===-- NumPy -----------------------------------------------------------------------------------------------------===//

class Numpy : public NpyTest {
protected:
  void SetUp() override {
    if (!std::filesystem::exists(FOVEA_PYTHON)) GTEST_SKIP() << "no NumPy: tools/setup.sh makes " FOVEA_PYTHON;
  }
  void python(const std::string &what) const {
    const std::string command = FOVEA_PYTHON " " FOVEA_NUMPY_FILES " " + what + " '" + folder.string() + "'";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
};

/// 0, 1, 2, ... as numpy_files.py makes them; halves by their bits, which are those of whole numbers up to 2048.
NpyArray counted(fovea_dtype dtype, const std::vector<int64_t> &shape) {
  NpyArray array{dtype, shape, {}};
  size_t count = 1;
  for (int64_t extent : shape) count *= size_t(extent);
  auto append = [&](auto value) {
    const auto *first = reinterpret_cast<const uint8_t *>(&value);
    array.values.insert(array.values.end(), first, first + sizeof value);
  };
  for (size_t i = 0; i < count; ++i) {
    if (dtype == FOVEA_F32) append(float(i));
    if (dtype == FOVEA_F64) append(double(i));
    if (dtype == FOVEA_I32) append(int32_t(i));
    if (dtype == FOVEA_I64) append(int64_t(i));
    if (dtype == FOVEA_I8 || dtype == FOVEA_U8) append(uint8_t(i));
    if (dtype == FOVEA_BOOL) append(uint8_t(i % 3 == 1));
    if (dtype == FOVEA_F16) {
      int exponent = -1;
      while (i >> (exponent + 1)) ++exponent;
      append(uint16_t(i == 0 ? 0 : (exponent + 15) << 10 | ((i << (10 - exponent)) & 0x3ff)));
    }
  }
  return array;
}

NpzArrays allCounted() {
  const std::map<std::string, fovea_dtype> types = {{"f2", FOVEA_F16}, {"f4", FOVEA_F32}, {"f8", FOVEA_F64},
                                                    {"i1", FOVEA_I8},  {"i4", FOVEA_I32}, {"i8", FOVEA_I64},
                                                    {"u1", FOVEA_U8},  {"b1", FOVEA_BOOL}};
  NpzArrays arrays;
  for (const auto &[name, dtype] : types)
    for (const std::vector<int64_t> &shape :
         std::vector<std::vector<int64_t>>{{}, {1}, {17}, {3, 5}, {2, 3, 7}, {4, 0, 2}}) {
      std::string key = name;
      for (int64_t extent : shape) key += "-" + std::to_string(extent);
      arrays[key] = counted(dtype, shape);
    }
  return arrays;
}

void expectSame(const NpyArray &found, const NpyArray &wanted, const std::string &key) {
  EXPECT_EQ(found.dtype, wanted.dtype) << key;
  EXPECT_EQ(found.shape, wanted.shape) << key;
  EXPECT_EQ(found.values, wanted.values) << key;
}

TEST_F(Numpy, ItsFilesAreRead) {
  python("write");
  for (const auto &[key, array] : allCounted()) {
    expectSame(readNpy(folder / (key + ".npy")), array, key);
    expectSame(readNpy(folder / (key + "-fortran.npy")), array, key + " in Fortran's order");
  }
  for (const char *archive : {"stored.npz", "deflated.npz"}) {
    NpzArrays read = readNpz(folder / archive);
    EXPECT_EQ(read.size(), allCounted().size());
    for (const auto &[key, array] : allCounted()) expectSame(read.at(key), array, archive + key);
  }
  for (const char *version : {"version1.npy", "version2.npy", "version3.npy"})
    expectSame(readNpy(folder / version), counted(FOVEA_I32, {3, 5}), version);
}

TEST_F(Numpy, ItReadsOurs) {
  for (const auto &[key, array] : allCounted()) writeNpy(folder / (key + ".npy"), array);
  writeNpz(folder / "stored.npz", allCounted());
  writeNpz(folder / "deflated.npz", allCounted(), true);
  python("check");
}

} // namespace
} // namespace fovea::formats
