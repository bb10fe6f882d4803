/* The page: its files, as they were compiled in. Nothing of it is secret, so no key is asked for. */
#include "page/page_files.h"

#include <string.h>

#include "server.h"

const char *sv_file_type(const char *name)
{
    static const char *const types[][2] = {{".html", "text/html; charset=utf-8"}, {".css", "text/css; charset=utf-8"},
                                           {".js", "text/javascript; charset=utf-8"}, {".svg", "image/svg+xml"},
                                           {".jpg", "image/jpeg"}, {".json", "application/json"}};
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending && i < sizeof types / sizeof *types; i++)
        if (strcmp(ending, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

static void reply_file(sv_request *r, const char *name)
{
    for (const sv_page_file *f = sv_page_files; f->name; f++)
        if (strcmp(f->name, name) == 0) {
            sv_reply_fixed(r, 200, sv_file_type(name), f->data, f->size);
            return;
        }
    sv_refuse(r, 404, 0, "there is nothing here");
}

static void index_page(sv_request *r, sl_session *session)
{
    (void)session;
    reply_file(r, "index.html");
}

static void page_file(sv_request *r, sl_session *session)
{
    (void)session;
    reply_file(r, r->args[0]);
}

const sv_route sv_page_routes[] = {
    {"GET", "/", SV_NOBODY, SV_AT_ONCE, SV_STYLE_OWN, index_page, NULL, NULL},
    {"GET", "/page/{file}", SV_NOBODY, SV_AT_ONCE, SV_STYLE_OWN, page_file, NULL, NULL},
    {0}};
