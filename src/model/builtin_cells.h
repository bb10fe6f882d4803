/* Statistics per cell (match/cells.h) that come with the library: models/NAME.cells, compiled in by the build. */
#ifndef SL_MODEL_BUILTIN_CELLS_H
#define SL_MODEL_BUILTIN_CELLS_H

#include <stddef.h>

typedef struct {
    const char *name;
    const unsigned char *data; /* NULL ends the list */
    size_t size;
} sl_builtin_file;

extern const sl_builtin_file sl_builtin_cells[];

#endif
