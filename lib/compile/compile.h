// Models compiled in the program that makes them, and run there. It is foveac's way: the same kernels, from the same
// cache, linked into the shared library that foveac would write.
#pragma once

#include <fovea/Model.h>

#include <iterator>
#include <map>
#include <vector>

namespace fovea {

struct ProgramOptions {
  std::string target = "host";               // or x86-64, ..., cuda-sm80 (README, devices); several joined by '+'
  std::map<std::string, int64_t> sizes = {}; // the largest that calls will use, by the names of the model's symbols
  int threads = 1;                           // that run it, the caller's included
  uint64_t seed = 0;                         // of parameters' first values and of random ops
  bool checks = false;                       // kernels check their bounds and functions' loads
  bool inference = false;                    // makes only forward
  int device = 0;                            // for targets of devices: which one
  void *stream = nullptr;                    // a CUstream, or a cl_command_queue, that kernels run in; nullptr: its own
  bool cpu_fallback = false;                 // takes the processor where the device cannot be used, rather than fail
  std::optional<std::string> cache = {}; // a folder of compiled code, "" for none; by default $FOVEA_CACHE, else fovea
                                         // in $XDG_CACHE_HOME or in ~/.cache. One that cannot be written is not used
};

/// A compiled model with its parameters and training state. One thread at a time may use it; several programs may be
/// used at once. Every function throws Error. One that was moved from can only be assigned to.
class Program {
public:
  /// A number, by value; or elements, of which at least as many must be given as the shape has: a container that has
  /// data() and size(), an array, or the address of the first, which may be in memory of the device.
  struct Argument {
    enum { whole, real, elements } kind;
    union {
      int64_t whole_number;
      double real_number;
      void *data;
    };
    DType dtype = f32;    // of the elements
    int64_t count = -1;   // of the elements; -1: not known
    bool writable = true; // whether the elements can change

    template <typename T, typename = std::enable_if_t<!std::is_same_v<std::decay_t<T>, Argument>>> Argument(T &&value) {
      using Value = std::decay_t<T>;
      if constexpr (std::is_integral_v<Value>) {
        kind = whole, whole_number = value;
      } else if constexpr (std::is_arithmetic_v<Value>) {
        kind = real, real_number = value;
      } else if constexpr (std::is_pointer_v<std::remove_reference_t<T>>) {
        point(value, -1);
      } else {
        point(std::data(value), std::size(value));
      }
    }

  private:
    template <typename T> void point(T *first, int64_t number) {
      using Element = std::remove_const_t<T>;
      constexpr bool byte = std::is_same_v<Element, bool> || std::is_same_v<Element, uint8_t>;
      constexpr bool half = std::is_same_v<Element, uint16_t>, small = std::is_same_v<Element, int8_t>;
      constexpr bool integer = std::is_integral_v<Element> && std::is_signed_v<Element> && sizeof(T) >= 4;
      static_assert(
          std::is_same_v<Element, float> || std::is_same_v<Element, double> || integer || byte || half || small,
          "elements are float, double, int8_t, int32_t, int64_t; uint16_t of f16 and bf16; bool or uint8_t of "
          "booleans; or uint8_t");
      dtype = byte      ? DType::boolean
              : half    ? f16
              : small   ? i8
              : integer ? (sizeof(T) == 4 ? i32 : i64)
                        : (sizeof(T) == 4 ? f32 : f64);
      kind = elements, data = const_cast<Element *>(first), count = number, writable = !std::is_const_v<T>;
    }
  };

  Program(Program &&) noexcept;
  Program &operator=(Program &&) noexcept;
  ~Program();

  /// Calls an entry point with the arguments that its function in foveac's header has: the values of the sizes it
  /// depends on, its inputs, the scalars, then the outputs, which are written to.
  void call(const std::string &entry, const std::vector<Argument> &arguments);
  /// The outputs, in inference mode.
  template <typename... T> void forward(T &&...arguments) { call("forward", {Argument(arguments)...}); }
  /// The loss; its gradients are added to those in the state.
  template <typename... T> void gradients(T &&...arguments) { call("gradients", {Argument(arguments)...}); }
  /// Applies the gradients times `scale` with the learning rate, and zeroes them: (rate, scale).
  template <typename... T> void update(T &&...arguments) { call("update", {Argument(arguments)...}); }
  /// gradients, then update with scale 1.
  template <typename... T> void train_step(T &&...arguments) { call("train_step", {Argument(arguments)...}); }

  /// A parameter by its name, or other training state, such as `gradient/NAME`; row-major.
  void get(const std::string &tensor, const Argument &values);
  void set(const std::string &tensor, const Argument &values);
  template <typename T> std::vector<T> get(const std::string &tensor) {
    std::vector<T> values(elements(tensor));
    get(tensor, values);
    return values;
  }
  /// How many elements a state tensor has.
  int64_t elements(const std::string &tensor);

  /// All parameters, as a safetensors file.
  void load(const std::string &path);
  void save(const std::string &path);
  /// What save writes, with the moving averages that training keeps (TrainOptions::ema) as the parameters' values.
  void save_average(const std::string &path);
  /// Parameters and all else that training continues from, as a safetensors file.
  void load_checkpoint(const std::string &path);
  void save_checkpoint(const std::string &path);
  /// What the kernels were compiled for.
  std::string target();

private:
  friend Program compile(const Model &model, const ProgramOptions &options);
  struct Implementation;
  explicit Program(std::unique_ptr<Implementation> implementation);
  Implementation &self();
  std::unique_ptr<Implementation> implementation;
};

/// Compiles a model as it is now and makes a program of it, with new parameters. What does not compile is an Error at
/// the author's line.
Program compile(const Model &model, const ProgramOptions &options = {});

} // namespace fovea
