#include "Safetensors.h"
#include "Interposed.h"
#include "TemporaryFolder.h"

#include <csignal>
#include <cstring>
#include <sys/resource.h>
#include <sys/stat.h>
#include <vector>

namespace {

struct Reader {
  fovea_safetensors *file = nullptr;
  char message[FOVEA_MESSAGE_BYTES] = "";
  int32_t code;

  explicit Reader(const std::string &path) : code(fovea_safetensors_open(path.c_str(), &file, message)) {}
  Reader(const Reader &) = delete;
  ~Reader() { fovea_safetensors_close(file); }
};

// What opening these bytes says, without the file's name; "" when they are good.
struct Bytes : testing::Test {
  TemporaryFolder folder;

  std::string verdict(const std::string &bytes, int32_t code = FOVEA_BAD_FILE) {
    std::string path = folder.file("x.safetensors"), start = "'" + path + "': ";
    write_contents(path, bytes);
    Reader reader(path);
    EXPECT_EQ(reader.file == nullptr, reader.code != FOVEA_OK);
    if (!reader.code) return "";
    EXPECT_EQ(reader.code, code);
    std::string message = reader.message;
    EXPECT_EQ(message.substr(0, start.size()), start);
    return message.substr(start.size());
  }
  // The same for a header with 24 bytes of data.
  std::string header(const std::string &text) { return verdict(safetensors(text, 24)); }
};

const char kGood[] = R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
                     R"("b":{"dtype":"I64","shape":[],"data_offsets":[16,24]}})";

TEST_F(Bytes, AGoodFileOpens) {
  EXPECT_EQ(header(kGood), "");
  EXPECT_EQ(header(std::string(" \t") + kGood), "header byte 0: expected '{', found byte 0x20");
  EXPECT_EQ(header(std::string(kGood) + " \n  "), "");
  EXPECT_EQ(verdict(safetensors("{}", 0)), "");
  EXPECT_EQ(
      verdict(safetensors("{ \"__metadata__\" : { } , \"z\" : { \"shape\" : [ 0 , 7 ] , \"data_offsets\" : [ 0 , 0 ] "
                          ", \"dtype\" : \"BOOL\" } } ",
                          0)),
      "");
}

TEST_F(Bytes, EveryTruncationIsRefused) {
  std::string bytes = safetensors(kGood, 24);
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_NE(verdict(bytes.substr(0, length)), "") << "of " << length << " bytes";
  for (size_t length = 0; length < strlen(kGood); ++length) // the length field fits, the header ends early
    EXPECT_NE(header(std::string(kGood, length)), "") << "of " << length << " bytes";
}

TEST_F(Bytes, NoByteCanBeChangedIntoACrash) {
  std::string bytes = safetensors(kGood, 24);
  for (size_t i = 0; i < bytes.size() - 24; ++i)
    for (char other : {'\0', '"', '{', '}', '[', ']', ',', ':', '9', '\\', '\x7f', '\x80', '\xff'}) {
      std::string changed = bytes;
      changed[i] = other;
      verdict(changed); // the sanitizers watch
    }
}

TEST_F(Bytes, LengthsAreChecked) {
  EXPECT_EQ(verdict(""), "has 0 bytes; a safetensors file has at least 8");
  EXPECT_EQ(verdict("1234567"), "has 7 bytes; a safetensors file has at least 8");
  EXPECT_EQ(verdict(std::string(8, '\xff')),
            "the header takes 18446744073709551615 bytes by its length field; 0 follow. "
            "The file is truncated, or not in safetensors format");
  std::string path = folder.file("sparse");
  write_contents(path, std::string("\x00\xe1\xf5\x05\x01\0\0\0", 8)); // 4395000064 = 2^32 + 100000000
  ASSERT_EQ(truncate(path.c_str(), int64_t{5} << 30), 0);
  EXPECT_STREQ(Reader(path).message,
               ("'" + path + "': the header takes 4394967296 bytes; at most 100000000 are allowed").c_str());
  EXPECT_EQ(verdict(safetensors("", 0)), "the header ends where '{' is expected");
}

TEST_F(Bytes, SyntaxIsStrict) {
  EXPECT_EQ(header("[]"), "header byte 0: expected '{', found '['");
  EXPECT_EQ(header("{} x"), "header byte 3: expected the end of the header, found 'x'");
  EXPECT_EQ(header("{\"a\""), "the header ends where ':' is expected");
  EXPECT_EQ(header("{a:1}"), "header byte 1: expected '\"', found 'a'");
  EXPECT_EQ(header("{\"a"), "the header ends where the end of a string is expected");
  EXPECT_EQ(header("{\"a\n\":1}"), "header byte 3: expected valid UTF-8, found byte 0x0a");
  EXPECT_EQ(header("{\"\\q\":1}"), "header byte 3: expected an escape, found 'q'");
  EXPECT_EQ(header("{\"\\"), "the header ends where an escape is expected");
  EXPECT_EQ(header("{\"\\u12g4\":1}"), "header byte 6: expected four hexadecimal digits, found 'g'");
  EXPECT_EQ(header("{\"\\u0000\":1}"), "a string in the header contains a zero byte");
  EXPECT_EQ(header("{\"\\ud800x\":1}"), "header byte 8: expected the second half of a surrogate pair, found 'x'");
  EXPECT_EQ(header("{\"\\ud800\\u0041\":1}"), "a surrogate in the header has no pair");
  EXPECT_EQ(header("{\"\\udc00\":1}"), "a surrogate in the header has no pair");
  EXPECT_EQ(header("{\"a\":{}}"), "tensor 'a' has no dtype");
  EXPECT_EQ(header("{\"a\":{\"dtype\":\"F32\"}}"), "tensor 'a' has no shape");
  EXPECT_EQ(header("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}"), "tensor 'a' has no data_offsets");
  EXPECT_EQ(header("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}"),
            "tensor 'a' has an unknown or repeated key 'dtype'");
  EXPECT_EQ(header("{\"a\":{\"strides\":[]}}"), "tensor 'a' has an unknown or repeated key 'strides'");
  EXPECT_EQ(header("{\"a\":{\"dtype\":\"C64\"}}"),
            "tensor 'a' has dtype 'C64'; F64, F32, F16, BF16, I64, I32, I8, U8 and BOOL can be read");
  EXPECT_EQ(header("{\"a\":{\"shape\":[-1]}}"), "header byte 15: expected an integer that is not negative, found '-'");
  EXPECT_EQ(header("{\"a\":{\"shape\":[01]}}"), "header byte 15: expected an integer that is not negative, found '0'");
  EXPECT_EQ(header("{\"a\":{\"shape\":[1.5]}}"), "header byte 16: expected ']', found '.'");
  EXPECT_EQ(header("{\"a\":{\"shape\":[1,]}}"), "header byte 17: expected an integer that is not negative, found ']'");
  EXPECT_EQ(header("{\"a\":{\"shape\":[99999999999999999999]}}"), "header byte 33: the integer is too large");
  EXPECT_EQ(header("{\"a\":{\"shape\":[1,1,1,1,1,1,1,1,1]}}"), "tensor 'a' has more than 8 dimensions");
  EXPECT_EQ(header("{\"__metadata__\":{\"a\":1}}"), "header byte 21: expected '\"', found '1'");
  EXPECT_EQ(header("{\"__metadata__\":{},\"__metadata__\":{}}"), "__metadata__ is there twice");
  EXPECT_EQ(verdict(safetensors("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0)), "metadata 'k' is there twice");
  EXPECT_EQ(verdict(safetensors("{\"\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0)),
            "a tensor's name is empty");
}

TEST_F(Bytes, TextIsUtf8) {
  for (std::string bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xe2\x82",
                          "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x28\xa1"})
    EXPECT_NE(header("{\"" + bad + "\":1}").find("expected valid UTF-8"), std::string::npos) << bad;
  std::string path = folder.file("x");
  write_contents(path,
                 safetensors("{\"__metadata__\":{\"\\u00e9\\u20ac\\ud83d\\ude00\\n\\\"\\\\\\/\\b\\f\\r\\t\":\"\xc3\xa9"
                             "\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"}}",
                             0));
  Reader reader(path);
  ASSERT_EQ(reader.code, FOVEA_OK) << reader.message;
  EXPECT_STREQ(fovea_safetensors_value(reader.file, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n\"\\/\b\f\r\t"),
               "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f");
  EXPECT_EQ(fovea_safetensors_value(reader.file, "other"), nullptr);
}

TEST_F(Bytes, RangesAreChecked) {
  auto pair = [&](const std::string &a, const std::string &b, const std::string &second = "b") {
    return header("{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":" + a + "},\"" + second +
                  "\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":" + b + "}}");
  };
  EXPECT_EQ(pair("[0,12]", "[12,24]"), "");
  EXPECT_EQ(pair("[12,24]", "[0,12]"), "");
  EXPECT_EQ(pair("[0,12]", "[12,24]", "a"), "tensor 'a' is there twice");
  EXPECT_EQ(pair("[0,12]", "[8,20]"), "tensors 'a' and 'b' overlap at byte 8");
  EXPECT_EQ(pair("[0,12]", "[0,12]"), "tensors 'a' and 'b' overlap at byte 0");
  EXPECT_EQ(pair("[0,12]", "[13,25]"), "tensor 'b' takes bytes 13 to 25; the file has 24 bytes of data");
  EXPECT_EQ(pair("[12,0]", "[12,24]"), "tensor 'a' takes bytes 12 to 0; the file has 24 bytes of data");
  EXPECT_EQ(pair("[0,8]", "[8,20]"), "tensor 'a' is F32[3], 12 bytes, but its data_offsets hold 8");
  EXPECT_EQ(header("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[4,6]}}"),
            "bytes 0 to 4 of the data belong to no "
            "tensor");
  EXPECT_EQ(header("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}"),
            "the file has 24 bytes of data, its "
            "tensors take 2");
  EXPECT_EQ(header("{\"a\":{\"dtype\":\"F64\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,24]}}"),
            "tensor 'a' is F64[4294967296, 4294967296], which is too large");
  EXPECT_EQ(
      header("{\"a\":{\"dtype\":\"U8\",\"shape\":[9223372036854775807,9223372036854775807,0],\"data_offsets\":[0,0]}}"),
      "the file has 24 bytes of data, its tensors take 0");
}

TEST(Open, SaysWhyItCannot) {
  TemporaryFolder folder;
  std::string missing = folder.file("missing");
  Reader reader(missing);
  EXPECT_EQ(reader.code, FOVEA_IO_ERROR);
  EXPECT_EQ(reader.message, "'" + missing + "': cannot be opened: No such file or directory");
  EXPECT_EQ(Reader(folder.path.string()).message, "'" + folder.path.string() + "': is not a regular file");
  std::string pipe = folder.file("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(Reader(pipe).message, "'" + pipe + "': is not a regular file");
  EXPECT_LT(strlen(Reader(folder.file(std::string(200, 'x') + "/" + std::string(200, 'y'))).message),
            size_t{FOVEA_MESSAGE_BYTES});
}

TEST(Open, SurvivesEveryFailingAllocation) {
  TemporaryFolder folder;
  std::string path = folder.file("x");
  write_contents(path, safetensors(kGood, 24));
  for (long failing = 0;; ++failing) {
    allocations_until_failure = failing;
    fovea_safetensors *file;
    char message[FOVEA_MESSAGE_BYTES];
    int32_t code = fovea_safetensors_open(path.c_str(), &file, message);
    allocations_until_failure = -1;
    fovea_safetensors_close(file);
    if (!code) {
      EXPECT_GE(failing, 4); // the file, its header, tensors, metadata
      break;
    }
    EXPECT_EQ(code, FOVEA_OUT_OF_MEMORY);
    EXPECT_NE(std::string(message).find("no memory"), std::string::npos);
  }
}

TEST(Read, AFileThatShrinksIsAnError) {
  TemporaryFolder folder;
  std::string path = folder.file("x");
  write_contents(path, safetensors(kGood, 24));
  Reader reader(path);
  ASSERT_EQ(truncate(path.c_str(), 8 + strlen(kGood) + 10), 0);
  uint8_t values[16];
  EXPECT_EQ(
      fovea_safetensors_read(reader.file, fovea_safetensors_find(reader.file, "a"), 0, 16, values, reader.message),
      FOVEA_IO_ERROR);
  EXPECT_EQ(reader.message, "'" + path + "': ends at byte " + std::to_string(8 + strlen(kGood) + 10) +
                                "; it was longer when it was opened");
}

struct Written : testing::Test {
  TemporaryFolder folder;
  std::string path = folder.file("x.safetensors");
  std::vector<fovea_safetensors_tensor> tensors = {{"z\"\\\n\xc3\xa9", FOVEA_F32, 2, {3, 5}, 0, 0},
                                                   {"flag", FOVEA_BOOL, 1, {3}, 0, 0},
                                                   {"big", FOVEA_F64, 1, {20000}, 0, 0},
                                                   {"scalar", FOVEA_I64, 0, {}, 0, 0},
                                                   {"empty", FOVEA_BF16, 2, {4, 0}, 0, 0}};
  std::vector<fovea_safetensors_metadata> metadata = {{"note", "a \"quote\"\t"}};
  char message[FOVEA_MESSAGE_BYTES] = "";

  static uint8_t byte_of(int64_t tensor, int64_t at) { return static_cast<uint8_t>(tensor * 37 + at * 11 + at / 256); }
  int32_t write() { return write_to(path); }
  int32_t write_to(const std::string &to) {
    return fovea_safetensors_write(
        to.c_str(), tensors.data(), tensors.size(), metadata.data(), metadata.size(),
        [](void *, int64_t tensor, int64_t begin, int64_t bytes, void *values) {
          EXPECT_GT(bytes, 0);
          for (int64_t i = 0; i < bytes; ++i) static_cast<uint8_t *>(values)[i] = byte_of(tensor, begin + i);
        },
        nullptr, message);
  }
};

TEST_F(Written, ReadsBack) {
  ASSERT_EQ(write(), FOVEA_OK) << message;
  EXPECT_EQ(folder.count(), 1);
  Reader reader(path);
  ASSERT_EQ(reader.code, FOVEA_OK) << reader.message;
  EXPECT_STREQ(fovea_safetensors_value(reader.file, "note"), "a \"quote\"\t");
  ASSERT_EQ(fovea_safetensors_count(reader.file), 5);
  EXPECT_STREQ(fovea_safetensors_at(reader.file, 0)->name, "big");
  EXPECT_EQ(fovea_safetensors_find(reader.file, "other"), nullptr);
  const int64_t bytes[] = {60, 3, 160000, 8, 0};
  for (size_t i = 0; i < tensors.size(); ++i) {
    const fovea_safetensors_tensor *found = fovea_safetensors_find(reader.file, tensors[i].name);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->dtype, tensors[i].dtype);
    EXPECT_EQ(found->rank, tensors[i].rank);
    EXPECT_EQ(memcmp(found->shape, tensors[i].shape, sizeof found->shape), 0);
    ASSERT_EQ(found->bytes, bytes[i]);
    std::vector<uint8_t> values(found->bytes);
    ASSERT_EQ(fovea_safetensors_read(reader.file, found, 0, found->bytes, values.data(), message), FOVEA_OK);
    for (int64_t at = 0; at < found->bytes; ++at) ASSERT_EQ(values[at], byte_of(i, at));
  }
  uint64_t header_bytes;
  memcpy(&header_bytes, contents(path).data(), 8);
  EXPECT_EQ(header_bytes % 8, 0u);
}

TEST_F(Written, FileWithoutTensorsIsGood) {
  tensors.clear();
  metadata.clear();
  ASSERT_EQ(write(), FOVEA_OK) << message;
  EXPECT_EQ(Reader(path).code, FOVEA_OK);
}

TEST_F(Written, ReplacesTheOldFileWithItsUsualPermissions) {
  write_contents(path, "old");
  mode_t mask = umask(022);
  ASSERT_EQ(write(), FOVEA_OK) << message;
  umask(mask);
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0644u);
  EXPECT_EQ(Reader(path).code, FOVEA_OK);
  write_contents(path + ".partial-0", "left by a machine that lost power");
  ASSERT_EQ(write(), FOVEA_OK) << message;
  EXPECT_EQ(folder.count(), 2);
}

