# Tests of the dialect, the passes and the tools: fovea-opt and foveac on .mlir files, checked by FileCheck or by expected
# diagnostics.
import os
import lit.formats

config.name = "fovea"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.fovea_test_dir
config.environment["PATH"] = os.pathsep.join([config.fovea_bin_dir, config.llvm_tools_dir, os.environ["PATH"]])
config.environment["FILECHECK_OPTS"] = "--enable-var-scope"
config.environment["FOVEA_CACHE"] = os.path.join(config.fovea_test_dir, "cache")
