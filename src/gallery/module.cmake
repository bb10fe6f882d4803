# Galleries in PostgreSQL need libpq; without it their kind says so.
if(LIBPQ_FOUND)
  list(FILTER sources EXCLUDE REGEX "gallery/no_postgres\\.c$")
else()
  list(FILTER sources EXCLUDE REGEX "gallery/postgres/.*\\.c$")
endif()
