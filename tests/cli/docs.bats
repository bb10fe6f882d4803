# What the documents say exists, exists: links, files, commands, options; the man page says what --help says.
load common

check() {
    python=/usr/bin/python3
    [ -x $python ] || skip "no python3: apt install python3"
    $python -B "$SOURCE/tests/cli/check_docs.py" "$1" "$SOURCE" "${@:2}"
}

@test "every link leads somewhere" {
    check links
}

@test "files that documents name are there, and documents that sources name" {
    check paths
}

@test "commands in documents are the program's, with options that they have" {
    check commands "$BIN"
}

@test "every option that docs/cli.md names is one" {
    check options "$BIN"
}

@test "the man page has every command and every option" {
    check page "$BIN"
}

@test "the man page is what tools/man makes of --help" {
    [ -x /usr/bin/python3 ] || skip "no python3: apt install python3"
    /usr/bin/python3 -B "$SOURCE/tools/man/make-page" "$BIN" > "$BATS_TEST_TMPDIR/page"
    cmp "$BATS_TEST_TMPDIR/page" "$SOURCE/docs/secondlook.1" \
        || { echo "docs/secondlook.1 is stale: make man"; return 1; }
}
