-- The store's tables as a new store gets them; an older store is brought to the same form by data/migrations. Names, types and units are those of
-- data/records.py; tests/data/test_columns.py keeps the two together.
-- Low-cardinality facts are integer keys (models, tasks, runs, variants); split and outcome are ENUMs. cells are rollups of samples,
-- kept in the same transaction: a page reads them in milliseconds however many samples there are.
-- Times are UTC. runs and imports carry no key constraint: DuckDB refuses to replace a keyed row inside one transaction; the one writer keeps them unique.

CREATE TYPE split AS ENUM ('id', 'ood');
CREATE TYPE outcome AS ENUM ('correct', 'wrong', 'unparsed', 'error');

CREATE TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);      -- schema_version, store_version, catalog_version, catalog_sha256, created_at

CREATE SEQUENCE keys START 1;                                             -- one source of integer keys for every table below

CREATE TABLE models (
    model_key INTEGER PRIMARY KEY, model VARCHAR NOT NULL UNIQUE, family VARCHAR, n_params BIGINT, n_params_active BIGINT,
    train_tokens DOUBLE, train_flops DOUBLE, tuning VARCHAR, access VARCHAR, release_date DATE, note VARCHAR);
CREATE TABLE model_aliases (alias VARCHAR PRIMARY KEY, model VARCHAR NOT NULL);

CREATE TABLE benchmarks (benchmark VARCHAR PRIMARY KEY, label VARCHAR, source VARCHAR, note VARCHAR);
CREATE TABLE tasks (
    task_key INTEGER PRIMARY KEY, task VARCHAR NOT NULL UNIQUE, label VARCHAR, benchmark VARCHAR, chance DOUBLE, note VARCHAR);
CREATE TABLE task_aliases (alias VARCHAR PRIMARY KEY, task VARCHAR NOT NULL);

CREATE TABLE level_schemes (scheme VARCHAR PRIMARY KEY, label VARCHAR NOT NULL, source VARCHAR, note VARCHAR);
CREATE TABLE levels (
    scheme VARCHAR NOT NULL, level SMALLINT NOT NULL, label VARCHAR NOT NULL, subtitle VARCHAR, note VARCHAR, PRIMARY KEY (scheme, level));
CREATE TABLE task_levels (scheme VARCHAR NOT NULL, task VARCHAR NOT NULL, level SMALLINT, role VARCHAR NOT NULL, PRIMARY KEY (scheme, task));

CREATE TABLE imports (
    import_key INTEGER NOT NULL, path VARCHAR NOT NULL, format VARCHAR NOT NULL, sha256 VARCHAR NOT NULL, importer_version INTEGER NOT NULL,
    status VARCHAR NOT NULL, message VARCHAR, n_bytes BIGINT, n_runs BIGINT, n_scores BIGINT, n_samples BIGINT, n_rejected BIGINT,
    imported_at TIMESTAMP NOT NULL, files JSON);
CREATE TABLE rejects (
    import_key INTEGER NOT NULL, file VARCHAR NOT NULL, record VARCHAR NOT NULL, field VARCHAR NOT NULL, found VARCHAR NOT NULL, expected VARCHAR NOT NULL);

-- version: the store version of the commit that last changed the run, its samples or its scores (Store.read_versions).
CREATE TABLE runs (
    run_key INTEGER NOT NULL, run_id VARCHAR NOT NULL, import_key INTEGER, model_key INTEGER NOT NULL, model_raw VARCHAR NOT NULL,
    format VARCHAR NOT NULL, benchmark VARCHAR, format_version VARCHAR, checkpoint VARCHAR, step BIGINT, train_tokens DOUBLE, n_params BIGINT,
    dtype VARCHAR, harness VARCHAR, harness_version VARCHAR, code_git VARCHAR, code_git_meaning VARCHAR, status VARCHAR NOT NULL,
    started_at TIMESTAMP, finished_at TIMESTAMP, date_source VARCHAR, n_shot INTEGER, sample_limit DOUBLE, level_scheme VARCHAR,
    id_source VARCHAR, source_path VARCHAR, seeds JSON, generation JSON, metadata JSON, warnings JSON, added_at TIMESTAMP NOT NULL,
    version BIGINT NOT NULL DEFAULT 1);

CREATE TABLE variants (variant_key INTEGER PRIMARY KEY, variant VARCHAR NOT NULL UNIQUE);

CREATE TABLE scores (
    run_key INTEGER NOT NULL, task_key INTEGER, split split, level SMALLINT, subset VARCHAR, metric VARCHAR NOT NULL, variant VARCHAR,
    value DOUBLE, scale VARCHAR NOT NULL, value01 DOUBLE, stderr DOUBLE, stderr_kind VARCHAR, n BIGINT, n_kind VARCHAR, n_shot INTEGER,
    higher_is_better BOOLEAN, is_group BOOLEAN NOT NULL, parent_group VARCHAR, flag VARCHAR, metadata JSON);

-- Rows stand in run order; (run_key, row_in_run) is a sample's address. Text comes last, so that counting never touches it; DuckDB chooses
-- its compression by row group (data/store.py): zstd, or next to nothing where a column is empty.
CREATE TABLE samples (
    run_key INTEGER NOT NULL, row_in_run INTEGER NOT NULL, task_key INTEGER NOT NULL, variant_key INTEGER, is_primary BOOLEAN NOT NULL,
    level SMALLINT, split split, epoch SMALLINT NOT NULL, outcome outcome, score FLOAT, answer_logprob FLOAT, n_input_tokens INTEGER,
    n_output_tokens INTEGER, duration_s FLOAT, instance_id VARCHAR NOT NULL,
    input VARCHAR, target VARCHAR, response VARCHAR,
    parsed_answer VARCHAR, reason VARCHAR, token_logprobs FLOAT[], choice_logprobs FLOAT[],
    metrics VARCHAR, metadata VARCHAR);

CREATE TABLE cells (
    run_key INTEGER NOT NULL, task_key INTEGER NOT NULL, variant_key INTEGER, is_primary BOOLEAN NOT NULL, level SMALLINT, split split,
    n_correct INTEGER NOT NULL, n_wrong INTEGER NOT NULL, n_unparsed INTEGER NOT NULL, n_error INTEGER NOT NULL, n_ungraded INTEGER NOT NULL,
    n_instances INTEGER NOT NULL, score_sum DOUBLE, n_scored INTEGER NOT NULL);

CREATE TABLE views (view_id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, page VARCHAR NOT NULL, query VARCHAR NOT NULL, store_version BIGINT NOT NULL,
    note VARCHAR, saved_at TIMESTAMP NOT NULL);
