# SPDX-License-Identifier: Apache-2.0
# train/ and its program deltahop-train, which alone load LibTorch. They are left out, and the rest is built without
# them, where LibTorch is not installed (Debian: libtorch-dev) and for clang: clang 14 cannot parse LibTorch 1.13 as
# C++20. So the presets sanitize, tsan, clang have no deltahop-train.
include(GNUInstallDirs)
list(REMOVE_ITEM DELTAHOP_FOLDERS train)  # nothing else links it
find_library(DELTAHOP_TORCH_LIBRARY torch_cpu)
find_library(DELTAHOP_C10_LIBRARY c10)
find_path(DELTAHOP_TORCH_HEADERS torch/torch.h PATH_SUFFIXES torch/csrc/api/include)
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU" OR DELTAHOP_SANITIZE)
  message(STATUS "deltahop-train is left out: it is built by g++ and without sanitizers only")
elseif(NOT DELTAHOP_TORCH_LIBRARY OR NOT DELTAHOP_C10_LIBRARY OR NOT DELTAHOP_TORCH_HEADERS)
  message(STATUS "deltahop-train is left out: LibTorch is not installed (Debian: libtorch-dev)")
else()
  add_library(deltahop_torch INTERFACE)
  target_include_directories(deltahop_torch SYSTEM INTERFACE "${DELTAHOP_TORCH_HEADERS}")
  target_link_libraries(deltahop_torch INTERFACE "${DELTAHOP_TORCH_LIBRARY}" "${DELTAHOP_C10_LIBRARY}")
  set(DELTAHOP_LINK_torch deltahop_torch)
  deltahop_add_folder(train)

  add_executable(deltahop-train deltahop/train/main.cc)
  target_link_libraries(deltahop-train PRIVATE deltahop_train deltahop_flags deltahop_torch)
  install(TARGETS deltahop-train RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/deltahop)

  # LibTorch's headers take longer than everything of ours: they are read once.
  target_precompile_headers(deltahop_train PRIVATE deltahop/train/torch.h)
  foreach(target IN ITEMS deltahop_train_tests deltahop_train_bench)
    if(TARGET ${target})
      target_compile_definitions(${target} PRIVATE DELTAHOP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
      target_link_libraries(${target} PRIVATE deltahop_torch)
      target_precompile_headers(${target} PRIVATE deltahop/train/torch.h)
    endif()
  endforeach()
endif()
