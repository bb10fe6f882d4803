/* Reading lists of pairs: one walk over the lines, which either looks the pictures up or collects them. */
#include "train/data/pair_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/nfc.h"
#include "eval/pair_fields.h"
#include "gallery/table.h"
#include "train/data/source_photos.h"

enum { PUBLISHED_SEED = 1 }; /* of hash tables that nobody keeps */

typedef struct list_reader list_reader;
struct list_reader {
    const char *file;
    sl_error *err;
    sl_status (*line)(list_reader *r, const sl_pair_fields *l); /* one that is not blank, and sound by itself */
    sl_table names;                                             /* of pictures by id */
    /* looked up in a source */
    const sl_source *source;
    sl_listed_pairs *pairs;
    size_t capacity;
    /* collected */
    const char *base;
    sl_photo_list photos;
};

static sl_status bad(const list_reader *r, const sl_pair_fields *l, sl_status status, const char *what,
                     const char *which)
{
    return sl_fail(r->err, status, "%s, line %zu: %s%s", r->file, l->number, what, which);
}

/* ---- lines ---- */

/* Cut off, or of another list, a line has another number of fields; `same` must be what the ids say. */
static sl_status check_line(const list_reader *r, const sl_pair_fields *l)
{
    const char *same = l->field[2];
    if ((l->count != 3 && l->count != 5) || (strcmp(same, "0") != 0 && strcmp(same, "1") != 0))
        return bad(r, l, SL_ERR_FORMAT, "expected \"image image 0|1\" or \"image image 0|1 id id\"", "");
    if (l->count == 5 && (strcmp(l->field[3], l->field[4]) == 0) != (*same == '1'))
        return bad(r, l, SL_ERR_FORMAT, "\"same\" must be 1 where the two ids are equal, else 0", "");
    return SL_OK;
}

/* Ids are kept in form C (base/nfc.h), so they are looked up in it. */
static sl_status spell(const list_reader *r, sl_pair_fields *l)
{
    for (int k = 0; k < l->count; k++) {
        char *field = l->field[k], *formed;
        const char *at = field;
        while (*at && !(*at & 0x80))
            at++;
        if (!*at)
            continue;
        if (sl_nfc(field, strlen(field), &formed, NULL) != SL_OK)
            return bad(r, l, SL_ERR_FORMAT, "is not UTF-8: save the list as UTF-8", "");
        const size_t size = strlen(formed) + 1;
        if (size <= SL_PAIR_FIELD)
            memcpy(field, formed, size);
        free(formed);
        if (size > SL_PAIR_FIELD)
            return bad(r, l, SL_ERR_FORMAT, "a field that is too long", "");
    }
    return SL_OK;
}

static sl_status read_lines(list_reader *r, const char *text, size_t size)
{
    sl_pair_fields l = {.number = 1};
    for (const char *at = text, *stop = text + size; at < stop; l.number++) {
        const char *end = memchr(at, '\n', (size_t)(stop - at));
        end = end ? end : stop;
        SL_TRY(sl_pair_fields_split(r->file, at, end, &l, r->err));
        if (l.count) {
            SL_TRY(check_line(r, &l));
            SL_TRY(spell(r, &l));
            SL_TRY(r->line(r, &l));
        }
        at = end + 1;
    }
    return SL_OK;
}

/* ---- pairs of a source ---- */

static bool is_picture(const void *source, uint32_t i, const char *image, size_t size)
{
    const char *name = sl_source_image(source, i);
    return strncmp(name, image, size) == 0 && !name[size];
}

static sl_status list_names(list_reader *r)
{
    for (size_t i = 0; i < sl_source_size(r->source); i++) {
        const char *image = sl_source_image(r->source, i);
        if (!sl_table_reserve(&r->names))
            return sl_no_memory(r->err, "for the names of pictures");
        sl_table_insert(&r->names, image, strlen(image), (uint32_t)i);
    }
    return SL_OK;
}

static sl_status add_pair(list_reader *r, const sl_pair_fields *l)
{
    sl_listed_pairs *p = r->pairs;
    uint32_t at[2];
    for (int k = 0; k < 2; k++) {
        at[k] = sl_table_find(&r->names, l->field[k], strlen(l->field[k]), is_picture, r->source);
        if (at[k] != SL_TABLE_NONE)
            continue;
        if (sl_source_is_whole(r->source))
            return bad(r, l, SL_ERR_NOT_FOUND, "there is no such picture: ", l->field[k]);
        p->elsewhere++;
        return SL_OK;
    }
    const bool same = l->field[2][0] == '1';
    if (same != (sl_source_person(r->source, at[0]) == sl_source_person(r->source, at[1])))
        return bad(r, l, SL_ERR_FORMAT, "\"same\" is not what the labels of the two pictures say: ", l->field[0]);
    sl_training_pair *pairs = sl_with_room(p->pairs, p->count, &r->capacity, sizeof *pairs);
    if (!pairs)
        return sl_no_memory(r->err, "for a list of pairs");
    p->pairs = pairs;
    pairs[p->count++] = (sl_training_pair){at[0], at[1], same};
    return SL_OK;
}

