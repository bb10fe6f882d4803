# Help, usage errors, version: what works without any network or photo.
load common

@test "help goes to stdout and names every command" {
    sl --help
    expect 0
    for command in models enroll identify verify explain gallery detect align occlude attack bench version; do
        contains "$out" "  $command "
    done
    [ -z "$err" ]
}

@test "no command at all is a usage error on stderr" {
    sl
    expect 2
    [ -z "$out" ]
    contains "$err" Usage
}

@test "every command has help with an example, by --help and by help COMMAND" {
    for command in enroll identify verify explain detect align occlude attack "models list" "models fetch" \
        "models inspect" "models import" "models export" "bench emd" "bench stage1" "bench search" "bench backbone" \
        "bench enroll" "gallery list" "gallery remove" \
        "study make" "study score"; do
        # shellcheck disable=SC2086
        sl $command --help
        expect 0
        contains "$out" "Example"
        contains "$out" "secondlook $command"
        first=$out
        # shellcheck disable=SC2086
        sl help $command
        expect 0
        [ "$first" = "$out" ]
    done
}

@test "a mistyped command is answered with the one that was meant" {
    sl enrol
    expect 2
    contains "$err" "did you mean 'enroll'?"
    sl gallery lst
    expect 2
    contains "$err" "did you mean 'list'?"
    sl frobnicate
    expect 2
    [[ $err != *"did you mean"* ]]
}

@test "an unknown option is a usage error" {
    sl identify --gallery g --frobnicate x.jpg
    expect 2
    [ -z "$out" ]
    contains "$err" "--frobnicate"
}

@test "numbers are checked, NaN is refused" {
    for wrong in "-k 0" "-k -3" "-k 1e3" "-k 99999999999" "--alpha 1.5" "--alpha -0.1" "--alpha nan" "--alpha inf" \
        "--alpha x" \
        "--top 0" "--threshold nan" "--threads 0" "--threads two" "--grid 4" "--grid 0x4" "--grid 4x4x4" \
        "--weighting best" "--rerank h3" "--feature pixels" "--solver quick" "--patch-precision f16" \
        "--detector-threshold 2" "--truth list"; do
        # shellcheck disable=SC2086
        sl identify --gallery g $wrong x.jpg
        expect 2
        contains "$err" "${wrong%% *}"
    done
}

@test "what is missing is named" {
    sl enroll photos
    expect 2
    contains "$err" "--gallery"
    sl enroll --gallery g
    expect 2
    contains "$err" "PATH"
    sl enroll --gallery g --labels list.csv photos
    expect 2
    sl enroll --gallery g --aligned --all-faces photos
    expect 2
    sl identify x.jpg
    expect 2
    contains "$err" "--gallery"
    sl verify a.jpg
    expect 2
    contains "$err" "two photos"
    sl explain a.jpg b.jpg
    expect 2
    contains "$err" "-o"
    sl explain --head 2 --heat cc a.jpg b.jpg -o x.png
    expect 2
    contains "$err" "--head is for"
    sl explain --heat colours a.jpg b.jpg -o x.png
    expect 2
    contains "$err" "relevance"
    sl occlude x.jpg -o out
    expect 2
    contains "$err" "--kind"
    sl align x.jpg
    expect 2
    sl gallery info
    expect 2
    sl gallery remove g
    expect 2
    contains "$err" "--label"
    sl bench emd --patches 63
    expect 2
    contains "$err" "square"
}

@test "version, as text and as JSON" {
    sl --version
    expect 0
    [[ $out =~ ^secondlook\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    sl version
    expect 0
    contains "$out" oneDNN
    sl version --json
    expect 0
    json '/^\d+\.\d+\.\d+$/.test(d.version) && ["scalar", "avx2", "avx512", "neon"].includes(d.isa) && d.processors >= 1'
}

@test "SL_ISA is obeyed, and refused when it is unknown" {
    SL_ISA=scalar sl version --json
    expect 0
    json 'd.isa === "scalar"'
    SL_ISA=mmx sl version
    expect 1
    contains "$err" SL_ISA
}

@test "a full disk behind stdout is a failure" {
    [ -w /dev/full ] || skip "no /dev/full"
    status=0
    "$BIN" version > /dev/full 2> "$BATS_TEST_TMPDIR/stderr" || status=$?
    [ "$status" = 1 ]
    contains "$(cat "$BATS_TEST_TMPDIR/stderr")" "could not be written"
}

@test "bench stage1 and emd answer in the documented keys" {
    sl bench emd --json --pairs 20 --patches 16 --channels 32 --seconds 0.05 --threads 1
    expect 0
    json 'd.pairs_per_s > 0 && d.threads === 1 && d.patches === 16 && d.channels === 32 && d.patch_precision === "int8" &&
          d.iterations_mean > 0 && d.isa && d.machine && d.seconds > 0'
    sl bench stage1 --json --faces 500 --dim 32 --queries 3 --seconds 0.05
    expect 0
    json 'd.f32_ms_per_query > 0 && d.codes_ms_per_query > 0 && d.read_gb_per_s > 0 && d.k === 100'
    sl bench emd --pairs 20 --patches 16 --channels 32 --seconds 0.05 --patch-precision f32 --weighting sc
    expect 0
    contains "$out" pairs_per_s
    contains "$out" "prepared           yes"
    sl bench emd --json --pairs 20 --patches 16 --channels 32 --seconds 0.05 --patch-precision bf16
    expect 0
    json 'd.patch_precision === "bf16" && d.score_mean > 0.3 && d.score_mean < 1'
    sl bench search
    expect 2
    contains "$err" "--gallery"
}

@test "bench stage1 and emd tell their answers when asked" {
    sl bench emd --json --answers --pairs 20 --patches 16 --channels 32 --seconds 0.05
    expect 0
    json 'd.scores.length === 20 && Math.abs(d.scores.reduce((a, b) => a + b) / 20 - d.score_mean) < 1e-6'
    sl bench stage1 --json --answers --faces 500 --dim 32 --queries 3 -k 7 --seconds 0.05
    expect 0
    json 'd.nearest.length === 3 && d.nearest.every(n => new Set(n).size === 7 && n.every(i => i >= 0 && i < 500))'
    sl bench stage1 --answers --faces 5 --queries 1 --dim 8 -k 5 --seconds 0.05
    expect 0
    contains "$out" "nearest            [["
}

@test "the peers of bench have the faces of bench" {
    /usr/bin/python3 -c 'import numpy' 2> /dev/null || skip "no numpy: apt install python3-numpy"
    /usr/bin/python3 -B "$SOURCE/tests/cli/made_up_faces.py" "$BIN"
}

@test "spellings of the version before are understood, and the new ones told" {
    sl models calibrate --help
    contains "$out" "models statistics"
    contains "$err" "'calibrate' is named 'statistics' now"
    sl identify --gallery none --rerank cells x.jpg
    contains "$err" "--rerank cells is spelled 'same-cell' now"
    sl models --help
    [ "$(grep -c '^  calibrate' <<< "$out")" = 0 ]
}
