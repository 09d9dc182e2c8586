# The agent of the deploy ramdisk, statically linked: the ramdisk has no libraries. Debian has no static simdjson, so this
# program brings a parser of its own (src/ramdisk_main/json_parse.cpp) in place of the one in base.
function(ingot_ramdisk_agent)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/ramdisk_main/*.cpp)
  add_executable(ingot-agent ${sources})
  set(ours agent fetch image net wire sys crypto base)
  foreach(name ${ours})
    add_dependencies(ingot-agent ingot_${name})
    list(APPEND archives $<TARGET_FILE:ingot_${name}>)
  endforeach()
  target_link_options(ingot-agent PRIVATE -static -s -Wl,--gc-sections)
  target_link_libraries(ingot-agent PRIVATE -Wl,--start-group ${archives} -Wl,--end-group
                        nghttp2 ssl crypto yaml zstd z boost_context Threads::Threads)
  set_target_properties(ingot-agent PROPERTIES LINK_DEPENDS "${archives}")
endfunction()
