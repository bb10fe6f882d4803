# secondlook study: made of a small gallery, taken by scripted participants in a browser, scored.
load common

setup_file() {
    MODELS=${SECONDLOOK_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/secondlook}
    make_study || true
}

setup() {
    need_photos
    need_landmarks
    cd "$BATS_FILE_TMPDIR"
}

@test "a study is a folder of static files, and a key outside it" {
    cat made making
    grep -q "4 arms (none, cc, flow, trust), 16 pairs" made
    grep -q "h2l is left out" making
    [ -e study/key.json ]
    [ ! -e study/site/key.json ]
    for file in index.html study.js study.css study.json study_data.js; do [ -s "study/site/$file" ]; done
    [ "$(ls study/site/tiles | wc -l)" = $((16 * (2 + 2 + 1 + 2))) ]
}

@test "nothing that participants get says who is who" {
    command -v node > /dev/null || skip "node is not here"
    node -e '
        const fs = require("fs"), key = JSON.parse(fs.readFileSync("study/key.json")), text = fs.readFileSync("study/site/study.json", "utf8");
        const site = JSON.parse(text), assert = require("assert");
        for (const { pairs, examples } of site.sets) {
            assert.ok(pairs.every(p => !("same" in p)) && examples.every(p => "same" in p));
            assert.deepEqual(pairs.map(p => p.pair), pairs.map(p => p.pair).sort());
        }
        const people = [];
        for (const set of key.sets) {
            assert.equal(set.pairs.filter(p => p.same).length, 2);
            for (const p of [...set.pairs, ...set.examples]) {
                assert.equal(p.same, p.faces[0].person === p.faces[1].person);
                assert.notEqual(p.faces[0].image, p.faces[1].image);
                people.push(...new Set(p.faces.map(f => f.person)));
                for (const f of p.faces) assert.ok(/^(mask|sunglasses)$/.test(f.covered) && !text.includes(f.person));
            }
        }
        assert.equal(new Set(people).size, people.length); // nobody is in two pairs
        assert.ok(!text.includes("seed") && !text.includes("gallery"));
    '
}

@test "the same seed gives the same bytes, another one another study" {
    sl study make --gallery gallery --out again --pairs 3 --same 2 --examples 1 --threads 1
    expect 0
    diff -r study again
    sl study make --gallery gallery --out other --pairs 3 --same 2 --examples 1 --seed 2 --strangers random --json
    expect 0
    json 'd.arms.join() === "none,cc,flow,trust"' 'd.pairs === 16' 'd.files > 100' 'd.study.length === 64'
    fails diff -q study/key.json other/key.json
}

@test "a study that is there is never written over" {
    sl study make --gallery gallery --out study --pairs 3 --same 2 --examples 1 --seed 3
    expect 1
    contains "$err" "there is a study already"
    grep -q '"seed": 1,' study/key.json
}

@test "what a gallery cannot give is said" {
    sl study make --gallery gallery --out more
    expect 1
    contains "$err" "the study takes 44 people with two photos and 72 others; the gallery has crops of 22 people, 22 of them with"
    [ ! -e more/key.json ]
    "$BIN" enroll --gallery bare --aligned --no-quality-gate people > /dev/null
    sl study make --gallery bare --out more
    expect 1
    contains "$err" "--keep-crops"
    sl study make --gallery gallery --out more --landmarks none
    expect 1
    contains "$err" "libdlib-data"
    sl study make --gallery gallery --out more --pairs 3 --same 3
    expect 2
    contains "$err" "--same"
    printf 'a\xff' > consent.txt
    sl study make --gallery gallery --out more --consent consent.txt
    expect 1
    contains "$err" "UTF-8"
}

@test "a text of one's own is what participants agree to" {
    command -v node > /dev/null || skip "node is not here"
    printf 'One.\r\n\r\nTwo <b>\nlines.\n\n\nThree.\n' > own.txt
    sl study make --gallery gallery --out own --pairs 2 --same 1 --examples 0 --consent own.txt
    expect 0
    node -e '
        const site = JSON.parse(require("fs").readFileSync("own/site/study.json"));
        require("assert").deepEqual(site.consent, ["One.", "Two <b>\nlines.", "Three."]);
    '
}

