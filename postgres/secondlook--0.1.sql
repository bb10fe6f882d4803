-- Galleries of faces: exact search of templates by kernels beside the data. docs/postgres.md tells how to use it.
--
-- A gallery NAME is a schema gallery_NAME of ordinary tables, made by create_gallery and not owned by the extension:
-- a dump holds it whole, and restores without the extension too.
--
--     gallery   one row: which model, what patches, which shard of how many
--     person    a label each
--     face      whose it is, of which photo, where in it
--     template  its bytes: embedding [dim] f32, then the row of patches and landmarks; their CRC-32C
--     tail      embeddings of faces that are in no block yet
--     block     codes of some thirty faces, in one page each: what stage 1 reads
--     note      texts by name, such as calibrations
\echo Use "CREATE EXTENSION secondlook" to load this file. \quit

-- ------------------------------------------------------------------ blocks

CREATE FUNCTION block_rows(dim int, OUT rows int, OUT fits bool)
    AS 'MODULE_PATHNAME', 'sl_ext_block_rows' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION block_rows IS 'faces of a block of embeddings of so many numbers, and whether it fits a page';

CREATE FUNCTION block_of(dim int, face_ids bigint[], embeddings bytea[],
                         OUT n int, OUT norm real, OUT ids bytea, OUT codes bytea)
    AS 'MODULE_PATHNAME', 'sl_ext_block_of' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION block_ids(ids bytea) RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'sl_ext_block_ids' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- ------------------------------------------------------------------ making galleries

