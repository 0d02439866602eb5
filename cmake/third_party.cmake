# SPDX-License-Identifier: Apache-2.0
# The borrowed libraries, by the names that the last column of ladder.txt uses. All are Debian 12 packages.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Protobuf REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
# By name: Debian's CMake file of oneDNN insists on OpenCL, which we do not use.
find_library(DELTAHOP_DNNL_LIBRARY dnnl REQUIRED)
find_library(DELTAHOP_HWY_LIBRARY hwy REQUIRED)
find_library(DELTAHOP_ONNX_PROTO_LIBRARY onnx_proto REQUIRED)
find_library(DELTAHOP_SNDFILE_LIBRARY sndfile REQUIRED)
find_library(DELTAHOP_SAMPLERATE_LIBRARY samplerate REQUIRED)
find_path(DELTAHOP_KISSFFT_HEADERS kissfft/kissfft.hh REQUIRED)

add_library(deltahop_onnx INTERFACE)
# The protobuf classes only, as Debian built them.
target_compile_definitions(deltahop_onnx INTERFACE ONNX_NAMESPACE=onnx ONNX_ML=1)
target_link_libraries(deltahop_onnx INTERFACE ${DELTAHOP_ONNX_PROTO_LIBRARY} protobuf::libprotobuf)

set(DELTAHOP_LINK_yaml-cpp yaml-cpp)
set(DELTAHOP_LINK_hwy ${DELTAHOP_HWY_LIBRARY})
# Debian's oneDNN runs on GNU OpenMP; linked by name so that the number of threads can be set for one call.
set(DELTAHOP_LINK_dnnl ${DELTAHOP_DNNL_LIBRARY} gomp)
set(DELTAHOP_LINK_onnx deltahop_onnx)
set(DELTAHOP_LINK_google protobuf::libprotobuf)
set(DELTAHOP_LINK_sndfile ${DELTAHOP_SNDFILE_LIBRARY})
set(DELTAHOP_LINK_kiss_fft "")  # its C++ template is headers only, and the one form that computes in double
set(DELTAHOP_LINK_samplerate ${DELTAHOP_SAMPLERATE_LIBRARY})
set(DELTAHOP_LINK_png PNG::PNG)
set(DELTAHOP_LINK_jpeglib JPEG::JPEG)
set(DELTAHOP_LINK_zlib ZLIB::ZLIB)
set(DELTAHOP_LINK_nlohmann nlohmann_json::nlohmann_json)
set(DELTAHOP_LINK_CLI11 CLI11::CLI11)

if(DELTAHOP_TESTS)
  find_package(GTest REQUIRED)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)  # test drivers and the house's own checks
endif()
if(DELTAHOP_BENCHMARKS)
  find_package(benchmark REQUIRED)
endif()

# The chart library of the HTML report, embedded with its licence notice (Debian package libjs-chart.js).
find_file(DELTAHOP_CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js REQUIRED)
find_file(DELTAHOP_CHART_JS_LICENSE copyright PATHS /usr/share/doc/libjs-chart.js REQUIRED)
