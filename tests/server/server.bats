# secondlook-server with real clients: CompreFace's SDK, Node's fetch, bytes over sockets, kill -9.
load ../cli/common

setup_file() {
    MODELS=${SECONDLOOK_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/secondlook}
    [ -e "$MODELS/demo-photos/sample6.jpg" ] && [ -e "$MODELS/mobilefacenet-192.tflite" ] || return 0
    small_photos
    cd "$BATS_FILE_TMPDIR"
    "$BIN" align --landmarks none --all-faces photos -o people > /dev/null
    picture grey 320 240 people/grey.jpg
    cp photos/sample1.jpg people/group.jpg
    "$SERVER" --data data --port 0 --rate 0 > started 2> said &
    echo $! > pid
    for _ in $(seq 300); do
        grep -q once started && break
        sleep .1
    done
    export URL KEY
    URL=$(grep -o 'http:.*' started)
    KEY=$(grep -oE '[0-9a-f-]{36}$' started)
}

teardown_file() {
    cd "$BATS_FILE_TMPDIR"
    [ ! -e pid ] || kill "$(cat pid)"
}

setup() {
    need_photos
    command -v node > /dev/null || skip "node is not here"
    cd "$BATS_FILE_TMPDIR"
}

@test "every call of CompreFace's own SDK" {
    sdk=$MODELS/server-clients
    [ -e "$sdk/done" ] || skip "the server's clients are not here: tools/server-clients"
    node "$SOURCE/tests/server/compreface_sdk.mjs" "$sdk" "$URL" "$KEY" people
}

@test "the native API, by its own document" {
    node "$SOURCE/tests/server/own_api.mjs" "$URL" "$KEY" people
}

@test "what clients send that is not by the book, and what attackers try" {
    node "$SOURCE/tests/server/raw_requests.mjs" "$URL" "$KEY" people
}

@test "secondlook against the server: enroll, identify, verify, gallery" {
    sl enroll --gallery "$URL/v1/galleries/main" people
    expect 1
    contains "$err" SECONDLOOK_KEY
    export SECONDLOOK_KEY=$KEY
    curl -s -H "x-api-key: $KEY" -d name=cli "$URL/v1/galleries" > /dev/null
    staff=$URL/v1/galleries/cli
    sl enroll --gallery "$staff" --label Ann --json people/sample1.png people/grey.jpg
    case $err in *"built without libcurl"*) skip "built without libcurl" ;; esac
    expect 0
    json 'd.enrolled === 1 && d.no_face === 1 && d.photos === 2 && d.refused[0].image === "Ann/grey.jpg"'
    sl enroll --gallery "$staff" --label "Bob & Eve/x" people/sample2.png
    expect 0
    sl enroll --gallery "$staff" --label Ann people/sample1.png
    expect 0
    sl gallery info "$staff" --json
    json 'd.faces === 2 && d.people === 2'
    sl identify --gallery "$staff" --json --top 1 people/sample1.png people/group.jpg
    expect 0
    json 'd.queries.length === 2 && d.queries[1].faces.length === 3 && d.rule.promise === "fpir"' \
        'd.queries[0].faces[0].decision === "match" && d.queries[0].faces[0].candidates[0].label === "Ann"'
    sl identify --gallery "$staff" people/sample1.png
    expect 0
    contains "$out" "match: Ann"
    sl identify --gallery "$staff" --threshold 1 people/sample4.png
    expect 4
    sl identify --gallery "$staff" --model other people/sample4.png
    expect 2
    sl verify --gallery "$staff" people/sample1.png people/sample1.png
    expect 0
    contains "$out" "same person"
    sl verify --gallery "$staff" --far 0.0001 --json people/sample1.png people/sample2.png
    expect 4
    json 'd.decision === "unknown"'
    sl verify --gallery "$staff" people/sample1.png people/grey.jpg
    expect 3
    sl gallery list "$staff" --label "Bob & Eve/x" --json
    json 'd.faces.length === 1 && d.faces[0].image === "Bob & Eve/x/sample2.png"'
    sl gallery remove "$staff" --image "Bob & Eve/x/sample2.png" --label Ann
    expect 1
    sl gallery remove "$staff" --label "Bob & Eve/x"
    expect 0
    sl gallery compact "$staff"
    expect 0
    sl gallery verify "$staff"
    expect 0
    sl gallery info "$staff" --json
    json 'd.faces === 1 && d.removed === 0'
    sl gallery info "$URL/v1/galleries/none"
    expect 1
    contains "$err" "no gallery none"
    SECONDLOOK_KEY=$(echo "$KEY" | tr 0-9a-f 1-9a-f0) sl gallery info "$staff"
    expect 1
    contains "$err" "not known"
    for elsewhere in http://example.org http://127.0.0.1:x@example.org https://a@b http://127.0.0.1.example.org; do
        sl gallery info "$elsewhere/v1/galleries/staff"
        expect 1
        contains "$err" "https"
    done
}

