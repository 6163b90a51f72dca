// CSV logs, the progress on the terminal, and the end by a signal.
#include "../TemporaryFolder.h"
#include "FullDisk.h"
#include "formats/File.h"
#include "training/CsvLog.h"
#include "training/Interrupt.h"
#include "training/ProgressBar.h"

#include <algorithm>
#include <csignal>
#include <sstream>

namespace fovea::training {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class LogTest : public TemporaryFolder {
protected:
  std::string content(const std::string &name) const {
    const formats::Bytes bytes = formats::readFile(folder / name);
    return {bytes.begin(), bytes.end()};
  }
};

const std::vector<std::string> columns{"step", "loss"};

TEST_F(LogTest, CsvIsFlushedRowByRow) {
  CsvLog log(folder / "a.csv", columns);
  EXPECT_EQ(content("a.csv"), "step,loss\n");
  log.append({1, 2.5});
  EXPECT_EQ(content("a.csv"), "step,loss\n1,2.5\n");
  log.append({2, 0.1f});
  EXPECT_EQ(content("a.csv"), "step,loss\n1,2.5\n2,0.100000001\n");
  EXPECT_EQ(log.rows(), readCsv(folder / "a.csv", columns));
  EXPECT_EQ(log.path(), folder / "a.csv");
}

TEST_F(LogTest, CsvContinuesWithTheKeptRows) {
  CsvLog(folder / "a.csv", columns).append({1, 2});
  formats::writeFile(folder / "a.csv", content("a.csv") + "2,0.");
  std::vector<Row> rows = readCsv(folder / "a.csv", columns);
  EXPECT_EQ(rows, (std::vector<Row>{{1, 2}}));
  CsvLog log(folder / "a.csv", columns, rows);
  log.append({2, 1});
  EXPECT_EQ(content("a.csv"), "step,loss\n1,2\n2,1\n");
  EXPECT_EQ(log.rows().size(), 2u);
}

TEST_F(LogTest, CsvErrors) {
  const std::filesystem::path path = folder / "a.csv";
  auto readError = [&](const char *text) {
    formats::writeFile(path, text);
    return errorOf([&] { readCsv(path, columns); });
  };
  EXPECT_THAT(readError("step,rate\n"), HasSubstr("a.csv: has the columns step,rate, but step,loss are expected"));
  EXPECT_THAT(readError("step,loss\n1,2\n1,2,3\n"), HasSubstr("a.csv:3: \"1,2,3\" is not a row of 2 numbers"));
  EXPECT_THAT(readError("step,loss\n1,x\n"), HasSubstr("a.csv:2: \"1,x\" is not a row"));
  EXPECT_THAT(readError("step,loss\n1,2x\n"), HasSubstr("a.csv:2: \"1,2x\" is not a row"));
  EXPECT_THAT(readError(""), HasSubstr("a.csv: is empty, but step,loss are expected"));
  EXPECT_THAT(errorOf([&] { readCsv(folder / "none", columns); }), HasSubstr("none: cannot open"));
  EXPECT_THAT(errorOf([&] { CsvLog(folder / "none" / "a.csv", columns); }), HasSubstr("cannot make a file"));
  CsvLog log(path, columns);
  EXPECT_THAT(errorOf([&] { log.append({1}); }), HasSubstr("a row of 1 numbers does not fit the columns step,loss"));
}

TEST_F(LogTest, CsvOnAFullDisk) {
  CsvLog log(folder / "a.csv", columns);
  const FullDisk full(12);
  EXPECT_THAT(errorOf([&] { log.append({1, 2.5}); }), HasSubstr("a.csv: cannot write: is the disk full?"));
  EXPECT_TRUE(log.rows().empty());
}

TEST(ProgressBar, Line) {
  EXPECT_EQ(progressLine("epoch 1/2", 0, 300, 1200, 10, 0.25),
            "epoch 1/2 [======>                 ]  25 %  loss 0.2500  30/s  ETA 0:30");
  EXPECT_EQ(progressLine("e", 600, 900, 1200, 100, 1),
            "e [==================>     ]  75 %  loss 1.0000  3.0/s  ETA 1:40");
  EXPECT_EQ(progressLine("e", 0, 4, 4, 2, 1), "e [========================] 100 %  loss 1.0000  2.0/s  ETA 0:00");
  EXPECT_EQ(progressLine("e", 0, 4, 4, 2, {}), "e [========================] 100 %  2.0/s  ETA 0:00");
  EXPECT_THAT(progressLine("e", 0, 0, 4, 0, 1), HasSubstr("ETA ?"));
  EXPECT_THAT(progressLine("e", 0, 1, 7201, 1, 1), HasSubstr("ETA 2:00:00"));
}

TEST(ProgressBar, OneLineAtTheEndOfAFile) {
  std::ostringstream out;
  {
    ProgressBar bar(out, false, "e", 100);
    for (int i = 1; i <= 100; ++i) bar.update(i, 1);
  }
  const std::string text = out.str();
  EXPECT_THAT(text, HasSubstr("100 %"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST(ProgressBar, RedrawsOnATerminal) {
  std::ostringstream out;
  {
    ProgressBar bar(out, true, "e", 100);
    bar.update(100, 1);
    bar.update(100, 1);
  }
  EXPECT_THAT(out.str(), StartsWith("\re ["));
  EXPECT_EQ(out.str().back(), '\n');
  EXPECT_EQ(out.str().rfind('\r'), out.str().size() / 2);
}

TEST(Interrupt, SetsAFlagOnceAndRestores) {
  static volatile std::sig_atomic_t other = 0;
  auto *former = std::signal(SIGINT, [](int) { other = 1; });
  {
    Interrupt interrupt;
    EXPECT_FALSE(interrupt.requested());
    std::raise(SIGINT);
    EXPECT_TRUE(interrupt.requested());
    EXPECT_EQ(other, 0);
  }
  {
    Interrupt interrupt;
    EXPECT_FALSE(interrupt.requested());
    std::raise(SIGTERM);
    EXPECT_TRUE(interrupt.requested());
  }
  std::raise(SIGINT);
  EXPECT_EQ(other, 1);
  std::signal(SIGINT, former);
}

TEST(InterruptDeathTest, TheSecondEndsTheProgram) {
  EXPECT_EXIT(
      {
        Interrupt interrupt;
        std::raise(SIGINT);
        std::raise(SIGINT);
      },
      testing::KilledBySignal(SIGINT), "");
}

} // namespace
} // namespace fovea::training
