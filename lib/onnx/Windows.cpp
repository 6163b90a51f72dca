// Sizes of sliding windows, by the formulas of ONNX's Conv and MaxPool.
#include "lib/onnx/Windows.h"

namespace fovea::onnx {

Windows windowsOf(Call &call, const Shape &x, std::vector<int64_t> kernel) {
  if (x.size() < 3) call.unsupported("its input has no spatial dimension: " + shapeText(x));
  size_t spatial = x.size() - 2;
  std::vector<int64_t> extents = numbersOf({x.begin() + 2, x.end()}, "a sliding window");
  kernel = call.integers("kernel_shape", std::move(kernel));
  auto list = [&](const char *name, size_t count, int64_t otherwise, int64_t least) {
    std::vector<int64_t> values = call.integers(name, std::vector<int64_t>(count, otherwise));
    if (values.size() != count)
      call.unsupported(std::string(name) + " has another number of values than there are dimensions");
    for (int64_t value : values)
      if (value < least || value > (int64_t(1) << 31))
        call.unsupported(std::string(name) + " has the value " + std::to_string(value));
    return values;
  };
  if (kernel.size() != spatial) call.unsupported("kernel_shape has another number of values than there are dimensions");
  std::vector<int64_t> strides = list("strides", spatial, 1, 1), dilations = list("dilations", spatial, 1, 1);
  std::vector<int64_t> pads = list("pads", 2 * spatial, 0, 0);
  std::string automatic = call.text("auto_pad", "NOTSET");
  bool ceil = call.integer("ceil_mode", 0) != 0;
  Windows result;
  for (size_t d = 0; d < spatial; ++d) {
    Window window{extents[d], kernel[d], strides[d], dilations[d], pads[d], pads[d + spatial], 0, 0};
    if (window.size < 1) call.unsupported("the kernel has a size of " + std::to_string(window.size));
    int64_t reach = (window.size - 1) * window.dilation + 1;
    if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
      window.count = (window.extent + window.stride - 1) / window.stride;
      int64_t total = std::max<int64_t>(0, (window.count - 1) * window.stride + reach - window.extent);
      window.low = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
      window.high = window.askedHigh = total - window.low;
      result.axes.push_back(window);
      continue;
    }
    if (automatic == "VALID")
      window.low = window.high = 0;
    else if (automatic != "NOTSET")
      call.unsupported("auto_pad is '" + automatic + "'");
    window.askedHigh = window.high;
    int64_t room = window.extent + window.low + window.high - reach;
    if (room < 0) call.unsupported("the kernel is larger than the padded input");
    window.count = room / window.stride + 1;
    // Rounded up, but no window may begin in the padding behind x.
    if (ceil && room % window.stride && window.count * window.stride < window.extent + window.low) ++window.count;
    window.high = std::max(window.high, (window.count - 1) * window.stride + reach - window.extent - window.low);
    result.axes.push_back(window);
  }
  return result;
}

} // namespace fovea::onnx
