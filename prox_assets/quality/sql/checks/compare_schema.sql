INSERT INTO agreement
WITH expected AS (
    SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM expected_columns)
), found AS (
    SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet($file, hive_partitioning = false))
)
SELECT
    $name,
    column_name,
    expected.column_type,
    found.column_type,
    CASE
        WHEN found.column_type IS NULL THEN 'missing: ' || column_name
        WHEN expected.column_type IS NULL THEN 'unexpected: ' || column_name
        WHEN found.column_type <> expected.column_type
            THEN column_name || ' is ' || found.column_type || ' instead of ' || expected.column_type
        ELSE 'ok'
    END
FROM expected FULL OUTER JOIN found USING (column_name);
