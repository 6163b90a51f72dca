// A loop of independent vector multiply-adds, with the widest instructions that the machine has.
#include "tools/Peak.h"

#include <algorithm>
#include <chrono>
#include <immintrin.h>
#include <thread>
#include <vector>

namespace fovea {

namespace {

constexpr long iterations = 5'000'000;
constexpr int rounds = 200; // of milliseconds, so that some find all cores free
// Independent sums: two units times a latency of four or five cycles.
constexpr int sums = 10;

// A loop over `sums` accumulators is unrolled; the empty asm keeps them alive and in registers.
#define FOVEA_PEAK_LOOP(VECTOR, SET, MULTIPLY_ADD)                                                                     \
  VECTOR sum[sums], factor = SET(0.999f), term = SET(0.001f);                                                          \
  for (auto &each : sum) each = SET(1.0f);                                                                             \
  for (long i = 0; i < iterations / sums; ++i) {                                                                       \
    _Pragma("GCC unroll 16") for (auto &each : sum) each = MULTIPLY_ADD;                                               \
    __asm__ volatile("" ::"x"(sum[0]));                                                                                \
  }                                                                                                                    \
  for (auto &each : sum) __asm__ volatile("" ::"x"(each))

__attribute__((target("avx512f"))) void wide() {
  FOVEA_PEAK_LOOP(__m512, _mm512_set1_ps, _mm512_fmadd_ps(each, factor, term));
}
__attribute__((target("avx2,fma"))) void middle() {
  FOVEA_PEAK_LOOP(__m256, _mm256_set1_ps, _mm256_fmadd_ps(each, factor, term));
}
void narrow() { FOVEA_PEAK_LOOP(__m128, _mm_set1_ps, _mm_add_ps(_mm_mul_ps(each, factor), term)); }

#undef FOVEA_PEAK_LOOP

struct Loop {
  void (*run)();
  int lanes;
};

Loop bestLoop() {
  if (__builtin_cpu_supports("avx512f")) return {wide, 16};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {middle, 8};
  return {narrow, 4};
}

} // namespace

double peakGflops(unsigned threads) {
  Loop loop = bestLoop();
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    auto begin = std::chrono::steady_clock::now();
    std::vector<std::thread> others;
    for (unsigned i = 1; i < threads; ++i) others.emplace_back(loop.run);
    loop.run();
    for (std::thread &other : others) other.join();
    std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    best = std::max(best, 2.0 * loop.lanes * threads * (iterations / sums * sums) / seconds.count() / 1e9);
  }
  return best;
}

} // namespace fovea
