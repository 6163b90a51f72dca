// RUN: fovea-opt %s -verify-diagnostics -fovea-kernels=target=x86-64+pentium

// expected-error@+1 {{target 'x86-64+pentium': 'pentium' is not known; give host, x86-64, x86-64-v3, x86-64-v4, x86-64-v4-bf16, cuda-sm80, cuda-sm86, cuda-sm89, cuda-sm90 or opencl, several joined by '+'}}
module {}