# answers NUMBER ACCURACY: a participant without a browser.
answers() {
    node -e '
        const [number, accuracy] = process.argv.slice(1).map(Number), key = JSON.parse(require("fs").readFileSync("study/key.json"));
        let seed = number + 1;
        const random = () => (seed = seed * 1103515245 + 12345 & 0x7fffffff) / 0x7fffffff;
        for (let i = 0; i < 10; i++) random();
        const n = key.arms.length, rotation = number % n, answers = [];
        key.sets.forEach((set, s) => set.pairs.forEach(p =>
            answers.push({ arm: key.arms[(s + rotation) % n], pair: p.pair, same: p.same === random() < accuracy, ms: 1500 })));
        console.log(JSON.stringify({ format: "secondlook-study-answers", version: 1, study: key.study, participant: "p" + number, rotation, answers }));
    ' "$1" "$2"
}

@test "answers are scored: as text, JSON, CSV and SVG" {
    command -v node > /dev/null || skip "node is not here"
    rm -rf people-said && mkdir people-said
    for i in 1 2 3; do answers $i 1 > people-said/$i.json; done
    for i in 4 5 6; do answers $i 0; done > people-said/more.jsonl
    cp people-said/1.json people-said/again.json
    sl study score study people-said --json --csv lines.csv --svg chart.svg
    expect 0
    json 'd.participants === 6' 'd.repeated === 1' 'd.refused.length === 0' 'd.chance.toFixed(3) === "66.667"' \
        'd.arms.length === 4 && d.arms.every(a => a.mean === 50 && a.seconds === 1.5 && a.participants === 6)' \
        'd.differences.length === 6 && d.differences.every(x => x.p === 1)'
    [ "$(wc -l < lines.csv)" = 25 ]
    grep -q "^p3,flow," lines.csv
    grep -q "chance, 66.67 %" chart.svg
    sl study score study people-said
    expect 0
    contains "$out" "6 participants, 3 pairs of each arm, 2 of them of one person: chance is 66.67 %"
    contains "$out" "trust - flow"
}

@test "what is no answer to this study is named, and the others count" {
    command -v node > /dev/null || skip "node is not here"
    rm -rf hostile && mkdir hostile
    answers 1 1 > hostile/good.json
    answers 1 0 > hostile/other.json
    answers 2 1 | sed 's/"study":"..../"study":"ffff/' > hostile/foreign.json
    echo 'no JSON' > hostile/text.json
    { answers 3 1; echo; echo '{}'; } > hostile/lines.jsonl
    sl study score study hostile --json
    expect 1
    json 'd.participants === 2' 'd.refused.length === 4'
    contains "$err" "hostile/foreign.json: not taken: answers to another study"
    contains "$err" "hostile/other.json: not taken: the participant p1 has answered otherwise"
    contains "$err" "hostile/lines.jsonl, line 3: not taken"
    contains "$err" "hostile/text.json: not taken: no answers to a study: line 1"
    sl study score people
    expect 1
    contains "$err" "people/key.json"
    sl study score study nowhere.json
    expect 1
    contains "$err" "nowhere.json"
    sl study score study hostile/good.json --csv hostile/good.json
    expect 1
    contains "$err" "would overwrite what is read"
}

@test "scripted participants in a browser, from the disk: the score is what the script had" {
    release_only "the browser sees no more than the other clients do"
    [ -e "$MODELS/server-clients/done" ] || skip "the server's clients are not here: tools/server-clients"
    browser=$(command -v chromium) || skip "chromium is not installed"
    node "$SOURCE/tests/study/static_page.mjs" "$MODELS/server-clients" "$browser" study saved "$BUILD/page-shots" 2
    sl study score study saved --json
    expect 0
    json 'd.participants === 2' 'd.missing === 0' \
        'd.arms.every(a => a.participants === 2)' \
        'd.arms.filter(a => a.arm === "flow" || a.arm === "trust").every(a => a.mean === 100)' \
        'd.arms.find(a => a.arm === "none").mean === 0'
}
