-- Every C function of the extension on bytes that were changed at random, and searches of tables whose rows were: each
-- call answers or is refused, in one session that lives on. Run with psql -v rounds=N -v seed=S; prints how many calls
-- were answered and how many refused. The gallery fuzz has compact patches and all looks.
SELECT secondlook.create_gallery('fuzz', 'm', sha256('x'), 16, 2, 2, 6, 3, decode(repeat('00', 4 * 4 * 16), 'hex'));

-- A number in [0, n).
CREATE FUNCTION pg_temp.any_of(n int) RETURNS int LANGUAGE sql AS $$ SELECT floor(random() * n)::int $$;

-- A template of some face: an embedding of unit length; patches as they may be.
CREATE FUNCTION pg_temp.template() RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    size int := secondlook.template_size('fuzz');
    bytes bytea := decode(repeat('00', size), 'hex');
    at int := pg_temp.any_of(16);
BEGIN
    RETURN set_byte(set_byte(bytes, 4 * at + 2, 128), 4 * at + 3, CASE WHEN random() < .5 THEN 63 ELSE 191 END);
END $$;

-- The same bytes but for a few, or fewer, or more of them.
CREATE FUNCTION pg_temp.changed(bytes bytea) RETURNS bytea LANGUAGE plpgsql AS $$
BEGIN
    CASE pg_temp.any_of(6)
        WHEN 0 THEN RETURN substr(bytes, 1, pg_temp.any_of(octet_length(bytes) + 1));
        WHEN 1 THEN RETURN bytes || substr(bytes, 1, pg_temp.any_of(octet_length(bytes) + 1));
        WHEN 2 THEN RETURN decode(repeat(CASE WHEN random() < .5 THEN 'ff' ELSE '7f' END, octet_length(bytes)), 'hex');
        WHEN 3 THEN RETURN NULL;
        ELSE
            FOR i IN 0 .. pg_temp.any_of(4) LOOP
                EXIT WHEN octet_length(bytes) = 0;
                bytes := set_byte(bytes, pg_temp.any_of(octet_length(bytes)), pg_temp.any_of(256));
            END LOOP;
            RETURN bytes;
    END CASE;
END $$;

-- Numbers that somebody may mistake for good ones.
CREATE FUNCTION pg_temp.number() RETURNS int LANGUAGE sql AS $$
    SELECT (ARRAY[-2147483648, -1, 0, 1, 2, 3, 15, 16, 17, 4096, 4097, 2147483647])[1 + pg_temp.any_of(12)] $$;

CREATE FUNCTION pg_temp.call(n int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t bytea := pg_temp.template();
    bad bytea := pg_temp.changed(t);
    q bytea := pg_temp.changed(substr(t, 1, 64));
    look text := (ARRAY['none', 'emd', 'oae', 'maxsim', 'same-cell', 'auto', 'h2l', ''])[1 + pg_temp.any_of(8)];
BEGIN
    CASE n
        WHEN 0 THEN PERFORM secondlook.top('fuzz', q, pg_temp.number());
        WHEN 1 THEN PERFORM secondlook.top('fuzz', substr(t, 1, 64), 5, pg_temp.number(), pg_temp.number());
        WHEN 2 THEN PERFORM secondlook.identify('fuzz', bad, pg_temp.number(), look);
        WHEN 3 THEN PERFORM secondlook.identify('fuzz', t, 5, look, (random() * 3 - 1)::real);
        WHEN 4 THEN PERFORM secondlook.add('fuzz', ARRAY['P' || n], ARRAY[random()::text], ARRAY[bad]);
        WHEN 5 THEN PERFORM secondlook.block_of(pg_temp.number(), ARRAY[1], ARRAY[bad]);
        WHEN 6 THEN PERFORM secondlook.block_of(16, ARRAY[1, NULL, 3], ARRAY[substr(t, 1, 64), q, q]);
        WHEN 7 THEN PERFORM secondlook.block_ids(bad), secondlook.crc(bad), secondlook.template_fault('fuzz', bad);
        WHEN 8 THEN PERFORM secondlook.set_cells('fuzz', bad);
        WHEN 9 THEN PERFORM secondlook.shard_of(encode(bad, 'hex'), pg_temp.number());
        WHEN 10 THEN PERFORM secondlook.block_rows(pg_temp.number());
        WHEN 11 THEN -- a damaged block
            UPDATE gallery_fuzz.block SET ids = pg_temp.changed(ids);
            PERFORM secondlook.top('fuzz', substr(t, 1, 64), 5);
        WHEN 12 THEN
            UPDATE gallery_fuzz.block SET codes = pg_temp.changed(codes);
            PERFORM secondlook.top('fuzz', substr(t, 1, 64), 5);
        WHEN 13 THEN
            UPDATE gallery_fuzz.block SET n = pg_temp.number(),
                norm = (ARRAY['NaN', 'Infinity', '-1', '1e30', '0', '1'])[1 + pg_temp.any_of(6)]::real;
            PERFORM secondlook.top('fuzz', substr(t, 1, 64), 5);
        WHEN 14 THEN -- damaged templates, their checksums right
            UPDATE gallery_fuzz.template SET bytes = coalesce(pg_temp.changed(bytes), '');
            UPDATE gallery_fuzz.template SET crc = secondlook.crc(bytes);
            PERFORM secondlook.identify('fuzz', t, 5, look);
            PERFORM secondlook.verify('fuzz');
        WHEN 15 THEN
            UPDATE gallery_fuzz.tail SET embedding = coalesce(pg_temp.changed(embedding), embedding);
            PERFORM secondlook.top('fuzz', substr(t, 1, 64), 5);
        WHEN 16 THEN -- a row of the gallery that says something else
            UPDATE gallery_fuzz.gallery SET dim = greatest(pg_temp.any_of(40), 1),
                patch_channels = greatest(pg_temp.any_of(20), 1), patches = (ARRAY[0, 1, 3, 4])[1 + pg_temp.any_of(4)];
            PERFORM secondlook.identify('fuzz', t, 5, look);
        WHEN 17 THEN
            UPDATE gallery_fuzz.gallery SET fingerprint = pg_temp.changed(fingerprint);
            PERFORM secondlook.identify('fuzz', t, 5, look);
        WHEN 18 THEN
            UPDATE gallery_fuzz.gallery SET cells = pg_temp.changed(cells);
            PERFORM secondlook.identify('fuzz', t, 5, 'oae');
    END CASE;
END $$;

-- Each call's changes are undone, whatever came of it.
CREATE FUNCTION pg_temp.run(rounds int, OUT answered int, OUT refused int) LANGUAGE plpgsql AS $$
BEGIN
    answered := 0;
    refused := 0;
    FOR i IN 0 .. rounds - 1 LOOP
        BEGIN
            PERFORM pg_temp.call(i % 19);
            RAISE EXCEPTION 'answered' USING ERRCODE = 'ZZ000';
        EXCEPTION
            WHEN SQLSTATE 'ZZ000' THEN answered := answered + 1;
            WHEN OTHERS THEN refused := refused + 1;
        END;
    END LOOP;
END $$;

SET client_min_messages = error;
SELECT setseed(:seed);
SELECT count(*) FROM generate_series(1, 40) AS i,
    LATERAL secondlook.add('fuzz', ARRAY['P' || i], ARRAY[i || '.jpg'], ARRAY[pg_temp.template()]);
SELECT secondlook.pack('fuzz', 3);
SELECT answered, refused FROM pg_temp.run(:rounds);
