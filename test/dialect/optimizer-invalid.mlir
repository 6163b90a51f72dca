// RUN: fovea-opt %s -allow-unregistered-dialect -split-input-file -verify-diagnostics

// expected-error@+1 {{optimizer 'newton' is not known: it must be sgd, adam, adamw, adagrad or lamb}}
"test.op"() {a = #fovea.optimizer<"newton", {}>} : () -> ()

// -----

// expected-error@+1 {{optimizer constant 'momentum' must be a floating-point number}}
"test.op"() {a = #fovea.optimizer<"sgd", {momentum = 1 : i64}>} : () -> ()
