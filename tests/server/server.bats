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
    "$SERVER" keys revoke --data data "$("$SERVER" keys list --data data | awk '/door/ {print $1}')"
    kill -HUP "$(cat pid)"
    for _ in $(seq 50); do [ "$(ask)" = 401 ] && break; sleep .1; done
    [ "$(ask)" = 401 ]
}

@test "kill -9 under load loses no face that was acknowledged" {
    node "$SOURCE/tests/server/durability.mjs" "$SERVER" "$BIN" "$BATS_TEST_TMPDIR/killed" people
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