CREATE FUNCTION schema_of(gallery text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT
    SET search_path = pg_catalog AS $$
BEGIN
    IF gallery !~ '^[a-z0-9_]{1,48}$' THEN
        RAISE EXCEPTION 'a gallery''s name has 1 to 48 of a-z, 0-9 and _, not "%"', left(gallery, 60)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN 'gallery_' || gallery;
END $$;

-- patches: 0 int8, 1 f32, 3 compact, 4 none, as the library numbers them; centre: of compact ones, [rows * cols, dim]
-- f32. shard: which of `shards` databases this is, from 0; id: a number that all shards of a gallery share.
CREATE FUNCTION create_gallery(gallery text, model text, fingerprint bytea, dim int, patch_rows int, patch_cols int,
                               patch_channels int, patches int DEFAULT 4, centre bytea DEFAULT NULL,
                               shard int DEFAULT 0, shards int DEFAULT 1, id bigint DEFAULT NULL)
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    s text := secondlook.schema_of(gallery);
    fits bool;
BEGIN
    SELECT b.fits INTO fits FROM secondlook.block_rows(dim) b;
    EXECUTE format('CREATE SCHEMA %I', s);
    EXECUTE format($ddl$
        CREATE TABLE %1$I.gallery (
            one bool PRIMARY KEY DEFAULT true CHECK (one),
            format_version int NOT NULL DEFAULT 1,
            id bigint NOT NULL,
            model text NOT NULL CHECK (octet_length(model) BETWEEN 1 AND 63),
            fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
            dim int NOT NULL CHECK (dim BETWEEN 1 AND 4096),
            patch_rows int NOT NULL CHECK (patch_rows BETWEEN 1 AND 256),
            patch_cols int NOT NULL CHECK (patch_cols BETWEEN 1 AND 256 AND patch_rows * patch_cols <= 256),
            patch_channels int NOT NULL CHECK (patch_channels BETWEEN 1 AND 4096),
            patches int NOT NULL CHECK (patches IN (0, 1, 3, 4)),
            centre bytea CHECK ((patches = 3) = (centre IS NOT NULL)
                                AND octet_length(centre) = 4 * patch_rows * patch_cols * dim),
            cells bytea,
            shard int NOT NULL CHECK (shard >= 0 AND shard < shards),
            shards int NOT NULL CHECK (shards BETWEEN 1 AND 1024),
            faces_told bigint[] NOT NULL DEFAULT '{}');
        CREATE TABLE %1$I.person (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            label text COLLATE "C" NOT NULL CHECK (octet_length(label) BETWEEN 1 AND 4096),
            CONSTRAINT person_label EXCLUDE USING hash (label WITH =));
        CREATE TABLE %1$I.face (
            id bigint PRIMARY KEY,
            person bigint NOT NULL REFERENCES %1$I.person,
            image text COLLATE "C" NOT NULL CHECK (octet_length(image) BETWEEN 1 AND 4096),
            place real[] NOT NULL CHECK (cardinality(place) = 9),
            landmarks bool NOT NULL,
            photo bytea CHECK (octet_length(photo) = 32),
            crop bytea,
            CONSTRAINT face_image EXCLUDE USING hash (image WITH =));
        COMMENT ON COLUMN %1$I.face.place IS 'box x0 y0 x1 y1; quality size sharpness pose detector overall';
        CREATE INDEX face_person ON %1$I.face (person);
        CREATE INDEX face_photo ON %1$I.face USING hash (photo);
        ALTER TABLE %1$I.face ALTER crop SET STORAGE EXTERNAL;
        CREATE TABLE %1$I.template (
            face bigint PRIMARY KEY REFERENCES %1$I.face ON DELETE CASCADE,
            crc int NOT NULL,
            bytes bytea NOT NULL);
        CREATE TABLE %1$I.tail (
            face bigint PRIMARY KEY REFERENCES %1$I.face ON DELETE CASCADE,
            embedding bytea NOT NULL CHECK (octet_length(embedding) = %2$s));
        CREATE TABLE %1$I.block (n int NOT NULL, norm real NOT NULL, ids bytea NOT NULL, codes bytea NOT NULL);
        CREATE TABLE %1$I.note (name text COLLATE "C" PRIMARY KEY, bytes bytea NOT NULL);
        CREATE SEQUENCE %1$I.face_id;
        ALTER TABLE %1$I.tail ALTER embedding SET STORAGE %3$s;
        ALTER TABLE %1$I.block ALTER ids SET STORAGE PLAIN, ALTER codes SET STORAGE %3$s;
        $ddl$, s, 4 * dim, CASE WHEN fits THEN 'PLAIN' ELSE 'EXTERNAL' END);
    EXECUTE format('INSERT INTO %I.gallery (id, model, fingerprint, dim, patch_rows, patch_cols, patch_channels, '
                   'patches, centre, shard, shards) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)', s)
        USING coalesce(id, ('x' || substr(md5(random()::text || clock_timestamp()), 1, 16))::bit(64)::bigint), model,
              fingerprint, dim, patch_rows, patch_cols, patch_channels, patches, centre, shard, shards;
    EXECUTE format('ALTER TABLE %I.template ALTER bytes SET STORAGE %s', s,
                   CASE WHEN secondlook.template_size(gallery) <= 8000 THEN 'PLAIN' ELSE 'EXTERNAL' END);
END $$;

-- what: 'reader' finds and compares, 'enroller' adds too, 'admin' removes and erases too.
CREATE FUNCTION grant_gallery(gallery text, role text, what text) RETURNS void LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
DECLARE
    s text := secondlook.schema_of(gallery);
BEGIN
    IF what NOT IN ('reader', 'enroller', 'admin') THEN
        RAISE EXCEPTION 'a role is made reader, enroller or admin of a gallery, not "%"', left(what, 60)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA secondlook, %I TO %I', s, role);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', s, role);
    IF what <> 'reader' THEN
        EXECUTE format('GRANT INSERT ON %1$I.person, %1$I.face, %1$I.template, %1$I.tail, %1$I.block TO %2$I', s, role);
        EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %1$I.note TO %2$I', s, role);
        EXECUTE format('GRANT UPDATE (faces_told) ON %1$I.gallery TO %2$I', s, role);
        EXECUTE format('GRANT DELETE, UPDATE ON %1$I.tail TO %2$I', s, role); -- what is packed leaves it
        EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO %I', s, role);
    END IF;
    IF what = 'admin' THEN
        EXECUTE format('GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO %I', s, role);
    END IF;
END $$;

-- ------------------------------------------------------------------ what is sound

CREATE FUNCTION crc(bytes bytea) RETURNS int
    AS 'MODULE_PATHNAME', 'sl_ext_crc' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION template_fault(gallery text, template bytea) RETURNS text
    AS 'MODULE_PATHNAME', 'sl_ext_template_fault' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION template_fault IS 'why these cannot be the bytes of a template; NULL: they can';

