# The Debian package: `cpack -G DEB` in the build directory (docs/decisions/0041-debian-package.md).

set(CT_PACKAGE_RELEASE 1 CACHE STRING "Counts packages of one version")
set(CT_PACKAGE_MAINTAINER "Seed 2fda84c2 maintainers <maintainers@users.noreply.b-seed-2fda84c2.example>"
  CACHE STRING "Who answers for the package: NAME <ADDRESS>")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME cloud-telephony)
set(CPACK_PACKAGE_CONTACT "${CT_PACKAGE_MAINTAINER}")
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_DIRECTORY "${CMAKE_BINARY_DIR}/package")
set(CPACK_PACKAGE_CHECKSUM SHA256)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "HTTP/JSON API for virtual phone numbers")
set(CPACK_PACKAGE_DESCRIPTION "Accounts with sessions that can be ended, keys for machines, an inventory from
which numbers are searched and claimed, and a record of who did what. One
program over one file of data, with documentation that it serves itself.")
set(CPACK_STRIP_FILES ON)
# The files are made for /usr; with DESTDIR the unit is told that, and /etc can be written to.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_PRE_BUILD_SCRIPTS "${CMAKE_SOURCE_DIR}/cmake/package_files.cmake")
set(CPACK_CT_SOURCE "${CMAKE_SOURCE_DIR}")
set(CPACK_CT_GZIP "${GZIP_PROGRAM}")

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_RELEASE "${CT_PACKAGE_RELEASE}")
set(CPACK_DEBIAN_PACKAGE_SECTION comm)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
# whose authorities receivers of webhooks and carriers over TLS are judged by
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "logrotate, sqlite3")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(_debian "${CMAKE_SOURCE_DIR}/packaging/debian")
file(WRITE "${CMAKE_BINARY_DIR}/conffiles" "/etc/logrotate.d/cloud-telephony\n")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  "${_debian}/postinst" "${_debian}/prerm" "${_debian}/postrm" "${CMAKE_BINARY_DIR}/conffiles")

include(CPack)
