# libpeft_kernels_cuda.a: device.h and the kernels for NVIDIA GPUs, with CUDA 13; and the kernel tests on them.
# Included where PEFT_CUDA is on. nvcc is CUDACXX's, CUDA_HOME's, the PATH's, NVIDIA's installer's or
# that of scripts/install_cuda.sh.
file(GLOB venv_cuda ${CMAKE_SOURCE_DIR}/../.venv/lib/python3*/site-packages/nvidia/cu13)
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(NVCC nvcc HINTS $ENV{CUDA_HOME}/bin PATHS /usr/local/cuda/bin ${venv_cuda}/bin REQUIRED)
  set(CMAKE_CUDA_COMPILER ${NVCC})
endif()
set(CMAKE_CUDA_ARCHITECTURES OFF) # written out below: sm_90a has no name that CMake 3.25 knows
enable_language(CUDA)
find_package(CUDAToolkit 13 REQUIRED)
set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_FLAGS_RELEASE "-O3 -DNDEBUG")
set(cuda_options -gencode=arch=compute_80,code=sm_80 -gencode=arch=compute_90a,code=sm_90a
    -Xcompiler=-Wall,-Wextra,-Wno-unused-parameter)

set(cuda_sources
  attention.cpp attention_cudnn.cpp attention_exact.cu attention_exact_grad.cu attention_flash.cu
  attention_flash_grad.cu attention_layout.cpp attention_prepare.cu borders.cu chunks.cu columns.cu constants.cpp
  copy.cu cross_entropy.cu device.cpp device_errors.cpp dropout.cu embedding.cu fp8.cu
  gemm.cpp gemm_cache.cpp gemm_tune.cpp launch.cpp linear.cu map_weight_grads.cu offload.cpp optimizer.cu quantized.cu rms_norm.cu
  rms_norm_weight_grad.cu rope.cu rows.cu soft_prompt.cu staging.cpp)
set(cuda_tests borders fp8 linear loss math norm run token update wide) # of test/NAME_kernel_test.cpp
list(TRANSFORM cuda_sources PREPEND ${CMAKE_SOURCE_DIR}/cuda/)

add_library(peft_kernels_cuda STATIC ${cuda_sources})
target_include_directories(peft_kernels_cuda PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
target_compile_options(peft_kernels_cuda PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:${cuda_options}> $<$<COMPILE_LANGUAGE:CXX>:-O2>)
target_link_libraries(peft_kernels_cuda PUBLIC OpenMP::OpenMP_CXX CUDA::cudart_static PRIVATE CUDA::cublasLt)

# cuDNN's attention, where there are cuDNN and the headers of PyPI's nvidia-cudnn-frontend: scripts/install_cuda.sh.
file(GLOB venv_includes ${CMAKE_SOURCE_DIR}/../.venv/lib/python3*/site-packages/include
     ${CMAKE_SOURCE_DIR}/../.venv/lib/python3*/site-packages/nvidia/cudnn/include)
file(GLOB venv_libraries ${CMAKE_SOURCE_DIR}/../.venv/lib/python3*/site-packages/nvidia/cudnn/lib)
find_path(CUDNN_FRONTEND_INCLUDE cudnn_frontend.h HINTS ${venv_includes})
find_path(CUDNN_INCLUDE cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS} ${venv_includes})
find_library(CUDNN_LIBRARY NAMES cudnn libcudnn.so.9 HINTS ${CUDAToolkit_LIBRARY_DIR} ${venv_libraries})
if(CUDNN_FRONTEND_INCLUDE AND CUDNN_INCLUDE AND CUDNN_LIBRARY)
  # A minute at -O1, several at -O2.
  set_source_files_properties(${CMAKE_SOURCE_DIR}/cuda/attention_cudnn.cpp PROPERTIES COMPILE_DEFINITIONS PEFT_CUDNN
    COMPILE_OPTIONS "-O1;-isystem;${CUDNN_FRONTEND_INCLUDE};-isystem;${CUDNN_INCLUDE}")
  # Not CUDA::nvrtc: it brings libcuda.so.1, without which a program could not start to say that there is no GPU.
  target_link_libraries(peft_kernels_cuda PRIVATE ${CUDNN_LIBRARY} ${CUDA_nvrtc_LIBRARY})
