# What every program of tests has, compiled once.
add_library(ingot_test_main OBJECT ${CMAKE_SOURCE_DIR}/test/doctest_main.cpp)

# ingot_folder(name deps...): src/name/*.cpp becomes the library ingot_name; its *_test.cpp files one doctest program.
function(ingot_folder name)
  file(GLOB_RECURSE all CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  set(tests ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER all EXCLUDE REGEX "_test\\.cpp$")
  # Declarations of kinds are text; they go into the binary as they are.
  file(GLOB_RECURSE schemas CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.schema)
  if(schemas)
    list(SORT schemas)
    set(embedded ${CMAKE_BINARY_DIR}/embedded/${name}_schemas)
    list(JOIN schemas "\n" names)
    file(CONFIGURE OUTPUT ${embedded}.txt CONTENT "${names}\n")
    add_custom_command(
      OUTPUT ${embedded}.cpp
      COMMAND ${CMAKE_COMMAND} -DOUTPUT=${embedded}.cpp -DLIST=${embedded}.txt -DROOT=${CMAKE_SOURCE_DIR}/src/${name}
              -DNAMESPACE=${name} -DSYMBOL=schema_files -P ${CMAKE_SOURCE_DIR}/cmake/embed_text.cmake
      DEPENDS ${schemas} ${embedded}.txt ${CMAKE_SOURCE_DIR}/cmake/embed_text.cmake VERBATIM)
    list(APPEND all ${embedded}.cpp)
  endif()
  set(target ingot_${name})
  if(all)
    add_library(${target} STATIC ${all})
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  foreach(dep ${ARGN})
    target_link_libraries(${target} ${scope} ingot_${dep})
  endforeach()
  target_link_libraries(${target} ${scope} PkgConfig::DEPS Threads::Threads boost_context)
  if(tests)
    add_executable(test_${name} ${tests} $<TARGET_OBJECTS:ingot_test_main>)
    target_link_libraries(test_${name} PRIVATE ${target})
    # An assertion is one call: a quarter of what a file of tests took to compile.
    target_compile_definitions(test_${name} PRIVATE DOCTEST_CONFIG_SUPER_FAST_ASSERTS)
    if(EXISTS ${CMAKE_SOURCE_DIR}/src/${name}/chaos_test.cpp) # takes as long as the others together: beside them
      add_test(NAME ${name} COMMAND test_${name} "--source-file-exclude=*chaos_test.cpp"
               WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
      add_test(NAME ${name}_chaos COMMAND test_${name} "--source-file=*chaos_test.cpp"
               WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    else()
      add_test(NAME ${name} COMMAND test_${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    endif()
  endif()
endfunction()

function(ingot_program name folder)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*.cpp)
  if(sources)
    add_executable(${name} ${sources})
    foreach(dep ${ARGN})
      target_link_libraries(${name} PRIVATE ingot_${dep})
    endforeach()
  endif()
endfunction()
