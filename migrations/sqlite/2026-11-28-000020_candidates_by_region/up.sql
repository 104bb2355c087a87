-- What the list of candidates is narrowed by is found without reading the rows themselves. The first four columns are always
-- given, all values of a column where the filter names none; the operator and the verdict are there to be looked at.
CREATE INDEX determinations_by_region ON determinations (organization_id, next_step, region, side, profile, relief_order, episode_id, operator, verdict);

-- What the planner is to assume, as in the first migration. Of all indexes of the table or of none: one of which nothing is
-- known is taken for the best, and read whole.
DELETE FROM sqlite_stat1 WHERE tbl = 'determinations';
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('determinations', 'determinations', '2000000 2000000 20 10 10 1'),
    ('determinations', 'determinations_by_waiting', '2000000 2000000 250000 500 10 5 5 1'),
    ('determinations', 'determinations_by_relief', '2000000 2000000 250000 20000 10 5 5 1'),
    ('determinations', 'determinations_by_name', '2000000 2000000 250000 200 10 5 5 1'),
    ('determinations', 'determinations_by_region', '2000000 2000000 250000 80000 40000 3000 300 10 10 10 1'),
    ('determinations', 'determinations_due', '60000 150 150 3');
-- Reads it.
ANALYZE sqlite_schema;