CREATE FUNCTION template_size(gallery text) RETURNS int
    AS 'MODULE_PATHNAME', 'sl_ext_template_size' LANGUAGE C STABLE STRICT;

-- ------------------------------------------------------------------ adding

-- Adds faces, all or none. ids: NULL takes the next numbers of this gallery's own sequence. Packs nothing: see pack.
CREATE FUNCTION add(gallery text, labels text[], images text[], templates bytea[], places real[] DEFAULT NULL,
                    landmarks bool[] DEFAULT NULL, photos bytea[] DEFAULT NULL, crops bytea[] DEFAULT NULL,
                    ids bigint[] DEFAULT NULL)
    RETURNS SETOF bigint LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    s text := secondlook.schema_of(gallery);
    n int := coalesce(cardinality(labels), 0);
    bad record;
    width int;
    rows int;
BEGIN
    IF n = 0 OR cardinality(images) IS DISTINCT FROM n OR cardinality(templates) IS DISTINCT FROM n
       OR cardinality(places) <> 9 * n OR cardinality(landmarks) <> n OR cardinality(photos) <> n
       OR cardinality(crops) <> n OR cardinality(ids) <> n THEN
        RAISE EXCEPTION 'add needs a label, an image id and a template of each face, and of the rest all or none'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT t.i, secondlook.template_fault(gallery, t.bytes) AS fault INTO bad
        FROM unnest(templates) WITH ORDINALITY AS t (bytes, i)
        WHERE t.bytes IS NULL OR secondlook.template_fault(gallery, t.bytes) IS NOT NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the template of "%" cannot be kept: %', images[bad.i], coalesce(bad.fault, 'it is NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF ids IS NULL THEN
        SELECT array_agg(nextval(format('%I.face_id', s)::regclass)) INTO ids FROM generate_series(1, n);
    END IF;
    EXECUTE format('SELECT g.dim, b.rows FROM %I.gallery g, secondlook.block_rows(g.dim) b', s) INTO width, rows;
    EXECUTE format('INSERT INTO %1$I.person (label) SELECT DISTINCT l FROM unnest($1) AS l '
                   'WHERE NOT EXISTS (SELECT FROM %1$I.person p WHERE p.label = l) ON CONFLICT DO NOTHING', s)
        USING labels;
    EXECUTE format('INSERT INTO %1$I.face (id, person, image, place, landmarks, photo, crop) '
                   'SELECT $1[i], p.id, $3[i], coalesce($4[9 * i - 8 : 9 * i], array_fill(0::real, ARRAY[9])), '
                   'coalesce($5[i], false), $6[i], $7[i] '
                   'FROM generate_series(1, $8) AS i JOIN %1$I.person p ON p.label = $2[i]', s)
        USING ids, labels, images, places, landmarks, photos, crops, n;
    EXECUTE format('INSERT INTO %I.template SELECT id, secondlook.crc(bytes), bytes '
                   'FROM unnest($1, $2) AS t (id, bytes)', s)
        USING ids, templates;
    -- As many as fill blocks go into blocks at once, the rest waits in the tail.
    EXECUTE format('INSERT INTO %I.block SELECT b.* FROM '
                   '(SELECT array_agg(id ORDER BY i) AS ids, array_agg(substr(bytes, 1, 4 * $3) ORDER BY i) AS rows '
                   'FROM unnest($1, $2) WITH ORDINALITY AS t (id, bytes, i) WHERE i <= $5 '
                   'GROUP BY (i - 1) / $4 ORDER BY (i - 1) / $4) g, secondlook.block_of($3, g.ids, g.rows) b', s)
        USING ids, templates, width, rows, n / rows * rows;
    EXECUTE format('INSERT INTO %I.tail SELECT id, substr(bytes, 1, 4 * $3) '
                   'FROM unnest($1, $2) WITH ORDINALITY AS t (id, bytes, i) WHERE i > $4', s)
        USING ids, templates, width, n / rows * rows;
    RETURN QUERY SELECT unnest(ids);
END $$;

