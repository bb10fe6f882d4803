# Query encoders as a user meets them: learned from crops, used for queries alone, refused where they do not belong.
load common

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    for person in 1 2 3 4; do
        mkdir -p "crops/$person"
        for photo in 1 2 3; do
            "$MAKE_PICTURE" stripes $((24 + person)) $((32 + photo)) "crops/$person/$photo.png"
        done
    done
    "$BIN" models new --arch tiny --output ./blank --seed 2
    "$BIN" models new --arch tiny --output ./other --seed 3
}

setup() {
    need_models # the detector is opened for crops, too
    cd "$BATS_FILE_TMPDIR"
    [ -d gallery ] || "$BIN" enroll --aligned --gallery gallery --model ./blank.json --keep-crops --landmarks none crops
    [ -e encoder.json ] || "$BIN" train distill --aligned crops --model ./blank.json --batch 4 --steps 4 --every 2 \
        --rate .05 --keep 0 --held-out 0 --landmarks none --output ./encoder --run run
    ask() { sl identify --aligned --gallery gallery --model ./blank.json --rerank none --json "$@" crops/1/1.png; }
}

score='d.queries[0].faces[0].candidates[0].score'

@test "distill makes a file of a byte a weight; queries change by it, galleries do not" {
    [ "$(stat -c %s encoder.safetensors)" -lt "$(($(stat -c %s blank.safetensors) / 3))" ]
    "$BIN" gallery verify gallery
    ask
    plain=$(json_value "$score")
    ask --encoder none
    [ "$(json_value "$score")" = "$plain" ]
    ask --encoder ./encoder.json
    [ "$(json_value "$score")" != "$plain" ] # this model has no statistics: the encoder counts for every face
    sl models list --models-dir .
    contains "$out" encoder
}

@test "eval identify embeds the queries' crops anew" {
    sl eval identify --gallery gallery --model ./blank.json --encoder ./encoder.json --rerank none --json
    expect 0
    json 'd.queries === 12'
}

@test "a calibration is of queries that were embedded so, and of no others" {
    queries=$(for _ in 1 2 3 4 5 6 7 8 9; do echo --queries gallery; done) # 12 searches each
    # shellcheck disable=SC2086
    sl calibrate --gallery gallery --model ./blank.json --rerank none --encoder ./encoder.json --json $queries
    expect 0
    json 'd.searches === 108'
    ask --encoder ./encoder.json --fpir .1
    json 'd.rule.promise === "fpir"' 'd.rule.bins[0].source === "calibration"' 'd.encoder === "encoder"'
    ask --encoder none --fpir .1
    expect 1
    contains "$err" "no false match rates for this look"
    pair="--far .1 --gallery gallery --model ./blank.json --rerank none --aligned --json crops/1/1.png crops/2/1.png"
    sl verify $pair # knows no encoder: these rates are not for it
    expect 1
    contains "$err" "no false match rates for this look"
    sl calibrate --gallery gallery --model ./blank.json --rerank none --encoder none $queries
    expect 0
    sl verify $pair
    json 'd.rule.promise === "far"' 'd.rule.bins[0].source === "calibration"'
    sl calibrate --gallery gallery --model ./blank.json --rerank none --encoder none --remove
    expect 0 # the one with the encoder stays
    sl eval openset --gallery gallery --model ./blank.json --rerank none --encoder ./encoder.json --json
    json 'd.promised !== null'
    sl eval openset --gallery gallery --model ./blank.json --rerank none --json
    json 'd.promised === null'
    "$BIN" enroll --aligned --gallery cropless --model ./blank.json --landmarks none crops
    sl calibrate --gallery cropless --model ./blank.json --rerank none --encoder ./encoder.json
    expect 1
    contains "$err" "keeps no crops for the query encoder"
}

