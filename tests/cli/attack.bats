# attack: photos changed so that networks err; what is refused, and what is reached on photos of people.
load common

setup_file() { small_photos; }

@test "what attack cannot do is a usage error" {
    for wrong in "--eps 0" "--eps 256" "--eps nan" "--eps .5" "--steps 0" "--steps 1001" "--step -1" "--momentum 11" \
        "--start 256" "--start 0" "--seed -1" "--method best" "--norm l3" "--region nose" "--also a,,b" \
        "--also a,b,c,d,e,f,g,h"; do
        # shellcheck disable=SC2086
        sl attack $wrong x.jpg -o out
        expect 2
        contains "$err" "${wrong%% *}"
    done
    sl attack x.jpg
    expect 2
    contains "$err" "-o DIR"
    sl attack -o out
    expect 2
    contains "$err" IMAGE
}

@test "networks that are not there, and photos without a face" {
    need_models
    cd "$BATS_TEST_TMPDIR"
    picture grey 320 240 grey.jpg
    sl attack --also absent grey.jpg -o out
    expect 1
    contains "$err" absent
    sl attack --towards nothing.jpg grey.jpg -o out
    expect 1
    contains "$err" nothing.jpg
    sl attack --towards grey.jpg grey.jpg -o out
    expect 3
    contains "$err" "no face"
    sl attack grey.jpg -o out
    expect 3
    [ ! -e out/grey.png ]
}

@test "a targeted attack reaches its target, through detection and alignment again" {
    need_photos
    cd "$BATS_TEST_TMPDIR"
    sl verify --landmarks none "$PHOTOS/sample1.jpg" "$PHOTOS/sample2.jpg"
    expect 4
    sl attack --towards "$PHOTOS/sample2.jpg" "$PHOTOS/sample1.jpg" -o out --json
    expect 0
    json 'd.targeted && d.eps === 8 && d.method === "momentum" && d.failures.length === 0' \
        'd.pictures[0].cosines[0].after > d.pictures[0].cosines[0].before + .3' \
        'd.pictures[0].change.largest <= 8 && d.pictures[0].change.changed > 1000'
    grep -qa "ATTACKED PICTURE" out/sample1.png
    sl verify --landmarks none out/sample1.png "$PHOTOS/sample2.jpg"
    expect 0
}

@test "away from itself: the seed tells the picture, and what is there is not replaced unasked" {
    need_photos
    cd "$BATS_TEST_TMPDIR"
    sl attack "$PHOTOS/sample1.jpg" -o out
    expect 0
    contains "$out" "cosine  1.000 ->"
    sl verify --landmarks none out/sample1.png "$PHOTOS/sample1.jpg"
    expect 4
    sl attack --threads 2 "$PHOTOS/sample1.jpg" -o again
    cmp out/sample1.png again/sample1.png
    sl attack --seed 2 --method fgsm "$PHOTOS/sample1.jpg" -o out
    expect 1
    contains "$err" "--replace"
    cmp out/sample1.png again/sample1.png
}
