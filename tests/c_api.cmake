# SPDX-License-Identifier: Apache-2.0
# The C interface from a program in C, against the shared library as others would link it.
if(TARGET deltahop_shared)
  add_executable(deltahop_c_api_c_tests tests/c_api/c_api_test.c)
  target_compile_options(deltahop_c_api_c_tests PRIVATE -std=c99 -Wall -Wextra -Wpedantic -Wstrict-prototypes)
  deltahop_link_c_program(deltahop_c_api_c_tests)
  add_test(NAME deltahop_c_api_c_tests COMMAND deltahop_c_api_c_tests WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
endif()
