# Parts of the program that are loaded when they are first needed (src/base/module.h).

# What every module is: NAME.so beside the program, which exports nothing but its table. One that CALLS_THE_PROGRAM
# may lack functions of it.
function(ct_module name)
  set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}"
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_link_options(${name} PRIVATE -Wl,--as-needed)
  if(NOT CT_SANITIZE AND NOT "CALLS_THE_PROGRAM" IN_LIST ARGN)
    target_link_options(${name} PRIVATE -Wl,--no-undefined)
  endif()
endfunction()

# Where a program that is not installed looks: beside itself.
function(ct_modules_beside_programs_of folder)
  foreach(name ct_plan ct_postgres ct_webhook)
    file(CREATE_LINK "${CMAKE_BINARY_DIR}/${name}.so" "${folder}/${name}.so" SYMBOLIC)
  endforeach()
endfunction()
