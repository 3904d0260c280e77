# The most common passwords, which come with Debian's python3-django: put into the library `ct` when this
# is built. Only the list is used; nothing of Python runs.

find_file(CT_COMMON_PASSWORDS common-passwords.txt.gz
  PATHS /usr/lib/python3/dist-packages/django/contrib/auth NO_DEFAULT_PATH
  DOC "Django's list of common passwords, packed with gzip")
if(NOT CT_COMMON_PASSWORDS OR NOT EXISTS "${CT_COMMON_PASSWORDS}")
  message(FATAL_ERROR "The list of common passwords was not found (${CT_COMMON_PASSWORDS}).\n"
    "On Debian: apt-get install --no-install-recommends python3-django\n"
    "Elsewhere: -DCT_COMMON_PASSWORDS=FILE names the common-passwords.txt.gz of Django.")
endif()

# a folder of its own: that of the pages is emptied when they are packed
set(_passwords "${CMAKE_BINARY_DIR}/passwords")
add_custom_command(
  OUTPUT "${_passwords}/common_passwords.S" BYPRODUCTS "${_passwords}/common_passwords.txt"
  COMMAND "${CMAKE_SOURCE_DIR}/cmake/common-passwords" "${CT_COMMON_PASSWORDS}" "${_passwords}"
  DEPENDS "${CT_COMMON_PASSWORDS}" "${CMAKE_SOURCE_DIR}/cmake/common-passwords"
  COMMENT "Sorting the common passwords" VERBATIM)

# Apart from `ct`, as the pages are.
add_library(ct_common_passwords OBJECT "${_passwords}/common_passwords.S")
target_sources(ct PRIVATE $<TARGET_OBJECTS:ct_common_passwords>)
add_dependencies(ct ct_common_passwords)
