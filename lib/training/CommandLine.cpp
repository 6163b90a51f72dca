#include "training/CommandLine.h"

#include "formats/Error.h"
#include "formats/File.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace fovea::training {
namespace {

namespace fs = std::filesystem;

constexpr int interrupted = 130;

const CLI::Validator aboveZero(
    [](const std::string &text) {
      return std::strtod(text.c_str(), nullptr) > 0 ? std::string() : text + ": must be a number above zero";
    },
    "ABOVE ZERO");

} // namespace

CommandLine::CommandLine(const CommandLineDefaults &defaults) : defaults(defaults), app(defaults.purpose) {
  options.epochs = defaults.epochs;
  options.batch = defaults.batch;
  options.rate = defaults.rate;
  options.out = defaults.out;
  options.threads = std::max(1u, std::thread::hardware_concurrency());
  app.add_option("--out", options.out, "folder for everything that is written")->capture_default_str();
  app.add_option("--target", options.target,
                 "what computes: a processor, such as x86-64-v3, or a device, such as cuda-sm80");
  app.add_option("--threads", options.threads, "threads to compute with")->check(aboveZero);
  resume = app.add_flag("--resume", options.resume, "continue the run in --out with its own settings");
  app.add_option("--data", options.data, defaults.dataHelp);
  named["data"] = &options.data;
  add("--epochs", &options.epochs, "times over the data")->check(aboveZero);
  add("--batch", &options.batch, "items a step")->check(aboveZero);
  add("--rate", &options.rate, "peak learning rate")->check(aboveZero);
  add("--seed", &options.seed, "of the first weights and of all chance");
  add("--quick", &options.quick, "a short run on part of the data");
}

CLI::Option *CommandLine::add(const std::string &name, Setting setting, const std::string &help) {
  named[name.substr(name.find_first_not_of('-'))] = setting;
  CLI::Option *option = std::visit(
      [&](auto *variable) {
        if constexpr (std::is_same_v<decltype(variable), bool *>)
          return app.add_flag(name, *variable, help);
        else
          return app.add_option(name, *variable, help)->capture_default_str();
      },
      setting);
  resume->excludes(option);
  return option;
}

void CommandLine::prepare() {
  const std::string given = options.data;
  const char *shared = std::getenv("FOVEA_DATA");
  formats::makeFolder(options.out);
  if (options.resume)
    state = loadRun(options.out, named);
  else if (given.empty() && shared && !defaults.data.empty() && fs::is_directory(fs::path(shared) / defaults.data))
    options.data = (fs::path(shared) / defaults.data).string();
  if (!given.empty()) options.data = given;
  if (!options.data.empty()) options.data = fs::absolute(options.data).string(); // --resume may come from elsewhere
  if (options.quick && !options.resume && app.count("--epochs") == 0) options.epochs = defaults.quickEpochs;
}

int CommandLine::run(int argc, char **argv, const std::function<bool()> &train) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0); // in order with the progress on stderr, also in a file
  try {
    app.parse(argc, argv);
    prepare();
    return train() ? 0 : interrupted;
  } catch (const CLI::ParseError &error) {
    return app.exit(error) == 0 ? 0 : 1; // prints the help or what is wrong
  } catch (const Error &error) {
    std::fprintf(stderr, "%s: %s\n", fs::path(argv[0]).filename().c_str(), error.what());
    return 1;
  }
}

} // namespace fovea::training
