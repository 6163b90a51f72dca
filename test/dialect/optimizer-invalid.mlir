// RUN: fovea-opt %s -allow-unregistered-dialect -split-input-file -verify-diagnostics

// expected-error@+1 {{optimizer 'adam' is not known: it must be sgd or adamw}}
"test.op"() {a = #fovea.optimizer<"adam", {}>} : () -> ()

// -----

// expected-error@+1 {{optimizer constant 'momentum' must be a floating-point number}}
"test.op"() {a = #fovea.optimizer<"sgd", {momentum = 1 : i64}>} : () -> ()
