# Where pictures go: nothing that is there is lost in silence, no input is ever written over, no two outputs of a run
# are one file, and names may be as long as the file system has them.
load common

# mine FILE makes a file that is not ours; kept FILE: it still holds what it was made with.
mine() { echo "mine" > "$1"; }
kept() { [ "$(cat "$1")" = "mine" ] || { echo "$1 was replaced"; return 1; }; }

@test "a file that is there stays, unless --replace is given" {
    cd "$BATS_TEST_TMPDIR"
    mkdir -p in/ann out/ann
    picture noise 80 80 in/ann/1.png
    picture noise 81 80 in/ann/2.png
    mine out/ann/1.png
    mine out/notes.txt
    sl occlude --kind crop in -o out --json
    expect 1
    json 'd.written === 1 && d.failures.length === 1 && d.failures[0].reason.includes("--replace")'
    kept out/ann/1.png
    sl occlude --kind crop in -o out --skip-existing
    expect 0
    kept out/ann/1.png
    sl occlude --kind crop in -o out --replace
    expect 0
    fails kept out/ann/1.png
    kept out/notes.txt
}

@test "the same of align, detect and identify --explain" {
    need_photos
    cd "$BATS_TEST_TMPDIR"
    mkdir drawn crops why
    cp "$PHOTOS/sample1.jpg" .
    mine drawn/sample1.jpg
    mine crops/sample1.png
    mine why/report.html
    sl detect sample1.jpg -o drawn
    expect 1
    contains "$err" "--replace"
    sl align sample1.jpg -o crops
    expect 1
    contains "$err" "--replace"
    kept drawn/sample1.jpg
    kept crops/sample1.png
    sl detect sample1.jpg -o drawn --replace
    expect 0
    sl align sample1.jpg -o crops --replace
    expect 0
    sl enroll --gallery g --aligned --no-quality-gate crops/sample1.png
    expect 0
    sl identify --gallery g --threshold -1 --explain why sample1.jpg
    expect 1
    contains "$err" "why/report.html"
    contains "$err" "--replace"
    [ -z "$out" ] # before any work
    kept why/report.html
    sl identify --gallery g --threshold -1 --explain why --replace sample1.jpg
    expect 0
    fails kept why/report.html
    sl identify --gallery g --threshold -1 --explain g sample1.jpg
    expect 1
    contains "$err" "among it"
    [ ! -e g/report.html ]
}

@test "charts" {
    need_made_up_galleries
    cd "$BATS_TEST_TMPDIR"
    made_up_galleries
    mkdir charts
    for name in cmc roc openset; do mine charts/$name.svg; done
    for command in "identify" "verify --pairs pairs.txt" "openset --queries q"; do
        # shellcheck disable=SC2086
        sl eval $command --gallery g --rerank none --svg charts
        expect 1
        contains "$err" "--replace"
        [ -z "$out" ]
    done
    for name in cmc roc openset; do kept charts/$name.svg; done
    for command in "identify" "openset --queries q"; do
        # shellcheck disable=SC2086
        sl eval $command --gallery g --rerank none --svg charts --replace
        expect 0
    done
    for name in cmc openset; do fails kept charts/$name.svg; done
}

@test "no input is written over, whatever it is called" {
    cd "$BATS_TEST_TMPDIR"
    mkdir -p in/ann
    picture noise 80 80 in/1.png
    picture noise 90 90 in/ann/1.png
    ln in/1.png hard.png
    ln -s in/1.png soft.png
    cp -r in kept
    # photos of two roots that share a name have their roots' names in front: ann/1.png would be a photo, in/1.png is
    # new
    sl occlude --kind crop in/ann/1.png in/1.png -o in --replace
    expect 1
    contains "$err" "in/ann/1.png: the output would overwrite a photo"
    rm -r in/in
    sl occlude --kind crop in -o in --replace
    expect 1
    for list in in/1.png hard.png soft.png; do
        sl occlude --kind crop in -o out --replace --failures $list
        expect 1
        contains "$err" "is one of the photos"
    done
    for output in in/1.png ./in/../in/1.png hard.png soft.png; do
        sl explain in/1.png in/ann/1.png -o "$output"
        expect 1
        contains "$err" "would overwrite what is read"
    done
    diff -r in kept
    cmp hard.png kept/1.png
}

