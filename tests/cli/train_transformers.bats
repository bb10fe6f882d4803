# Face-ViT's models as a user trains them: from a gallery's stored maps to a second look, or a recogniser.
load common

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    mkdir crops
    for person in 1 2 3 4 5 6; do
        mkdir "crops/$person"
        for photo in 1 2 3 4; do
            "$MAKE_PICTURE" stripes $((24 + person)) $((32 + photo)) "crops/$person/$photo.png"
        done
    done
    "$BIN" models new --arch tiny --output ./blank --seed 2
}

setup() {
    need_models # the detector is opened for crops, too
    cd "$BATS_FILE_TMPDIR"
    [ -d maps ] || "$BIN" enroll --model ./blank.json --landmarks none --aligned --no-quality-gate --patches f32 \
        --keep-crops --gallery maps crops
    learn() { what=$1; shift; sl train "$what" --gallery maps --recipe face-vit-short --batch 8 --accumulate 1 \
        --steps 4 \
        --every 2 --held-out 0 --replace --run "$BATS_TEST_TMPDIR/$what" "$@"; }
}

@test "h2l and h2 become second looks that identify and eval take, in f32 and bf16" {
    for what in h2l h2; do
        learn $what --model ./blank.json --heads 1 --output ./$what --pairs-out pairs.txt,10 --json
        expect 0
        json 'd.steps === 4 && d.people === 6 && d.pictures === 24 && d.weights > 100000'
        [ "$(wc -l < pairs.txt)" = 10 ]
        grep -q '^[^ ]* [^ ]* [01] [0-5] [0-5]$' pairs.txt
        sl models inspect ./$what.json --json
        expect 0
        json 'd.problems.length === 0'
        sl identify --gallery maps --model ./blank.json --landmarks none --aligned --rerank $what --look ./$what.json \
            --json crops/1/1.png
        expect 4 # nobody measured what its scores mean
        json 'd.queries[0].faces[0].candidates[0].stage2 !== null'
    done
    sl eval identify --gallery maps --rerank h2l --look ./h2l.json --json
    expect 0
    json 'd.results[0].look === "h2l:f32"'
    sl identify --gallery maps --model ./blank.json --landmarks none --aligned --rerank h2l --look ./h2l.json:int8 \
        crops/1/1.png
    expect 1
}

@test "a look in int8 asks for its ranges, which models quantise measures on a gallery" {
    sl version --json
    json 'd.isa' && [ "$(json_value d.isa)" = avx512 ] || skip "no AVX-512 here"
    mkdir "$BATS_TEST_TMPDIR/models" many
    for file in "$MODELS"/*.tflite "$MODELS"/*.onnx; do ln -s "$file" "$BATS_TEST_TMPDIR/models/"; done
    for person in 1 2 3 4 5 6; do
        for copy in a b c d e; do cp -r "crops/$person" "many/$person$copy"; done
    done
    sl enroll --model ./blank.json --landmarks none --aligned --no-quality-gate --patches f32 --gallery many-maps many
    expect 0
    learn h2l --model ./blank.json --heads 1 --output ./narrow
    expect 0
    int8() { sl identify --models-dir "$BATS_TEST_TMPDIR/models" --gallery maps --model ./blank.json --landmarks none \
        --aligned \
        --rerank h2l --look ./narrow.json:int8 --json crops/1/1.png; }
    quantise() { sl models quantise --models-dir "$BATS_TEST_TMPDIR/models" --look ./narrow.json --json "$@"; }
    int8
    expect 1
    contains "$err" "models quantise --look narrow"
    quantise --gallery maps
    expect 1
    contains "$err" "100 or more"
    quantise
    expect 2
    quantise --gallery many-maps crops
    expect 2
    quantise --gallery many-maps
    expect 0
    json 'd.pairs === 2000 && d.mates === 300 && d.int8 > 0 && d.int8 <= d.tensors && d.difference_mean <= .01'
    int8
    expect 4 # nobody measured what its scores mean
    json 'd.queries[0].faces[0].candidates[0].stage2 !== null'
    learn h2l --model ./blank.json --heads 1 --output ./narrow --steps 6
    expect 0
    int8
    expect 1
    contains "$err" "models quantise --look narrow"
}

@test "h2l begins at the embedding: before it has learned it orders as stage 1 does" {
    learn h2l --model ./blank.json --begin embedding --classes means --rate 1e-12 --batch-statistics no --output ./begun
    expect 0
    sl identify --gallery maps --model ./blank.json --landmarks none --aligned --rerank h2l --look ./begun.json \
        --json crops/2/1.png
    expect 4
    json 'd.queries[0].faces[0].candidates.every(c => Math.abs(c.stage1 - c.stage2) < 1e-3)'
}

@test "h1 and vit become recognisers" {
    learn h1 --model ./blank.json --heads 1 --output ./h1
    expect 0
    sl enroll --model ./h1.json --landmarks none --aligned --no-quality-gate --patches f32 --gallery h1-gallery crops
    expect 0
    learn vit --depth 1 --heads 1 --batch 4 --dropout .1,.1 --output ./v1
    expect 0
    learn vit --depth 1 --heads 1 --batch 4 --dropout .1,.1 --output ./v1 --resume
    expect 0
    sl models inspect ./v1.json --json
    expect 0
    json 'd.nodes.length > 20'
}

@test "what is wrong is said: maps, the model below, sizes, a look's own backbone" {
    sl train h2l --output ./x
    expect 2
    contains "$err" "--gallery DIR is missing"
    learn h2l --output ./x --heads 0
    expect 2
    "$BIN" enroll --model ./blank.json --landmarks none --aligned --no-quality-gate --patches none --gallery bare crops
    sl train h2l --gallery bare --model ./blank.json --output ./x
    expect 1
    contains "$err" "keeps no patch maps"
    "$BIN" models new --arch tiny --output ./other --seed 5 --replace
    learn h2l --model ./other.json --output ./x
    expect 1
    contains "$err" "is not the model whose maps"
    learn h2l --model ./blank.json --heads 1 --output ./y
    expect 0
    learn h2 --model ./blank.json --start ./y.json --output ./x
    expect 1
    contains "$err" "is no h2"
    learn h2l --model ./blank.json --start ./y.json --output ./y2
    expect 0
}
