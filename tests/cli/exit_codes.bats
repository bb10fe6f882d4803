# One rule says what an exit code means (cli/common/cli.h, docs/cli.md), and every command follows it.
load common

setup_file() {
    export BATS_FILE_TMPDIR
    [ -e "$MODELS/demo-photos/sample6.jpg" ] && [ -e "$MODELS/mobilefacenet-192.tflite" ] || return 0
    make_people
    "$BIN" enroll --gallery "$BATS_FILE_TMPDIR/one" --aligned --no-quality-gate "$BATS_FILE_TMPDIR/people/sample1" \
        > /dev/null
    mkdir "$BATS_FILE_TMPDIR/set"
    cd "$BATS_FILE_TMPDIR/set"
    cp ../people/sample1/sample1.png face.jpg # small, so that it is quick
    cp ../people/sample2/sample2.png other.jpg
    "$MAKE_PICTURE" grey 90 80 none.jpg
    echo "this is text" > bad.jpg
    mkdir faces
    cp face.jpg faces/
}

# answers CODE COMMAND...: with this code.
answers() {
    local code=$1
    shift
    sl "$@"
    [ "$status" = "$code" ] || { echo "secondlook $*"; expect "$code"; }
}

@test "photos: 0 done, 1 one of them failed, 3 no face on any; a photo without a face among others is told" {
    need_photos
    cd "$BATS_FILE_TMPDIR/set"
    n=0
    while read -r code photos; do
        [ -n "$code" ] || continue
        n=$((n + 1))
        # shellcheck disable=SC2086
        answers "$code" detect --landmarks none $photos -o "$BATS_TEST_TMPDIR/detect$n"
        # shellcheck disable=SC2086
        answers "$code" align --landmarks none --json $photos -o "$BATS_TEST_TMPDIR/align$n"
        # shellcheck disable=SC2086
        answers "$code" identify --landmarks none --gallery ../one --rerank none --threshold -1 $photos
    done <<< "
        0 face.jpg
        0 face.jpg none.jpg
        1 face.jpg bad.jpg
        1 bad.jpg face.jpg
        1 face.jpg absent.jpg
        1 bad.jpg
        1 none.jpg bad.jpg
        3 none.jpg
        0 faces
        1 faces bad.jpg"
}

@test "occlude: the same" {
    need_photos
    need_landmarks
    cd "$BATS_FILE_TMPDIR/set"
    n=0
    while read -r code kinds photos; do
        [ -n "$code" ] || continue
        n=$((n + 1))
        # shellcheck disable=SC2086
        answers "$code" occlude --kind $kinds $photos -o "$BATS_TEST_TMPDIR/out$n"
    done <<< "
        0 mask face.jpg
        0 mask face.jpg none.jpg
        1 mask face.jpg bad.jpg
        1 mask none.jpg bad.jpg
        3 mask none.jpg
        3 crop,mask none.jpg
        0 crop none.jpg
        1 crop none.jpg bad.jpg"
}

@test "identify: 4 when nobody is known; a failed photo is an entry of the JSON document" {
    need_photos
    cd "$BATS_FILE_TMPDIR/set"
    answers 4 identify --landmarks none --gallery ../one --rerank none --threshold .9 other.jpg
    answers 1 identify --landmarks none --gallery ../one --rerank none --threshold .9 other.jpg bad.jpg
    answers 1 identify --landmarks none --json --gallery ../gallery --rerank none --threshold -1 bad.jpg face.jpg
    json 'd.queries.length === 2 && d.queries[0].image === "bad.jpg" && d.queries[0].error.length > 0 &&
          d.queries[0].faces.length === 0 && d.queries[1].faces.length >= 1 && d.queries[1].error === undefined'
    answers 1 identify --gallery absent face.jpg
}

