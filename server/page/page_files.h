/* The page's files, compiled in (cmake/server.cmake makes the table). */
#ifndef SERVER_PAGE_FILES_H
#define SERVER_PAGE_FILES_H

#include <stddef.h>

typedef struct {
    const char *name; /* "find.js"; NULL ends the table */
    const unsigned char *data;
    size_t size;
} sv_page_file;

extern const sv_page_file sv_page_files[];

/* The media type that belongs to a name's ending; a literal. */
const char *sv_file_type(const char *name);

#endif
