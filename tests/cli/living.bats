#!/usr/bin/env bats
# Living with a gallery: people get other names, changes are taken back, one file holds all, other programs' arrays.
load common

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    made_up_galleries
}

setup() {
    need_made_up_galleries
    cd "$BATS_TEST_TMPDIR"
    cp -r "$BATS_FILE_TMPDIR/g" .
}

# people: how many different ones; of LABEL: how many faces are called so.
people() { "$BIN" gallery info g --json | node -p 'JSON.parse(require("fs").readFileSync(0)).people'; }
of() { "$BIN" gallery list g --label "$1" | wc -l; }

@test "rename, merge and move: who is whom, and what is refused" {
    sl gallery rename g 'P 3' 'Zoë'
    expect 0
    contains "$out" "3 faces are now those of Zoë"
    [ "$(of 'Zoë')" = 3 ] && [ "$(of 'P 3')" = 0 ]
    sl gallery rename g 'P 3' 'Somebody'
    expect 1
    contains "$err" "nobody is called P 3"
    sl gallery rename g 'P 4' 'P 5'
    expect 1
    contains "$err" "somebody is called P 5 already"
    [ "$(of 'P 4')" = 3 ]
    sl gallery merge g 'P 4' 'Nobody'
    expect 1
    contains "$err" "nobody is called Nobody"
    sl gallery merge g 'P 4' 'P 5' --json
    expect 0
    json 'd.renamed === 3 && d.faces === 6'
    [ "$(people)" = 19 ]
    sl gallery move g 'P 6/6 x.jpg' 'P 7'
    expect 0
    [ "$(of 'P 7')" = 4 ] && [ "$(of 'P 6')" = 2 ]
    sl gallery move g 'no such photo.jpg' 'P 7'
    expect 1
    contains "$err" "no such photo.jpg"
    sl gallery rename g
    expect 2
    sl gallery verify g
    expect 0
}

@test "note: what is known of people is set, shown, moved with their name, kept in a backup and told by export" {
    sl gallery note g --label 'P 3' --set '{"room": 12, "since": 0.10}'
    expect 0
    sl gallery note g --label 'P 3'
    expect 0
    [ "$out" = '{"room": 12, "since": 0.10}' ]
    sl gallery note g --label 'P 3' --json
    json 'd.label === "P 3" && d.note.room === 12'
    sl gallery note g --label 'P 9' --set 'no json'
    expect 1
    contains "$err" "must be JSON"
    sl gallery note g --label Nobody --set 1
    expect 1
    contains "$err" "nobody is called Nobody"
    sl gallery note g --label 'P 9'
    expect 1
    contains "$err" "no note about P 9"
    sl gallery note g --set 1
    expect 2
    sl gallery note g --label 'P 9' --set 1 --remove
    expect 2
    head -c 70000 /dev/zero | tr '\0' 7 > long
    sl gallery note g --label 'P 9' --set - < long
    expect 1
    contains "$err" "65536 is the most"
    echo '"by stdin"' > note
    sl gallery note g --label 'P 9' --set - < note
    expect 0
    sl gallery rename g 'P 3' 'Zoë'
    sl gallery note g --json
    expect 0
    json 'Object.keys(d.notes).length === 2 && d.notes["Zoë"].since === .1 && d.notes["P 9"] === "by stdin"'
    echo "$out" > notes.json
    sl gallery undo g # the note goes back with the name
    sl gallery note g --label 'P 3'
    expect 0
    contains "$out" '"room": 12'
    sl gallery undo g
    sl gallery merge g 'P 9' 'Zoë' # who keeps her own
    sl gallery note g --json
    json 'Object.keys(d.notes).length === 1 && d.notes["Zoë"].room === 12'
    sl gallery backup g -o g.tar
    sl gallery restore g.tar -o restored
    sl gallery note restored --label 'Zoë'
    expect 0
    contains "$out" '"room": 12'
    sl gallery note restored --label 'Zoë' --remove
    expect 0
    sl gallery note restored --json
    json 'Object.keys(d.notes).length === 0'
    sl gallery note restored --from notes.json --json # P 9 is nobody now
    expect 1
    json 'd.set === 1 && d.failed === 1'
    contains "$err" "nobody is called P 9"
    sl gallery remove restored --label 'Zoë'
    sl gallery note restored --json
    json 'Object.keys(d.notes).length === 0'
    grep -q room restored/people.notes
    sl gallery compact restored
    expect 0
    [ ! -e restored/people.notes ]
    printf x >> g/people.notes
    sl gallery verify g
    expect 1
    contains "$err" "people.notes"
    sl gallery note postgres://nowhere/none --label x --set 1
    expect 1
}