sl_status sl_listed_pairs_parse(const char *text, size_t size, const char *file, const sl_source *source,
                                sl_listed_pairs *out, sl_error *err)
{
    list_reader r = {.file = file, .err = err, .line = add_pair, .source = source, .pairs = out};
    r.names.seed = PUBLISHED_SEED;
    *out = (sl_listed_pairs){0};
    sl_status status = list_names(&r);
    if (status == SL_OK)
        status = read_lines(&r, text, size);
    if (status == SL_OK && out->count == 0)
        status = sl_fail(err, SL_ERR_FORMAT, "%s: has no pair of pictures that are learnt from", file);
    sl_table_free(&r.names);
    if (status != SL_OK)
        sl_listed_pairs_free(out);
    return status;
}

sl_status sl_listed_pairs_read(const char *path, const sl_source *source, sl_listed_pairs *out, sl_error *err)
{
    sl_mapping text;
    *out = (sl_listed_pairs){0};
    SL_TRY(sl_map_file(path, (size_t)1 << 32, &text, err));
    sl_status status = sl_listed_pairs_parse((const char *)text.data, text.size, path, source, out, err);
    sl_unmap_file(&text);
    return status;
}

void sl_listed_pairs_free(sl_listed_pairs *p)
{
    free(p->pairs);
    *p = (sl_listed_pairs){0};
}

/* ---- pictures of a list ---- */

static bool is_collected(const void *photos, uint32_t i, const char *image, size_t size)
{
    const char *name = ((const sl_photo *)photos)[i].image;
    return strncmp(name, image, size) == 0 && !name[size];
}

static sl_status collect_picture(list_reader *r, const sl_pair_fields *l, const char *image, const char *id)
{
    uint32_t known = sl_table_find(&r->names, image, strlen(image), is_collected, r->photos.photos);
    if (known != SL_TABLE_NONE)
        return strcmp(r->photos.photos[known].label, id) == 0
                   ? SL_OK
                   : bad(r, l, SL_ERR_FORMAT, "another id than before for the picture ", image);
    char *path = *image == '/' ? sl_strdup(image) : sl_path_join(r->base, image);
    SL_TRY(sl_photo_list_add(&r->photos, path, image, id, r->err));
    if (!sl_table_reserve(&r->names))
        return sl_no_memory(r->err, "for a list of pictures");
    const char *added = r->photos.photos[r->photos.count - 1].image;
    sl_table_insert(&r->names, added, strlen(added), (uint32_t)r->photos.count - 1);
    return SL_OK;
}

static sl_status collect(list_reader *r, const sl_pair_fields *l)
{
    if (l->count != 5)
        return bad(r, l, SL_ERR_FORMAT, "no ids: whose pictures these are must be told by a gallery or by a list of "
                   "path,label", "");
    SL_TRY(collect_picture(r, l, l->field[0], l->field[3]));
    return collect_picture(r, l, l->field[1], l->field[4]);
}

sl_status sl_pair_photos_parse(const char *text, size_t size, const char *file, const char *base, sl_photo **out,
                               size_t *count, sl_error *err)
{
    list_reader r = {.file = file, .err = err, .line = collect, .base = base};
    r.names.seed = PUBLISHED_SEED;
    sl_status status = read_lines(&r, text, size);
    if (status == SL_OK && r.photos.count == 0)
        status = sl_fail(err, SL_ERR_FORMAT, "%s: lists no pair", file);
    if (status == SL_OK)
        status = sl_photos_check_below(file, r.photos.photos, r.photos.count, err);
    sl_table_free(&r.names);
    return sl_photo_list_finish(&r.photos, status, out, count);
}

sl_status sl_source_of_pairs(const char *path, const char *root, const sl_source_filter *filter, sl_source **out,
                             sl_error *err)
{
    sl_mapping text;
    sl_photo *photos = NULL;
    size_t count = 0;
    *out = NULL;
    SL_TRY(sl_map_file(path, (size_t)1 << 32, &text, err));
    char *base = sl_list_root(path, root);
    sl_status status = base ? sl_pair_photos_parse((const char *)text.data, text.size, path, base, &photos, &count, err)
                            : sl_no_memory(err, "for a list of pairs");
    free(base);
    sl_unmap_file(&text);
    return status == SL_OK ? sl_source_of_photos(path, photos, count, filter, out, err) : status;
}
