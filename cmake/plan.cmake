# The module ct_plan.so, through which libphonenumber is loaded at the first question about a number and
# not before (docs/decisions/0025-numbering-plans-in-a-module.md). The only C++ of the program.

pkg_check_modules(PROTOBUF REQUIRED IMPORTED_TARGET protobuf>=3.21)
find_library(PHONENUMBER phonenumber REQUIRED)
find_path(PHONENUMBER_INCLUDE phonenumbers/phonenumberutil.h REQUIRED)

set(CT_PLAN_SOURCES src/numbers/plan_pattern.cc src/numbers/plan_layout.cc src/numbers/plan_automaton.cc
  src/numbers/plan_metadata.cc src/numbers/plan_table.cc src/numbers/plan_tables.cc src/numbers/plan_library.cc)
if(CT_SANITIZE)
  # Checks that need C++ in the program as well; Clang has two of them. Of the source, so that they come behind
  # what they take back.
  set(no_cxx_checks -fno-sanitize=vptr)
  if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
    list(APPEND no_cxx_checks -fno-sanitize=function)
  endif()
  set_source_files_properties(src/numbers/plan.cc ${CT_PLAN_SOURCES} PROPERTIES COMPILE_OPTIONS "${no_cxx_checks}")
endif()

# What a test asks without the module.
add_library(ct_plan_parts OBJECT ${CT_PLAN_SOURCES})
set_target_properties(ct_plan_parts PROPERTIES POSITION_INDEPENDENT_CODE ON
  CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
target_include_directories(ct_plan_parts PUBLIC src)
target_include_directories(ct_plan_parts SYSTEM PRIVATE ${PHONENUMBER_INCLUDE})
target_link_libraries(ct_plan_parts PUBLIC ct_flags ${PHONENUMBER} PkgConfig::PROTOBUF)

add_library(ct_plan MODULE src/numbers/plan.cc)
target_link_libraries(ct_plan PRIVATE ct_plan_parts)
ct_module(ct_plan)
