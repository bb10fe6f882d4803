# Text from outside (names of files, folders and people, manifests) is shown, never obeyed: no command lets an escape
# sequence, a C1 control, a mark of direction, a character without width or a line of its own through to stdout or
# stderr.
load common

# ESC [ 31 m, newline, CSI as C1 (U+009B), right-to-left override, zero-width space, byte order mark, DEL
HOSTILE=$'x\x1b[31m\nroot: all is well\xc2\x9b2J\xe2\x80\xae\xe2\x80\x8b\xef\xbb\xbf\x7f'

# clean: what the last sl printed holds none of them, and no line begins as the name would have it.
clean() {
    local stream
    for stream in stdout stderr; do
        if LC_ALL=C grep -aqP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf|^root:' \
            "$BATS_TEST_TMPDIR/$stream"; then
            echo "$stream of: $*"
            cat -v "$BATS_TEST_TMPDIR/$stream"
            return 1
        fi
    done
}

# says COMMAND...: runs it, whatever its exit code; the name is shown, and nothing is let through.
says() {
    sl "$@"
    clean "$@"
    [[ $out$err == *'\x1b[31m'* || $out$err == *'\u001b[31m'* ]] || {
        echo "the name is not shown by: $*"
        echo "$out$err" | cat -v
        return 1
    }
}

@test "arguments that are wrong" {
    cd "$BATS_TEST_TMPDIR"
    says "$HOSTILE"
    says help "$HOSTILE"
    says "--$HOSTILE"
    expect 2
    for command in enroll identify verify explain detect align occlude calibrate "gallery info" "gallery copy" \
        "models list" \
        "models inspect" "models import" "models export" "models quantise" "models statistics" "eval identify" \
        "eval verify" \
        "eval openset" "bench emd" "bench enroll" version; do
        # shellcheck disable=SC2086
        says $command "--$HOSTILE"
        expect 2
    done
    for command in "models list" "bench emd" "bench stage1" "bench search" "bench backbone" "eval identify" \
        "eval verify" \
        "eval openset" calibrate "models statistics"; do
        # shellcheck disable=SC2086
        says $command "$HOSTILE"
        expect 2
    done
    for option in -k --alpha --top --threshold --grid --weighting --rerank --threads --truth --fpir; do
        says identify --gallery g $option "$HOSTILE" x.jpg
        expect 2
    done
    says occlude --kind mask --style "$HOSTILE" x.jpg -o out
    expect 2
    says occlude --kind "$HOSTILE" x.jpg -o out
    expect 2
    says gallery info a "$HOSTILE"
    expect 2
}

@test "paths that are not there" {
    cd "$BATS_TEST_TMPDIR"
    need_models
    for command in "detect" "align -o out" "occlude --kind crop -o out" "explain -o out.png x.jpg" "verify x.jpg" \
        "gallery info" \
        "gallery list" "gallery verify" "gallery compact" "gallery copy to" "gallery remove --label x" \
        "calibrate --gallery" \
        "eval identify --gallery" "eval openset --gallery" "eval verify --pairs x --gallery" \
        "identify x.jpg --gallery" \
        "models inspect" "models import --arch arcface-r18 -o out" "models export -o out.onnx" "models quantise" \
        "models statistics --gallery" "enroll --gallery g --labels" "detect x.jpg --model" "detect x.jpg --models-dir" \
        "bench enroll"; do
        # shellcheck disable=SC2086
        sl $command "$HOSTILE"
        clean $command
        [ "$status" != 0 ]
    done
}

@test "photos, their folders and ids: every line and every JSON document" {
    need_models
    cd "$BATS_TEST_TMPDIR"
    mkdir -p "in/$HOSTILE"
    picture grey 90 90 "in/$HOSTILE/$HOSTILE.png"
    echo text > "in/$HOSTILE/$HOSTILE.bad.png"
    for json in "" --json; do
        says detect $json in
        says align $json in -o out
        says occlude $json --kind crop in -o "out$json"
        says occlude $json --kind crop in -o "out$json" # they are there
        says enroll $json --gallery g in
        says enroll $json --gallery g --labels <(echo "in/absent,Ann") "in/$HOSTILE" || true
    done
    says verify "in/$HOSTILE/$HOSTILE.png" "in/$HOSTILE/$HOSTILE.png"
    says explain "in/$HOSTILE/$HOSTILE.png" "in/$HOSTILE/$HOSTILE.png" -o "$HOSTILE.png"
}