@test "upgrade: a gallery without its derived files answers the same, and has them again" {
    sl gallery verify g
    expect 0
    file=$(echo g/codes.*)
    cp "$file" codes
    rm -f g/codes.* g/index.*
    sl gallery verify g
    expect 0
    sl gallery upgrade g
    expect 0
    contains "$err$out" "up to date"
    cmp "$file" codes
    printf 'xxxx' | dd of="$file" bs=1 seek=300 conv=notrunc 2>/dev/null
    sl gallery verify g
    expect 1
    contains "$err" "gallery upgrade"
    sl gallery upgrade g
    sl gallery verify g
    expect 0
    sl gallery upgrade nowhere
    expect 1
}

@test "undo: removals, names and moves come back, one change after the other" {
    sl gallery list g
    before=$(echo "$out" | sort)
    sl gallery undo g
    expect 1
    contains "$err" "nothing to take back"
    sl gallery remove g --label 'P 2'
    sl gallery merge g 'P 4' 'P 5'
    sl gallery undo g
    expect 0
    contains "$out" "3 faces are as before"
    [ "$(of 'P 4')" = 3 ]
    sl gallery undo g # of new names: they are back
    expect 0
    [ "$(of 'P 5')" = 6 ]
    sl gallery undo g
    sl gallery move g 'P 6/6 x.jpg' 'P 7'
    sl gallery undo g --json
    expect 0
    json 'd.restored.length === 1 && d.restored[0].label === "P 6" && d.restored[0].image === "P 6/6 x.jpg"'
    sl gallery verify g
    expect 0
    cp -r "$BATS_FILE_TMPDIR/g" removed
    sl gallery remove removed --label 'P 2'
    sl gallery undo removed
    expect 0
    sl gallery list removed
    [ "$(echo "$out" | sort)" = "$before" ]
    sl gallery remove removed --label 'P 2'
    sl gallery compact removed
    sl gallery undo removed
    expect 1
}

@test "duplicates: one person under two names, the most alike first" {
    sl gallery duplicates g --threshold 0.999999
    expect 0
    contains "$out" "0 pairs"
    sl gallery export g -o arrays.csv
    awk -F, 'NR == 1 || NR == 2' arrays.csv | sed '2s/^"[^"]*","[^"]*"/"Twin","twin.jpg"/' > twin.csv
    sl gallery import twin.csv --gallery g
    expect 1 # that gallery is of a model
    contains "$err" "model"
    cp -r g of-model
    sl gallery import arrays.csv --gallery nobodys
    expect 0
    sl gallery import twin.csv --gallery nobodys
    expect 0
    sl gallery duplicates nobodys --threshold 0.999 --json
    expect 0
    json 'd.pairs === 1 && d.duplicates[0].cosine > .9999 && !d.duplicates[0].same_photo' \
        'd.duplicates[0].faces.map(f => f.label).sort().join() === "P 0,Twin"'
    sl gallery duplicates nobodys --threshold 0.1 --top 1
    expect 0
    contains "$(echo "$out" | head -1)" "1.0000"
    contains "$out" "--top tells more"
    sl gallery duplicates nobodys --threshold 0.5 --far 0.1
    expect 2
}

@test "backup and restore: one file, the same bytes, whole or not at all" {
    sl gallery remove g --label 'P 2'
    printf 'kept' > g/calibration-x.rates
    sl gallery backup g -o g.tar --json
    expect 0
    json 'd.faces === 57 && d.people === 19'
    [ "$(tar tf g.tar | head -1)" = gallery.meta ]
    sl gallery backup g -o again.tar
    cmp g.tar again.tar
    sl gallery backup g -o g.tar
    expect 1
    contains "$err" "--replace"
    sl gallery backup g -o g.tar --replace
    expect 0
    sl gallery backup g -o g/inside.tar
    expect 1
    sl gallery restore g.tar -o back
    expect 0
    contains "$out" "57 faces of 19 people"
    for file in gallery.meta embeddings.1 patches.1 log.1 calibration-x.rates; do cmp "g/$file" "back/$file"; done
    sl gallery undo back # what was removed is in a backup
    expect 0
    sl gallery restore g.tar -o back
    expect 1
    contains "$err" "new folder"
    mkdir by-tar && tar xf g.tar -C by-tar # tar reads it too
    sl gallery verify by-tar
    expect 0
}

