# The readers of checkpoints: linked by the training binary (g++) and by the
# compiler (clang), from one list of sources.
if(NOT PEFT_READERS_KIND)
  set(PEFT_READERS_KIND STATIC) # OBJECT where they become part of another library
endif()
set(PEFT_READER_SOURCES
  checkpoint.cpp checkpoint_bnb.cpp checkpoint_folder.cpp checkpoint_gguf.cpp checkpoint_read.cpp file.cpp gguf.cpp
  gguf_blocks.cpp gguf_config.cpp gguf_names.cpp gguf_values.cpp json.cpp names.cpp quantize_fp8.cpp quantize_maps.cpp
  quantize_nf4.cpp safetensors_reader.cpp safetensors_writer.cpp)
list(TRANSFORM PEFT_READER_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/src/)
add_library(peft_readers ${PEFT_READERS_KIND} ${PEFT_READER_SOURCES})
target_include_directories(peft_readers PUBLIC ${CMAKE_CURRENT_LIST_DIR}/include)
if(TARGET OpenMP::OpenMP_CXX) # the training binary converts on all cores; the compiler only looks
  target_link_libraries(peft_readers PUBLIC OpenMP::OpenMP_CXX)
else()
  target_compile_options(peft_readers PRIVATE -Wno-unknown-pragmas)
endif()
# GGUF blocks and NF4 are defined with every product rounded before its sum.
set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/src/gguf_blocks.cpp ${CMAKE_CURRENT_LIST_DIR}/src/quantize_nf4.cpp
                            PROPERTIES COMPILE_OPTIONS -ffp-contract=off)
