-- The extension's functions, one after the other, on four people in two dimensions: what each answers. Run by pg_regress.
\set VERBOSITY terse
\pset format unaligned
SET client_min_messages = warning;
CREATE FUNCTION e(angle float8) RETURNS bytea LANGUAGE sql AS $$ -- a unit vector, f32 little-endian
    SELECT string_agg(decode(right(encode(float4send(x::real), 'hex'), 2)
                             || substr(encode(float4send(x::real), 'hex'), 5, 2)
                             || substr(encode(float4send(x::real), 'hex'), 3, 2)
                             || left(encode(float4send(x::real), 'hex'), 2), 'hex'), '' ORDER BY i)
    FROM (VALUES (1, cosd(angle)), (2, sind(angle))) AS v (i, x) $$;
CREATE FUNCTION t(angle float8) RETURNS bytea LANGUAGE sql AS $$ -- a template: its embedding, and patches of nothing
    SELECT e(angle) || decode(repeat('00', secondlook.template_size('demo') - 8), 'hex') $$;

SELECT secondlook.create_gallery('demo', 'model', sha256('model'), 2, 1, 1, 1);
SELECT secondlook.add('demo', '{Ada,Bo,Cy,Ada}', '{ada/1,bo/1,cy/1,ada/2}', ARRAY[t(0), t(30), t(90), t(10)]);
SELECT faces, people, tail, blocks, shard, shards FROM secondlook.info('demo');

-- stage 1
SELECT face, round(cosine::numeric, 4) AS cosine FROM secondlook.top('demo', e(8), 3);
SELECT query, face, round(cosine::numeric, 4) AS cosine FROM secondlook.top('demo', e(80) || e(35), 2);
SELECT face FROM secondlook.top('demo', e(8), 4, 0, 2) UNION ALL SELECT face FROM secondlook.top('demo', e(8), 4, 1, 2)
    ORDER BY face; -- the parts of a search are a division of it
SELECT label, image, round(stage1::numeric, 4) AS stage1, stage2 FROM secondlook.identify('demo', t(8), 2, 'none');

-- blocks
SELECT * FROM secondlook.block_rows(192);
SELECT count(*) FROM generate_series(1, 2000) AS i,
    LATERAL secondlook.add('demo', ARRAY['P' || i], ARRAY['p/' || i], ARRAY[t(100 + i / 25.0)]);
SELECT secondlook.pack('demo') AS packed;
SELECT faces, tail, blocks FROM secondlook.info('demo');
SELECT face, round(cosine::numeric, 4) AS cosine FROM secondlook.top('demo', e(8), 3);
SELECT * FROM secondlook.verify('demo');

-- removing
SELECT gone FROM secondlook.remove_named('demo', NULL, 'Ada') AS gone ORDER BY gone;
SELECT face, round(cosine::numeric, 4) AS cosine FROM secondlook.top('demo', e(8), 2);
SELECT secondlook.repack('demo') AS blocks_made_anew;
SELECT faces, people FROM secondlook.info('demo');
SELECT * FROM secondlook.verify('demo');

-- what is refused
SELECT secondlook.add('demo', '{X}', '{x}', ARRAY['\x00'::bytea]);
SELECT secondlook.add('demo', '{X}', '{bo/1}', ARRAY[t(0)]);
SELECT secondlook.top('demo', '\x00', 1);
SELECT secondlook.top('demo', e(0), 0);
SELECT secondlook.top('nobody', e(0), 1);
SELECT secondlook.identify('demo', t(0), 1, 'no such look');
SELECT secondlook.create_gallery('Demo', 'model', sha256('model'), 2, 1, 1, 1);
SELECT secondlook.grant_gallery('demo', 'nobody', 'owner');
SELECT secondlook.set_cells('demo', '\x00');
SELECT secondlook.shard_of('Ada', 0);
SELECT secondlook.shard_of('Ada', 2), secondlook.shard_of(NULL, 2);

-- a damaged row is named, and the others are answered
UPDATE gallery_demo.template SET crc = crc + 1 WHERE face = 2;
SELECT face FROM secondlook.top('demo', e(30), 1);
SELECT face, image, fault FROM secondlook.verify('demo');

DROP SCHEMA gallery_demo CASCADE;
DROP FUNCTION t, e;