-- Moves faces of the tail into blocks, as many as fill some; leaves `leave` faces in the tail, at least. Answers how
-- many.
CREATE FUNCTION pack(gallery text, leave int DEFAULT 0) RETURNS bigint LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
DECLARE
    s text := secondlook.schema_of(gallery);
    d int;
    rows int;
    waiting bigint;
    moved bigint;
    packed bigint := 0;
BEGIN
    EXECUTE format('SELECT g.dim, b.rows FROM %I.gallery g, secondlook.block_rows(g.dim) b', s) INTO d, rows;
    EXECUTE format('SELECT count(*) FROM %I.tail', s) INTO waiting;
    waiting := greatest(waiting - greatest(leave, 0), 0) / rows;
    WHILE waiting > 0 LOOP
        EXECUTE format($q$
            WITH chosen AS (SELECT face FROM %1$I.tail ORDER BY face LIMIT $1 FOR UPDATE SKIP LOCKED),
                 moved AS (DELETE FROM %1$I.tail t USING chosen c WHERE t.face = c.face RETURNING t.face, t.embedding),
                 placed AS (SELECT *, (row_number() OVER (ORDER BY face) - 1) / $2 AS place FROM moved),
                 full_ones AS (SELECT array_agg(face ORDER BY face) AS ids, array_agg(embedding ORDER BY face) AS rows
                               FROM placed GROUP BY place ORDER BY place),
                 made AS (INSERT INTO %1$I.block
                          SELECT b.* FROM full_ones f, secondlook.block_of($3, f.ids, f.rows) b)
            SELECT count(*) FROM moved $q$, s)
            INTO moved USING least(waiting, 256) * rows, rows, d;
        EXIT WHEN moved = 0;
        packed := packed + moved;
        waiting := waiting - greatest(moved / rows, 1);
    END LOOP;
    RETURN packed;
END $$;

-- ------------------------------------------------------------------ searching

-- The k faces of the largest cosine for each of the queries, embeddings of unit length one behind the other, exactly.
-- part of parts: of a division of the gallery, for as many connections that share a query.
CREATE FUNCTION top(gallery text, queries bytea, k int DEFAULT 100, part int DEFAULT 0, parts int DEFAULT 1)
    RETURNS TABLE (query int, face bigint, cosine real)
    AS 'MODULE_PATHNAME', 'sl_ext_top' LANGUAGE C STABLE STRICT COST 100000 ROWS 100;

CREATE FUNCTION look(gallery text, query bytea, k int, rerank text, alpha real, part int, parts int)
    RETURNS TABLE (face bigint, stage1 real, stage2 real, score real)
    AS 'MODULE_PATHNAME', 'sl_ext_look' LANGUAGE C STABLE COST 100000 ROWS 100;

-- The best k by stage 1, looked at again: query is a template in the gallery's own form. Best first, ties by face.
CREATE FUNCTION identify(gallery text, query bytea, k int DEFAULT 100, rerank text DEFAULT 'auto',
                         alpha real DEFAULT NULL, part int DEFAULT 0, parts int DEFAULT 1)
    RETURNS TABLE (face bigint, label text, image text, stage1 real, stage2 real, score real)
    LANGUAGE plpgsql STABLE COST 100000 ROWS 100 SET search_path = pg_catalog AS $$
DECLARE
    s text := secondlook.schema_of(gallery);
BEGIN
    RETURN QUERY EXECUTE format('SELECT l.face, p.label::text, f.image::text, l.stage1, l.stage2, l.score '
                                'FROM secondlook.look($1, $2, $3, $4, $5, $6, $7) l '
                                'JOIN %1$I.face f ON f.id = l.face JOIN %1$I.person p ON p.id = f.person '
                                'ORDER BY l.score DESC, l.stage1 DESC, l.face', s)
        USING gallery, query, k, rerank, alpha, part, parts;
END $$;

-- ------------------------------------------------------------------ removing, and looking after it

-- Takes faces out. Their bytes stay in the files until erase, in the WAL until it is recycled, and in backups.
CREATE FUNCTION remove(gallery text, faces bigint[]) RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    s text := secondlook.schema_of(gallery);
    owners bigint[];
    removed bigint;
