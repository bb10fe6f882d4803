# The server on a gallery in two shards: what it enrols is in the database, and what is there it finds.
load pg_common.bash

setup_file() {
    MODELS=${SECONDLOOK_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/secondlook}
    export TWO="postgres:///shard0?gallery=served,postgres:///shard1"
    make_people
}

teardown() {
    [ ! -e "$BATS_FILE_TMPDIR/pid" ] || kill "$(cat "$BATS_FILE_TMPDIR/pid")"
}

# start: the server, on the gallery staff; URL and KEY.
start() {
    "$BUILD/secondlook-server" --data data --port 0 --rate 0 "--gallery=staff=$TWO" > started 2> said 3>&- &
    echo $! > pid
    for _ in $(seq 600); do
        grep -q once started && break
        sleep .1
    done
    URL=$(grep -o 'http:.*' started)/v1/galleries/staff
    KEY="x-api-key: $(grep -oE '[0-9a-f-]{36}$' started)"
}

# asked FILE: whom the server takes it for.
asked() {
    curl -sf -H "$KEY" -F "image=@$1" "$URL/identify?top=1" |
        node -e 'console.log(JSON.parse(require("fs").readFileSync(0)).faces[0].candidates[0].person)'
}

@test "the server searches shards, enrols into them, and takes out of them" {
    need_photos
    command -v node > /dev/null || skip "node is not here"
    command -v curl > /dev/null || skip "curl is not here"
    [ -x "$BUILD/secondlook-server" ] || skip "the server was not built"
    cd "$BATS_FILE_TMPDIR"
    sl gallery copy --patches compact gallery "$TWO"
    expect 0
    start
    person=$(ls people | head -1)
    [ "$(asked "people/$person/$person.png")" = "$person" ]
    curl -sf -H "$KEY" -F "image=@people/$person/$person.png" -F person=Zoe -F id=zoe/1 "$URL/faces" > added
    sl gallery list "$TWO"
    contains "$out" "zoe/1"
    there() { for s in shard0 shard1; do sql $s "SELECT label FROM gallery_served.person WHERE label = 'Zoe'"; done; }
    [ "$(there)" = Zoe ]
    sl gallery verify "$TWO"
    expect 0
    curl -sf -H "$KEY" -X DELETE "$URL/people/Zoe" > /dev/null
    [ "$(there)" = "" ]
}
