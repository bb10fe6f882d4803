/* The HTML report: every case is there, every tag is closed, names are only text, pictures are inside. */
#include <ctype.h>
#include <unistd.h>

#include "drawn_faces.h"

#include "base/file.h"

enum { ROWS = 7, COLS = 7, SIDE = 112, PEOPLE = 9 };

/* ------------------------------------------------------------------ a small check of tags and attributes */

static bool is_void(const char *name)
{
    static const char *const names[] = {"meta", "img", "br", "wbr", "hr"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Past the tag that starts at `p` (behind its name): attributes are name or name="value" without < or >. */
static const char *past_attributes(const char *p)
{
    while (*p != '>') {
        if (!*p)
            fail_msg("a tag has no end");
        if (*p++ != '"')
            continue;
        for (; *p != '"'; p++)
            if (!*p || *p == '<' || *p == '>')
                fail_msg("an attribute is broken near: %.60s", p);
        p++;
        if (*p != ' ' && *p != '>')
            fail_msg("an attribute runs on near: %.60s", p);
    }
    return p + 1;
}

/* Counts start tags called `wanted`; fails where a tag is not closed in its turn or text holds a bare < or >. */
static int check_tags(const char *html, const char *wanted)
{
    static char open[64][16];
    int depth = 0, found = 0;
    const char *p = html;
    assert_true(strncmp(p, "<!doctype html>\n", 16) == 0);
    p += 16;
    while (*p) {
        if (*p == '>')
            fail_msg("a bare > near: %.60s", p);
        if (*p == '&' && !strchr(p, ';'))
            fail_msg("a bare & near: %.60s", p);
        if (*p != '<') {
            p++;
            continue;
        }
        bool closing = p[1] == '/';
        p += 1 + closing;
        char name[16] = "";
        for (size_t n = 0; isalnum((unsigned char)*p) && n < sizeof name - 1; n++)
            name[n] = *p++;
        if (!*name)
            fail_msg("a bare < near: %.60s", p);
        p = past_attributes(p);
        found += !closing && strcmp(name, wanted) == 0;
        if (closing) {
            if (depth == 0 || strcmp(open[depth - 1], name) != 0)
                fail_msg("</%s> closes <%s> near: %.60s", name, depth ? open[depth - 1] : "nothing", p);
            depth--;
        } else if (!is_void(name)) {
            assert_true(depth < 64);
            strcpy(open[depth++], name);
        }
        if (!closing && (strcmp(name, "style") == 0 || strcmp(name, "script") == 0))
            p = strstr(p, name[1] == 't' ? "</style>" : "</script>");
    }
    assert_int_equal(depth, 0);
    return found;
}

static size_t count_of(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

/* ------------------------------------------------------------------ cases */

typedef struct {
    char *dir, path[512];
    sl_gallery *gallery;
    sl_match_options match;
    sl_image faces[PEOPLE];
    sl_template *queries[PEOPLE];
    sl_answer answers[PEOPLE];
    char names[PEOPLE][64], labels[PEOPLE][32];
    sl_case cases[PEOPLE];
} fixture;

static int set_up(void **state)
{
    fixture *f = *state = calloc(1, sizeof *f);
    char dir[512];
    f->dir = make_temp_dir();
    snprintf(dir, sizeof dir, "%s/gallery", f->dir);
    snprintf(f->path, sizeof f->path, "%s/report.html", f->dir);
    f->gallery = gallery_of_drawings(dir, PEOPLE - 1, 3, ROWS, COLS, SIDE, SIDE);
    f->match = sl_match_defaults_of(SL_RERANK_EMD);
    for (int i = 0; i < PEOPLE; i++) {
        draw_face(i, .05f - .01f * (float)(i % 4), i % 3 != 1, SIDE, SIDE, &f->faces[i]);
        f->queries[i] = template_of_drawing(&f->faces[i], ROWS, COLS);
        answer_by_comparing(f->gallery, f->queries[i], &f->match, .8f, 6, &f->answers[i]);
        snprintf(f->names[i], sizeof f->names[i], "queries/photo_%02d.jpg", i);
        snprintf(f->labels[i], sizeof f->labels[i], "Person_%02d", i);
        f->cases[i] = (sl_case){.query_name = f->names[i],
                                .true_label = i == 4 ? NULL : f->labels[i],
                                .query_crop = i == 5 ? NULL : &f->faces[i],
                                .query = f->queries[i],
                                .gallery = f->gallery,
                                .answer = &f->answers[i]};
    }
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < PEOPLE; i++) {
        sl_image_free(&f->faces[i]);
        sl_template_free(f->queries[i]);
        free_answer(&f->answers[i]);
    }
    sl_gallery_close(f->gallery);
    remove_tree(f->dir);
    free(f->dir);
    free(f);
    return 0;
}

static char *report_of(fixture *f, const char *title, size_t count)
{
    sl_error err;
    uint8_t *data;
    size_t size;
    assert_ok(sl_write_report(f->path, title, NULL, f->cases, count, NULL, &err));
    assert_ok(sl_read_file(f->path, 1u << 30, &data, &size, &err));
    assert_int_equal(strlen((char *)data), size);
    return (char *)data;
}

static void test_report_has_every_case(void **state)
{
    fixture *f = *state;
    char *html = report_of(f, "Nine drawn faces, most of them masked", PEOPLE);
    assert_int_equal(check_tags(html, "article"), PEOPLE);
    assert_int_equal(count_of(html, "<details open>"), PEOPLE); /* printed too */
    for (int i = 0; i < PEOPLE; i++) {
        char anchor[64];
        snprintf(anchor, sizeof anchor, "id=\"case-%d\"", i + 1);
        assert_int_equal(count_of(html, anchor), 1);
        snprintf(anchor, sizeof anchor, "href=\"#case-%d\"", i + 1);
        assert_int_equal(count_of(html, anchor), 1);
        snprintf(anchor, sizeof anchor, "<bdi>queries/<wbr>photo_<wbr>%02d.jpg</bdi>", i);
        assert_int_equal(count_of(html, anchor), 2); /* summary and case */
        snprintf(anchor, sizeof anchor, "<bdi>queries/photo_%02d.jpg</bdi>", i);
        assert_int_equal(count_of(html, anchor), 1); /* facts of the photo */
    }
    size_t matches = 0;
    for (int i = 0; i < PEOPLE; i++)
        matches += f->answers[i].decision == SL_MATCH;
    char sentence[80];
    snprintf(sentence, sizeof sentence, "9 faces were looked up: %zu with a match, %zu unknown.", matches,
             PEOPLE - matches);
    assert_non_null(strstr(html, sentence));
    assert_non_null(strstr(html, "picture not kept"));
    assert_non_null(strstr(html, "How to read this page"));
    if (getenv("SL_KEEP_PICTURES")) {
        char path[512];
        snprintf(path, sizeof path, "%s/report.html", getenv("SL_KEEP_PICTURES"));
        assert_int_equal(
            sl_write_report(path, "Nine drawn faces, most of them masked", NULL, f->cases, PEOPLE, NULL, NULL), SL_OK);
    }
    free(html);
}

/* Every picture is inside, in a tag with a text for those who do not see it; nothing is fetched, nothing runs. */
static void test_report_stands_alone(void **state)
{
    fixture *f = *state;
    char *html = report_of(f, "Alone", PEOPLE);
    size_t images = (size_t)check_tags(html, "img");
    assert_true(images > PEOPLE * 8);
    assert_int_equal(count_of(html, "src=\"data:image/jpeg;base64,/9j/") +
                         count_of(html, "src=\"data:image/svg+xml;base64,"), images);
    assert_int_equal(count_of(html, "src=\"data:image/svg+xml;base64,"), 2 * PEOPLE);
    assert_int_equal(count_of(html, "src="), images);
    assert_int_equal(count_of(html, " alt=\""), images);
    assert_int_equal(count_of(html, "http://") + count_of(html, "https://"), 0);
    assert_int_equal(count_of(html, "<script"), 1); /* data, which is not run */
    assert_int_equal(count_of(html, "<script type=\"application/json\" id=\"data\">\n{"), 1);
    assert_int_equal(count_of(html, "@import") + count_of(html, "url("), 0);
    assert_int_equal(count_of(html, "%</td>"), 0); /* a score is not dressed as a percentage */
    assert_true(strlen(html) < PEOPLE * 300000);
    free(html);
}

static void test_scores_are_in_the_page(void **state)
{
    fixture *f = *state;
    char *html = report_of(f, "Scores", 1), cell[64];
    for (size_t i = 0; i < f->answers[0].count; i++) {
        snprintf(cell, sizeof cell, "<td>%.4f</td><td>%.4f</td><td>%.4f</td>",
                 (double)f->answers[0].candidates[i].score, (double)f->answers[0].candidates[i].stage1,
                 (double)f->answers[0].candidates[i].stage2);
        assert_non_null(strstr(html, cell));
    }
    assert_non_null(strstr(html, "1 face was looked up"));
    free(html);
}

static void test_hostile_names_are_only_text(void **state)
{
    fixture *f = *state;
    static const char *const hostile[] = {"<script>alert(1)</script>",
                                          "\"><img src=x onerror=alert(1)>",
                                          "</article></main>&lt;",
                                          "' onload='x",
                                          "\xe2\x80\xae reversed",
                                          "\xff\xfe\xc3",
                                          "%s%n%d",
                                          "\n\n\t",
                                          ""};
    char longest[8192] = "";
    for (int i = 0; i < 1000; i++)
        strcat(longest, i % 10 ? "\xe4\xba\xba" : "<&>");
    for (size_t h = 0; h <= sizeof hostile / sizeof *hostile; h++) {
        const char *name = h < sizeof hostile / sizeof *hostile ? hostile[h] : longest;
        sl_case *one = &f->cases[0];
        one->query_name = one->true_label = name;
        for (size_t i = 0; i < f->answers[0].count; i++) {
            f->answers[0].candidates[i].image = name;
            if (i % 2 == 0)
                f->answers[0].candidates[i].label = f->answers[0].stage1_candidates[i].label = name;
        }
        char *html = report_of(f, name, 2);
        assert_int_equal(check_tags(html, "article"), 2);
        assert_int_equal(count_of(html, "<script"), 1);
        assert_int_equal(count_of(html, "</script"), 1);
        assert_int_equal(count_of(html, "<img src=x"), 0);
        assert_int_equal(count_of(html, "src=\"data:image/"), (size_t)check_tags(html, "img"));
        free(html);
        sl_error err;
        sl_image sheet;
        assert_ok(sl_draw_sheet(one, &sheet, &err));
        if (name == longest)
            keep_picture("sheet-long-names.png", &sheet);
        sl_image_free(&sheet);
    }
}

static void test_settings_that_differ_stand_with_their_case(void **state)
{
    fixture *f = *state;
    char *html = report_of(f, "Same", 3);
    assert_int_equal(count_of(html, "<dt>Patch weights</dt>"), 1);
    assert_int_equal(count_of(html, "<table class=\"rule\">"), 1);
    free(html);
    f->answers[1].match.weighting = SL_WEIGHT_UNIFORM;
    html = report_of(f, "Different", 3);
    assert_int_equal(count_of(html, "<dt>Patch weights</dt>"), 3);
    assert_int_equal(count_of(html, "uniform: every patch counts the same"), 1);
    check_tags(html, "p");
    free(html);
}

static void test_without_second_look_and_without_candidates(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 3; i++)
        f->answers[i].match.rerank = SL_RERANK_NONE;
    for (size_t i = 0; i < f->answers[0].count; i++)
        f->answers[0].candidates[i].stage2 = NAN;
    f->answers[0].threshold_on_stage1 = f->answers[0].rule.on_stage1 = 1;
    sl_answer empty = {.threshold = NAN};
    f->cases[1].answer = &empty;
    f->cases[1].gallery = NULL;
    f->answers[2].stage1_count = 0; /* best not among the first look's */
    char *html = report_of(f, NULL, 3);
    assert_int_equal(check_tags(html, "article"), 3);
    assert_int_equal(count_of(html, "nan"), 0);
    assert_non_null(strstr(html, "The gallery had no face to compare with."));
    assert_non_null(strstr(html, "The similarity of "));
    assert_non_null(strstr(html, "This score cannot be told part by part")); /* no head is known */
    assert_null(strstr(html, "Flow picture"));
    free(html);
    html = report_of(f, "", 0);
    assert_int_equal(check_tags(html, "article"), 0);
    assert_non_null(strstr(html, "No face was looked up."));
    free(html);
}

static void test_large_counts(void **state)
{
    fixture *f = *state;
    sl_error err;
    enum { MANY = 60 };
    sl_case *cases = calloc(MANY, sizeof *cases);
    for (int i = 0; i < MANY; i++)
        cases[i] = f->cases[i % PEOPLE];
    assert_ok(sl_write_report(f->path, "Sixty", NULL, cases, MANY, NULL, &err));
    uint8_t *data;
    size_t size;
    assert_ok(sl_read_file(f->path, 1u << 30, &data, &size, &err));
    assert_int_equal(check_tags((char *)data, "article"), MANY);
    assert_in_range(size, MANY * 20000, MANY * 250000);
    free(data);
    free(cases);
}

static void test_a_failure_leaves_no_page(void **state)
{
    fixture *f = *state;
    sl_error err;
    char nowhere[600];
    assert_int_equal(sl_write_report(NULL, "t", NULL, f->cases, 1, NULL, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_write_report(f->path, "t", NULL, NULL, 1, NULL, &err), SL_ERR_ARGUMENT);
    snprintf(nowhere, sizeof nowhere, "%s/no/such/folder.html", f->dir);
    assert_int_not_equal(sl_write_report(nowhere, "t", NULL, f->cases, 1, NULL, &err), SL_OK);
    f->cases[1].query = NULL;
    assert_int_equal(sl_write_report(f->path, "t", NULL, f->cases, 2, NULL, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "case 2"));
    assert_int_not_equal(access(f->path, F_OK), 0);
    f->cases[1].query = f->queries[1];
    f->answers[1].candidates[0].entry = SIZE_MAX; /* no such face in the gallery */
    assert_int_not_equal(sl_write_report(f->path, "t", NULL, f->cases, 2, NULL, &err), SL_OK);
    assert_int_not_equal(access(f->path, F_OK), 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_report_has_every_case),
        CASE(test_report_stands_alone),
        CASE(test_scores_are_in_the_page),
        CASE(test_hostile_names_are_only_text),
        CASE(test_settings_that_differ_stand_with_their_case),
        CASE(test_without_second_look_and_without_candidates),
        CASE(test_large_counts),
        CASE(test_a_failure_leaves_no_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
