# What `cmake --install` puts where, and the Debian package made of the same. Components:
#
#   program        the program, its modules, the licences: all that a container needs
#   service        the unit for systemd, and what makes its user and settings
#   documentation  manuals

set(_doc share/doc/cloud-telephony)

install(TARGETS cloud-telephony RUNTIME DESTINATION bin COMPONENT program)
install(TARGETS ct_plan ct_postgres ct_webhook LIBRARY DESTINATION lib/cloud-telephony COMPONENT program)
install(FILES packaging/copyright "${CMAKE_BINARY_DIR}/embedded/licences.txt"
  DESTINATION ${_doc} COMPONENT program)

install(PROGRAMS packaging/prepare-system DESTINATION lib/cloud-telephony COMPONENT service)
# The unit names the program where the package has it. Another prefix is known when this is run.
install(CODE "set(_unit \"${CMAKE_SOURCE_DIR}/packaging/cloud-telephony.service\")
  set(_made \"${CMAKE_BINARY_DIR}/cloud-telephony.service\")" COMPONENT service)
install(CODE [[
  file(READ "${_unit}" _text)
  string(REPLACE "=/usr/bin/cloud-telephony" "=${CMAKE_INSTALL_PREFIX}/bin/cloud-telephony" _text "${_text}")
  file(WRITE "${_made}" "${_text}")]] COMPONENT service)
install(FILES "${CMAKE_BINARY_DIR}/cloud-telephony.service" DESTINATION lib/systemd/system COMPONENT service)

file(GLOB _manuals docs/*.md)
install(FILES README.md ${_manuals} DESTINATION ${_doc} COMPONENT documentation)
install(FILES packaging/logrotate packaging/prometheus/alerts.yml packaging/grafana/dashboard.json
  DESTINATION ${_doc}/examples COMPONENT documentation)

# The program describes itself, so it has to run here. One with a sanitizer is not for installing.
if(NOT CT_SANITIZE AND NOT CMAKE_CROSSCOMPILING)
  set(_man "${CMAKE_BINARY_DIR}/cloud-telephony.1")
  add_custom_command(OUTPUT "${_man}.gz"
    COMMAND "${CMAKE_SOURCE_DIR}/cmake/man-page" "$<TARGET_FILE:cloud-telephony>" "${PROJECT_VERSION}" > "${_man}"
    COMMAND "${GZIP_PROGRAM}" -9nf "${_man}"
    DEPENDS cloud-telephony "${CMAKE_SOURCE_DIR}/cmake/man-page"
    COMMENT "Writing the man page" VERBATIM)
  add_custom_target(ct_man ALL DEPENDS "${_man}.gz")
  install(FILES "${_man}.gz" DESTINATION share/man/man1 COMPONENT documentation)
endif()