@test "a manifest's every text" {
    cd "$BATS_TEST_TMPDIR"
    mkdir models
    command -v node > /dev/null || skip "node is not here"
    HOSTILE=$HOSTILE node -e '
        const h = process.env.HOSTILE;
        require("fs").writeFileSync("models/evil.json", JSON.stringify({
            name: "evil", kind: "recogniser", format: "onnx", file: "evil.onnx", sha256: "0".repeat(64), source: h, licence: h,
            provenance: h, input: {width: 112, height: 112, colour: "rgb", mean: [0, 0, 0], std: [1, 1, 1]},
            outputs: {embedding: h, patch_map: h}, embedding_dim: 128}));
        require("fs").writeFileSync("models/broken.json", JSON.stringify({[h]: h}));'
    sl models list --models-dir models
    clean models list
    sl models list --models-dir models --json
    clean models list --json
    sl detect --models-dir models --model evil x.jpg
    clean detect --model evil
    sl models export --models-dir models evil -o out.onnx
    clean models export
    rm models/broken.json
    sl models list --models-dir models
    clean models list
}

# A gallery takes no name with hidden characters (src/gallery/naming.c), but long ones and formulas.
@test "people and ids of a gallery: a table stays a table" {
    need_made_up_galleries
    cd "$BATS_TEST_TMPDIR"
    node -e '
        const long = "=" + "L".repeat(254), names = [];
        for (let i = 0; i < 6; i++) names.push(`${i ? "P" + i : long}/${i}.jpg\t${i ? "P" + i : long}\n`);
        require("fs").writeFileSync("g.names", names.join(""));
        const e = new Float32Array(6 * 16), p = new Float32Array(6 * 4 * 6);
        e.forEach((_, i) => e[i] = Math.sin(i * i)); p.forEach((_, i) => p[i] = Math.cos(i * i));
        require("fs").writeFileSync("g.e", Buffer.from(e.buffer));
        require("fs").writeFileSync("g.p", Buffer.from(p.buffer));'
    "$BUILD/gallery_of_arrays" g g.names g.e g.p 16 2 2 6
    for json in "" --json; do
        sl gallery list g $json
        expect 0
        clean gallery list
        sl eval identify --gallery g --rerank none --csv out.csv $json
        clean eval identify
    done
    sl gallery list --json g
    json 'd.faces[1].label === "P1" && d.faces[0].label.length === 255'
    sl gallery remove g --label "$HOSTILE"
    expect 1
    clean gallery remove
    # a formula stays a text where that is asked for
    sl eval identify --gallery g --rerank none --csv safe.csv --csv-safe
    expect 0
    contains "$(cat out.csv)" '"=LLL'
    contains "$(cat safe.csv)" "\"'=LLL"
    [[ $(cat safe.csv) != *'"=LLL'* ]]
    printf 'P1/1.jpg\tP2/2.jpg\t0\n@x\tP1/1.jpg\t1\n' > pairs.txt
    sl eval verify --gallery g --pairs pairs.txt --rerank none --list-missing --csv-safe --csv "pairs.csv"
    clean eval verify
}

@test "a table's cell is cut with an ellipsis, by columns and not by bytes" {
    need_photos
    cd "$BATS_TEST_TMPDIR"
    sl align "$PHOTOS/sample1.jpg" -o crops
    long=$(printf '中%.0s' {1..85}) # 255 bytes, 170 columns
    sl enroll --gallery g --aligned --no-quality-gate --label "$long" crops/sample1.png
    expect 0
    sl enroll --gallery g --aligned --no-quality-gate --label Zoë crops/sample1.png
    expect 0
    sl identify --gallery g --aligned crops/sample1.png
    expect 0
    contains "$out" "$(printf '中%.0s' {1..19})…   " # 39 of 40 columns, and two between the cells
    contains "$out" "Zoë$(printf ' %.0s' {1..37})  "
    sl identify --json --gallery g --aligned crops/sample1.png
    json 'd.queries[0].faces[0].candidates.some(c => c.label.length === 85)'
}