@test "two photos: 0 the same person, 4 another, 3 no face on one, 1 one cannot be read" {
    need_photos
    cd "$BATS_FILE_TMPDIR/set"
    while read -r code photos; do
        [ -n "$code" ] || continue
        # shellcheck disable=SC2086
        answers "$code" verify --landmarks none --rerank none --threshold .9 $photos
        # shellcheck disable=SC2086
        answers $((code == 4 ? 0 : code)) explain --landmarks none $photos -o "$BATS_TEST_TMPDIR/why.png"
    done <<< "
        0 face.jpg face.jpg
        4 face.jpg other.jpg
        3 face.jpg none.jpg
        3 none.jpg face.jpg
        1 face.jpg bad.jpg
        1 bad.jpg face.jpg
        1 face.jpg absent.jpg"
    answers 0 explain --landmarks none --rerank none --heat cc face.jpg face.jpg -o "$BATS_TEST_TMPDIR/cc.png"
    for heat in attention relevance flow; do # of looks that were learned, or models that are transformers
        answers 1 explain --landmarks none --rerank none --heat $heat face.jpg face.jpg -o "$BATS_TEST_TMPDIR/no.png"
    done
}

@test "galleries and measurements: 1 for what cannot be had, 2 for wrong usage" {
    need_made_up_galleries
    cd "$BATS_TEST_TMPDIR"
    made_up_galleries
    : > file
    while read -r code words; do
        [ -n "$code" ] || continue
        # shellcheck disable=SC2086
        answers "$code" $words
    done <<< "
        0 gallery info g
        0 gallery list g
        0 gallery verify g
        1 gallery info absent
        1 gallery verify absent
        1 gallery compact absent
        1 gallery remove g --label nobody
        2 gallery info
        2 gallery frobnicate
        0 eval identify --gallery g --rerank none
        1 eval identify --gallery absent --rerank none
        1 eval identify --gallery g --rerank none --svg file/charts
        2 eval identify --gallery g --people c
        0 eval verify --gallery g --pairs pairs.txt --rerank none
        1 eval verify --gallery g --pairs absent --rerank none
        1 eval verify --gallery g --pairs pairs.txt --rerank none --svg file/charts
        2 eval verify --gallery g
        0 eval openset --gallery g --queries q --rerank none
        1 eval openset --gallery absent --rerank none
        1 eval openset --gallery g --rerank none --svg file/charts
        1 models inspect absent.onnx
        1 models export absent -o out.onnx
        2 models export absent
        1 models fetch absent
        2 frobnicate
        0 version
        0 help"
}

@test "one model that cannot be had does not keep the others away" {
    sl models fetch absent-one absent-two
    expect 1
    contains "$err" "absent-one"
    contains "$err" "absent-two"
}

@test "ranges: what cannot be a value is a usage error" {
    while read -r option value; do
        sl identify --gallery g "$option" "$value" x.jpg
        expect 2
        contains "$err" "$option"
    done <<< "--threshold 1.5
--threshold -1.0001
--threshold 1e9
--threshold nan
--threshold inf
--fpir 0
--fpir 1.5
--fpir -0.1
--alpha 1.0001
--detector-threshold 0
--detector-threshold 1.01
--top 0
--top 1001
--threads 1025
-k 0
--grid 4x4x4
--grid -1x4"
    for value in 1 -1 0; do
        sl identify --gallery absent --threshold $value x.jpg
        [ "$status" != 2 ]
    done
    sl verify --far 2 a b
    expect 2
    sl verify --threshold 1.01 a b
    expect 2
}

# Runs the program within so many KiB of addresses: it ends by itself, with a text where it failed. The loader says 127.
within() {
    local code=0
    (ulimit -v "$1"; exec "$BIN" "${@:2}") > out 2> err || code=$?
    [ "$code" -lt 126 ] || [ "$code" = 127 ] || { echo "$1 KiB, ${*:2}: exit code $code"; cat err; return 1; }
    [ "$code" != 1 ] || { [ -s err ] && refused=$((refused + 1)); }
}

@test "little memory: an error, not a crash" {
    need_models
    release_only "reserve addresses of their own"
    cd "$BATS_TEST_TMPDIR"
    picture noise 112 112 a.png
    picture stripes 320 240 b.png
    refused=0
    for kib in $(seq 150000 30000 600000); do
        for threads in 1 2; do
            within "$kib" detect --threads $threads a.png b.png
            rm -rf g
            within "$kib" enroll --threads $threads --gallery g --aligned --no-quality-gate a.png b.png
        done
    done
    echo "$refused were refused"
    [ "$refused" -gt 10 ]
}
