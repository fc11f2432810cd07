# Finds Debian's LLVM/MLIR 19, links it fully static, and names our kinds of target.
list(APPEND CMAKE_PREFIX_PATH /usr/lib/llvm-19)
find_package(MLIR 19.1 REQUIRED CONFIG)

# Debian's archives name the shared library `LLVM` as their dependency. Beside the
# archives that would be a second copy of every static: take the archives only.
foreach(target IN LISTS MLIR_EXPORTED_TARGETS)
  get_target_property(libraries ${target} INTERFACE_LINK_LIBRARIES)
  if(libraries)
    list(TRANSFORM libraries REPLACE "^LLVM$" "LLVMSupport")
    set_target_properties(${target} PROPERTIES INTERFACE_LINK_LIBRARIES "${libraries}")
  endif()
endforeach()

list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
set(MLIR_BINARY_DIR ${PROJECT_BINARY_DIR}) # where add_mlir_doc writes
include(TableGen)
include(AddLLVM)
include(AddMLIR)
include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
separate_arguments(llvm_definitions NATIVE_COMMAND ${LLVM_DEFINITIONS})
add_definitions(${llvm_definitions})
add_compile_options(-Wall -Wextra -Wno-unused-parameter -fno-exceptions -ffunction-sections -fdata-sections)
add_link_options(-Wl,--as-needed -Wl,--gc-sections)

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# A precompiled header of what nearly every file includes halves the build.
set(PEFT_PCH <mlir/IR/BuiltinOps.h> <mlir/IR/PatternMatch.h> <mlir/Dialect/Func/IR/FuncOps.h>
             <mlir/Pass/Pass.h> <mlir/IR/OpImplementation.h>)

# add_peft_library(NAME SOURCES... DEPENDS targets... LIBS libraries...)
function(add_peft_library name)
  cmake_parse_arguments(arg "" "" "DEPENDS;LIBS" ${ARGN})
  add_library(${name} STATIC ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC ${arg_LIBS})
  if(arg_DEPENDS)
    add_dependencies(${name} ${arg_DEPENDS})
  endif()
  if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
    target_compile_options(${name} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
    get_property(first GLOBAL PROPERTY PEFT_PCH_OWNER)
    if(first)
      target_precompile_headers(${name} REUSE_FROM ${first})
    else()
      target_precompile_headers(${name} PRIVATE ${PEFT_PCH})
      set_property(GLOBAL PROPERTY PEFT_PCH_OWNER ${name})
    endif()
  endif()
endfunction()

# add_peft_dialect(FOLDER name): the generated files of dialects/FOLDER, and its page.
function(add_peft_dialect folder name)
  set(LLVM_TARGET_DEFINITIONS ${folder}Ops.td)
  mlir_tablegen(${folder}Ops.h.inc -gen-op-decls)
  mlir_tablegen(${folder}Ops.cpp.inc -gen-op-defs)
  mlir_tablegen(${folder}Dialect.h.inc -gen-dialect-decls -dialect=${name})
  mlir_tablegen(${folder}Dialect.cpp.inc -gen-dialect-defs -dialect=${name})
  mlir_tablegen(${folder}Attrs.h.inc -gen-attrdef-decls -attrdefs-dialect=${name})
  mlir_tablegen(${folder}Attrs.cpp.inc -gen-attrdef-defs -attrdefs-dialect=${name})
  mlir_tablegen(${folder}Enums.h.inc -gen-enum-decls)
  mlir_tablegen(${folder}Enums.cpp.inc -gen-enum-defs)
  add_public_tablegen_target(Peft${folder}IncGen)
  add_mlir_doc(${folder}Ops ${folder}Dialect dialects/ -gen-dialect-doc -dialect=${name})
endfunction()
