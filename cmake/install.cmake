# SPDX-License-Identifier: Apache-2.0
# `cmake --install` and `find_package(deltahop)`: the programs, the libraries and headers of every folder but cli/ and
# train/, which are the programs' alone. A project links deltahop::deltahop, or single folders such as deltahop::run.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

add_library(deltahop_libraries INTERFACE)
add_library(deltahop::deltahop ALIAS deltahop_libraries)
set_target_properties(deltahop_libraries PROPERTIES EXPORT_NAME deltahop)
target_compile_features(deltahop_libraries INTERFACE cxx_std_20)
foreach(folder IN LISTS DELTAHOP_FOLDERS)
  if(NOT folder STREQUAL "cli")
    install(TARGETS deltahop_${folder} EXPORT deltahopTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    target_link_libraries(deltahop_libraries INTERFACE deltahop_${folder})
  endif()
endforeach()
install(TARGETS deltahop_libraries deltahop_onnx EXPORT deltahopTargets)
if(TARGET deltahop)
  install(TARGETS deltahop RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(DIRECTORY deltahop DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h"
        PATTERN "cli" EXCLUDE PATTERN "train" EXCLUDE PATTERN "*_test_*.h" EXCLUDE PATTERN "*_testing.h" EXCLUDE)
# For other languages: one library without C++ in its face, and its one header.
if(TARGET deltahop_shared)
  install(TARGETS deltahop_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(FILES deltahop/c_api/deltahop.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endif()
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/deltahop)
install(EXPORT deltahopTargets NAMESPACE deltahop:: DESTINATION ${package_directory})
configure_package_config_file(cmake/deltahopConfig.cmake.in ${CMAKE_BINARY_DIR}/deltahopConfig.cmake
                              INSTALL_DESTINATION ${package_directory})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/deltahopConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/deltahopConfig.cmake ${CMAKE_BINARY_DIR}/deltahopConfigVersion.cmake
        DESTINATION ${package_directory})