@test "the encoder that comes with the library is listed, needs no file, and belongs to one recogniser" {
    need_photos
    sl models list --models-dir .
    contains "$out" mobilefacenet-192-covered
    "$BIN" enroll --gallery people "$PHOTOS/sample1.jpg"
    sl identify --gallery people --encoder mobilefacenet-192-covered "$PHOTOS/sample1.jpg"
    expect 0
    for usual in "" "--encoder auto"; do
        sl identify --gallery people $usual --fpir .01 --json "$PHOTOS/sample1.jpg" # it has rates of its own
        expect 0
        [ -z "$err" ]
        json 'd.encoder === "mobilefacenet-192-covered"' 'd.rule.promise === "fpir"' 'd.rule.bins.length === 5'
        json 'd.rule.on === "score"' # of the very look that it has, at its alpha
    done
    with=$(json_value d.rule.bins[2].threshold)
    sl identify --gallery people --encoder none --fpir .01 --json "$PHOTOS/sample1.jpg"
    json '!("encoder" in d)' 'd.rule.promise === "fpir"'
    [ "$(json_value d.rule.bins[2].threshold)" != "$with" ]
    sl identify --gallery people --explain why "$PHOTOS/sample1.jpg"
    grep -q "Query encoder.*mobilefacenet-192-covered" <(tr '\n' ' ' < why/report.html)
    grep -q "what the query encoder makes of a covered face" why/report.html
    sl identify --gallery people --encoder none --explain plain "$PHOTOS/sample1.jpg"
    [ -z "$(grep -i "query encoder" plain/report.html)" ]
    sl eval openset --gallery people --json # no crops: judged as it was enrolled
    contains "$err" "keeps no crops for the query encoder"
    sl eval openset --gallery people --encoder auto
    expect 1
    contains "$err" "crop"
    ask --encoder mobilefacenet-192-covered
    expect 1
    contains "$err" "of the recogniser mobilefacenet-192"
}

# told OPTION...: how many masked people are named, and the sum of the right person's stage 1 scores
told() {
    sl identify --gallery photographed/gallery --aligned --truth folder --json "$@" photographed/masked
    json_value 'd.queries.filter(q => q.faces[0].decision === "match").length + " " + d.queries.reduce((sum, q) =>
        sum + Math.max(...q.faces[0].candidates.filter(c => c.label === q.image.split("/").at(-2)).map(c => c.stage1)), 0).toFixed(3)'
}

@test "from photos to decisions: behind masks the usual encoder brings people nearer, and names no fewer" {
    need_photos
    (BATS_FILE_TMPDIR=$BATS_FILE_TMPDIR/photographed && mkdir -p "$BATS_FILE_TMPDIR" && make_people)
    "$BIN" occlude --aligned --kind mask --seed 3 photographed/people -o photographed/masked > /dev/null || true
    read -r named near <<< "$(told)"
    read -r named_alone near_alone <<< "$(told --encoder none)"
    [ "$named" -ge "$named_alone" ]
    node -e 'process.exit(process.argv[1] - process.argv[2] > .5 ? 0 : 1)' "$near" "$near_alone" ||
        { echo "$near, without $near_alone"; return 1; }
    cd photographed
    "$BIN" enroll --aligned --gallery asking --keep-crops --no-quality-gate masked > /dev/null || true
    tried() { sl eval identify --gallery gallery --queries asking --same-photo include --limit 2 --json "$@"; }
    for look in "" "--rerank oae"; do # identify's, which this rehearses
        tried --encoder auto $look
        json 'Math.abs(d.results[0].alpha - .3) < 1e-6'
    done
    tried --rerank oae
    json 'Math.abs(d.results[0].alpha - .6) < 1e-6'
    tried --encoder auto --rerank oae --alpha .5
    json 'd.results[0].alpha === .5'
}

@test "an encoder of another recogniser is refused, and both are named" {
    "$BIN" enroll --aligned --gallery foreign --model ./other.json --landmarks none crops
    sl identify --aligned --gallery foreign --model ./other.json --encoder ./encoder.json crops/1/1.png
    expect 1
    contains "$err" "of the recogniser blank"
    contains "$err" "not of other"
    ask --encoder ./blank.json
    expect 1
    contains "$err" "no query encoder"
}

