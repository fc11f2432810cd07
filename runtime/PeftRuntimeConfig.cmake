# find_package(PeftRuntime): link PeftRuntime::peft_main and PeftRuntime::peft_avx2 or peft_avx512 with an emitted program.
include(CMakeFindDependencyMacro)
find_dependency(OpenMP COMPONENTS CXX)
if(NOT TARGET DNNL::dnnl)
  add_library(DNNL::dnnl SHARED IMPORTED)
  set_target_properties(DNNL::dnnl PROPERTIES IMPORTED_LOCATION ${CMAKE_CURRENT_LIST_DIR}/../../libdnnl.so.3
                        IMPORTED_SONAME libdnnl.so.3)
endif()
include(${CMAKE_CURRENT_LIST_DIR}/PeftRuntimeTargets.cmake)
# As in the build tree: a link group is not exported with its namespace.
foreach(isa avx2 avx512)
  set(kernels PeftRuntime::peft_kernels_${isa})
  add_library(PeftRuntime::peft_${isa} INTERFACE IMPORTED)
  target_include_directories(PeftRuntime::peft_${isa} INTERFACE $<TARGET_PROPERTY:${kernels},INTERFACE_INCLUDE_DIRECTORIES>)
  target_compile_options(PeftRuntime::peft_${isa} INTERFACE $<TARGET_PROPERTY:${kernels},INTERFACE_COMPILE_OPTIONS>)
  target_link_libraries(PeftRuntime::peft_${isa} INTERFACE OpenMP::OpenMP_CXX
                        "$<LINK_GROUP:RESCAN,PeftRuntime::peft_runtime,${kernels}>")
endforeach()