BEGIN
    EXECUTE format('WITH gone AS (DELETE FROM %I.face WHERE id = ANY ($1) RETURNING person) '
                   'SELECT count(*), array_agg(DISTINCT person) FROM gone', s) INTO removed, owners USING faces;
    EXECUTE format('DELETE FROM %1$I.person p WHERE id = ANY ($1) '
                   'AND NOT EXISTS (SELECT FROM %1$I.face f WHERE f.person = p.id)', s) USING owners;
    RETURN removed;
END $$;

-- The same by names, which may be NULL: any. Answers whom it took out.
CREATE FUNCTION remove_named(gallery text, image text, label text) RETURNS SETOF bigint LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
DECLARE
    s text := secondlook.schema_of(gallery);
    found bigint[];
BEGIN
    EXECUTE format('SELECT array_agg(f.id) FROM %1$I.face f JOIN %1$I.person p ON p.id = f.person '
                   'WHERE ($1 IS NULL OR f.image = $1) AND ($2 IS NULL OR p.label = $2)', s)
        INTO found USING image, label;
    PERFORM secondlook.remove(gallery, coalesce(found, '{}'));
    RETURN QUERY SELECT unnest(found);
END $$;

-- One batch of a writer: takes faces out, adds others, and packs when many wait in the tail.
CREATE FUNCTION change(gallery text, removed bigint[], labels text[], images text[], templates bytea[], places real[],
                       landmarks bool[], photos bytea[], crops bytea[], ids bigint[])
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    waiting bigint;
BEGIN
    IF cardinality(removed) > 0 THEN
        PERFORM secondlook.remove(gallery, removed);
    END IF;
    IF cardinality(labels) > 0 THEN
        PERFORM secondlook.add(gallery, labels, images, templates, places, landmarks, photos, crops, ids);
    END IF;
    EXECUTE format('SELECT count(*) FROM %I.tail', secondlook.schema_of(gallery)) INTO waiting;
    IF waiting > 1024 THEN
        PERFORM secondlook.pack(gallery);
    END IF;
END $$;

-- Blocks that name faces that are gone, or (every) all of them, are made anew. Answers how many.
CREATE FUNCTION repack(gallery text, every bool DEFAULT false) RETURNS bigint LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
DECLARE
    s text := secondlook.schema_of(gallery);
    width int;
    remade bigint;
BEGIN
    EXECUTE format('SELECT 4 * dim FROM %I.gallery', s) INTO width;
    EXECUTE format('LOCK TABLE %I.block IN SHARE ROW EXCLUSIVE MODE', s);
    EXECUTE format($q$
        WITH stale AS (SELECT b.ctid AS at, b.ids FROM %1$I.block b
                       WHERE $1 OR EXISTS (SELECT FROM unnest(secondlook.block_ids(b.ids)) AS i
                                           WHERE NOT EXISTS (SELECT FROM %1$I.template t WHERE t.face = i))),
             dropped AS (DELETE FROM %1$I.block b USING stale WHERE b.ctid = stale.at),
             kept AS (INSERT INTO %1$I.tail
                      SELECT t.face, substr(t.bytes, 1, $2) FROM %1$I.template t
                      WHERE t.face IN (SELECT unnest(secondlook.block_ids(ids)) FROM stale)
                      ON CONFLICT DO NOTHING)
        SELECT count(*) FROM stale $q$, s) INTO remade USING every, width;
    PERFORM secondlook.pack(gallery);
    RETURN remade;
END $$;

CREATE FUNCTION scrub(what regclass, OUT cleaned bigint, OUT kept bigint)
    AS 'MODULE_PATHNAME', 'sl_ext_scrub' LANGUAGE C STRICT;
COMMENT ON FUNCTION scrub IS 'zeroes the gaps of a table''s pages; kept: removed rows that somebody may see still';

-- Erases what was removed, after VACUUM of the gallery's tables: zeroes where it lay. kept > 0: an older transaction
-- holds on to removed rows; end it, VACUUM again, and erase again.
CREATE FUNCTION erase(gallery text, OUT cleaned bigint, OUT kept bigint) LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
DECLARE
    s text := secondlook.schema_of(gallery);
