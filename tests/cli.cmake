# SPDX-License-Identifier: Apache-2.0
# The command line as its users see it, and every command of the documents.
if(TARGET deltahop)
  file(GLOB cli_tests CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/cli/*.test")
  file(GLOB_RECURSE documents CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/docs/*.md")
  list(APPEND documents "${CMAKE_SOURCE_DIR}/README.md")
  set(cli_driver Python3::Interpreter "${CMAKE_SOURCE_DIR}/tests/cli/run.py" "$<TARGET_FILE_DIR:deltahop>")
  if(DELTAHOP_SANITIZE)
    # Integer runs of whole data sets take too long on instrumented code; tests/golden runs the same networks in float.
    list(FILTER cli_tests EXCLUDE REGEX "real_networks")
  endif()
  foreach(file IN LISTS cli_tests)
    get_filename_component(name "${file}" NAME_WE)
    add_test(NAME cli_${name} COMMAND ${cli_driver} "${file}")
  endforeach()
  # The longest documents by themselves, so that ctest runs them side by side.
  foreach(name IN ITEMS guide results)
    set(file "${CMAKE_SOURCE_DIR}/docs/${name}.md")
    list(REMOVE_ITEM documents "${file}")
    add_test(NAME docs_${name} COMMAND ${cli_driver} "${file}")
  endforeach()
  add_test(NAME docs COMMAND ${cli_driver} ${documents})
  # ctest starts what costs most first; these take longest.
  set_tests_properties(docs docs_guide docs_results cli_pipeline cli_map PROPERTIES COST 100)
endif()
