# SPDX-License-Identifier: Apache-2.0
# The repository's own rules as tests: the ladder, licence lines, paper keys, what is installed, the examples.
add_test(NAME ladder COMMAND Python3::Interpreter "${CMAKE_SOURCE_DIR}/tools/check_ladder.py" "${CMAKE_SOURCE_DIR}")
add_test(NAME sources COMMAND Python3::Interpreter "${CMAKE_SOURCE_DIR}/tools/check_sources.py" "${CMAKE_SOURCE_DIR}")
add_test(NAME house_checks COMMAND Python3::Interpreter -m unittest discover -s "${CMAKE_SOURCE_DIR}/tests/house" -p "*_test.py")
# Instrumented objects cannot be linked into a plain consumer.
if(NOT DELTAHOP_SANITIZE AND NOT DELTAHOP_COVERAGE)
  add_test(NAME install COMMAND "${CMAKE_SOURCE_DIR}/tests/install/run.sh" "${CMAKE_BINARY_DIR}" "${CMAKE_CXX_COMPILER}")
endif()