@test "subjects and pictures move over from CompreFace, and a second run changes nothing" {
    command -v python3 > /dev/null || skip "python3 is not here"
    ask() { curl -s -H "x-api-key: $KEY" "$@"; }
    for name in from to; do ask -d name=$name "$URL/v1/galleries" > /dev/null; done
    export COMPREFACE_KEY SECONDLOOK_KEY=$KEY
    COMPREFACE_KEY=$(ask -d name=old -d gallery=from -d scope=enrol "$URL/v1/keys" | sed 's/.*"key":"\([^"]*\)".*/\1/')
    old() { curl -s -H "x-api-key: $COMPREFACE_KEY" "$@"; }
    old -F file=@people/sample1.png "$URL/api/v1/recognition/faces?subject=Zo%C3%AB%20%22A%22" > /dev/null
    old -F file=@people/sample2.png "$URL/api/v1/recognition/faces?subject=Bob" > /dev/null
    faces() { ask "$URL/v1/galleries/$1/faces" | node -p 'JSON.parse(require("fs").readFileSync(0)).items.map(f => f.image + f.person).sort().join()'; }
    for _ in once again; do
        run "$SOURCE/tools/from-compreface" "$URL" "$URL/v1/galleries/to"
        [ "$status" = 0 ]
        contains "$output" "2 pictures of 2 subjects are here; 0 pictures"
        [ "$(faces to)" = "$(faces from)" ]
    done
    old -H 'Content-Type: application/json' -d '{"subject":"Nobody"}' "$URL/api/v1/recognition/subjects" > /dev/null
    run "$SOURCE/tools/from-compreface" "$URL" "$URL/v1/galleries/to"
    [ "$status" = 1 ]
    contains "$output" "has no picture here: Nobody"
    COMPREFACE_KEY=00000000-0000-4000-8000-000000000000 run "$SOURCE/tools/from-compreface" "$URL" \
        "$URL/v1/galleries/to"
    [ "$status" = 1 ]
    contains "$output" "no service has this key"
}

@test "the page in a browser: every screen, wide and narrow, light and dark" {
    release_only "the browser sees no more than the other clients do"
    [ -e "$MODELS/server-clients/done" ] || skip "the server's clients are not here: tools/server-clients"
    browser=$(command -v chromium) || skip "chromium is not installed"
    shots=$BUILD/page-shots
    node "$SOURCE/tests/server/page.mjs" "$MODELS/server-clients" "$browser" "$URL" "$KEY" people "$shots"
}

@test "a second server on the same galleries says why it does not start" {
    run "$SERVER" --data data --port 0
    [ "$status" = 1 ]
    contains "$output" data/galleries/
    contains "$output" "another process"
}

@test "the audit log holds, and shows what was changed in it" {
    run "$SERVER" audit verify data/audit.jsonl
    [ "$status" = 0 ]
    sed '3s/"action":"/"action":"x/' data/audit.jsonl > changed.jsonl
    run "$SERVER" audit verify changed.jsonl
    [ "$status" = 1 ]
    contains "$output" "line 3"
    sed 4d data/audit.jsonl > cut.jsonl
    run "$SERVER" audit verify cut.jsonl
    [ "$status" = 1 ]
    contains "$output" "line 4"
    ! grep -q "$KEY" data/audit.jsonl data/keys.json
}

@test "keys are made and revoked beside the server, which reads them at SIGHUP" {
    made=$("$SERVER" keys add --data data door main read)
    ask() { curl -s -o /dev/null -w '%{http_code}' -H "x-api-key: $made" "$URL/v1/galleries/main"; }
    [ "$(ask)" = 401 ]
    kill -HUP "$(cat pid)"
    for _ in $(seq 50); do [ "$(ask)" = 200 ] && break; sleep .1; done
    [ "$(ask)" = 200 ]
    [ -z "$(echo 'a long sentence' | "$SERVER" keys login --data data ada main read)" ]
    fails sh -c "echo short | '$SERVER' keys login --data data eve main read"
    fails grep -q sentence data/keys.json
    contains "$(cat data/keys.json)" '$argon2id$'
    "$SERVER" keys revoke --data data "$("$SERVER" keys list --data data | awk '/door/ {print $1}')"
    kill -HUP "$(cat pid)"
    for _ in $(seq 50); do [ "$(ask)" = 401 ] && break; sleep .1; done
    [ "$(ask)" = 401 ]
}

@test "kill -9 under load loses no face that was acknowledged" {
    node "$SOURCE/tests/server/durability.mjs" "$SERVER" "$BIN" "$BATS_TEST_TMPDIR/killed" people
}

@test "a full disk loses nothing, the slow are cut, TLS" {
    node "$SOURCE/tests/server/limits.mjs" "$SERVER" "$BIN" "$BATS_TEST_TMPDIR/limits" people
}

@test "SIGTERM ends the server that answered all this; neither it nor a sanitizer said anything" {
    kill "$(cat pid)"
    for _ in $(seq 600); do
        kill -0 "$(cat pid)" 2> /dev/null || break
        sleep .1
    done
    fails kill -0 "$(cat pid)" 2> /dev/null
    rm pid
    cat said
    [ ! -s said ]
}