@test "lists of results do not overwrite galleries, lists and models" {
    need_made_up_galleries
    cd "$BATS_TEST_TMPDIR"
    made_up_galleries
    echo "P 1" > only.txt
    cp pairs.txt pairs.kept
    sl eval verify --gallery g --pairs pairs.txt --rerank none --csv ./pairs.txt
    expect 1
    contains "$err" "would overwrite"
    sl eval verify --gallery g --pairs pairs.txt --rerank none --csv g/log
    expect 1
    sl eval identify --gallery g --rerank none --only only.txt --csv only.txt
    expect 1
    sl eval identify --gallery g --queries q --rerank none --csv q/results.csv
    expect 1
    cmp pairs.txt pairs.kept
    [ "$(cat only.txt)" = "P 1" ]
    sl gallery verify g
    expect 0
    need_models
    mkdir models
    cp "$MODELS/retinaface-mnet25.onnx" models/
    sl models export --models-dir models retinaface-mnet25 -o models/retinaface-mnet25.onnx
    expect 1
    contains "$err" "choose another name"
    cmp models/retinaface-mnet25.onnx "$MODELS/retinaface-mnet25.onnx"
}

@test "photos of one name: every one has its output" {
    cd "$BATS_TEST_TMPDIR"
    mkdir -p a b c
    for dir in a b c; do picture noise $((70 + $(printf %d "'$dir") % 7)) 80 $dir/1.png; done
    sl occlude --kind crop a/1.png b/1.png c/1.png -o out
    expect 0
    [ "$(find out -type f | wc -l)" = 3 ]
    for dir in a b c; do [ -s out/$dir/1.png ]; done
    sl occlude --kind crop c/1.png b/1.png a/1.png -o again --threads 1
    [ "$(cd out && find . -type f | sort)" = "$(cd again && find . -type f | sort)" ] # whatever their order
}

@test "align: photos that differ in their endings, and further faces" {
    need_photos
    cd "$BATS_TEST_TMPDIR"
    mkdir in
    cp "$PHOTOS/sample2.jpg" in/group.jpg    # several faces
    cp "$PHOTOS/sample1.jpg" in/group.jpeg   # the same stem
    cp "$PHOTOS/sample1.jpg" in/group-2.jpg  # the stem of a second face
    sl align --all-faces --json in -o out
    expect 0
    json 'd.crops.length > 3 && new Set(d.crops.map(c => c.crop)).size === d.crops.length'
    [ "$(find out -type f | wc -l)" = "$(json_value d.crops.length)" ]
    [ -s out/group.png ]                                # the first keeps its name
    [ "$(find out -name '*~*' | wc -l)" -ge 1 ]         # others have a hash in theirs
}

@test "names as long as the file system has them" {
    cd "$BATS_TEST_TMPDIR"
    mkdir in
    long=$(printf 'n%.0s' {1..251})
    other=${long%n}m
    picture noise 80 80 "in/$long.png"
    picture noise 90 80 "in/$other.png"
    sl occlude --kind crop in -o out
    expect 0
    [ -s "out/$long.png" ] # a name that fits stays
    [ -s "out/$other.png" ]
    need_photos
    for name in $long $other; do cp "$PHOTOS/sample1.jpg" "in/$name.jpg" && rm "in/$name.png"; done
    sl detect in -o drawn
    expect 0
    [ -s "drawn/$long.jpg" ]
    sl align --all-faces in -o crops --json
    expect 0
    json 'new Set(d.crops.map(c => c.crop)).size === d.crops.length && d.crops.length >= 2'
    [ "$(find crops -type f | wc -l)" = "$(json_value d.crops.length)" ]
    sl enroll --gallery g --aligned --no-quality-gate --keep-crops crops
    expect 0
    sl identify --gallery g --threshold -1 --explain why in
    expect 0
    [ "$(find why -name '*.sheet.png' | wc -l)" -ge 2 ]
    sl explain "in/$long.jpg" "in/$other.jpg" -o why.png
    expect 0
}
