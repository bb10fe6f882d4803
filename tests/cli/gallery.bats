# enroll and gallery: the life of a gallery.
load common

setup_file() { make_people; }

setup() {
    need_photos
    cd "$BATS_TEST_TMPDIR"
    cp -r "$BATS_FILE_TMPDIR/gallery" "$BATS_FILE_TMPDIR/people" .
}

@test "info, list and verify agree" {
    sl gallery info gallery --json
    expect 0
    json 'd.model === "mobilefacenet-192" && d.faces >= 10 && d.people === d.faces && d.removed === 0 && d.fingerprint.length === 64'
    faces=$(json_value d.faces)
    sl gallery list gallery --json
    expect 0
    json "d.faces.length === $faces && d.faces.every(f => f.label && f.image && f.crop)"
    sl gallery list gallery
    expect 0
    [ "$(echo "$out" | wc -l)" = "$faces" ]
    sl gallery verify gallery
    expect 0
    contains "$out" sound
}

@test "enrolling again changes nothing" {
    sl gallery info gallery --json
    faces=$(json_value d.faces)
    sl enroll --gallery gallery --aligned --no-quality-gate people --json
    expect 0
    json "d.enrolled === 0 && d.existing === $faces && d.faces === $faces && d.refused.length === 0"
}

@test "remove, and compact" {
    sl gallery info gallery --json
    faces=$(json_value d.faces)
    sl gallery remove gallery --label sample1
    expect 0
    contains "$out" "removed 1 face"
    sl gallery list gallery --label sample1
    expect 0
    [ -z "$out" ]
    sl gallery remove gallery --label sample1
    expect 1
    contains "$err" sample1
    sl gallery compact gallery
    expect 0
    sl gallery info gallery --json
    json "d.faces === $faces - 1 && d.removed === 0"
    sl gallery verify gallery
    expect 0
}

