# The module ct_webhook.so, through which libcurl is loaded when the first webhook is to be sent and not before
# (docs/decisions/0059-webhooks.md).

pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.85)
add_library(ct_webhook MODULE src/events/webhook_curl.c)
target_include_directories(ct_webhook PRIVATE src)
target_link_libraries(ct_webhook PRIVATE ct_flags PkgConfig::CURL)
ct_module(ct_webhook)
