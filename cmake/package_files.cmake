# Run by CPack in the tree of the package: what a Debian package has besides what is installed everywhere.

set(_root "${CPACK_TEMPORARY_DIRECTORY}")
set(_doc "${_root}/usr/share/doc/cloud-telephony")
set(_readable OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
file(MAKE_DIRECTORY "${_root}/etc/logrotate.d")
configure_file("${CPACK_CT_SOURCE}/packaging/logrotate" "${_root}/etc/logrotate.d/cloud-telephony" COPYONLY
  FILE_PERMISSIONS ${_readable})

# Of SOURCE_DATE_EPOCH, when that is set.
string(TIMESTAMP _date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE "${_doc}/changelog.Debian"
"cloud-telephony (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium

  * Version ${CPACK_PACKAGE_VERSION}: see changelog.gz.

 -- ${CPACK_PACKAGE_CONTACT}  ${_date}
")
configure_file("${CPACK_CT_SOURCE}/CHANGELOG.md" "${_doc}/changelog" COPYONLY)
file(CHMOD "${_doc}/changelog" "${_doc}/changelog.Debian" FILE_PERMISSIONS ${_readable})
execute_process(COMMAND "${CPACK_CT_GZIP}" -9nf "${_doc}/changelog" "${_doc}/changelog.Debian"
  COMMAND_ERROR_IS_FATAL ANY)

# Whatever the umask is.
file(GLOB_RECURSE _entries LIST_DIRECTORIES true "${_root}/*")
foreach(_entry IN LISTS _entries)
  if(IS_DIRECTORY "${_entry}")
    file(CHMOD "${_entry}" DIRECTORY_PERMISSIONS ${_readable} OWNER_EXECUTE GROUP_EXECUTE WORLD_EXECUTE)
  endif()
endforeach()
