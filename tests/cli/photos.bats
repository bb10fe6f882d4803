# photos: which are taken from folders, lists, pipes; who is on them; what is passed over.
load common

setup() {
    cd "$BATS_TEST_TMPDIR"
}

# tree PATH...: grey pictures, which need no face where they are given as aligned crops; no two files are alike, by a
# numbered comment.
tree() {
    [ -e grey.jpg ] || picture noise 192 192 grey.jpg
    for path in "$@"; do
        mkdir -p "$(dirname "$path")"
        drawn=$((${drawn:-0} + 1))
        { head -c 2 grey.jpg; printf '\377\376\000\012%08d' "$drawn"; tail -c +3 grey.jpg; } > "$path"
    done
}

enrol() { sl enroll --aligned --no-quality-gate --json --gallery "$@"; }

# labels GALLERY: the people, comma-joined.
labels() { "$BIN" gallery list "$1" --json | node -p 'JSON.parse(require("fs").readFileSync(0)).faces.map(f => f.label).join()'; }

@test "the first folder is the person, or what a level or a pattern says" {
    need_models
    tree cfp/001/frontal/01.jpg cfp/002/profile/01.jpg
    enrol g cfp
    expect 0
    [ "$(labels g)" = 001,002 ]
    enrol g2 --label-level 2 cfp
    expect 0
    [ "$(labels g2)" = frontal,profile ]
    enrol g3 --label-pattern '/([a-z]+)/0' cfp
    expect 0
    [ "$(labels g3)" = frontal,profile ]
    enrol g4 --label-level 3 cfp
    expect 1
    contains "$err" "lies less than 3 folders deep"
    enrol g5 --label-pattern 'frontal' cfp
    expect 1
    contains "$err" "no (group)"
    for wrong in "--label-level 0" "--label A --label-level 2" "--label-level 1 --labels x.csv" "--id x cfp"; do
        # shellcheck disable=SC2086
        enrol g6 $wrong cfp
        expect 2
    done
}

@test "a person's own folder makes people of one photo each: said" {
    need_models
    tree ann/1.jpg ann/2.jpg ann/3.jpg
    enrol g ann
    expect 0
    contains "$err" "3 people of one photo each"
    contains "$err" "--label NAME"
    enrol g2 --label Ann ann
    expect 0
    [ "$(labels g2)" = Ann,Ann,Ann ]
    fails contains "$err" "one photo each"
}

@test "what systems keep is nobody; what is no picture is counted by kind" {
    need_models
    tree all/Ann/IMG_1.jpg all/Ann/@eaDir/IMG_1.jpg/SYNOPHOTO_THUMB_M.jpg 'all/#recycle/Bob/1.jpg' \
        all/__MACOSX/Cy/1.jpg \
        all/lost+found/1.jpg 'all/$RECYCLE.BIN/1.jpg' all/.Trash/Dee/1.jpg
    touch all/Ann/Thumbs.db all/Ann/a.mov all/Ann/b.MOV all/Ann/c.pdf all/Ann/README
    enrol g all
    expect 0
    json 'd.photos === 1 && d.system_files === 7 && d.passed_over.length === 0' \
        'd.not_pictures[".mov"] === 2 && d.not_pictures[".pdf"] === 1 && d.not_pictures.none === 1'
    contains "$err" ".mov 2"
    contains "$err" ".pdf 1"
    [ "$(labels g)" = Ann ]
}

@test "one bad path ends no run: named, passed over, exit code 1" {
    need_models
    tree all/Ann/1.jpg all/Zoe/1.jpg
    ln -s /nowhere/at/all all/Bob
    ln -s .. all/Ann/back
    enrol g all missing.jpg
    expect 1
    json 'd.enrolled === 2 && d.passed_over.length === 2 && d.refused.length === 1' \
        'd.passed_over.some(p => p.path === "all/Bob" && p.reason.includes("not there"))' \
        'd.passed_over.some(p => p.path === "all/Ann/back" && p.reason.includes("link back"))'
    for name in all/Bob all/Ann/back missing.jpg; do contains "$err" "$name"; done
    sl identify --gallery g --aligned all/Ann/1.jpg nofile.jpg all/Zoe/1.jpg --json
    expect 1
    json 'd.queries.length === 3 && d.queries[0].faces.length === 1 && d.queries[1].error && d.queries[2].faces.length === 1'
    contains "$err" nofile.jpg
    sl occlude --kind crop all nofile.jpg -o cut --json
    expect 1
    json 'd.written === 2 && d.failures.length === 1 && d.passed_over.length === 2'
    sl detect --json all nofile.jpg
    expect 1
    json 'd.photos.length === 2 && d.passed_over.length === 2'
    sl align --json all nofile.jpg -o crops
    expect 1
    json 'd.passed_over.length === 2'
    sl identify --gallery g --aligned all --json # no file is missing, a folder of them is
    expect 1
    json 'd.queries.length === 2 && d.passed_over.length === 2'
}

