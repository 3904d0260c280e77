# The module ct_postgres.so, through which libpq is loaded when DATABASE_URL asks for PostgreSQL and not otherwise
# (docs/decisions/0030-postgresql.md).

pkg_check_modules(POSTGRES REQUIRED IMPORTED_TARGET libpq>=15)
file(GLOB CT_POSTGRES_SOURCES CONFIGURE_DEPENDS src/store/postgres*.c)
add_library(ct_postgres MODULE ${CT_POSTGRES_SOURCES})
target_include_directories(ct_postgres PRIVATE src)
target_link_libraries(ct_postgres PRIVATE ct_flags Threads::Threads PkgConfig::POSTGRES)
ct_module(ct_postgres CALLS_THE_PROGRAM)

# What it calls in the program, which must have it even where nothing else in it calls that.
foreach(symbol ct_arena_alloc ct_arena_copy ct_arena_free ct_arena_new ct_clock_monotonic_us ct_clock_unix_ms
    ct_db_finalize ct_int_parse ct_log_write ct_random_bytes ct_store_explain ct_str_of)
  target_link_options(ct INTERFACE "-Wl,--undefined=${symbol}" "-Wl,--export-dynamic-symbol=${symbol}")
endforeach()
