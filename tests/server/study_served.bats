# secondlook-server with a user study: participants in a browser, kill -9, the figures.
load ../cli/common

setup_file() {
    MODELS=${SECONDLOOK_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/secondlook}
    make_study || return 0
    cd "$BATS_FILE_TMPDIR"
    serve
}

serve() {
    "$SERVER" --data data --port 0 --study study > started 2>> said &
    echo $! > pid
    for _ in $(seq 900); do
        grep -q listens started && break
        sleep .1
    done
    ! grep -q once started || grep -oE '[0-9a-f-]{36}$' started > key
    grep -o 'http:.*' started > url
}

teardown_file() {
    cd "$BATS_FILE_TMPDIR"
    [ ! -e pid ] || kill "$(cat pid)" 2> /dev/null || true
}

setup() {
    need_photos
    need_landmarks
    command -v node > /dev/null || skip "node is not here"
    cd "$BATS_FILE_TMPDIR"
}

@test "participants in a browser from start to score, and what else arrives" {
    release_only "the browser sees no more than the other clients do"
    [ -e "$MODELS/server-clients/done" ] || skip "the server's clients are not here: tools/server-clients"
    browser=$(command -v chromium) || skip "chromium is not installed"
    node "$SOURCE/tests/server/study.mjs" "$MODELS/server-clients" "$browser" "$(cat url)" "$(cat key)" study "$BUILD/page-shots"
}

@test "answers that have arrived are there after kill -9, for the server and for study score" {
    id=$(grep -oE '[0-9a-f]{64}' started)
    before=$(curl -s -H "x-api-key: $(cat key)" "$(cat url)/v1/study" | node -p 'JSON.parse(require("fs").readFileSync(0)).participants')
    for i in 1 2 3; do
        body='{"format":"secondlook-study-answers","version":1,"study":"'$id'","participant":"k'$i'","rotation":0,"answers":[]}'
        [ "$(curl -s -o /dev/null -w '%{http_code}' -d "$body" "$(cat url)/study/$id/answers")" = 201 ]
    done
    kill -9 "$(cat pid)"
    wait "$(cat pid)" 2> /dev/null || true
    printf '{"format":"secondlook-st' >> study/answers.jsonl
    serve
    [ "$(curl -s -H "x-api-key: $(cat key)" "$(cat url)/v1/study" | node -p 'JSON.parse(require("fs").readFileSync(0)).participants')" = $((before + 3)) ]
    sl study score study --json
    expect 0
    json "d.participants === $before + 3" 'd.refused.length === 0'
}

@test "a second server on the same study says why it does not start" {
    run "$SERVER" --data other --port 0 --study study
    [ "$status" = 1 ]
    contains "$output" "another process serves this study"
    run "$SERVER" --data other --port 0 --study nowhere
    [ "$status" = 1 ]
    contains "$output" "nowhere/key.json"
}

@test "a job makes a study, which is served from then on and at the next start; a second one is refused" {
    begin() { "$SERVER" --data made-by-job --gallery "faces=gallery" --default-gallery faces --port 0 \
        > job.started 2>> said & echo $! > job.pid
        for _ in $(seq 900); do grep -q listens job.started && break; sleep .1; done
        U=$(grep -o 'http:.*' job.started); }
    ask() { curl -s -H "x-api-key: $K" -H 'Content-Type: application/json' "$@"; }
    study() { job=$(ask -d '{"kind":"study","pairs":3,"same":2,"examples":1}' "$U/v1/galleries/faces/jobs" \
        | node -p 'JSON.parse(require("fs").readFileSync(0)).id')
        ask -N "$U/v1/jobs/$job/events" > /dev/null
        ask "$U/v1/jobs/$job"; }
    begin
    K=$(grep -oE '[0-9a-f-]{36}$' job.started)
    [ "$(ask -o /dev/null -w '%{http_code}' "$U/v1/study")" = 404 ]
    made=$(study)
    contains "$made" '"state":"done"'
    address=$(ask "$U/v1/study" | node -p 'JSON.parse(require("fs").readFileSync(0)).address')
    contains "$made" "$address"
    [ "$(curl -s -o /dev/null -w '%{http_code}' "$U$address")" = 200 ]
    contains "$(study)" "a study is served already"
    kill "$(cat job.pid)"; wait "$(cat job.pid)" || true
    begin
    contains "$(cat job.started)" "$address"
    [ "$(curl -s -o /dev/null -w '%{http_code}' "$U$address")" = 200 ]
    kill "$(cat job.pid)"; wait "$(cat job.pid)" || true
}

@test "SIGTERM ends it; neither it nor a sanitizer said anything" {
    kill "$(cat pid)"
    for _ in $(seq 900); do
        kill -0 "$(cat pid)" 2> /dev/null || break
        sleep .1
    done
    fails kill -0 "$(cat pid)" 2> /dev/null
    rm pid
    cat said
    [ ! -s said ]
}
