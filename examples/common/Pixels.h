// How models see pixels, (byte / 255 - mean) / deviation: training and deployed programs must agree on it. The figures
// are those of the training images.
#pragma once

namespace pixels {

constexpr float mnistMean = 0.1307f, mnistDeviation = 0.3081f;
constexpr float cifarMean[] = {0.4914f, 0.4822f, 0.4465f}, cifarDeviation[] = {0.2470f, 0.2435f, 0.2616f};

} // namespace pixels