TEST_F(Written, ReportsAFolderThatIsMissing) {
  EXPECT_EQ(write_to(folder.file("no/x")), FOVEA_IO_ERROR);
  EXPECT_EQ(message, "'" + folder.file("no/x") + "': no file can be made in its folder: No such file or directory");
  write_contents(folder.file("file"), "");
  EXPECT_EQ(write_to(folder.file("file/x")), FOVEA_IO_ERROR);
  EXPECT_NE(std::string(message).find("Not a directory"), std::string::npos);
  EXPECT_EQ(write_to(folder.file(std::string(5000, 'x'))), FOVEA_IO_ERROR);
  EXPECT_NE(std::string(message).find("File name too long"), std::string::npos);
}

// A limit on file sizes stands for a full disk: write fails half way.
TEST_F(Written, FailureLeavesTheOldFileAndNoOther) {
  write_contents(path, "old");
  rlimit before, limit;
  getrlimit(RLIMIT_FSIZE, &before);
  limit = before;
  limit.rlim_cur = 50000;
  auto handler = signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &limit);
  int32_t code = write();
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  EXPECT_EQ(code, FOVEA_IO_ERROR);
  EXPECT_EQ(message, "'" + path + "': cannot be written: File too large; what was there is unchanged");
  EXPECT_EQ(contents(path), "old");
  EXPECT_EQ(folder.count(), 1);
}

