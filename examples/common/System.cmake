# fovea_add_system(FOLDER MODEL "FIGURE least|most BOUND"... [ARGUMENTS inputs of the deployed program])
#
# A system: the library MODEL of model.cpp, train from train.cpp, deploy from deploy.cpp, in FOLDER of the build's
# examples; and the test systems.FOLDER, which runs test/examples/system.sh: the figures that a quick run prints must be at
# least, or at most, their bounds. The deployed program links libc and libm, and no C++ library.
function(fovea_add_system folder model)
  cmake_parse_arguments(PARSE_ARGV 2 option "" "" "ARGUMENTS")
  find_package(nlohmann_json REQUIRED)
  fovea_add_model(${model} model.cpp INFERENCE)
  add_executable(${folder}-train train.cpp)
  target_link_libraries(${folder}-train PRIVATE Fovea::Compile fovea_training nlohmann_json::nlohmann_json)
  add_executable(${folder}-deploy deploy.cpp)
  target_link_libraries(${folder}-deploy PRIVATE ${model})
  target_compile_options(${folder}-deploy PRIVATE -O2 -fno-exceptions -fno-rtti)
  target_link_options(${folder}-deploy PRIVATE -s)
  set_target_properties(${folder}-train PROPERTIES OUTPUT_NAME train)
  set_target_properties(${folder}-deploy PROPERTIES OUTPUT_NAME deploy LINKER_LANGUAGE C)
  foreach(program train deploy)
    target_include_directories(${folder}-${program} PRIVATE ${CMAKE_SOURCE_DIR}/examples)
    set_target_properties(${folder}-${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/examples/${folder})
  endforeach()
  add_test(NAME systems.${folder}
    COMMAND ${CMAKE_SOURCE_DIR}/test/examples/system.sh $<TARGET_FILE:${folder}-train> $<TARGET_FILE:${folder}-deploy>
            ${model} ${option_UNPARSED_ARGUMENTS} -- ${option_ARGUMENTS})
  set_tests_properties(systems.${folder} PROPERTIES LABELS systems)
endfunction()
