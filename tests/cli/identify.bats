# identify: answers, decisions, pictures.
load common

setup_file() {
    make_people
    [ ! -d people ] || "$BIN" enroll --gallery maps --patches int8 --aligned --no-quality-gate people > /dev/null
}

setup() {
    need_photos
    cd "$BATS_FILE_TMPDIR"
}

@test "everyone in the gallery is found, with and without the second look" {
    for rerank in none emd; do
        sl identify --landmarks none --gallery gallery --aligned --truth folder --rerank $rerank people --json
        expect 0
        json 'd.model === "mobilefacenet-192" && d.truth.right === d.truth.photos && d.truth.right_at_stage1 === d.truth.photos' \
            'd.queries.every(q => q.faces.length === 1 && q.faces[0].decision === "match" && q.faces[0].candidates[0].rank === 1)' \
            'd.queries.every(q => q.faces[0].candidates.every((c, i, all) => !i || c.score <= all[i - 1].score + 1e-6))' \
            "d.queries.every(q => q.faces[0].candidates.every(c => (c.stage2 === null) === ('$rerank' === 'none')))"
    done
}

@test "the text answer names the person" {
    sl identify --gallery gallery --aligned people/sample1/sample1.png
    expect 0
    contains "$out" "match: sample1"
    contains "$out" "stage 2"
}

@test "two people as much like the photo are told as a tie, and one alone is none" {
    cd "$BATS_TEST_TMPDIR"
    cp -r "$BATS_FILE_TMPDIR/gallery" two
    mkdir -p other/double
    { cat "$BATS_FILE_TMPDIR/people/sample1/sample1.png"; printf x; } > other/double/again.png # not the same file
    sl enroll --gallery two --aligned --no-quality-gate other
    expect 0
    sl identify --gallery two --aligned "$BATS_FILE_TMPDIR/people/sample1/sample1.png" --json
    expect 0
    json 'd.queries[0].faces[0].tie === true'
    sl identify --gallery two --aligned "$BATS_FILE_TMPDIR/people/sample1/sample1.png"
    contains "$out" "a tie: as much like "
    sl identify --gallery two --aligned "$BATS_FILE_TMPDIR/people/sample2/sample2.png" --json
    expect 0
    json 'd.queries[0].faces[0].tie === false'
}

@test "several faces a photo are answered one by one; --main-face takes one" {
    sl align --landmarks none --all-faces "$PHOTOS" -o "$BATS_TEST_TMPDIR/c"
    group=$(echo "$out" | sed -n 's|.*/\(sample[0-9]\)-2.png|\1|p' | head -n 1)
    [ -n "$group" ]
    sl identify --landmarks none --gallery gallery "$PHOTOS/$group.jpg" --json
    json 'd.queries.length === 1 && d.queries[0].faces.length > 1'
    sl identify --landmarks none --gallery gallery --main-face "$PHOTOS/$group.jpg" --json
    json 'd.queries[0].faces.length === 1'
}

@test "--exact-order runs the solver for all and changes nothing else" {
    sl identify --landmarks none --gallery gallery --rerank emd --top 1 --aligned people/sample1/sample1.png --json
    expect 0
    json 'd.queries[0].faces[0].pairs >= d.queries[0].faces[0].solver_calls'
    first=$(echo "$out" | grep -v solver_calls)
    sl identify --landmarks none --gallery gallery --rerank emd --top 1 --exact-order \
        --aligned people/sample1/sample1.png --json
    expect 0
    json 'd.queries[0].faces[0].pairs === d.queries[0].faces[0].solver_calls'
    [ "$first" = "$(echo "$out" | grep -v solver_calls)" ]
}

@test "nobody above the threshold: exit code 4, unknown" {
    sl identify --landmarks none --gallery gallery --threshold 1 --aligned people/sample1/sample1.png --json
    expect 4
    json 'd.queries[0].faces[0].decision === "unknown" && d.queries[0].faces[0].threshold === 1' \
        'd.rule.bins.length === 1 && d.rule.bins[0].source === "given" && d.rule.promise === null'
    sl identify --landmarks none --gallery gallery --threshold 1.5 --aligned people/sample1/sample1.png
    expect 2
    sl identify --landmarks none --gallery gallery --threshold 1 --aligned people/sample1/sample1.png
    expect 4
    contains "$out" unknown
}