TEST_F(Written, FailureToSyncIsReported) {
  write_contents(path, "old");
  syncs_until_failure = 0; // the file
  EXPECT_EQ(write(), FOVEA_IO_ERROR);
  EXPECT_EQ(message, "'" + path + "': cannot be written: Input/output error; what was there is unchanged");
  EXPECT_EQ(contents(path), "old");
  syncs_until_failure = 1; // its folder
  EXPECT_EQ(write(), FOVEA_IO_ERROR);
  syncs_until_failure = -1;
  EXPECT_EQ(message, "'" + path + "': is written, but its folder cannot be synced: Input/output error");
  EXPECT_EQ(Reader(path).code, FOVEA_OK);
  EXPECT_EQ(folder.count(), 1);
}

TEST_F(Written, FailureToRenameLeavesNoOther) {
  std::filesystem::create_directory(path);
  EXPECT_EQ(write(), FOVEA_IO_ERROR);
  EXPECT_NE(std::string(message).find("Is a directory"), std::string::npos);
  EXPECT_EQ(folder.count(), 1);
}

TEST_F(Written, ReportsMissingMemory) {
  allocations_until_failure = 0;
  int32_t code = write();
  allocations_until_failure = -1;
  EXPECT_EQ(code, FOVEA_OUT_OF_MEMORY);
  EXPECT_EQ(message, "'" + path + "': no memory for the header");
  EXPECT_EQ(folder.count(), 0);
}

TEST_F(Written, PathMayBeRelative) {
  auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path);
  EXPECT_EQ(write_to("relative"), FOVEA_OK) << message;
  std::filesystem::current_path(before);
  EXPECT_TRUE(std::filesystem::exists(folder.file("relative")));
}

} // namespace