@test "what a compaction that was cut short left is named, and deleted" {
    sl gallery info gallery --json
    json 'd.leftover.length === 0'
    sl gallery remove gallery --label sample1
    cp -r gallery before
    sl gallery compact gallery
    expect 0
    cp before/*.1 gallery/
    sl gallery info gallery
    expect 0
    contains "$err" "gallery/patches.1"
    contains "$err" "secondlook gallery compact gallery"
    sl gallery info gallery --json
    json 'd.leftover.map(f => f.file).join() === "centre.1,codes.1,commit.1,crops.1,embeddings.1,log.1,patches.1" && d.leftover.every(f => f.bytes > 0 || f.file === "crops.1")'
    sl gallery verify gallery
    expect 0
    contains "$out" sound
    contains "$err" "gallery/embeddings.1"
    sl gallery compact gallery
    expect 0
    sl gallery verify gallery
    [ -z "$err" ] || [[ "$err" != *"left over"* ]]
    [ ! -e gallery/patches.1 ] && [ ! -e gallery/codes.1 ]
}

@test "a lock that is a link makes no file elsewhere" {
    rm -f gallery/lock
    ln -s "$PWD/elsewhere" gallery/lock
    sl gallery remove gallery --label sample1
    expect 1
    contains "$err" "symbolic link"
    [ ! -e elsewhere ]
}

@test "a label that turns its line is refused, by code point" {
    mkdir -p turned/$'A\xe2\x80\xaeda'
    cp people/sample1/sample1.png turned/$'A\xe2\x80\xaeda'/
    sl enroll --gallery fresh --aligned --no-quality-gate turned --json
    contains "$err" "U+202E"
    json 'd.enrolled === 0 && d.refused.length === 1'
}

@test "labels from a list, with errors that name the line" {
    printf 'people/sample1/sample1.png,Ann Smith\r\n\npeople/sample2/sample2.png,Bob\n' > list.csv
    sl enroll --gallery fresh --aligned --no-quality-gate --labels list.csv --json
    expect 0
    json 'd.enrolled === 2'
    sl gallery list fresh --label "Ann Smith" --json
    json 'd.faces.length === 1'
    printf 'people/sample1/sample1.png,Ann\npeople/sample1/sample1.png,Bob\n' > two.csv
    sl enroll --gallery fresh --aligned --labels two.csv
    expect 1
    contains "$err" two.csv
    contains "$err" "people/sample1/sample1.png"
    printf 'a.jpg,Ann\nno comma here\n' > bad.csv
    sl enroll --gallery fresh --aligned --labels bad.csv
    expect 1
    contains "$err" 2
    sl enroll --gallery fresh --labels absent.csv
    expect 1
    contains "$err" absent.csv
}

@test "--label enrols single photos of one person" {
    sl enroll --gallery fresh --label Ann --aligned --no-quality-gate people/sample1/sample1.png \
        people/sample2/sample2.png
    expect 0
    sl gallery list fresh --json
    json 'd.faces.length === 2 && d.faces.every(f => f.label === "Ann" && f.image.startsWith("Ann/"))'
}

@test "refused photos are listed with reasons and counted" {
    mkdir -p mixed/nobody mixed/somebody
    picture grey 300 300 mixed/nobody/grey.jpg
    echo broken > mixed/nobody/broken.jpg
    cp "$PHOTOS/sample1.jpg" mixed/somebody/
    sl enroll --gallery fresh mixed --json
    expect 1
    json 'd.photos === 3 && d.enrolled === 1 && d.no_face === 1 && d.unreadable === 1 && d.refused.length === 2'
    contains "$err" broken.jpg
    contains "$err" grey.jpg
}

@test "a folder without faces: exit code 3, and an empty gallery stays valid" {
    mkdir -p none/nobody
    picture grey 300 300 none/nobody/grey.jpg
    sl enroll --gallery fresh none
    expect 3
    sl gallery info fresh --json
    expect 0
    json 'd.faces === 0'
}

@test "the quality gate refuses, and can be turned off" {
    sl enroll --gallery fresh "$PHOTOS" --min-quality 1
    expect 1
    contains "$out" "quality"
    sl enroll --gallery fresh "$PHOTOS" --no-quality-gate --json
    expect 0
    json 'd.low_quality === 0 && d.enrolled === 6'
}

@test "what is no gallery is refused" {
    sl gallery info absent
    expect 1
    contains "$err" absent
    mkdir other
    echo hello > other/file
    sl gallery info other
    expect 1
    sl gallery verify other
    expect 1
}

@test "a flipped byte is found by verify" {
    file=$(find gallery -type f -size +50k | head -n 1)
    size=$(stat -c %s "$file")
    printf '\x5a\xa5\x5a' | dd of="$file" bs=1 seek=$((size / 2)) conv=notrunc status=none
    sl gallery verify gallery
    expect 1
    [ -n "$err" ]
}

@test "a gallery of another model is refused" {
    [ -e "$MODELS/mobilefacenet-128.onnx" ] || [ -e "$MODELS/faceplugin-512.onnx" ] \
        || skip "a second recogniser is not here"
    model=mobilefacenet-128
    [ -e "$MODELS/mobilefacenet-128.onnx" ] || model=faceplugin-512
    sl identify --gallery gallery --model $model --aligned people/sample1/sample1.png
    expect 1
    contains "$err" mobilefacenet-192
    sl enroll --gallery gallery --model $model --aligned people
    expect 1
}

@test "f32 patches" {
    sl enroll --gallery f32 --patches f32 --aligned --no-quality-gate people
    expect 0
    sl gallery info f32 --json
    json 'd.patches === "f32"'
}

@test "cluster groups the faces of one person, whatever they are called" {
    mkdir -p more/twin
    one=$(find people -type f | sort | head -1)
    cp "$one" more/twin/again.png
    printf x >> more/twin/again.png # another file of the same picture
    sl enroll --gallery gallery --aligned --no-quality-gate more
    expect 0
    sl gallery cluster gallery --json
    expect 0
    json 'd.clusters.map(c => c.map(f => f.label).join()).includes("'"$(basename "$one" .png)"',twin")' \
        'd.alone > 5 && d.rule.promise === "far"'
    sl gallery cluster gallery --rerank none --threshold 0.9999
    expect 0
    contains "$out" "groups of two faces and more: 1"
    sl gallery cluster gallery --far 0.1 --threshold 0.5
    expect 2
}
