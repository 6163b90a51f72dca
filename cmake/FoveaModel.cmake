# fovea_add_model(NAME model.cpp [MODEL which] [TARGET targets] [INFERENCE] [CHECKS])
#
# Builds the model file into a program, runs it, and compiles the model that it writes. Defines the target NAME to link: the
# library NAME.a with its header NAME.h, both in the build folder. MODEL says which model of the file where it defines
# several; TARGET is foveac's --target, by default host.
include_guard(GLOBAL)
find_package(Threads REQUIRED)

function(fovea_add_model name source)
  cmake_parse_arguments(PARSE_ARGV 2 option "INFERENCE;CHECKS" "MODEL;TARGET" "")
  if(option_UNPARSED_ARGUMENTS OR option_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "fovea_add_model(${name}): '${option_UNPARSED_ARGUMENTS}${option_KEYWORDS_MISSING_VALUES}' is not understood or "
                        "lacks its value; after the name and the source come MODEL which, TARGET targets, INFERENCE, CHECKS")
  endif()
  set(flags --name=${name})
  if(option_TARGET)
    list(APPEND flags --target=${option_TARGET})
  endif()
  if(option_INFERENCE)
    list(APPEND flags --inference)
  endif()
  if(option_CHECKS)
    list(APPEND flags --checks)
  endif()
  set(which "")
  if(option_MODEL)
    set(which --model ${option_MODEL})
  endif()

  add_executable(${name}_model ${source})
  target_link_libraries(${name}_model PRIVATE FoveaModelMain)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${name})
  add_custom_command(OUTPUT ${folder}/${name}.mlir
    COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
    COMMAND ${name}_model ${which} --output ${folder}/${name}.mlir
    DEPENDS ${name}_model VERBATIM)
  add_custom_command(OUTPUT ${folder}/${name}.a ${folder}/${name}.h
    COMMAND foveac ${folder}/${name}.mlir --compile-to=archive -o ${folder} ${flags}
    DEPENDS foveac ${folder}/${name}.mlir VERBATIM)
  add_custom_target(${name}_files DEPENDS ${folder}/${name}.a ${folder}/${name}.h)

  add_library(${name} INTERFACE)
  add_dependencies(${name} ${name}_files)
  target_include_directories(${name} INTERFACE ${folder})
  target_link_libraries(${name} INTERFACE ${folder}/${name}.a Threads::Threads m ${CMAKE_DL_LIBS})
endfunction()
