DROP INDEX determinations_by_region;
DELETE FROM sqlite_stat1 WHERE tbl = 'determinations';
ANALYZE sqlite_schema;
