// fovea-onnx-test: ONNX's own test cases through the importer, the compiler and the compiled code. Every case runs in a
// process of its own, so that none can take others down.
#include "tools/fovea-onnx-test/Case.h"

#include "lib/emit/Cache.h"

#include "llvm/Support/CommandLine.h"

#include <algorithm>
#include <csignal>
#include <iostream>
#include <map>
#include <poll.h>
#include <regex>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace fs = std::filesystem;
namespace cl = llvm::cl;
using namespace fovea;

namespace {

struct CommandLine {
  cl::OptionCategory category{"fovea-onnx-test"};
  cl::list<std::string> folders{cl::Positional, cl::OneOrMore, cl::desc("FOLDER..."), cl::cat(category)};
  cl::opt<std::string> filter{"filter", cl::value_desc("regex"), cl::cat(category),
                              cl::desc("Only cases whose name has a match")};
  cl::opt<unsigned> sample{"sample", cl::init(0), cl::value_desc("count"), cl::cat(category),
                           cl::desc("Only so many cases, at even distances in the order of their names")};
  cl::opt<bool> dynamic{
      "dynamic", cl::cat(category),
      cl::desc("Import with the leading size of inputs open, compile once for any, run at the real one; "
               "cases whose ops need it as a number count as unsupported")};
  cl::opt<unsigned> jobs{"jobs", cl::init(0), cl::value_desc("count"), cl::cat(category),
                         cl::desc("Cases that run at once (default: as many as the machine runs threads)")};
  cl::opt<unsigned> timeout{"timeout", cl::init(120), cl::value_desc("seconds"), cl::cat(category),
                            cl::desc("After which a case has failed (default: 120)")};
  cl::opt<std::string> cache{"cache", cl::value_desc("folder"), cl::cat(category),
                             cl::desc("Folder of compiled kernels (default: foveac's)")};
};

int fail(const std::string &message) {
  std::cerr << "fovea-onnx-test: error: " << message << "\n";
  return 1;
}

/// Folders with a model.onnx, below those given or themselves; by name.
std::vector<fs::path> casesIn(const std::vector<std::string> &folders) {
  std::map<std::string, fs::path> cases;
  for (const std::string &folder : folders) {
    if (!fs::is_directory(folder))
      throw std::runtime_error("'" + folder + "' is no folder: give one with test cases, or a case itself");
    if (fs::exists(fs::path(folder) / "model.onnx"))
      cases.emplace(fs::canonical(folder).filename(), fs::canonical(folder));
    for (const auto &entry : fs::directory_iterator(folder))
      if (fs::exists(entry.path() / "model.onnx")) cases.emplace(entry.path().filename(), entry.path());
  }
  std::vector<fs::path> result;
  for (auto &[name, path] : cases) result.push_back(path);
  return result;
}

/// A case that runs in a child process.
struct Running {
  size_t index;
  pid_t process;
  int pipe;
  std::string text; // a digit for the verdict, then the reason
};

class Runner {
public:
  Runner(const std::vector<fs::path> &cases, const CommandLine &line)
      : cases(cases), line(line), outcomes(cases.size()) {
    cache = line.cache.getNumOccurrences() ? line.cache.getValue() : Cache::defaultFolder();
  }

  std::vector<Outcome> run() {
    size_t jobs = line.jobs ? line.jobs : std::max(1u, std::thread::hardware_concurrency()), next = 0;
    while (next < cases.size() || !running.empty()) {
      while (next < cases.size() && running.size() < jobs) start(next++);
      waitForOne();
    }
    return std::move(outcomes);
  }

private:
  void start(size_t index) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no more pipes can be made");
    pid_t process = ::fork();
    if (process < 0) throw std::runtime_error("no more processes can be started");
    if (process == 0) {
      ::close(ends[0]);
      ::alarm(line.timeout);
      Outcome outcome = runCase(cases[index], cache, line.dynamic);
      std::string text = std::to_string(int(outcome.verdict)) + outcome.reason;
      for (size_t at = 0; at < text.size();) {
        ssize_t written = ::write(ends[1], text.data() + at, text.size() - at);
        if (written <= 0) break;
        at += (size_t)written;
      }
      ::_exit(0);
    }
    ::close(ends[1]);
    running.push_back({index, process, ends[0], ""});
  }

  void waitForOne() {
    std::vector<pollfd> ends;
    for (const Running &each : running) ends.push_back({each.pipe, POLLIN, 0});
    ::poll(ends.data(), ends.size(), -1);
    for (size_t i = ends.size(); i-- > 0;) {
      if (!ends[i].revents) continue;
      char buffer[4096];
      ssize_t count = ::read(ends[i].fd, buffer, sizeof buffer);
      if (count > 0)
        running[i].text.append(buffer, (size_t)count);
      else
        finish(i);
    }
  }

  void finish(size_t which) {
    Running &done = running[which];
    int status = 0;
    ::waitpid(done.process, &status, 0);
    ::close(done.pipe);
    Outcome &outcome = outcomes[done.index];
    if (!done.text.empty() && WIFEXITED(status))
      outcome = {Verdict(done.text[0] - '0'), done.text.substr(1)};
    else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
      outcome = {Verdict::failed, "took more than " + std::to_string(line.timeout) + " seconds"};
    else
      outcome = {Verdict::failed, "its process was ended by " +
                                      (WIFSIGNALED(status) ? std::string(::strsignal(WTERMSIG(status))) : "itself")};
    static const char *const words[] = {"passed", "failed", "unsupported"};
    std::cout << words[int(outcome.verdict)] << " " << cases[done.index].filename().string();
    if (!outcome.reason.empty()) std::cout << ": " << outcome.reason;
    std::cout << std::endl;
    running.erase(running.begin() + (ptrdiff_t)which);
  }

  const std::vector<fs::path> &cases;
  const CommandLine &line;
  std::string cache;
  std::vector<Outcome> outcomes;
  std::vector<Running> running;
};

int run(const CommandLine &line) {
  std::vector<fs::path> cases = casesIn({line.folders.begin(), line.folders.end()});
  if (!line.filter.empty()) {
    std::regex filter;
    try {
      filter = line.filter.getValue();
    } catch (const std::regex_error &error) {
      return fail("--filter='" + line.filter + "' is no regular expression: " + error.what());
    }
    cases.erase(
        std::remove_if(cases.begin(), cases.end(),
                       [&](const fs::path &each) { return !std::regex_search(each.filename().string(), filter); }),
        cases.end());
  }
  if (line.sample && line.sample < cases.size()) {
    std::vector<fs::path> some;
    for (size_t i = 0; i < line.sample; ++i) some.push_back(cases[i * cases.size() / line.sample]);
    cases = std::move(some);
  }
  size_t counts[3] = {};
  for (const Outcome &outcome : Runner(cases, line).run()) ++counts[int(outcome.verdict)];
  std::cout << "passed " << counts[0] << ", failed " << counts[1] << ", unsupported " << counts[2] << std::endl;
  if (counts[0] == 0) return fail("no case passed: is the folder the right one, and the filter?");
  return counts[1] ? 1 : 0;
}

} // namespace

int main(int argc, char **argv) {
  cl::ResetCommandLineParser();
  CommandLine line;
  cl::ParseCommandLineOptions(argc, argv,
                              "Runs ONNX's own test cases: model.onnx with test_data_set_N/{input,output}_I.pb\n");
  try {
    return run(line);
  } catch (const std::exception &error) {
    return fail(error.what());
  }
}