else()
  message(STATUS "no cuDNN or no cudnn_frontend.h: attention by the own kernels only")
endif()
# What a program links, as peft_avx2.
add_library(peft_cuda INTERFACE)
target_link_libraries(peft_cuda INTERFACE "$<LINK_GROUP:RESCAN,peft_runtime,peft_kernels_cuda>")

add_executable(pointwise_bench cuda/bench/pointwise_bench.cu)
target_compile_options(pointwise_bench PRIVATE ${cuda_options})
target_link_libraries(pointwise_bench PRIVATE peft_cuda)
foreach(bench fp8 gemm map_weight_grads)
  add_executable(${bench}_bench cuda/bench/${bench}_bench.cu)
  target_include_directories(${bench}_bench PRIVATE cuda)
  target_compile_options(${bench}_bench PRIVATE ${cuda_options})
  target_link_libraries(${bench}_bench PRIVATE peft_cuda)
endforeach()

# add_cuda_test(NAME SOURCE): a CPU kernel's test, compiled for the GPU under another name (one source has one language
# in CMake). Not found by ctest: scripts/gpu_kernels.sh runs them on a machine that has a GPU.
function(add_cuda_test name source)
  string(REPLACE _kernel_test "" kernel ${name})
  if(NOT kernel IN_LIST cuda_tests)
    return()
  endif()
  set(unit ${CMAKE_BINARY_DIR}/${name}_cuda.cu)
  file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"${source}\"\n")
  add_executable(${name}_cuda ${unit})
  target_include_directories(${name}_cuda PRIVATE ${CMAKE_SOURCE_DIR}/test)
  target_compile_options(${name}_cuda PRIVATE ${cuda_options} -Xcompiler=-ffp-contract=off)
  target_link_libraries(${name}_cuda PRIVATE peft_cuda GTest::gtest_main)
endfunction()

# Attention has ways of its own on the GPU, and its test.
add_executable(attention_bench cuda/bench/attention_bench.cu)
target_include_directories(attention_bench PRIVATE cuda)
target_compile_options(attention_bench PRIVATE ${cuda_options})
target_link_libraries(attention_bench PRIVATE peft_cuda)
if(PEFT_BUILD_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
  # The one that needs no GPU, and so runs where the CPU's tests do.
  add_executable(device_errors_test cuda/test/device_errors_test.cpp)
  target_include_directories(device_errors_test PRIVATE cuda)
  target_link_libraries(device_errors_test PRIVATE peft_cuda GTest::gtest_main)
  gtest_discover_tests(device_errors_test DISCOVERY_MODE PRE_TEST)
  foreach(test device attention map_weight_grads) # what has no twin on the CPU, or another test there
    add_executable(${test}_kernel_test_cuda cuda/test/${test}_cuda_test.cu)
    target_include_directories(${test}_kernel_test_cuda PRIVATE test cuda)
    target_compile_options(${test}_kernel_test_cuda PRIVATE ${cuda_options})
    target_link_libraries(${test}_kernel_test_cuda PRIVATE peft_cuda GTest::gtest_main)
  endforeach()
endif()

# For those who link without CMake (peftc's nvcc): where the libraries are.
install(TARGETS peft_kernels_cuda ARCHIVE DESTINATION lib)
set(link "")
foreach(library CUDA::cublasLt CUDA::nvrtc)
  get_target_property(location ${library} IMPORTED_LOCATION)
  string(APPEND link "-Xlinker=${location}\n")
  cmake_path(GET location PARENT_PATH folder)
  string(APPEND link "-Xlinker=-rpath=${folder}\n")
endforeach()
if(CUDNN_LIBRARY)
  cmake_path(GET CUDNN_LIBRARY PARENT_PATH folder)
  string(APPEND link "-Xlinker=${CUDNN_LIBRARY}\n-Xlinker=-rpath=${folder}\n")
endif()
file(WRITE ${CMAKE_BINARY_DIR}/peft_cuda.link "${link}")
install(FILES ${CMAKE_BINARY_DIR}/peft_cuda.link DESTINATION lib)