@test "encoders are averaged: half of one is half way to the recogniser" {
    sl train average --output ./whole ./encoder.json:1 --model ./blank.json
    expect 0
    contains "$out" "whole is made"
    sl train average --output ./mean ./encoder.json:0.25 ./whole.json:.25 --model ./blank.json --json
    expect 0
    json 'd.recogniser === 0.5'
    [ "$(stat -c %s mean.safetensors)" -eq "$(stat -c %s encoder.safetensors)" ]
    for encoder in none ./encoder.json ./whole.json ./mean.json; do
        ask --encoder "$encoder" --threshold -1
        scores="$scores $(json_value "$score")"
    done
    set -- $scores
    awk -v all="$2" -v whole="$3" 'BEGIN { exit !((all - whole) ^ 2 < 1e-8) }' # steps are rounded once more
    [ "$4" != "$1" ]
    [ "$4" != "$2" ]
    contains "$(cat mean.json)" "0.25 of ./encoder.json, 0.25 of ./whole.json"
}

@test "an encoder hands faces whose eyes alone are hidden to another one, which is part of what it is" {
    sl train average --output ./pair ./encoder.json:1 --eyes ./mean.json --model ./blank.json
    expect 0
    contains "$(cat pair.json)" '"eyes": "./mean.json"'
    sl eval openset --gallery gallery --model ./blank.json --rerank none --encoder ./pair.json --json
    expect 0
    ask --encoder ./pair.json --threshold -1 # without statistics nobody knows what is hidden: its own weights count
    score_of_pair=$(json_value "$score")
    ask --encoder ./encoder.json --threshold -1
    awk -v a="$score_of_pair" -v b="$(json_value "$score")" 'BEGIN { exit !((a - b) ^ 2 < 1e-8) }'
    sl train average --output ./deep ./encoder.json:1 --eyes ./pair.json --model ./blank.json
    expect 1
    contains "$err" 'names "eyes" itself'
    sl train average --output ./lost ./encoder.json:1 --eyes ./nobody.json --model ./blank.json
    expect 1
    contains "$err" nobody
}

@test "parts that are none, and what is no encoder of this recogniser, are not averaged" {
    sl train average --output ./bad ./encoder.json
    expect 2
    contains "$err" "ENCODER:PART"
    sl train average --output ./bad ./encoder.json:x
    expect 2
    sl train average ./encoder.json:1
    expect 2
    contains "$err" "--output"
    sl train average --output ./bad --model ./blank.json ./encoder.json:.7 ./encoder.json:.4
    expect 1
    contains "$err" "1.1 together"
    sl train average --output ./bad --model ./blank.json ./encoder.json:0
    expect 1
    sl train average --output ./bad --model ./other.json ./encoder.json:1
    expect 1
    contains "$err" "of the recogniser blank"
    sl train average --output ./bad ./blank.json:1
    expect 1
    contains "$err" "no query encoder"
    sl train average --output ./bad --model ./blank.json ./nobody.json:1
    expect 1
    [ ! -e bad.json ]
}

@test "a server's gallery takes no encoder of ours" {
    sl identify --gallery https://localhost/v1/galleries/x --encoder ./encoder.json crops/1/1.png
    expect 2
    contains "$err" "--encoder"
}

@test "damaged files are refused" {
    cp encoder.json "$BATS_TEST_TMPDIR/bad.json"
    head -c 1000 encoder.safetensors > "$BATS_TEST_TMPDIR/encoder.safetensors"
    ask --encoder "$BATS_TEST_TMPDIR/bad.json"
    expect 1
    contains "$err" "sha256"
    sed '/"sha256"/d' encoder.json > "$BATS_TEST_TMPDIR/bad.json"
    ask --encoder "$BATS_TEST_TMPDIR/bad.json"
    expect 1
    contains "$err" "query encoder encoder"
    sed 's/"share": [0-9.]*/"share": 7/' encoder.json > "$BATS_TEST_TMPDIR/bad.json"
    ask --encoder "$BATS_TEST_TMPDIR/bad.json"
    expect 1
    contains "$err" "share"
}
