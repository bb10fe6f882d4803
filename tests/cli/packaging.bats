# What the packages promise without being built: versions, symbols, the bill of materials. tools/check-packages tries
# them.
load common

@test "one version: header, packages, changelog" {
    version=$("$BIN" --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+')
    [ "$version" = "$(sed -n '1s/^secondlook (\(.*\)) .*/\1/p' "$SOURCE/debian/changelog")" ]
    grep -q "^Package: libsecondlook${version%%.*}$" "$SOURCE/debian/control" \
        || { echo "the library's package is of another major version"; return 1; }
    grep -q "^SECONDLOOK_${version%%.*} {" "$SOURCE/cmake/secondlook.map"
}

@test "every symbol that the package promises is in the library" {
    promised=$BATS_TEST_TMPDIR/promised
    sed -n 's/^ \(sl_[a-z0-9_]*\)@.*/\1/p' "$SOURCE/debian/libsecondlook0.symbols" | sort > "$promised"
    [ "$(wc -l < "$promised")" -gt 100 ]
    nm -D --defined-only "$BUILD/libsecondlook.so" | sed -n 's/.* \(sl_[a-z0-9_]*\)@@SECONDLOOK_0$/\1/p' \
        | sort > "$BATS_TEST_TMPDIR/there"
    gone=$(comm -23 "$promised" "$BATS_TEST_TMPDIR/there")
    [ -z "$gone" ] || { echo "no longer there: $gone"; return 1; }
}

# A system of three packages: one of ours, what it needs by way of a virtual name, and one that it does not need.
write_system() {
    mkdir -p "$1/var/lib/dpkg" "$1/usr/share/doc/liba"
    printf 'License: MIT\nLicense: Apache-2.0\n' > "$1/usr/share/doc/liba/copyright"
    for fields in 'ours|secondlook|nowhere (>= 2) | a-virtual (= 1), gone' 'liba|liba|' 'other|other|liba'; do
        IFS='|' read -r name source depends <<< "$fields"
        printf 'Package: %s\nStatus: install ok installed\nSource: %s\nArchitecture: amd64\nVersion: 1.0-%s\nMaintainer: A <a@b>\nDepends: %s\nProvides: %s\n\n' \
            "$name" "$source" "$name" "$depends" "$([ "$name" != liba ] || echo 'a-virtual (= 1)')"
    done > "$1/var/lib/dpkg/status"
}

@test "the bill of materials lists what is needed, and is the same twice" {
    [ -x /usr/bin/python3 ] || skip "no python3: apt install python3"
    write_system "$BATS_TEST_TMPDIR/root"
    for copy in stdout again; do
        SOURCE_DATE_EPOCH=86400 /usr/bin/python3 -B "$SOURCE/tools/sbom" --root "$BATS_TEST_TMPDIR/root" \
            > "$BATS_TEST_TMPDIR/$copy"
    done
    cmp "$BATS_TEST_TMPDIR/stdout" "$BATS_TEST_TMPDIR/again"
    json 'd.spdxVersion == "SPDX-2.3" && d.creationInfo.created == "1970-01-02T00:00:00Z"' \
        'd.packages.map(p => p.name).join() == "liba,ours"' \
        'd.packages[0].licenseComments == "Apache-2.0; MIT" && d.packages[1].licenseComments == "no copyright file"' \
        'd.packages[0].externalRefs[0].referenceLocator == "pkg:deb/debian/liba@1.0-liba?arch=amd64"' \
        'd.relationships.some(r => r.relationshipType == "DEPENDS_ON" && r.spdxElementId == "SPDXRef-ours" && r.relatedSpdxElement == "SPDXRef-liba")'
    fails /usr/bin/python3 -B "$SOURCE/tools/sbom" --root "$BATS_TEST_TMPDIR/root" nothing 2> "$BATS_TEST_TMPDIR/stderr"
    contains "$(cat "$BATS_TEST_TMPDIR/stderr")" "not installed: nothing"
}
