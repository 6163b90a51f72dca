// Lines of PTX to instructions.
#include "test/cuda/Ptx.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <optional>
#include <sstream>

namespace fovea::ptx {
namespace {

std::string trimmed(const std::string &text) {
  size_t from = text.find_first_not_of(" \t"), to = text.find_last_not_of(" \t");
  return from == std::string::npos ? "" : text.substr(from, to - from + 1);
}

/// The parts between commas; braces, of vectors, fall away.
std::vector<std::string> partsOf(const std::string &text) {
  std::vector<std::string> parts(1);
  for (char c : text)
    if (c == ',')
      parts.emplace_back();
    else if (c != '{' && c != '}')
      parts.back() += c;
  for (std::string &part : parts) part = trimmed(part);
  if (parts.size() == 1 && parts[0].empty()) parts.clear();
  return parts;
}

uint32_t sizeOf(const std::string &type) { // .b64
  return type == ".pred" ? 1 : std::max(1, std::stoi(type.substr(2)) / 8);
}

class Parser {
public:
  explicit Parser(Module &module) : module(module) {}

  void run(const std::string &text) {
    std::istringstream in(text);
    std::string begun; // an instruction that goes on in the next line
    for (std::string line; std::getline(in, line);) {
      if (size_t comment = line.find("//"); comment != std::string::npos) line.resize(comment);
      if (line = trimmed(begun + " " + line); line.empty()) continue;
      begun = (std::islower(line[0]) || line[0] == '@') && line.back() != ';' ? line : "";
      if (begun.empty()) add(line);
    }
    for (auto &[name, entry] : module.entries)
      for (Instruction &each : entry.code)
        if (each.flow == Instruction::call) {
          auto found = module.entries.find(each.callee);
          if (found == module.entries.end()) throw Error("there is no function " + each.callee);
          each.called = &found->second;
        }
  }

private:
  void add(std::string line) {
    if (size_t at = line.find(".entry "); at != std::string::npos)
      return begin(line.substr(at + 7, line.find('(') - at - 7), false);
    if (size_t at = line.find(".func "); at != std::string::npos) return function(line.substr(at + 6));
    if (inParameters) return parameter(line);
    // A block within a line has a register of its own.
    if (line.size() > 1 && line[0] == '{' && line.back() == '}') {
      for (size_t at = 1; at < line.size() - 1;) {
        size_t end = line.find(';', at);
        add(trimmed(line.substr(at, end + 1 - at)));
        at = end + 1;
        if (line.find(';', at) == std::string::npos) break;
      }
      return;
    }
    if (line == "{") return void(++depth);
    if (line == "}") return --depth ? void() : finish();
    if (line[0] == '.') return directive(line);
    if (line.back() == ':') {
      labels[line.substr(0, line.size() - 1)] = (uint32_t)entry->code.size();
      return;
    }
    if (!entry || line.back() != ';') throw Error("the emulator cannot read '" + line + "'");
    line.pop_back();
    instruction(line);
  }

  void begin(const std::string &name, bool isFunction) {
    entry = &module.entries[name];
    *entry = Entry{name};
    this->isFunction = isFunction;
    labels.clear();
    names.clear();
    locals.clear();
    inParameters = true;
  }

  /// `.func  (.param .b64 func_retval0) name(`, and its arguments in lines that follow; also where it is but announced.
  void function(const std::string &text) {
    size_t close = text.find(')'), open = text.find('(', close);
    bool returns = trimmed(text)[0] == '(';
    if (!returns) open = text.find('(');
    std::string name = trimmed(text.substr(returns ? close + 1 : 0, open - (returns ? close + 1 : 0)));
    begin(name, true);
    if (returns) parameter(text.substr(text.find('(') + 1, close - text.find('(') - 1));
  }

  void parameter(const std::string &line) { //   .param .u64 .ptr .align 1 name,
    if (line[0] == ')') {
      inParameters = false;
      if (line.back() == ';') entry = nullptr;
      return;
    }
    std::istringstream words(line);
    std::string word, type, name;
    words >> word >> type;
    while (words >> name) {
    }
    if (name.back() == ',') name.pop_back();
    if (isFunction) return entry->own.push_back(plain(name).value);
    uint32_t bytes = sizeOf(type);
    uint32_t offset = entry->parameters.empty() ? 0 : entry->parameters.back().offset + 8;
    entry->parameters.push_back({offset, bytes});
    names[name] = {Operand::constant, offset};
  }

  void directive(const std::string &line) {
    std::istringstream words(line);
    std::string space, word, name;
    words >> space;
    if (space == ".visible" || space == ".extern") words >> space;
    if (space == ".param") { // of a call: a register
      words >> word >> name;
      plain(name.substr(0, name.find(';')));
      return;
    }
    if (space == ".version" || space == ".target" || space == ".address_size" || space == ".reg" || space == ".maxntid")
      return;
    std::string type;
    while (words >> word && word[0] == '.')
      if (word == ".align")
        words >> word;
      else
        type = word;
    name = word.substr(0, word.find_first_of("[;"));
    size_t open = line.find('['), close = line.find(']');
    uint64_t bytes = sizeOf(type);
    if (open != std::string::npos && close > open + 1) bytes *= std::stoull(line.substr(open + 1, close - open - 1));
    if (space == ".local") {
      locals[name] = {Operand::local, entry->localBytes};
      entry->localBytes += (uint32_t)(bytes + 15) / 16 * 16;
    } else if (space == ".global" || space == ".const") {
      table(name, sizeOf(type), bytes, line);
    } else {
      throw Error("the emulator cannot read '" + line + "'");
    }
  }