@test "no face: exit code 3; one bad photo among good ones: exit code 1 and answers for the others" {
    picture grey 320 240 "$BATS_TEST_TMPDIR/grey.jpg"
    sl identify --landmarks none --gallery gallery "$BATS_TEST_TMPDIR/grey.jpg" --json
    expect 3
    json 'd.queries[0].faces.length === 0'
    head -c 2000 "$PHOTOS/sample1.jpg" > "$BATS_TEST_TMPDIR/cut.jpg"
    sl identify --landmarks none --gallery gallery --json "$BATS_TEST_TMPDIR/cut.jpg" "$PHOTOS/sample1.jpg"
    expect 1
    contains "$err" cut.jpg
    json 'd.queries.length === 2 && d.queries[0].error && d.queries[1].faces.length >= 1'
}

@test "an empty gallery answers unknown" {
    mkdir -p "$BATS_TEST_TMPDIR/none/nobody"
    picture grey 300 300 "$BATS_TEST_TMPDIR/none/nobody/grey.jpg"
    sl enroll --landmarks none --gallery "$BATS_TEST_TMPDIR/empty" "$BATS_TEST_TMPDIR/none"
    sl identify --landmarks none --gallery "$BATS_TEST_TMPDIR/empty" --aligned people/sample1/sample1.png --json
    expect 4
    json 'd.queries[0].faces[0].candidates.length === 0'
    sl identify --landmarks none --gallery "$BATS_TEST_TMPDIR/empty" --aligned people/sample1/sample1.png
    expect 4
    contains "$out" empty
}

@test "k and top beyond the gallery are all of it" {
    sl gallery info gallery --json
    people=$(json_value d.people)
    sl identify --landmarks none --gallery gallery --aligned -k 100000 --top 1000 people/sample1/sample1.png --json
    expect 0
    json "d.queries[0].faces[0].candidates.length === $people"
}

@test "a gallery of f32 answers queries of bf16, and the reverse" {
    "$BIN" bench backbone --precision bf16 --seconds .05 > /dev/null 2> "$BATS_TEST_TMPDIR/why" ||
        skip "$(cat "$BATS_TEST_TMPDIR/why")"
    sl identify --landmarks none --gallery gallery --aligned --truth folder --precision bf16 --rerank emd \
        --encoder none people --json
    expect 0
    json 'd.truth.right === d.truth.photos && d.queries.every(q => q.faces[0].candidates[0].stage1 > .999 &&
          q.faces[0].candidates[0].stage1 < .9999995)'
    sl enroll --landmarks none --gallery "$BATS_TEST_TMPDIR/bf16" --aligned --no-quality-gate --precision bf16 people
    expect 0
    sl identify --landmarks none --gallery "$BATS_TEST_TMPDIR/bf16" --aligned --truth folder people --json
    expect 0
    json 'd.truth.right === d.truth.photos'
    sl bench backbone --precision bf16 --seconds .05 --json
    json 'd.precision === "bf16" && d.ms_per_photo > 0'
}

@test "int8 asks for its ranges, which models quantise makes" {
    sl version --json
    json 'd.isa' && [ "$(json_value d.isa)" = avx512 ] || skip "no AVX-512 here"
    mkdir -p "$BATS_TEST_TMPDIR/models" "$BATS_TEST_TMPDIR/few"
    for file in "$MODELS"/*.tflite "$MODELS"/*.onnx; do ln -s "$file" "$BATS_TEST_TMPDIR/models/"; done
    sl identify --landmarks none --models-dir "$BATS_TEST_TMPDIR/models" --gallery gallery --aligned --precision int8 \
        people/sample1/sample1.png
    expect 1
    contains "$err" "models quantise --model mobilefacenet-192"
    cp people/sample1/sample1.png "$BATS_TEST_TMPDIR/few/"
    sl models quantise --models-dir "$BATS_TEST_TMPDIR/models" --aligned "$BATS_TEST_TMPDIR/few"
    expect 1
    contains "$err" "32 or more"
    for i in 1 2; do # the demo's few faces, as often as it takes
        for crop in people/*/*.png; do
            cp "$crop" "$BATS_TEST_TMPDIR/few/$i-$(basename "$crop")"
        done
    done
    sl models quantise --models-dir "$BATS_TEST_TMPDIR/models" --aligned "$BATS_TEST_TMPDIR/few" --json
    expect 0
    json 'd.faces >= 32 && d.int8 > 5 && d.int8 <= d.tensors && d.share >= .99 && d.cosine_mean > .999'
    sl identify --landmarks none --models-dir "$BATS_TEST_TMPDIR/models" --gallery gallery --aligned --truth folder \
        --precision int8 --rerank emd --encoder none people --json
    expect 0
    json 'd.truth.right === d.truth.photos && d.queries.every(q => q.faces[0].candidates[0].stage1 > .998)'
}

