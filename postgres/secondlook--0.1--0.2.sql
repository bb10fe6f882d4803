\echo Use "ALTER EXTENSION secondlook UPDATE TO '0.2'" to load this file. \quit

-- ------------------------------------------------------------------ statistics per cell

CREATE FUNCTION cells_fit(gallery text, cells bytea) RETURNS bool
    AS 'MODULE_PATHNAME', 'sl_ext_cells_fit' LANGUAGE C STABLE STRICT;

-- What the look oae needs to know: the bytes of the model's NAME.oae. NULL takes them away.
CREATE FUNCTION set_cells(gallery text, cells bytea) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM secondlook.cells_fit(gallery, cells);
    EXECUTE format('UPDATE %I.gallery SET cells = $1', secondlook.schema_of(gallery)) USING cells;
END $$;

-- ------------------------------------------------------------------ shards

CREATE FUNCTION shard_of(label text, shards int) RETURNS int
    AS 'MODULE_PATHNAME', 'sl_ext_shard_of' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION shard_of IS 'which of so many shards, from 0, a person of this label belongs to';
