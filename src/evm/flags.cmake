# Files of threaded code. Without a frame pointer a handler has no prologue; without implicit vector instructions every
# word of the stack is written and read as four 64-bit limbs, which the processor forwards from store to load. The
# sanitizers need a stack frame, which the handlers' calling convention has no room for: they watch everything else.
set_source_files_properties(
  ${CMAKE_SOURCE_DIR}/src/evm/interpreter.cpp ${CMAKE_SOURCE_DIR}/src/evm/threaded/handlers.cpp
  ${CMAKE_SOURCE_DIR}/src/evm/threaded/stack_handlers.cpp
  ${CMAKE_SOURCE_DIR}/src/evm/threaded/arithmetic_handlers.cpp
  ${CMAKE_SOURCE_DIR}/src/evm/threaded/jump_handlers.cpp
  PROPERTIES COMPILE_OPTIONS
  "-fomit-frame-pointer;-mno-implicit-float;-fno-slp-vectorize;-fno-vectorize;-fno-sanitize=all")