@test "a precision that the processor lacks is refused with the way out" {
    status=0
    SL_ISA=scalar "$BIN" identify --landmarks none --gallery gallery --aligned people/sample1/sample1.png \
        --precision bf16 \
        2> "$BATS_TEST_TMPDIR/why" || status=$?
    expect 1
    contains "$(cat "$BATS_TEST_TMPDIR/why")" "--precision f32"
    sl identify --landmarks none --gallery gallery --precision f16 x.jpg
    expect 2
}

@test "the options of the second look all work" {
    emd="--rerank emd"
    for options in "$emd --weighting uniform" "$emd --weighting sc" "$emd --weighting sc-text" "$emd --grid 4x4" \
        "$emd --solver converged" "$emd --solver exact" "$emd --patch-precision f32" "--alpha 0" "--alpha 1" "-k 1" \
        "--threads 1" "--rerank oae" "--rerank auto" "--rerank maxsim" "--rerank same-cell --weighting sc" \
        "$emd --feature contributions --weighting cc" "$emd --weighting trust" \
        "--rerank maxsim --feature contributions --weighting trust --grid 4x4"; do
        # shellcheck disable=SC2086
        for gallery in gallery maps; do
            sl identify --landmarks none --gallery "$gallery" --aligned $options people/sample1/sample1.png
            expect 0
            contains "$out" "  1  sample1 "
        done
    done
    sl identify --landmarks none --gallery maps --aligned --rerank emd --weighting cc people/sample1/sample1.png
    expect 1
    contains "$err" "cc"
}