@test "one name in two forms of Unicode is one person; two cases are two, and said" {
    need_models
    tree "$(printf 'all/Ren\303\251/1.jpg')" "$(printf 'all/Rene\314\201/2.jpg')" all/Tony/1.jpg all/tony/2.jpg
    enrol g all
    expect 0
    contains "$err" '"Tony" and "tony" differ in case only'
    sl gallery info g --json
    json 'd.faces === 4 && d.people === 3'
    tree more/TONY/1.jpg # a later run: the gallery's people count
    enrol g more
    expect 0
    contains "$err" '"TONY"'
    sl gallery remove g --label "$(printf 'Rene\314\201')"
    expect 0
    contains "$out" "removed 2 faces"
}

@test "lists after RFC 4180" {
    need_models
    tree a.jpg 'b, c.jpg' d.jpg
    printf '\357\273\277path,label\r\na.jpg,"Williams, Serena"\r\n\r\n"b, c.jpg","O ""The Rock"" J"\r\nd.jpg,Ann Lee\r\n' > list.csv
    enrol g --labels list.csv
    expect 0
    [ "$(labels g)" = 'Williams, Serena,O "The Rock" J,Ann Lee' ]
    printf 'a.jpg,A\nd.jpg,\n' > empty.csv
    enrol g2 --labels empty.csv
    expect 1
    contains "$err" "empty.csv, line 2: the label is empty"
}

@test "a list apart from its photos: --root" {
    need_models
    tree data/lfw-align-128/Ann/1.jpg data/lfw-align-128/Bob/1.jpg
    mkdir -p data_files/full
    printf 'lfw-align-128/Ann/1.jpg,0\nlfw-align-128/Bob/1.jpg,1\n' > data_files/full/lfw_128.txt
    enrol g --labels data_files/full/lfw_128.txt
    expect 1
    contains "$err" data_files/full/lfw-align-128/Ann/1.jpg
    enrol g2 --labels data_files/full/lfw_128.txt --root data
    expect 0
    [ "$(labels g2)" = 0,1 ]
    sl gallery list g2 --json # an id is what the list says, wherever the photos are
    json 'd.faces.map(f => f.image).join() === "lfw-align-128/Ann/1.jpg,lfw-align-128/Bob/1.jpg"'
    sl enroll --gallery g3 --root data data
    expect 2
    contains "$err" "--labels FILE"
}

@test "a picture from stdin, and from a FIFO" {
    need_models
    tree a.jpg
    sl enroll --aligned --no-quality-gate --gallery g - < a.jpg
    expect 2
    contains "$err" "--label NAME and --id ID"
    sl enroll --aligned --no-quality-gate --gallery g --label Ann --id door/1.jpg - < a.jpg
    expect 0
    sl gallery list g --json
    json 'd.faces.length === 1 && d.faces[0].label === "Ann" && d.faces[0].image === "Ann/door/1.jpg"'
    sl identify --aligned --gallery g --encoder none --threshold -1 --json - < a.jpg
    expect 0
    json 'd.queries[0].image === "stdin" && d.queries[0].faces[0].candidates[0].stage1 > .9999'
    sl verify --aligned --threshold -1 - a.jpg < a.jpg
    expect 0
    mkfifo pipe
    cat a.jpg > pipe &
    sl verify --aligned --threshold -1 --json pipe a.jpg
    expect 0
    json 'd.stage1 > .9999'
    sl verify --aligned - - < a.jpg
    expect 1
    contains "$err" "give - once"
    sl occlude --kind crop -o cut - < a.jpg
    expect 0
    [ -e cut/stdin.png ]
    echo "this is text" > text
    sl detect - < text
    expect 1
    contains "$err" "stdin: is no picture"
}