BEGIN
    SELECT coalesce(sum(x.cleaned), 0), coalesce(sum(x.kept), 0) INTO cleaned, kept
        FROM pg_class c, unnest(ARRAY[c.oid, nullif(c.reltoastrelid, 0)]) AS t (what),
             secondlook.scrub(t.what::regclass) x
        WHERE c.relnamespace = s::regnamespace AND c.relkind = 'r' AND t.what IS NOT NULL;
END $$;

CREATE FUNCTION verify(gallery text) RETURNS TABLE (face bigint, image text, fault text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
    s text := secondlook.schema_of(gallery);
BEGIN
    RETURN QUERY EXECUTE format($q$
        SELECT f.id, f.image::text, CASE
            WHEN t.face IS NULL THEN 'it has no template'
            WHEN secondlook.crc(t.bytes) <> t.crc THEN 'the checksum of its template does not hold'
            ELSE secondlook.template_fault($1, t.bytes) END
        FROM %1$I.face f LEFT JOIN %1$I.template t ON t.face = f.id
        WHERE t.face IS NULL OR secondlook.crc(t.bytes) <> t.crc OR secondlook.template_fault($1, t.bytes) IS NOT NULL
        ORDER BY 1 $q$, s) USING gallery;
    RETURN QUERY EXECUTE format($q$
        WITH listed AS (SELECT unnest(secondlook.block_ids(ids)) AS id FROM %1$I.block
                        UNION ALL SELECT t.face FROM %1$I.tail t),
             counted AS (SELECT id, count(*) AS n FROM listed GROUP BY id)
        SELECT f.id, f.image::text, CASE WHEN c.n IS NULL THEN 'no block or tail lists it: it is not searched'
                                         ELSE 'it is listed ' || c.n || ' times' END
        FROM %1$I.face f LEFT JOIN counted c ON c.id = f.id WHERE c.n IS DISTINCT FROM 1 ORDER BY 1 $q$, s);
    RETURN QUERY EXECUTE format($q$
        WITH rows AS (SELECT b.ctid, b.n, b.norm, b.ids, b.codes, array_agg(i.id ORDER BY i.at) AS faces,
                             array_agg(substr(t.bytes, 1, 4 * g.dim) ORDER BY i.at) AS embeddings, g.dim
                      FROM %1$I.gallery g, %1$I.block b,
                           unnest(secondlook.block_ids(b.ids)) WITH ORDINALITY AS i (id, at)
                      JOIN %1$I.template t ON t.face = i.id GROUP BY b.ctid, b.n, b.norm, b.ids, b.codes, g.dim)
        SELECT r.faces[1], NULL::text, 'the codes of its block are not those of its faces: repack'
        FROM rows r, secondlook.block_of(r.dim, r.faces, r.embeddings) m
        WHERE m.n = r.n AND (m.ids, m.codes) IS DISTINCT FROM (r.ids, r.codes) OR m.n > r.n ORDER BY 1 $q$, s);
    RETURN QUERY EXECUTE format($q$
        SELECT t.face, NULL::text, 'the tail has another embedding than its template'
        FROM %1$I.tail t JOIN %1$I.template m ON m.face = t.face
        WHERE t.embedding <> substr(m.bytes, 1, octet_length(t.embedding)) ORDER BY 1 $q$, s);
END $$;

CREATE FUNCTION info(gallery text, OUT id bigint, OUT model text, OUT fingerprint text, OUT dim int, OUT patches int,
                     OUT shard int, OUT shards int, OUT faces bigint, OUT people bigint, OUT tail bigint,
                     OUT blocks bigint, OUT bytes bigint)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
    s text := secondlook.schema_of(gallery);
BEGIN
    EXECUTE format('SELECT g.id, g.model, encode(g.fingerprint, ''hex''), g.dim, g.patches, g.shard, g.shards, '
                   '(SELECT count(*) FROM %1$I.face), (SELECT count(*) FROM %1$I.person), '
                   '(SELECT count(*) FROM %1$I.tail), (SELECT count(*) FROM %1$I.block) FROM %1$I.gallery g', s)
        INTO id, model, fingerprint, dim, patches, shard, shards, faces, people, tail, blocks;
    SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) INTO bytes FROM pg_class c
        WHERE c.relnamespace = s::regnamespace AND c.relkind = 'r';
END $$;

