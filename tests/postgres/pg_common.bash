# What the tests of PostgreSQL share; they run in with_cluster.
load "$SOURCE/tests/cli/common.bash"

: "${PGDATA:?run these through tests/postgres/with_cluster}"

# sql DATABASE STATEMENT: its rows, unaligned. The first error ends it.
sql() { psql -X -q -t -A -F ' ' -v ON_ERROR_STOP=1 -d "$1" -c "$2"; }

# refused DATABASE STATEMENT TEXT: an error that says so, from a server that lives on.
refused() {
    local said
    if said=$(sql "$1" "$2" 2>&1); then
        echo "not refused: $2"
        return 1
    fi
    contains "$said" "$3"
    [ "$(sql "$1" 'SELECT 1')" = 1 ]
}

# kept GALLERY LAST DATABASE...: photos 0 to LAST of pg_client are there, in any of these, and none is there twice.
kept() {
    local gallery=$1 last=$2 there
    shift 2
    there=$(for database; do sql "$database" "SELECT image FROM gallery_$gallery.face"; done | sort)
    [ "$(echo "$there" | uniq -d)" = "" ]
    [ "$(for n in $(seq 0 "$last"); do echo "photo/$n.jpg"; done | sort | comm -23 - <(echo "$there"))" = "" ]
}

# fill FOLDER KB: a ballast takes all of that disk's room but so much.
fill() {
    local room
    room=$(df --output=avail -k "$1" | tail -1)
    head -c $(((room - $2) * 1024)) /dev/zero > "$1/ballast"
}

# all_refused DATABASE FILE: each line is a statement that must fail, in one session, which must live on.
all_refused() {
    local said
    said=$(psql -X -q -t -A -d "$1" -f "$2" -c "SELECT 'alive'" 2>&1)
    [ "$(echo "$said" | tail -1)" = alive ] && [ "$(echo "$said" | grep -c 'ERROR:')" = "$(wc -l < "$2")" ] && return
    echo "of $(wc -l < "$2") statements were refused: $(echo "$said" | grep -c 'ERROR:')"
    echo "$said"
    return 1
}

# faces DIRECTORY COUNT DIM SEED: made-up faces for gallery_of_arrays, three of each person, alike.
faces() {
    command -v node > /dev/null || skip "node is not here"
    mkdir -p "$1"
    node -e '
        const fs = require("fs"), [dir, count, dim, seed] = process.argv.slice(1);
        let state = +seed;
        const random = () => (state = state * 1103515245 + 12345 & 0x7fffffff) / 0x7fffffff - .5;
        let names = "", people = [];
        const e = [], p = [];
        for (let i = 0; i < +count; i++) {
            const who = Math.floor(i / 3);
            people[who] ??= Array.from({length: +dim}, random);
            names += `p${who}/${i}.jpg\tPerson ${who}\n`;
            e.push(...people[who].map(v => v + .3 * random()));
            for (let k = 0; k < 24; k++) p.push(people[who][k % +dim] + .3 * random());
        }
        fs.writeFileSync(dir + "/names", names);
        fs.writeFileSync(dir + "/e", Buffer.from(new Float32Array(e).buffer));
        fs.writeFileSync(dir + "/p", Buffer.from(new Float32Array(p).buffer));
    ' "$1" "$2" "$3" "$4"
}

# gallery PLACE FACES DIM: a gallery of them.
gallery() { "$BUILD/gallery_of_arrays" "$1" "$2/names" "$2/e" "$2/p" "$3" 2 2 6; }
