# enroll: which photo is which, groups, exit codes, what a script is told.
load common

setup_file() { make_people; }

setup() {
    need_photos
    cd "$BATS_TEST_TMPDIR"
    people=$BATS_FILE_TMPDIR/people
}

crop() { echo "$people/sample$1/sample$1.png"; }

# put N PATH: the Nth person's crop there.
put() { mkdir -p "$(dirname "$2")" && cp "$(crop "$1")" "$2"; }

enroll() { sl enroll --gallery g --aligned --json "$@"; }

@test "another picture under an enrolled id: a named conflict, exit code 1; --replace settles it" {
    put 1 in/ann/1.png
    enroll in
    expect 0
    json 'd.enrolled === 1 && d.committed === 1 && d.conflicts.length === 0'
    put 2 in/ann/1.png
    enroll in
    expect 1
    contains "$err" "ann/1.png"
    contains "$err" "--replace"
    json 'd.enrolled === 0 && d.existing === 0 && d.faces === 1 && d.conflicts.length === 1' \
        'd.conflicts[0].image === "ann/1.png" && d.conflicts[0].label === "ann" && d.conflicts[0].enrolled_label === "ann"' \
        'd.conflicts[0].reason.includes("--replace") && d.conflicts[0].file === "in/ann/1.png"'
    sl identify --gallery g --aligned "$(crop 1)" # the old face is there
    expect 0
    enroll --replace in
    expect 0
    json 'd.replaced === 1 && d.faces === 1 && d.conflicts.length === 0'
    sl identify --gallery g --aligned "$(crop 2)"
    expect 0
    enroll in
    expect 0
    json 'd.existing === 1 && d.enrolled === 0'
    sl gallery verify g
    expect 0
}

@test "photos of one name from several folders all find their place, whatever the order" {
    put 1 phone/IMG_0001.png
    put 2 cam/IMG_0001.png
    put 3 cam/IMG_0002.png
    enroll --label Ann phone cam
    expect 0
    json 'd.enrolled === 3 && d.conflicts.length === 0'
    sl gallery list g --json
    json 'd.faces.map(f => f.image).sort().join() === "Ann/IMG_0002.png,cam/Ann/IMG_0001.png,phone/Ann/IMG_0001.png"'
    for order in "phone cam" "cam phone" "./cam $PWD/phone/"; do
        # shellcheck disable=SC2086
        enroll --label Ann $order
        expect 0
        json 'd.existing === 3 && d.enrolled === 0 && d.same_photo.length === 0'
    done
    rm -r g
    enroll --label Ann phone/IMG_0001.png cam/IMG_0001.png
    expect 0
    json 'd.enrolled === 2'
    put 4 y24/Tony/1.png
    put 5 other/y24/Tony/1.png # two folders of one name: as much of their paths as tells them apart
    sl enroll --gallery years --aligned --json y24 other/y24
    expect 0
    sl gallery list years --json
    json 'd.faces.length === 2 && d.faces.every(f => f.label === "Tony") && d.faces.some(f => f.image === "other/y24/Tony/1.png")'
}

@test "one folder now, another later: the photo that was there is known by its content" {
    put 1 phone/IMG_0001.png
    put 2 cam/IMG_0001.png
    enroll --label Ann phone
    expect 0
    enroll --label Ann cam # a conflict, which says what to do
    expect 1
    contains "$err" "in one run"
    enroll --label Ann phone cam
    expect 0
    json 'd.enrolled === 1 && d.duplicates === 1 && d.faces === 2' \
        'd.same_photo.length === 1 && !d.same_photo[0].enrolled && d.same_photo[0].other_image === "Ann/IMG_0001.png"'
}

@test "one picture as two people: both are named" {
    put 1 in/ann/1.png
    put 1 in/bob/9.png
    enroll in
    expect 0
    json 'd.enrolled === 2 && d.same_photo.length === 1 && d.same_photo[0].enrolled' \
        'd.same_photo[0].image === "bob/9.png" && d.same_photo[0].label === "bob" && d.same_photo[0].other_image === "ann/1.png" && d.same_photo[0].other_label === "ann"'
    for name in ann/1.png bob/9.png; do contains "$err" "$name"; done
    printf 'in/ann/1.png,Ann\n' > list.csv
    sl enroll --gallery listed --aligned --labels list.csv
    expect 0
    printf 'in/ann/1.png,Bea\n' > list.csv # the list changed its mind
    sl enroll --gallery listed --aligned --labels list.csv
    expect 1
    contains "$err" "as Ann, not as Bea"
}

@test "a group: the face that was taken is told, --one-face refuses it, verify says so too" {
    group=
    for photo in "$PHOTOS"/*.jpg; do
        sl enroll --gallery "probe-$(basename "$photo")" --no-quality-gate --json "$photo"
        expect 0
        if [ "$(json_value d.several_faces.length)" = 1 ]; then group=$photo; fi
    done
    [ -n "$group" ] || skip "no demo photo shows two people of one size"
    sl enroll --gallery g --no-quality-gate --json "$group"
    expect 0
    json 'd.several_faces[0].faces >= 2 && d.several_faces[0].enrolled && d.several_faces[0].box.length === 4'
    contains "$err" "about as large"
    sl enroll --gallery one --no-quality-gate --one-face --json "$group"
    expect 1
    json 'd.enrolled === 0 && d.crowded === 1 && d.refused[0].status === "several faces" && !d.several_faces[0].enrolled'
    sl verify "$group" "$group" --json
    expect 0
    json 'd.faces.length === 2 && d.faces[0].rivals >= 1 && d.faces[0].others >= d.faces[0].rivals && d.faces[0].box.length === 4'
    sl verify "$group" "$group"
    contains "$out" "was taken"
    contains "$out" "about as large"
    sl enroll --gallery g --one-face --all-faces "$group"
    expect 2
}

@test "exit codes: unreadable 1, no face among others 0, no face at all 3" {
    put 1 in/ann/1.png
    echo text > in/ann/2.png
    enroll in
    expect 1
    json 'd.enrolled === 1 && d.unreadable === 1 && d.refused[0].image === "ann/2.png"'
    rm in/ann/2.png
    enroll in
    expect 0
    mkdir -p faces/ann none
    cp "$PHOTOS/sample1.jpg" faces/ann/
    picture grey 300 300 faces/ann/grey.jpg
    cp faces/ann/grey.jpg none/
    sl enroll --gallery f --no-quality-gate --json faces
    expect 0
    json 'd.enrolled === 1 && d.no_face === 1 && d.refused.length === 1'
    sl enroll --gallery n none
    expect 3
}
