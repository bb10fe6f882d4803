/* Second looks in SQL are those of the program: the same candidates in the same order with the same scores, for every
 * look that needs no network. Run in with_cluster. */
#include <libpq-fe.h>

#include "../gallery/faces.h"
#include "match/oae/oae.h"

enum { FACES = 60, TOP = 20, QUERIES = 5 };

static sl_error err;
static sl_oae oae;

/* Statistics of no real model, of the shape of the faces. */
static void make_statistics(const sl_template_shape *s)
{
    const size_t cells = (size_t)(s->rows * s->cols), dim = (size_t)s->dim;
    oae = (sl_oae){.shape = *s,
                   .head = {.cells = (int)cells, .channels = s->channels, .dim = s->dim, .blocks = 1},
                   .stats = {.rows = s->rows, .cols = s->cols, .dim = s->dim, .rank = 2, .faces = 1000}};
    memcpy(oae.stats.fingerprint, s->fingerprint, 32);
    assert_ok(sl_oae_stats_alloc(&oae.stats, &err));
    oae.head.bias = calloc(dim, sizeof *oae.head.bias);
    assert_non_null(oae.head.bias);
    fill_random(oae.stats.means, cells, 1, .4f, .6f);
    fill_random(oae.stats.sds, cells, 2, .1f, .2f);
    fill_random(oae.stats.mu, cells * dim, 3, -1, 1);
    fill_random(oae.stats.scales, cells * 2, 4, .004f, .006f);
    for (size_t i = 0; i < cells * 2 * dim; i++)
        oae.stats.axes[i] = (int8_t)(i * 37 % 255 - 127);
}

static PGresult *ask(PGconn *c, const char *sql, const void *bytes, size_t size)
{
    const char *values[] = {bytes};
    const int lengths[] = {(int)size}, binary[] = {1};
    const Oid types[] = {17};
    PGresult *r = PQexecParams(c, sql, bytes ? 1 : 0, types, values, lengths, binary, 0);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(c));
    return r;
}

/* The statistics come as the file has them; those of another model, and bytes that are none, are refused. */
static void set_cells(PGconn *c)
{
    char *dir = make_temp_dir(), path[600];
    uint8_t bytes[8192];
    snprintf(path, sizeof path, "%s/test.oae", dir);
    assert_ok(sl_oae_stats_write(&oae.stats, path, &err));
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    const size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    remove_tree(dir);
    free(dir);
    PQclear(ask(c, "SELECT secondlook.set_cells('looks', $1)", bytes, size));
    const char *const refused[] = {"SELECT secondlook.set_cells('looks', 'nonsense')",
                                   "SELECT secondlook.set_cells('looks', '')",
                                   "SELECT secondlook.set_cells('looks', set_byte(cells, 40, 1 # get_byte(cells, 40))) "
                                   "FROM gallery_looks.gallery"};
    for (int i = 0; i < 3; i++) {
        PGresult *r = PQexec(c, refused[i]);
        assert_int_equal(PQresultStatus(r), PGRES_FATAL_ERROR);
        PQclear(r);
    }
}

/* The program gives the best face of each person. */
static void expect_the_same(PGconn *c, const sl_gallery *g, sl_rerank look, int n)
{
    char sql[512];
    sl_template *t = face_template(sl_gallery_shape(g), n);
    sl_identify_options o = {.match = sl_match_defaults_of(look), .top = TOP};
    const sl_rule rule = sl_rule_given(.5f, 0);
    sl_answer answer;
    o.rule = &rule;
    o.match.k = FACES;
    o.match.threads = 1;
    o.match.oae = &oae;
    o.match.feature = SL_FEATURE_CONTRIBUTIONS;
    o.match.weighting = SL_WEIGHT_UNIFORM;
    assert_ok(sl_identify(NULL, g, t, &o, &answer, &err));
    snprintf(sql, sizeof sql,
             "SELECT image, score FROM (SELECT DISTINCT ON (i.label) i.* FROM gallery_looks.face f "
             "JOIN gallery_looks.template t ON t.face = f.id, secondlook.identify('looks', t.bytes, %d, '%s') i "
             "WHERE f.image LIKE '%%photo %d %%' ORDER BY i.label, i.score DESC, i.stage1 DESC, i.face) AS best "
             "ORDER BY score DESC, stage1 DESC, face",
             FACES, sl_rerank_name(look), n);
    PGresult *r = ask(c, sql, NULL, 0);
    assert_int_equal(PQntuples(r), answer.count);
    for (int i = 0; i < PQntuples(r); i++) {
        assert_string_equal(PQgetvalue(r, i, 0), answer.candidates[i].image);
        assert_true(strtof(PQgetvalue(r, i, 1), NULL) == answer.candidates[i].score);
    }
    PQclear(r);
    sl_answer_free(&answer);
    sl_template_free(t);
}

static void looks_in_sql_are_the_programs(void **state)
{
    (void)state;
    static const sl_rerank looks[] = {SL_RERANK_NONE, SL_RERANK_EMD, SL_RERANK_OAE, SL_RERANK_MAXSIM,
                                      SL_RERANK_SAME_CELL};
    const sl_template_shape shape = small_shape(SL_PATCHES_COMPACT);
    sl_gallery *g;
    PGconn *c = PQconnectdb("dbname=shard0");
    assert_int_equal(PQstatus(c), CONNECTION_OK);
    make_statistics(&shape);
    assert_ok(sl_gallery_open_shape("postgres:///shard0?gallery=looks", SL_GALLERY_CREATE, &shape, MODEL_NAME, &g,
                                    &err));
    for (int n = 0; n < FACES; n++)
        add_face(g, n);
    assert_ok(sl_gallery_commit(g, &err));
    expect_the_same(c, g, SL_RERANK_EMD, 4); /* which needs no statistics */
    set_cells(c);
    for (size_t look = 0; look < sizeof looks / sizeof *looks; look++)
        for (int n = 0; n < QUERIES; n++)
            expect_the_same(c, g, looks[look], n * 11);
    sl_gallery_close(g);
    PQfinish(c);
    sl_oae_stats_free(&oae.stats);
    free((void *)oae.head.bias);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(looks_in_sql_are_the_programs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
