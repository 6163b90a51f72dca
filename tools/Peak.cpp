// A loop of independent vector multiply-adds, with the widest instructions that the machine has; and a triad.
#include "tools/Peak.h"

#include <algorithm>
#include <chrono>
#include <cmath>
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

/// The least seconds that `run(0)`, ..., `run(threads - 1)` take at once.
template <typename Run> static double leastSeconds(int rounds, unsigned threads, Run run) {
  double least = HUGE_VAL;
  for (int round = 0; round < rounds; ++round) {
    auto begin = std::chrono::steady_clock::now();
    std::vector<std::thread> others;
    for (unsigned i = 1; i < threads; ++i) others.emplace_back(run, i);
    run(0);
    for (std::thread &other : others) other.join();
    least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return least;
}

double peakGflops(unsigned threads) {
  Loop loop = bestLoop();
  double seconds = leastSeconds(rounds, threads, [&](unsigned) { loop.run(); });
  return 2.0 * loop.lanes * threads * (iterations / sums * sums) / seconds / 1e9;
}

double peakGigabytes(unsigned threads) {
  constexpr size_t elements = 24 << 20;
  constexpr int triads = 20;
  std::vector<float> a(elements), b(elements, 1), c(elements, 2);
  double seconds = leastSeconds(triads, threads, [&](unsigned thread) {
    size_t end = elements * (thread + 1) / threads;
    for (size_t i = elements * thread / threads; i < end; ++i) a[i] = b[i] + 3.0f * c[i];
    __asm__ volatile("" ::"r"(a.data()) : "memory");
  });
  return 3.0 * elements * sizeof(float) / seconds / 1e9;
}

} // namespace fovea
