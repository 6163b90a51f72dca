// RUN: fovea-opt %s -verify-diagnostics -fovea-kernels=target=x86-64+pentium

// expected-error@+1 {{target 'x86-64+pentium': 'pentium' is not known; give host, x86-64, x86-64-v3, x86-64-v4 or x86-64-v4-bf16, several joined by '+'}}
module {}