  void table(const std::string &name, uint32_t size, uint64_t bytes, const std::string &line) {
    std::vector<uint8_t> &data = module.tables[name];
    data.resize(bytes);
    size_t open = line.find('{');
    if (open == std::string::npos) return;
    uint64_t at = 0;
    for (const std::string &each : partsOf(line.substr(open, line.find('}') - open))) {
      uint64_t value = constant(each).value();
      std::memcpy(data.data() + at, &value, size);
      at += size;
    }
  }

  static std::optional<uint64_t> constant(const std::string &text) {
    if (text.size() == 10 && text[0] == '0' && (text[1] == 'f' || text[1] == 'F'))
      return std::stoull(text.substr(2), nullptr, 16);
    if (text.size() == 18 && text[0] == '0' && (text[1] == 'd' || text[1] == 'D'))
      return std::stoull(text.substr(2), nullptr, 16);
    bool negative = text[0] == '-';
    if (!std::isdigit(text[negative])) return std::nullopt;
    uint64_t value = std::stoull(text.substr(negative), nullptr, 0);
    return negative ? -value : value;
  }

  Operand operand(std::string text) {
    int64_t offset = 0;
    if (text[0] == '[') {
      text = text.substr(1, text.size() - 2);
      if (size_t plus = text.find('+'); plus != std::string::npos) {
        offset = std::stoll(text.substr(plus + 1));
        text.resize(plus);
      }
    }
    Operand result = plain(text);
    result.offset = offset;
    return result;
  }

  Operand plain(const std::string &text) {
    static const std::vector<std::string> specials = {"%tid.x",   "%tid.y",   "%tid.z", "%ctaid.x",
                                                      "%ctaid.y", "%ctaid.z", "%laneid"};
    if (text == "_") return {Operand::reg, noRegister};
    if (auto found = std::find(specials.begin(), specials.end(), text); found != specials.end())
      return {Operand::special, uint64_t(found - specials.begin())};
    if (std::optional<uint64_t> value = constant(text)) return {Operand::constant, *value};
    for (auto *known : {&names, &locals})
      if (auto found = known->find(text); found != known->end()) return found->second;
    if (auto found = module.tables.find(text); found != module.tables.end())
      return {Operand::constant, reinterpret_cast<uint64_t>(found->second.data())};
    return names[text] = {Operand::reg, entry->registers++};
  }

  void instruction(std::string line) {
    Instruction result;
    result.text = line;
    if (line[0] == '@') {
      size_t space = line.find_first_of(" \t");
      result.negated = line[1] == '!';
      result.predicate = plain(line.substr(1 + result.negated, space - 1 - result.negated));
      line = trimmed(line.substr(space));
    }
    size_t space = line.find_first_of(" \t");
    result.opcode = line.substr(0, space);
    std::string rest = space == std::string::npos ? "" : line.substr(space);
    if (result.opcode == "bra" || result.opcode == "bra.uni") {
      result.flow = Instruction::branch;
      targets.push_back({entry->code.size(), trimmed(rest)});
    } else if (result.opcode == "call.uni" || result.opcode == "call") { // (results), name, (arguments)
      result.flow = Instruction::call;
      rest.erase(std::remove_if(rest.begin(), rest.end(), [](char c) { return c == '(' || c == ')'; }), rest.end());
      for (const std::string &part : partsOf(rest))
        if (names.count(part))
          result.operands.push_back(names[part]);
        else
          result.callee = part;
    } else if (result.opcode == "ret") {
      result.flow = Instruction::end;
    } else if (result.opcode == "bar.sync" || result.opcode == "barrier.sync") {
      result.flow = Instruction::barrier;
    } else {
      // `mov.b64 {a, b}, c` writes two, and reads one; `mov.b64 c, {a, b}` the other way round.
      if (result.opcode.rfind("mov.b", 0) == 0 && rest.find('{') != std::string::npos)
        result.opcode.insert(4, trimmed(rest)[0] == '{' ? "split." : "join.");
      std::string name = result.opcode;
      if (name.find(".v2.") != std::string::npos || name.find(".v4.") != std::string::npos)
        name.erase(name.find(".v"), 3);
      result.handler = handlerOf(name);
      for (const std::string &part : partsOf(rest)) result.operands.push_back(operand(part));
    }
    entry->code.push_back(result);
  }

  void finish() {
    if (!entry) return;
    for (auto &[at, label] : targets) {
      if (!labels.count(label)) throw Error("there is no label " + label);
      entry->code[at].target = labels[label];
    }
    targets.clear();
    entry = nullptr;
  }

  Module &module;
  Entry *entry = nullptr;
  bool inParameters = false, isFunction = false;
  int depth = 0;
  std::map<std::string, Operand> names, locals;
  std::map<std::string, uint32_t> labels;
  std::vector<std::pair<size_t, std::string>> targets;
};

} // namespace

Module::Module(const std::string &text) { Parser(*this).run(text); }

} // namespace fovea::ptx