@test "a damaged backup becomes no gallery" {
    sl gallery backup g -o g.tar
    size=$(stat -c %s g.tar)
    for at in 3 200 300 600 1100 $((size / 2)); do
        cp g.tar bad.tar
        printf '\377' | dd of=bad.tar bs=1 seek="$at" conv=notrunc status=none
        sl gallery restore bad.tar -o bad
        expect 1
        [ ! -e bad ]
    done
    head -c $((size / 3)) g.tar > cut.tar
    sl gallery restore cut.tar -o bad
    expect 1
    contains "$err" "cut.tar"
    mkdir evil && cp g/gallery.meta evil && echo x > evil/run.sh
    (cd evil && tar --format ustar -cf ../evil.tar gallery.meta run.sh)
    sl gallery restore evil.tar -o bad
    expect 1
    contains "$err" "no gallery"
    echo text > text.tar
    sl gallery restore text.tar -o bad
    expect 1
    [ "$(find . -maxdepth 1 -name '*tmp*')" = "" ]
}

@test "export and import: npy, CSV and safetensors give the same faces" {
    sl gallery export g --patches -o g.npy
    expect 0
    sl gallery export g --patches -o g.safetensors --json
    expect 0
    json 'd.faces === 60 && d.embedding_dim === 16'
    sl gallery export g -o g2.csv
    expect 0
    sl gallery export g --patches -o g3.csv
    expect 1
    contains "$err" "no patches"
    sl gallery export g -o g.npy
    expect 1
    contains "$err" "--replace"
    sl gallery export g -o g.txt
    expect 2
    contains "$err" ".safetensors"
    sl gallery import g.npy --gallery from-npy --json
    expect 0
    json 'd.added === 60 && d.existing === 0 && d.faces === 60'
    sl gallery import g.npy --gallery from-npy --json
    json 'd.added === 0 && d.existing === 60'
    sl gallery import g.safetensors --gallery from-safetensors
    expect 0
    sl gallery import g2.csv --gallery from-csv
    expect 0
    for other in npy safetensors csv; do # the numbers are those of the gallery
        cmp g/embeddings.1 "from-$other/embeddings.1"
    done
    cmp g/patches.1 from-safetensors/patches.1
    sl gallery list from-csv
    list=$out
    sl gallery list g
    [ "$(echo "$out" | awk '{print $1,$2}')" = "$(echo "$list" | awk '{print $1,$2}')" ]
    sl gallery info from-csv --json
    json 'd.patches === "none" && d.model === "arrays" && d.fingerprint === "0".repeat(64)'
}

@test "arrays that are no such are named" {
    sl gallery export g --patches -o g.npy
    sl gallery import nothing.npy --gallery x
    expect 1
    contains "$err" "cannot open"
    for at in 0 22 30 52; do
        cp g.npy bad.npy && cp g.csv bad.csv
        printf 'X' | dd of=bad.npy bs=1 seek=$at conv=notrunc status=none
        sl gallery import bad.npy --gallery x
        expect 1
        contains "$err" "bad.npy"
    done
    cp g.npy short.npy && cp g.csv short.csv && truncate -s -4 short.npy
    sl gallery import short.npy --gallery x
    expect 1
    contains "$err" "ends before"
    cp g.npy names.npy && head -5 g.csv > names.csv
    sl gallery import names.npy --gallery x
    expect 1
    contains "$err" "names 4 of 60"
    printf 'label,image,e0,e1\n"A ""1""",a.jpg,1,0\nB,b.jpg,x,1\n' > bad2.csv
    sl gallery import bad2.csv --gallery x
    expect 1
    contains "$err" "line 3"
    printf 'label,image,e0,e1\n"A ""1"", x",a.jpg,1,0\n' > good.csv
    sl gallery import good.csv --gallery y
    expect 0
    sl gallery list y
    contains "$out" 'A "1", x'
    echo '{}' > bad.safetensors
    sl gallery import bad.safetensors --gallery x
    expect 1
    contains "$err" "bad.safetensors"
    [ ! -e x/log.1 ]
}
