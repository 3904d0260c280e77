# The pages of /docs and /redoc: fetches what web/package.json names when this is configured, packs it
# with our own pages of web/ when this is built, and puts the bytes into the library `ct`.

set(_default "${CMAKE_BINARY_DIR}/pages")
string(FIND "${CMAKE_BINARY_DIR}/" "${CMAKE_SOURCE_DIR}/build/" _at)
if(_at EQUAL 0)
  set(_default "${CMAKE_SOURCE_DIR}/build/pages") # one download for all presets
endif()
set(CT_PAGES_DIR "${_default}" CACHE PATH "Where the npm packages of the pages are kept")

find_program(GZIP_PROGRAM gzip REQUIRED)

set(CT_PAGES_LOCK package.json package-lock.json .npmrc)
foreach(_file IN LISTS CT_PAGES_LOCK)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/web/${_file}")
endforeach()

# Installs the packages of web/ into CT_PAGES_DIR, unless they are there for this very lock file.
function(ct_fetch_packages)
  file(MAKE_DIRECTORY "${CT_PAGES_DIR}")
  file(LOCK "${CT_PAGES_DIR}/busy" GUARD FUNCTION TIMEOUT 600) # another preset may be at it
  set(wanted "")
  foreach(file IN LISTS CT_PAGES_LOCK)
    file(SHA256 "${CMAKE_SOURCE_DIR}/web/${file}" hash)
    string(APPEND wanted "${hash} ${file}\n")
  endforeach()
  set(stamp "${CT_PAGES_DIR}/node_modules/.complete") # npm ci begins by removing it with the folder
  if(EXISTS "${stamp}")
    file(READ "${stamp}" found)
    if(found STREQUAL wanted)
      return()
    endif()
  endif()

  find_program(NPM_PROGRAM npm)
  if(NOT NPM_PROGRAM)
    message(FATAL_ERROR "npm was not found. It fetches the pages of /docs and /redoc.\n"
      "On Debian: apt-get install --no-install-recommends nodejs npm")
  endif()
  message(STATUS "Fetching the packages of the pages with npm")
  foreach(file IN LISTS CT_PAGES_LOCK)
    configure_file("${CMAKE_SOURCE_DIR}/web/${file}" "${CT_PAGES_DIR}/${file}" COPYONLY)
  endforeach()
  execute_process(COMMAND "${NPM_PROGRAM}" ci --ignore-scripts --no-audit --no-fund
    WORKING_DIRECTORY "${CT_PAGES_DIR}"
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "npm could not fetch the packages of the pages (npm ci: ${status}):\n${output}\n"
      "It needs the npm registry: check the connection, the proxy (https_proxy) or the registry "
      "(npm config get registry), then run this again. Without a connection, copy the folder\n"
      "  ${CT_PAGES_DIR}\n"
      "from a build of the same version, or name a copy with -DCT_PAGES_DIR=FOLDER.")
  endif()
  file(WRITE "${stamp}" "${wanted}")
endfunction()

ct_fetch_packages()

set(_web "${CMAKE_SOURCE_DIR}/web")
set(_packages "${CT_PAGES_DIR}/node_modules")
set(_pages "${_web}/docs.html" "${_web}/redoc.html" "${_web}/favicon.ico")
set(_assets
  "${_web}/favicon.svg" "${_web}/page.css"
  "${_web}/docs.css" "${_web}/docs.js" "${_web}/redoc.css" "${_web}/redoc.js"
  "${_packages}/swagger-ui-dist/swagger-ui.css"
  "${_packages}/swagger-ui-dist/swagger-ui-bundle.js"
  "${_packages}/redoc/bundles/redoc.standalone.js")
# The words that must go with copies of the packages: Apache-2.0 sections 4(a) and 4(d), MIT.
set(_licences
  "${_packages}/swagger-ui-dist/NOTICE"
  "${_packages}/swagger-ui-dist/LICENSE"
  "${_packages}/swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt"
  "${_packages}/redoc/LICENSE"
  "${_packages}/redoc/bundles/redoc.standalone.js.LICENSE.txt")

set(_embedded "${CMAKE_BINARY_DIR}/embedded")
add_custom_command(
  OUTPUT "${_embedded}/pages.c" "${_embedded}/pages.S"
  COMMAND "${CMAKE_COMMAND}" "-DGZIP=${GZIP_PROGRAM}" "-DOUT=${_embedded}" "-DPAGES=${_pages}"
    "-DASSETS=${_assets}" "-DLICENCES=${_licences}" -P "${CMAKE_SOURCE_DIR}/cmake/embed.cmake"
  DEPENDS ${_pages} ${_assets} ${_licences} "${_packages}/.complete"
    "${CMAKE_SOURCE_DIR}/cmake/embed.cmake"
  COMMENT "Packing the pages" VERBATIM)

# Apart from `ct`, because the warnings and sanitizers of C mean nothing to an assembler.
add_library(ct_pages OBJECT "${_embedded}/pages.S")
target_sources(ct PRIVATE "${_embedded}/pages.c" $<TARGET_OBJECTS:ct_pages>)
add_dependencies(ct ct_pages)