@test "weights that were not asked for suit the look and the feature" {
    # nothing asked for: the model's best
    sl identify --landmarks none --gallery gallery --aligned people/sample1/sample1.png --json
    expect 0
    json 'd.rerank === "oae" && Math.abs(d.alpha - .3) < 1e-6'
    sl identify --landmarks none --gallery gallery --aligned --rerank oae people/sample1/sample1.png --json
    json 'Math.abs(d.alpha - .3) < 1e-6' # by name, too
    sl identify --landmarks none --gallery gallery --aligned --encoder none --rerank oae people/sample1/sample1.png \
        --json
    json 'Math.abs(d.alpha - .6) < 1e-6'
    for case in "emd map apc:--rerank emd" "emd map apc:--rerank emd --grid native" \
        "emd contributions uniform:--rerank emd --feature contributions" "maxsim map uniform:--rerank maxsim" \
        "same-cell map sc:--weighting sc --rerank same-cell" \
        "emd contributions apc:--rerank emd --weighting apc --feature contributions"; do
        # shellcheck disable=SC2086
        sl identify --landmarks none --gallery maps --aligned ${case#*:} people/sample1/sample1.png --json
        expect 0
        [ "$(json_value 'd.rerank + " " + d.feature + " " + d.weighting')" = "${case%%:*}" ]
    done
}

@test "a gallery of compact patches compares contributions, and says so when maps are asked for" {
    sl gallery info gallery --json
    json 'd.patches === "compact"'
    for case in "emd contributions uniform:--rerank emd" "maxsim contributions uniform:--rerank maxsim" \
        "emd contributions lmk:--rerank emd --weighting lmk" \
        "emd contributions uniform:--rerank emd --feature contributions"; do
        # shellcheck disable=SC2086
        sl identify --gallery gallery --aligned ${case#*:} people/sample1/sample1.png --json
        expect 0
        [ "$(json_value 'd.rerank + " " + d.feature + " " + d.weighting')" = "${case%%:*}" ]
    done
    sl identify --gallery gallery --aligned --rerank emd --feature map people/sample1/sample1.png
    expect 1
    contains "$err" "--feature contributions"
    contains "$err" "--patches int8"
}

@test "compact patches answer as whole maps do" {
    for look in "" "--rerank emd --feature contributions" "--rerank same-cell --feature contributions"; do
        # shellcheck disable=SC2086
        sl identify --landmarks none --gallery maps --aligned $look people/sample1/sample1.png --json
        whole=$(json_value 'd.queries[0].faces[0].candidates.map(c => c.score).join(" ")')
        # shellcheck disable=SC2086
        sl identify --landmarks none --gallery gallery --aligned $look people/sample1/sample1.png --json
        expect 0
        json "'$whole'.split(' ').every((s, i) => Math.abs(s - d.queries[0].faces[0].candidates[i].score) < .02)"
    done
}

@test "a gallery of embeddings alone is searched without a second look" {
    sl gallery copy --patches none gallery alone --json
    expect 0
    json 'd.patches === "none" && d.bytes < d.bytes_from'
    sl identify --landmarks none --gallery alone --aligned people/sample1/sample1.png --json
    expect 0
    json 'd.rerank === "none" && d.queries[0].faces[0].candidates[0].label === "sample1"'
    sl identify --landmarks none --gallery alone --aligned --rerank oae people/sample1/sample1.png
    expect 1
    contains "$err" "--rerank none"
    sl gallery copy --patches int8 alone maps2
    expect 1
    contains "$err" "no patch map"
    sl gallery copy maps small --json # the whole map becomes compact patches, twice is once
    expect 0
    sl gallery copy maps small
    expect 0
    sl gallery verify small
    expect 0
}

@test "the answer is the same on one thread and with every instruction set" {
    sl identify --landmarks none --gallery gallery --aligned people/sample1/sample1.png people/sample2/sample2.png \
        --threads 1 --json
    first=$(json_value 'JSON.stringify(d.queries.map(q => q.faces[0].candidates.map(c => c.label)))')
    for isa in scalar avx2 avx512 neon; do
        SL_ISA=$isa sl version || continue
        [ "$status" = 0 ] || continue
        SL_ISA=$isa sl identify --landmarks none --gallery gallery --aligned people/sample1/sample1.png \
            people/sample2/sample2.png --json
        expect 0
        [ "$first" = "$(json_value 'JSON.stringify(d.queries.map(q => q.faces[0].candidates.map(c => c.label)))')" ]
    done
}

@test "--explain writes a sheet, a pair and one page" {
    sl identify --gallery gallery --aligned --truth folder --explain "$BATS_TEST_TMPDIR/why" people/sample1 \
        people/sample2
    expect 0
    [ "$(find "$BATS_TEST_TMPDIR/why" -name '*.sheet.png' | wc -l)" = 2 ]
    [ "$(find "$BATS_TEST_TMPDIR/why" -name '*.pair.png' | wc -l)" = 2 ]
    contains "$(head -c 200 "$BATS_TEST_TMPDIR/why/report.html")" "<!doctype html>"
    fails grep -q 'src="[^d]' "$BATS_TEST_TMPDIR/why/report.html"
    contains "$err" report.html
}

@test "the report's digests are those that sha256sum finds, and its photos have their paths" {
    why=$BATS_TEST_TMPDIR/why
    mkdir -p "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
    cp people/sample1/sample1.png "$BATS_TEST_TMPDIR/a/face.png"
    cp people/sample2/sample2.png "$BATS_TEST_TMPDIR/b/face.png"
    sl identify --landmarks none --gallery gallery --aligned --json --explain "$why" "$BATS_TEST_TMPDIR/a/face.png" \
        "$BATS_TEST_TMPDIR/b/face.png"
    expect 0
    digest=$(sed -n '/id="data">$/{n;p;}' "$why/report.html" | sha256sum | cut -d' ' -f1)
    json "d.report.data_sha256 === '$digest' && d.report.file.endsWith('report.html')"
    contains "$err" "$digest"
    grep -q "<code class=\"digest\">$digest</code>" "$why/report.html"
    page=$(sed '/id="data">$/,$d' "$why/report.html" | sha256sum | cut -d' ' -f1)
    sed -n '/id="data">$/{n;p;}' "$why/report.html" > "$BATS_TEST_TMPDIR/stdout"
    a=$(sha256sum < "$BATS_TEST_TMPDIR/a/face.png" | cut -d' ' -f1)
    json "d.page_sha256 === '$page' && d.cases.length === 2 && d.cases[0].photo_sha256 === '$a'" \
        "d.cases[0].photo.endsWith('/a/face.png') && d.cases[1].photo.endsWith('/b/face.png')" \
        "d.command.includes('identify --landmarks none --gallery gallery --aligned --json --explain') && d.made.endsWith('Z')"
    json 'd.cases.every(c => {
        const w = c.why, best = c.candidates[0], sum = l => l.reduce((s, x) => s + x, 0), near = (a, b) => Math.abs(a - b) < 1e-4;
        return near(sum(w.shares) + w.rest, best.score) && near(sum(w.stage2) + w.rest2, best.stage2) &&
            c.look.rerank === "oae" && (c.judged >= c.threshold) === (c.decision === "match") &&
            c.threshold === c.rule.bins[c.bin].threshold })'
}

@test "--explain into a place that cannot be written" {
    : > "$BATS_TEST_TMPDIR/file"
    sl identify --landmarks none --gallery gallery --aligned --explain "$BATS_TEST_TMPDIR/file/why" \
        people/sample1/sample1.png
    expect 1
    contains "$err" "$BATS_TEST_TMPDIR/file"
}

@test "no gallery there" {
    sl identify --landmarks none --gallery "$BATS_TEST_TMPDIR/absent" people/sample1/sample1.png
    expect 1
    contains "$err" absent
}
